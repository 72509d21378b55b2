// Package memory keeps rows and bodies in this process's memory and nowhere else.
//
// What: a complete engine behind base/kv for tests, models and demonstrations. Each partition is one
// persistent (path-copying) search tree, so a snapshot is one pointer and a transaction that fails is a
// pointer thrown away.
//
// Life: stands where store/embedded stands in a real server; nothing above base/kv can tell them apart,
// except that a restart forgets everything ("durable" means "in this process's memory" here).
//
// Promises: the contract of base/kv, as store/storetest checks it. Invariant: transactions of one
// partition are serial, and readers never wait for them.
//
// Limits: maxKey, maxValue, maxTxn; otherwise the memory of the machine.
// Failure: only what Fail injects, and ErrClosed after Close.
package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"barid/base/kv"
)

// Limits of one row and of one transaction, in bytes.
const (
	maxKey   = 1 << 10
	maxValue = 4 << 20
	maxTxn   = 32 << 20
)

var (
	errLimit = errors.New("memory: row or transaction is over the limit")
	errOnce  = errors.New("memory: DelOnce or UnlinkOnce of what was put more than once")
)

// Store is the engine. Use New; share one.
type Store struct {
	mu     sync.Mutex // guards parts, blobs, closed, fail
	parts  map[kv.Part]*part
	blobs  map[kv.BlobID]*body
	closed bool
	fail   func() error
	nextID uint64
}

// part is one partition.
type part struct {
	writer sync.Mutex           // held by the one transaction that runs
	root   atomic.Pointer[node] // what readers see
	ver    kv.Ver               // guarded by writer
	kept   any                  // guarded by writer; what Keep left at version keptAt
	keptAt kv.Ver
}

// New makes an empty store.
func New() *Store {
	return &Store{parts: map[kv.Part]*part{}, blobs: map[kv.BlobID]*body{}}
}

// Close makes every later call fail with kv.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Fail makes f decide about each later commit of rows or of a body: what it returns, if not nil, is the
// commit's error, and nothing is written. A nil f ends that. Wrap kv.ErrFull or kv.ErrUnavailable.
func (s *Store) Fail(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Caps tells the limits; all partitions go together.
func (s *Store) Caps() kv.Caps {
	return kv.Caps{MaxKey: maxKey, MaxValue: maxValue, MaxTxn: maxTxn}
}

// commitError asks the injected fault, if there is one.
func (s *Store) commitError() error {
	s.mu.Lock()
	f := s.fail
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}

func (s *Store) part(p kv.Part) (*part, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	pt := s.parts[p]
	if pt == nil {
		pt = &part{ver: 1}
		s.parts[p] = pt
	}
	return pt, nil
}

// View implements kv.KV.
func (s *Store) View(ctx context.Context, p kv.Part, f func(kv.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	pt, err := s.part(p)
	if err != nil {
		return err
	}
	return f(reader{pt.root.Load()})
}

// Update implements kv.KV.
func (s *Store) Update(ctx context.Context, p kv.Part, f func(kv.Txn) error) error {
	return s.UpdateMany(ctx, []kv.Part{p}, func(ts []kv.Txn) error { return f(ts[0]) })
}

// UpdateMany implements kv.KV.
func (s *Store) UpdateMany(ctx context.Context, ps []kv.Part, f func([]kv.Txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	txns, err := s.begin(ps)
	if err != nil {
		return err
	}
	unlock, err := s.lock(txns)
	if err != nil {
		return err
	}
	defer unlock()
	out := make([]kv.Txn, len(txns))
	for i, t := range txns {
		t.root, t.ver = t.part.root.Load(), t.part.ver
		out[i] = t
	}
	if err := f(out); err != nil {
		return err
	}
	return s.commit(txns)
}

func (s *Store) begin(ps []kv.Part) ([]*txn, error) {
	txns := make([]*txn, len(ps))
	for i, p := range ps {
		pt, err := s.part(p)
		if err != nil {
			return nil, err
		}
		txns[i] = &txn{store: s, part: pt, name: p}
	}
	return txns, nil
}

// lock takes the partitions in the order of their names, so that two calls can not wait for each other.
func (s *Store) lock(txns []*txn) (unlock func(), err error) {
	order := slices.Clone(txns)
	slices.SortFunc(order, func(a, b *txn) int { return comparePart(a.name, b.name) })
	for i := 1; i < len(order); i++ {
		if order[i].name == order[i-1].name {
			return nil, fmt.Errorf("memory: partition %c/%d is named twice", order[i].name.Kind, order[i].name.ID)
		}
	}
	for _, t := range order {
		t.part.writer.Lock()
	}
	return func() {
		for _, t := range order {
			t.part.writer.Unlock()
		}
	}, nil
}

func comparePart(a, b kv.Part) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

// commit publishes the new trees and links. The caller holds the partitions' locks.
func (s *Store) commit(txns []*txn) error {
	size := 0
	for _, t := range txns {
		if t.err != nil {
			return t.err
		}
		size += t.size
	}
	if size > maxTxn {
		return errLimit
	}
	if size == 0 {
		for _, t := range txns {
			t.runApplied()
		}
		return nil
	}
	if err := s.commitError(); err != nil {
		for _, t := range txns {
			t.part.ver += 2 // anything that was cached under the old one is stale
		}
		return err
	}
	s.mu.Lock()
	for _, t := range txns {
		s.applyLinks(t)
		t.part.root.Store(t.root)
	}
	s.mu.Unlock()
	for _, t := range txns {
		t.part.ver++
		t.runApplied()
	}
	return nil
}

// Parts implements kv.KV.
func (s *Store) Parts(ctx context.Context, k kv.Kind, f func(kv.Part) error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return kv.ErrClosed
	}
	var ps []kv.Part
	for p, pt := range s.parts {
		if p.Kind == k && pt.root.Load() != nil {
			ps = append(ps, p)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(ps, comparePart)
	for _, p := range ps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(p); err != nil {
			if errors.Is(err, kv.ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

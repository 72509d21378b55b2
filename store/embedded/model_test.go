package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

// small makes everything roll over often.
func small(fs vfs.FS) Options {
	return Options{
		FS: fs, CacheBytes: 1 << 20, MemtableBytes: 64 << 10, SegmentBytes: 96 << 10, Partitions: 64,
		GCInterval: -1, GCBytesPerSecond: -1, RetryMin: 1, RetryMax: 1, ReserveBytes: -1,
	}
}

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// sharedPart is written together with an actor's own partition: both have the row or none.
var sharedPart = kv.Part{Kind: kv.Global, ID: 7}

const modelTable kv.Table = 20

// content is a body by its recipe.
type content struct {
	seed uint64
	size int
}

func (c content) bytes() []byte {
	b := make([]byte, c.size)
	r := rand.NewChaCha8([32]byte{byte(c.seed), byte(c.seed >> 8), byte(c.size), byte(c.size >> 8)})
	_, _ = r.Read(b)
	return b
}

// held is a body that a state links.
type held struct {
	id kv.BlobID
	content
}

// state is what one partition holds after a transaction.
type state struct {
	step int
	rows map[string]string
	held map[uint64]held
}

func (s state) clone() state {
	return state{s.step, maps.Clone(s.rows), maps.Clone(s.held)}
}

// actor writes one partition, one transaction after the other, and remembers each state. A power cut must
// leave one of the states between the last acknowledged and the last begun.
type actor struct {
	part   kv.Part
	rng    *rand.Rand
	mu     sync.Mutex // guards states for others than the actor
	states []state    // states[i] is after transaction i; published before it begins
	acked  atomic.Int64
	begun  atomic.Int64
}

func newActor(i int, seed uint64) *actor {
	return &actor{
		part:   kv.Part{Kind: kv.Account, ID: uint64(i)},
		rng:    rand.New(rand.NewPCG(seed, uint64(i))),
		states: []state{{rows: map[string]string{}, held: map[uint64]held{}}},
	}
}

func (a *actor) last() state { return a.states[len(a.states)-1] }

// step runs one random transaction.
func (a *actor) step(ctx context.Context, s *Store) error {
	next := a.last().clone()
	next.step++
	fresh, err := a.writeBodies(ctx, s)
	for _, f := range fresh {
		defer f.w.Close()
	}
	if err != nil {
		return err
	}
	var unlink []uint64
	for owner := range next.held {
		if a.rng.IntN(3) == 0 {
			unlink = append(unlink, owner)
		}
	}
	slices.Sort(unlink)
	ops := a.plan(&next)
	for _, o := range unlink {
		delete(next.held, o)
	}
	for i, f := range fresh {
		next.held[owner(next.step, i)] = f.held
	}
	a.mu.Lock()
	a.states = append(a.states, next)
	a.mu.Unlock()
	a.begun.Add(1)
	err = s.UpdateMany(ctx, []kv.Part{a.part, sharedPart}, func(xs []kv.Txn) error {
		x := xs[0]
		for _, op := range ops {
			op(x)
		}
		x.Put(modelTable, []byte("step"), fmt.Append(nil, next.step))
		for _, o := range unlink {
			x.UnlinkOnce(a.states[len(a.states)-2].held[o].id, o)
		}
		for i, f := range fresh {
			x.Link(f.id, owner(next.step, i))
		}
		xs[1].Put(modelTable, binary.BigEndian.AppendUint64(nil, a.part.ID), fmt.Append(nil, next.step))
		return nil
	})
	if err == nil {
		a.acked.Add(1)
	}
	return err
}

// owner numbers the bodies that a step brings.
func owner(step, i int) uint64 { return uint64(step)*maxTogether + uint64(i) }

// again begins the values of rows that were put more than once, for which DelOnce is not.
const again = "again "

// plan makes some row writes and does the same to the model.
func (a *actor) plan(next *state) (ops []func(kv.Txn)) {
	for range 1 + a.rng.IntN(5) {
		k := fmt.Sprintf("k%02d", a.rng.IntN(30))
		switch a.rng.IntN(8) {
		case 0:
			del := kv.Txn.DelOnce
			if strings.HasPrefix(next.rows[k], again) {
				del = kv.Txn.Del
			}
			delete(next.rows, k)
			ops = append(ops, func(x kv.Txn) { del(x, modelTable, []byte(k)) })
		case 1:
			hi := k + "~"
			if a.rng.IntN(2) == 0 {
				hi = fmt.Sprintf("k%02d", a.rng.IntN(30))
			}
			for _, have := range slices.Sorted(maps.Keys(next.rows)) {
				if have >= k && have < hi {
					delete(next.rows, have)
				}
			}
			ops = append(ops, func(x kv.Txn) { x.DelRange(modelTable, []byte(k), []byte(hi)) })
		default:
			size := a.rng.IntN(300)
			if a.rng.IntN(8) == 0 {
				size *= 40 // so that memtables fill up
			}
			v := fmt.Sprintf("%d %s", next.step, content{a.rng.Uint64(), size}.bytes())
			if _, there := next.rows[k]; there {
				v = again + v
			}
			next.rows[k] = v
			ops = append(ops, func(x kv.Txn) { x.Put(modelTable, []byte(k), []byte(v)) })
		}
	}
	return ops
}

type freshBody struct {
	held
	w kv.BlobWriter
}

// maxTogether is how many bodies are made durable together.
const maxTogether = 4

// writeBodies stores bodies in most steps: one, or several together. Their writers have to be closed in any case.
func (a *actor) writeBodies(ctx context.Context, s *Store) (fresh []freshBody, err error) {
	switch a.rng.IntN(8) {
	case 0, 1:
		return nil, nil
	case 2:
	default:
		f, err := a.writeBody(ctx, s)
		if f == nil {
			return nil, err
		}
		return []freshBody{*f}, nil
	}
	var ws []kv.BlobWriter
	for range 1 + a.rng.IntN(maxTogether) {
		w, c, err := a.fill(ctx, s)
		if err != nil {
			return fresh, err
		}
		fresh, ws = append(fresh, freshBody{held{content: c}, w}), append(ws, w)
	}
	ids, err := s.CommitAll(ws, make([][]byte, len(ws)))
	for i := range ids {
		fresh[i].id = ids[i]
	}
	return fresh, err
}

// fill begins a body; now and then a long one.
func (a *actor) fill(ctx context.Context, s *Store) (kv.BlobWriter, content, error) {
	c := content{a.rng.Uint64() % 65536, a.rng.IntN(6000)}
	if a.rng.IntN(25) == 0 {
		c.size = inlineMax + a.rng.IntN(100<<10)
	}
	w, err := s.Create(ctx)
	if err != nil {
		return nil, c, err
	}
	if _, err := w.Write(c.bytes()); err != nil {
		w.Close()
		return nil, c, err
	}
	return w, c, nil
}

// writeBody stores one body, or gives it up half-way.
func (a *actor) writeBody(ctx context.Context, s *Store) (*freshBody, error) {
	w, c, err := a.fill(ctx, s)
	if err != nil {
		return nil, err
	}
	if a.rng.IntN(12) == 0 {
		return nil, w.Close()
	}
	data := c.bytes()
	cut := min(len(data), a.rng.IntN(40)) // a part of what is written counts as prefix, to keep contents simple
	id, err := w.Commit(data[:cut], fmt.Append(nil, c.seed))
	if err != nil {
		w.Close()
		return nil, err
	}
	return &freshBody{held{id, c}, w}, nil
}

// expected gives a body's bytes: the prefix repeats the start of the data by construction of writeBody.
func matches(got []byte, c content) bool {
	data := c.bytes()
	if len(got) < len(data) {
		return false
	}
	cut := len(got) - len(data)
	return cut <= len(data) && bytes.Equal(got[:cut], data[:cut]) && bytes.Equal(got[cut:], data)
}

// check reads the partition and says which state it is in. It fails the test if it is in none of the
// allowed ones, or if a body of that state can not be read.
func (a *actor) check(t testing.TB, s *Store, lo, hi int) int {
	t.Helper()
	rows := map[string]string{}
	step := 0
	err := s.View(context.Background(), a.part, func(r kv.Reader) error {
		return r.Scan(modelTable, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
			if string(k) == "step" {
				_, err := fmt.Sscan(string(v), &step)
				return err
			}
			rows[string(k)] = string(v)
			return nil
		})
	})
	if err != nil {
		t.Fatalf("%v: %v", a.part, err)
	}
	if step < lo || step > hi {
		t.Fatalf("%v: found the state after transaction %d, want one of %d..%d", a.part, step, lo, hi)
	}
	want := a.states[step]
	if !maps.Equal(rows, want.rows) {
		t.Fatalf("%v: rows after transaction %d differ:\n%q\n%q", a.part, step, rows, want.rows)
	}
	for owner, h := range want.held {
		got, err := readBody(s, h.id)
		if err != nil {
			t.Fatalf("%v: body %d of state %d: %v", a.part, owner, step, err)
		}
		if !matches(got, h.content) {
			t.Fatalf("%v: body %d of state %d has wrong bytes", a.part, owner, step)
		}
	}
	return step
}

func readBody(s *Store, id kv.BlobID) ([]byte, error) {
	r, err := s.Open(context.Background(), id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// sharedSteps reads what the shared partition says of each actor.
func sharedSteps(t testing.TB, s *Store) map[uint64]int {
	t.Helper()
	out := map[uint64]int{}
	err := s.View(context.Background(), sharedPart, func(r kv.Reader) error {
		return r.Scan(modelTable, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
			n := 0
			_, err := fmt.Sscan(string(v), &n)
			out[binary.BigEndian.Uint64(k)] = n
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rewind makes an actor go on from the state that was found.
func (a *actor) rewind(step int) {
	a.states = a.states[:step+1]
	a.acked.Store(int64(step))
	a.begun.Store(int64(step))
}

// sound runs Verify and fails on damage.
func sound(t testing.TB, s *Store) Report {
	t.Helper()
	rep, err := s.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Sound() {
		t.Fatalf("store is not sound: %+v", rep)
	}
	return rep
}

package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// Update implements kv.KV.
func (s *Store) Update(ctx context.Context, p kv.Part, f func(kv.Txn) error) error {
	r, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer r.users.Done()
	if !validKind(p.Kind) {
		return fmt.Errorf("embedded: partition kind %#x is not allowed", byte(p.Kind))
	}
	part := [1]*partition{s.parts.lock(p)}
	c := commit{s: s, rows: r, parts: part[:]}
	return c.run(func() error {
		c.txns = c.one[:1]
		c.one[0].init(&c, part[0])
		return f(&c.one[0])
	})
}

// UpdateMany implements kv.KV.
func (s *Store) UpdateMany(ctx context.Context, ps []kv.Part, f func([]kv.Txn) error) error {
	r, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer r.users.Done()
	for _, p := range ps {
		if !validKind(p.Kind) {
			return fmt.Errorf("embedded: partition kind %#x is not allowed", byte(p.Kind))
		}
	}
	parts, err := s.parts.lockMany(ps)
	if err != nil {
		return err
	}
	c := commit{s: s, rows: r, parts: parts}
	return c.run(func() error {
		c.txns = make([]txn, len(parts))
		out := make([]kv.Txn, len(parts))
		for i := range c.txns {
			c.txns[i].init(&c, parts[i])
			out[i] = &c.txns[i]
		}
		return f(out)
	})
}

// begin lets a write in, or says why not.
func (s *Store) begin(ctx context.Context) (*rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := s.use()
	if err != nil {
		return nil, err
	}
	if err := r.admit(ctx); err != nil {
		r.users.Done()
		return nil, err
	}
	return r, nil
}

// room says whether there is space for rows. It is asked by transactions that have some: one that only read,
// as the opening of a mailbox does, must work on a full disk.
func (c *commit) room() error {
	if c.rows.still {
		return storageError("write", c.rows.guard.cause)
	}
	if err := c.rows.flushTrouble.Load(); err != nil {
		return storageError("flush", *err)
	}
	if need := c.s.reserve() / 2; c.s.space.low(need) {
		return fmt.Errorf("embedded: less than %d bytes free: %w", need, kv.ErrFull)
	}
	return nil
}

// commit is one Update or UpdateMany. Its partitions are locked until its rows are applied; the wait for
// the disk comes after, so that the next transaction of the partition shares the same sync.
type commit struct {
	s     *Store
	rows  *rows
	parts []*partition
	txns  []txn
	one   [1]txn // for Update, without an allocation of its own

	batch   *pebble.Batch // nil: nothing written yet
	indexed bool
	size    int
	err     error // of a write; reported at the end

	fresh []kv.BlobID  // bodies it links whose writers are not closed
	few   [2]kv.BlobID // for fresh, without an allocation of its own
}

// run calls f and commits. It unlocks the partitions in every case.
func (c *commit) run(f func() error) (err error) {
	locked := true
	unlock := func() {
		if locked {
			locked = false
			for _, p := range c.parts {
				p.unlock()
			}
		}
	}
	defer unlock()
	defer c.end()
	if c.rows.lost() { // since admitted: what this instance shows may already be lost
		return storageError("write", c.rows.guard.cause)
	}
	if err := f(); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	if c.batch == nil || c.batch.Empty() {
		return c.barrier(unlock)
	}
	if err := c.room(); err != nil {
		return err
	}
	return c.apply(unlock)
}

// apply makes the rows visible under the lock and durable after it.
func (c *commit) apply(unlock func()) error {
	batch := c.batch
	for _, p := range c.parts {
		p.pending.Add(1)
	}
	err := c.rows.db.ApplyNoSyncWait(batch, pebble.Sync)
	if err != nil {
		c.settle()
		return storageError("apply", err)
	}
	c.batch = nil // Pebble may keep it until it is synced
	for i, p := range c.parts {
		p.ver = c.s.parts.nextVer()
		c.txns[i].runApplied()
	}
	unlock()
	err = batch.SyncWait()
	if err == nil && c.rows.guard.fenced() {
		err = c.rows.guard.cause
	}
	if err != nil {
		c.s.parts.gen.Add(1)
	}
	c.settle()
	c.s.metrics.commit(c.size, err)
	if err != nil {
		return storageError("commit", err)
	}
	_ = batch.Close()
	if len(c.fresh) > 0 {
		c.s.pins.link(c.fresh)
	}
	return nil
}

// settle ends pending. Invariant: after a failure the fence was up before.
func (c *commit) settle() {
	for _, p := range c.parts {
		p.pending.Add(-1)
	}
}

// barrier waits until all that this transaction could read is durable. Nothing to do if nobody's commit
// is under way in its partitions.
func (c *commit) barrier(unlock func()) error {
	busy := false
	for i, p := range c.parts {
		busy = busy || p.pending.Load() > 0
		c.txns[i].runApplied()
	}
	unlock()
	if busy && !c.rows.still { // a still instance shows nothing of theirs
		if err := c.rows.db.LogData(nil, pebble.Sync); err != nil {
			return storageError("barrier", err)
		}
	}
	if c.rows.lost() {
		return storageError("barrier", c.rows.guard.cause)
	}
	return nil
}

// end gives back what the transaction used.
func (c *commit) end() {
	for i := range c.txns {
		c.txns[i].close()
	}
	if c.batch != nil {
		_ = c.batch.Close()
	}
}

// writes gives the batch to write to.
func (c *commit) writes(n int) *pebble.Batch {
	if c.batch == nil {
		c.batch = c.rows.db.NewBatch()
	}
	c.size += n
	if c.size > maxTxn {
		c.fail(fmt.Errorf("%w: transaction of more than %d bytes", ErrLimit, maxTxn))
	}
	return c.batch
}

func (c *commit) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// index makes the batch readable. Most transactions read before they write, or read other tables than
// they wrote, and never come here.
func (c *commit) index() (*pebble.Batch, error) {
	if c.indexed {
		return c.batch, nil
	}
	b := c.rows.db.NewIndexedBatch()
	if err := b.Apply(c.batch, nil); err != nil {
		_ = b.Close()
		return nil, storageError("index batch", err)
	}
	_ = c.batch.Close()
	c.batch, c.indexed = b, true
	return b, nil
}

// View implements kv.KV.
func (s *Store) View(ctx context.Context, p kv.Part, f func(kv.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := s.use()
	if err != nil {
		return err
	}
	defer r.users.Done()
	snap := r.db.NewSnapshot()
	defer snap.Close()
	v := view{rowReader{part: p, src: snap}}
	defer v.close()
	return f(&v)
}

// Parts implements kv.KV.
func (s *Store) Parts(ctx context.Context, k kv.Kind, f func(kv.Part) error) error {
	if !validKind(k) {
		return nil
	}
	r, err := s.use()
	if err != nil {
		return err
	}
	defer r.users.Done()
	it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: []byte{byte(k)}, UpperBound: []byte{byte(k) + 1}})
	if err != nil {
		return storageError("list partitions", err)
	}
	for ok := it.First(); ok; {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, it.Close())
		}
		p := kv.Part{Kind: k, ID: binary.BigEndian.Uint64(it.Key()[1:])}
		if err := f(p); err != nil {
			_ = it.Close()
			return stopped(err)
		}
		ok = it.SeekGE(appendEnd(nil, p, 255))
	}
	return storageError("list partitions", it.Close())
}

// stopped turns ErrStop into success.
func stopped(err error) error {
	if errors.Is(err, kv.ErrStop) {
		return nil
	}
	return err
}

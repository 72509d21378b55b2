package queue

import (
	"context"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// shard is what is known of a partition of the queue.
type shard struct {
	id     spool.Shard
	lease  spool.Lease
	open   bool // the lease is taken, and rows are read
	wanted bool // it is in Queue.wanting
	items  map[spool.ID]*item
	seen   spool.ID // entries up to this one are known: in memory, behind a mark, or gone
	// scanned is the highest entry that any scan has met. What Submitted says of one up to it may be old: it
	// may have been found, tried and changed between its commit and that call.
	scanned spool.ID

	// Every row before frontier is in memory or behind the mark of a backlog. pending is where a scan that
	// may be under way will leave it: what lies before it must not be dropped from memory.
	frontier, pending spool.Cursor
	lowered           spool.Cursor // lowest place to which frontier was lowered while a scan is under way
	lowering          bool

	backlogs map[*lane]struct{}
	claimed  map[spool.ID]bool // entries that an operator moves: not to be tried meanwhile
	reload   []spool.ID        // entries to be read again: an operator changed them while they were busy
}

// shard gives the shard, which is opened later if it is not yet. The caller holds mu.
func (q *Queue) shard(id spool.Shard) *shard {
	sh := q.shards[id]
	if sh == nil {
		sh = &shard{id: id, items: map[spool.ID]*item{}, backlogs: map[*lane]struct{}{}, claimed: map[spool.ID]bool{}}
		q.shards[id] = sh
		q.want(sh)
	}
	return sh
}

// openAtOnce is how many shards are taken in one commit.
const openAtOnce = 64

// openAll takes all shards that hold anything.
func (q *Queue) openAll(ctx context.Context) error {
	var ids []spool.Shard
	err := q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
		if p.ID < spool.Shards {
			ids = append(ids, spool.Shard(p.ID))
		}
		return nil
	})
	for len(ids) > 0 && err == nil {
		n := min(openAtOnce, len(ids))
		err = q.openShards(ctx, ids[:n]...)
		ids = ids[n:]
	}
	return err
}

// opened is what is read of a shard when it is taken.
type opened struct {
	lease  spool.Lease
	meta   spool.Meta
	pauses []spool.Pause
	shapes []spool.Shape
}

// openShards takes the leases of those shards that are not ours yet and reads what says how to go on.
func (q *Queue) openShards(ctx context.Context, ids ...spool.Shard) error {
	q.opening.Lock()
	defer q.opening.Unlock()
	ids, err := q.notOpen(ids)
	if err != nil || len(ids) == 0 {
		return err
	}
	ps := make([]kv.Part, len(ids))
	for i, id := range ids {
		ps[i] = id.Part()
	}
	got := make([]opened, len(ids))
	err = q.d.KV.UpdateMany(ctx, ps, func(ts []kv.Txn) (err error) {
		for i, t := range ts {
			if err = got[i].take(t, q.d.Node); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	q.mu.Lock()
	for i, id := range ids {
		q.opened(q.shard(id), &got[i])
	}
	q.mu.Unlock()
	for _, id := range ids {
		if err := q.repair(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// notOpen leaves out the shards that are ours. One that we lost is an error.
func (q *Queue) notOpen(ids []spool.Shard) (out []spool.Shard, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		sh := q.shards[id]
		switch {
		case sh == nil || sh.lease.Epoch == 0:
			out = append(out, id)
		case !sh.open:
			err = spool.ErrLostLease
		}
	}
	return out, err
}

func (o *opened) take(t kv.Txn, node string) (err error) {
	if o.meta, err = spool.ReadMeta(t); err != nil {
		return err
	}
	if err = spool.Pauses(t, func(p spool.Pause) { o.pauses = append(o.pauses, p) }); err != nil {
		return err
	}
	if err = spool.Shapes(t, func(s spool.Shape) { o.shapes = append(o.shapes, s) }); err != nil {
		return err
	}
	o.lease, err = spool.Acquire(t, node, time.Time{})
	return err
}

// opened notes that the shard is ours. The caller holds mu.
func (q *Queue) opened(sh *shard, o *opened) {
	sh.lease, sh.open, sh.seen = o.lease, true, o.meta.Next-1
	sh.frontier = o.meta.First()
	sh.pending = sh.frontier
	now := q.d.Now()
	for _, p := range o.pauses {
		if p.Until.IsZero() || now.Before(p.Until) {
			q.line(sh, p.Queue).pause = &p
		}
	}
	for _, s := range o.shapes {
		q.line(sh, s.Queue).shape(s)
	}
	q.want(sh)
}

// lost gives a shard up: somebody else has its lease. The caller holds mu.
func (q *Queue) lost(sh *shard) {
	if sh.open {
		q.d.Log.Error("a shard of the queue has another owner now", slog.Int("shard", int(sh.id)))
	}
	sh.open = false
}

// read calls f with the rows of a shard, all of them durable: an Update that writes nothing waits for the
// disk. A View could show an entry whose commit fails yet.
func (q *Queue) read(ctx context.Context, id spool.Shard, f func(kv.Reader) error) error {
	return q.d.KV.Update(ctx, id.Part(), func(t kv.Txn) error { return f(t) })
}

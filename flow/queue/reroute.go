package queue

import (
	"context"

	"barid/base/kv"
	"barid/mail/spool"
)

// Reroute gives entries another way: the route with that name, or by MX if route is "". destination, if not
// "", replaces the domain that is looked up; the forward-paths stay as they are. An entry that moves to
// another line gets a new name, and is tried at once. Entries that go that way already do not count; those
// under way stay as they are: matched, not changed.
func (q *Queue) Reroute(ctx context.Context, s Selector, destination, route string, dry bool) (Result, error) {
	differs := func(e *spool.Entry) bool {
		return e.Route != route || destination != "" && e.Destination != destination
	}
	s.not = func(e *spool.Entry) bool { return !differs(e) }
	return q.batches(ctx, s, dry, differs, func(shard spool.Shard, ids []spool.ID) (sum Result, err error) {
		for _, id := range ids {
			r, err := q.rerouteOne(ctx, spool.Name{Shard: shard, ID: id}, &s, destination, route)
			if err != nil {
				return sum, err
			}
			sum.Matched += r.Matched
			sum.Changed += r.Changed
		}
		return sum, nil
	})
}

// rerouteOne moves one entry in a commit over both shards.
func (q *Queue) rerouteOne(ctx context.Context, n spool.Name, s *Selector, destination, route string) (Result, error) {
	old, err := q.Show(ctx, n)
	if err != nil || old == nil {
		return Result{}, err
	}
	if destination == "" {
		destination = old.Destination
	}
	to := spool.ShardOf(destination, route)
	for _, id := range [...]spool.Shard{n.Shard, to} {
		if err := q.own(ctx, id); err != nil {
			return Result{}, err
		}
	}
	if !q.claim(n) {
		return Result{Matched: 1}, nil
	}
	defer q.unclaim(n)
	moved, err := q.move(ctx, n, s, destination, route)
	if err != nil || moved == nil {
		return Result{}, err
	}
	q.refresh(to, []*spool.Entry{moved})
	return Result{Matched: 1, Changed: 1}, nil
}

func (q *Queue) move(ctx context.Context, n spool.Name, s *Selector, destination, route string) (moved *spool.Entry, err error) {
	to := spool.ShardOf(destination, route)
	ps := []kv.Part{n.Shard.Part()}
	if to != n.Shard {
		ps = append(ps, to.Part())
	}
	err = q.d.KV.UpdateMany(ctx, ps, func(ts []kv.Txn) error {
		moved = nil
		e, err := spool.Load(ts[0], n.Shard, n.ID)
		if err != nil || e == nil || !s.Match(e) {
			return err
		}
		e.Next = q.d.Now()
		moved, err = spool.Move(ts[0], ts[len(ts)-1], q.lease(n.Shard), e, destination, route)
		return err
	})
	return moved, err
}

// claim keeps an entry from being tried; false: it is being tried.
func (q *Queue) claim(n spool.Name) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	sh := q.shard(n.Shard)
	it := sh.items[n.ID]
	if sh.claimed[n.ID] || it != nil && it.state == busy {
		return false
	}
	sh.claimed[n.ID] = true
	if it != nil {
		q.withdraw(it, q.d.Now())
	}
	return true
}

// unclaim lets the scheduler have the entry again, if it is still there.
func (q *Queue) unclaim(n spool.Name) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sh := q.shards[n.Shard]
	delete(sh.claimed, n.ID)
	sh.reload = append(sh.reload, n.ID)
	q.want(sh)
}

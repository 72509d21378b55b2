package queue

import (
	"context"

	"barid/base/kv"
	"barid/mail/spool"
)

// Reroute gives entries another way: the route with that name, or by MX if route is "". destination, if not
// "", replaces the domain that is looked up; the forward-paths stay as they are. An entry that moves to
// another line gets a new name, and is tried at once. Entries that go that way already do not count.
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
func (q *Queue) rerouteOne(ctx context.Context, n spool.Name, s *Selector, destination, route string) (res Result, err error) {
	old, err := q.Show(ctx, n)
	if err != nil || old == nil {
		return Result{}, err
	}
	if destination == "" {
		destination = old.Destination
	}
	to := spool.ShardOf(destination, route)
	ps := []kv.Part{n.Shard.Part()}
	if to != n.Shard {
		ps = append(ps, to.Part())
	}
	for _, id := range [...]spool.Shard{n.Shard, to} {
		if err := q.own(ctx, id); err != nil {
			return Result{}, err
		}
	}
	var moved *spool.Entry
	err = q.d.KV.UpdateMany(ctx, ps, func(ts []kv.Txn) error {
		res, moved = Result{}, nil
		e, err := spool.Load(ts[0], n.Shard, n.ID)
		if err != nil || e == nil || !s.Match(e) {
			return err
		}
		res = Result{Matched: 1, Changed: 1}
		e.Next = q.d.Now()
		moved, err = spool.Move(ts[0], ts[len(ts)-1], q.lease(n.Shard), e, destination, route)
		old = e
		return err
	})
	if err != nil || moved == nil {
		return res, err
	}
	q.refresh(n.Shard, []*spool.Entry{gonePart(old)})
	q.refresh(to, []*spool.Entry{moved})
	return res, nil
}

// gonePart stands for an entry that is not in its old place any more.
func gonePart(e *spool.Entry) *spool.Entry {
	c := *e
	c.Hold = true // nothing to schedule
	return &c
}

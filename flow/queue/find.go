package queue

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"

	"barid/base/kv"
	"barid/mail/spool"
)

// page is how many entries are read at a time.
const page = 512

// Find gives the entries that s chooses, shard by shard and in each the oldest first. It reads a page at a
// time: entries that come or go meanwhile may be in or not. An error ends it. Limits: none; stop ranging.
func (q *Queue) Find(ctx context.Context, s Selector) iter.Seq2[*spool.Entry, error] {
	return func(yield func(*spool.Entry, error) bool) {
		err := q.find(ctx, &s, func(e *spool.Entry) bool { return yield(e, nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

// errEnough ends a search.
var errEnough = errors.New("queue: enough")

func (q *Queue) find(ctx context.Context, s *Selector, f func(*spool.Entry) bool) error {
	var err error
	if len(s.Names) > 0 {
		err = q.findNames(ctx, s, f)
	} else {
		err = q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
			if p.ID >= spool.Shards || p.ID < uint64(s.After.Shard) {
				return nil
			}
			return q.findIn(ctx, spool.Shard(p.ID), s, f)
		})
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (q *Queue) findNames(ctx context.Context, s *Selector, f func(*spool.Entry) bool) error {
	names := slices.Clone(s.Names)
	slices.SortFunc(names, compareNames)
	for _, n := range slices.Compact(names) {
		var e *spool.Entry
		err := q.d.KV.View(ctx, n.Shard.Part(), func(r kv.Reader) (err error) {
			e, err = spool.Load(r, n.Shard, n.ID)
			return err
		})
		if err != nil {
			return err
		}
		if e != nil && s.Match(e) && !f(e) {
			return errEnough
		}
	}
	return nil
}

func compareNames(a, b spool.Name) int {
	if a.Shard != b.Shard {
		return int(a.Shard) - int(b.Shard)
	}
	if a.ID < b.ID {
		return -1
	}
	if a.ID > b.ID {
		return 1
	}
	return 0
}

// findIn reads a shard. What the caller does with an entry happens outside of the store's snapshot.
func (q *Queue) findIn(ctx context.Context, id spool.Shard, s *Selector, f func(*spool.Entry) bool) error {
	bad := func(i spool.ID, err error) {
		q.d.Log.Error("an entry of the queue can not be read", slog.String("entry", spool.Name{Shard: id, ID: i}.String()), slog.Any("error", err))
	}
	from := spool.ID(0)
	if s.After.Shard == id {
		from = s.After.ID + 1
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var found []*spool.Entry
		rows := 0
		err := q.d.KV.View(ctx, id.Part(), func(r kv.Reader) error {
			return spool.Scan(r, id, from, page, bad, func(e *spool.Entry) error {
				rows++
				from = e.ID + 1
				if s.Match(e) {
					found = append(found, e)
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		for _, e := range found {
			if !f(e) {
				return errEnough
			}
		}
		if rows == 0 {
			return nil
		}
	}
}

// Show gives one entry, or nil.
func (q *Queue) Show(ctx context.Context, n spool.Name) (e *spool.Entry, err error) {
	err = q.d.KV.View(ctx, n.Shard.Part(), func(r kv.Reader) error {
		e, err = spool.Load(r, n.Shard, n.ID)
		return err
	})
	return e, err
}

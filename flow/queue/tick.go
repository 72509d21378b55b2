package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// instant is a moment on the wall clock and on one that only goes forward.
type instant struct {
	wall   time.Time
	steady time.Time
}

func (q *Queue) instant() instant { return instant{q.d.Now(), time.Now()} }

// clockStep is by how much the wall clock may go back before times that were noted are mistrusted.
const clockStep = time.Minute

// lineKept is how long what was learnt of a line outlives its last entry.
const lineKept = 15 * time.Minute

// tick looks for what nobody told of: entries without Submitted, pauses that are over, a clock that went
// back. It also lets scans begin later, and forgets lines.
func (q *Queue) tick(ctx context.Context) {
	at := q.instant()
	q.mu.Lock()
	back := q.last.steady.Sub(at.steady) + at.wall.Sub(q.last.wall) // what the wall clock gained
	q.last = at
	var open []*shard
	for _, sh := range q.shards {
		if sh != nil && sh.open {
			open = append(open, sh)
			q.want(sh)
		}
	}
	q.forgetLines(at.wall)
	q.forgetGatherings(at.wall)
	q.mu.Unlock()
	if back < -clockStep {
		q.clockWentBack(ctx, open)
	}
	for _, sh := range open {
		if err := q.sweep(ctx, sh); err != nil {
			q.failed(sh, err)
			return
		}
	}
	if err := q.openNew(ctx); err != nil {
		q.d.Log.Error("the queue can not be read", slog.Any("error", err))
	}
	q.measure(ctx)
}

// forgetLines drops lines that nobody needs.
func (q *Queue) forgetLines(now time.Time) {
	for name, l := range q.lines {
		if l.unused() && now.Sub(l.used) > lineKept {
			l.where = noRing
			delete(q.lines, name)
		}
	}
}

// openNew takes shards that got their first entry behind our back.
func (q *Queue) openNew(ctx context.Context) error {
	var ids []spool.Shard
	err := q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		if p.ID < spool.Shards && q.shards[p.ID] == nil {
			ids = append(ids, spool.Shard(p.ID))
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	for _, id := range ids {
		if err := q.openShards(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// sweep finds the entries of a shard that came since the last sweep, and raises its low mark.
func (q *Queue) sweep(ctx context.Context, sh *shard) error {
	for {
		slots, n, err := q.newSlots(ctx, sh)
		if err != nil {
			return err
		}
		q.mu.Lock()
		now := q.d.Now()
		for i := range slots {
			q.place(sh, slots[i], nil, now)
		}
		q.dispatch(now)
		q.mu.Unlock()
		if n < chunk {
			return nil
		}
	}
}

// newSlots reads at most a chunk of what is behind sh.seen, and moves that. n counts held ones too.
func (q *Queue) newSlots(ctx context.Context, sh *shard) (slots []spool.Slot, n int, err error) {
	q.mu.Lock()
	seen, lease := sh.seen, sh.lease
	q.mu.Unlock()
	err = q.d.KV.Update(ctx, sh.id.Part(), func(t kv.Txn) error {
		err := spool.Scan(t, sh.id, seen+1, chunk, nil, func(e *spool.Entry) error {
			n++
			seen = e.ID
			if !e.Hold {
				slots = append(slots, e.Slot())
			}
			return nil
		})
		return errors.Join(err, spool.RaiseLow(t, lease))
	})
	if err == nil {
		q.mu.Lock()
		sh.seen = seen
		q.mu.Unlock()
	}
	return slots, n, err
}

// clockWentBack mends what is too far ahead and reads everything anew.
func (q *Queue) clockWentBack(ctx context.Context, open []*shard) {
	q.d.Log.Warn("the clock went back: the queue is read again")
	for _, sh := range open {
		err := q.repair(ctx, sh.id)
		var m spool.Meta
		if err == nil {
			err = q.read(ctx, sh.id, func(r kv.Reader) (err error) {
				m, err = spool.ReadMeta(r)
				return err
			})
		}
		if err != nil {
			q.failed(sh, err)
			continue
		}
		q.mu.Lock()
		q.forgetItems(sh)
		sh.frontier, sh.pending = m.First(), m.First()
		q.want(sh)
		q.mu.Unlock()
	}
}

// forgetItems drops everything of a shard from memory that is not under way. The caller holds mu.
func (q *Queue) forgetItems(sh *shard) {
	now := q.d.Now()
	for la := range sh.backlogs {
		la.uncover()
	}
	for _, l := range q.lines {
		if l.shard == sh {
			l.flow.until = earlier(l.flow.until, now)
			l.take(func(*item) bool { return true })
			l.alarm, l.must = 0, 0
		}
	}
	for _, it := range sh.items {
		if it.state != busy {
			q.leave(it, now)
		}
	}
}

// repair looks for entries whose next attempt is further away than any back-off: their time was noted by a
// clock that was wrong. It sets them to be tried within the longest back-off.
func (q *Queue) repair(ctx context.Context, id spool.Shard) error {
	now := q.d.Now()
	limit := now.Add(max(2*q.set.MaxRetry, q.set.MaxAsked) + time.Hour)
	hi := spool.Cursor{}
	for {
		var far []spool.Slot
		err := q.d.KV.View(ctx, id.Part(), func(r kv.Reader) error {
			return spool.ScanScheduleBack(r, spool.At(limit), hi, chunk, func(s spool.Slot) error {
				far = append(far, s)
				return nil
			})
		})
		if err != nil {
			return err
		}
		for _, s := range far {
			if err := q.repairEntry(ctx, id, s.ID, now, limit); err != nil {
				return err
			}
		}
		if len(far) < chunk {
			return nil
		}
		hi = far[len(far)-1].Cursor
	}
}

func (q *Queue) repairEntry(ctx context.Context, shard spool.Shard, id spool.ID, now, limit time.Time) error {
	q.mu.Lock()
	lease := q.shards[shard].lease
	q.mu.Unlock()
	var mended spool.Cursor
	err := q.d.KV.Update(ctx, shard.Part(), func(t kv.Txn) error {
		e, err := spool.Load(t, shard, id)
		if errors.Is(err, kv.ErrCorrupt) {
			return nil
		}
		if err != nil || e == nil || !e.NotBefore.Before(e.Next) && e.Attempts == 0 || e.Hold {
			return err // FUTURERELEASE is meant to be far away
		}
		if e.Arrived.After(now) {
			e.Expires = now.Add(max(e.Expires.Sub(e.Arrived), 0))
			e.Arrived = now
		}
		if e.Next.After(limit) {
			e.Next = now.Add(spread(q.set.MaxRetry/2, uint64(id), 0))
		}
		q.set.schedule(e, now)
		err = spool.Update(t, lease, e)
		mended = e.Cursor()
		return err
	})
	if err == nil && mended != (spool.Cursor{}) {
		q.mu.Lock()
		q.shards[shard].lower(mended)
		q.mu.Unlock()
	}
	return err
}

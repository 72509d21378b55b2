package queue

import (
	"context"
	"errors"
	"time"

	"barid/base/kv"
	"barid/mail/event"
	"barid/mail/spool"
)

// ErrNoSelector is what a verb says that would change every entry because nothing was chosen.
var ErrNoSelector = errors.New("queue: choose some entries, or all of them expressly")

// Result is what a verb did, or in a dry run would do.
type Result struct {
	Matched int // entries that were chosen
	Changed int // of them, those that were not already so
}

// Hold keeps entries from being tried until they are released. They do not expire meanwhile.
func (q *Queue) Hold(ctx context.Context, s Selector, dry bool) (Result, error) {
	return q.operate(ctx, s, dry, func(e *spool.Entry) bool {
		if e.Hold {
			return false
		}
		e.Hold = true
		return true
	})
}

// Release ends a hold. Entries that should have been tried meanwhile are tried at once.
func (q *Queue) Release(ctx context.Context, s Selector, dry bool) (Result, error) {
	return q.operate(ctx, s, dry, func(e *spool.Entry) bool {
		if !e.Hold {
			return false
		}
		e.Hold = false
		return true
	})
}

// Retry tries entries now, whatever their back-off says. Held ones stay held. Lines that are left alone
// because they could not be reached are tried too; paused ones are not.
func (q *Queue) Retry(ctx context.Context, s Selector, dry bool) (Result, error) {
	now := q.d.Now()
	opened := map[string]bool{}
	res, err := q.operate(ctx, s, dry, func(e *spool.Entry) bool {
		if e.Hold || len(e.WaitingRcpts()) == 0 {
			return false
		}
		opened[e.Queue()] = true
		if !e.Next.After(now) {
			return false
		}
		e.Next = now
		return true
	})
	if !dry {
		q.openLines(opened)
	}
	return res, err
}

// openLines ends what lines in trouble are left alone for.
func (q *Queue) openLines(names map[string]bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.d.Now()
	for name := range names {
		if l := q.lines[name]; l != nil {
			l.flow.until = time.Time{}
			q.list(l, now)
		}
	}
	q.dispatch(now)
}

// Bounce gives entries up now: their senders are told, with text as the reason.
func (q *Queue) Bounce(ctx context.Context, s Selector, text string, dry bool) (Result, error) {
	now := q.d.Now()
	if text == "" {
		text = "returned by the administrator"
	}
	a := spool.Answer{Time: now, Enhanced: "5.7.0", Text: text, Stage: spool.StageLocal}
	return q.operate(ctx, s, dry, func(e *spool.Entry) bool {
		waiting := e.WaitingRcpts()
		for _, i := range waiting {
			e.Finish(i, spool.Failed, a, 0)
		}
		e.Hold = false
		q.set.schedule(e, now)
		return len(waiting) > 0
	}, func(e *spool.Entry) { q.recordVerb(e, event.Bounced, &a) }, q.gather)
}

// Delete removes entries. Nobody is told.
func (q *Queue) Delete(ctx context.Context, s Selector, dry bool) (Result, error) {
	a := spool.Answer{Time: q.d.Now(), Text: "deleted by the administrator", Stage: spool.StageLocal}
	return q.operate(ctx, s, dry, func(e *spool.Entry) bool {
		for i := range e.Rcpts {
			if !e.Rcpts[i].Settled() {
				e.Finish(i, spool.Removed, a, 0)
			}
		}
		return true
	}, func(e *spool.Entry) { q.recordVerb(e, event.Discarded, &a) })
}

// batchOps is how many entries of a shard an operator's verb changes in one commit.
const batchOps = 128

// operate calls f with every entry that s chooses, in transactions. f changes the entry and tells whether it
// did; it may be called again for the same entry if the store fails. done is called with each changed entry
// after the commit.
func (q *Queue) operate(ctx context.Context, s Selector, dry bool, f func(*spool.Entry) bool, done ...func(*spool.Entry)) (Result, error) {
	return q.batches(ctx, s, dry, f, func(shard spool.Shard, ids []spool.ID) (Result, error) {
		res, changed, err := q.operateOn(ctx, shard, ids, &s, f)
		for _, e := range changed {
			for _, d := range done {
				d(e)
			}
		}
		return res, err
	})
}

// batches collects the chosen entries shard by shard and gives them to do; in a dry run it tries f on copies.
func (q *Queue) batches(ctx context.Context, s Selector, dry bool, f func(*spool.Entry) bool, do func(spool.Shard, []spool.ID) (Result, error)) (Result, error) {
	var sum Result
	if !s.says() {
		return sum, ErrNoSelector
	}
	if !dry && q.isStopping() {
		return sum, ErrNotRunning
	}
	var shard spool.Shard
	var ids []spool.ID
	var failed error
	flush := func() bool {
		if len(ids) > 0 {
			r, err := do(shard, ids)
			sum.Matched += r.Matched
			sum.Changed += r.Changed
			ids, failed = ids[:0], err
		}
		return failed == nil
	}
	err := q.find(ctx, &s, func(e *spool.Entry) bool {
		if dry {
			sum.Matched++
			if f(e) {
				sum.Changed++
			}
			return true
		}
		if (e.Shard != shard || len(ids) == batchOps) && !flush() {
			return false
		}
		shard = e.Shard
		ids = append(ids, e.ID)
		return true
	})
	if err == nil && failed == nil {
		flush()
	}
	return sum, errors.Join(err, failed)
}

func (q *Queue) isStopping() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state == stopping
}

// operateOn changes some entries of one shard in one commit, and what memory has of them.
func (q *Queue) operateOn(ctx context.Context, shard spool.Shard, ids []spool.ID, s *Selector, f func(*spool.Entry) bool) (res Result, changed []*spool.Entry, err error) {
	if err := q.own(ctx, shard); err != nil {
		return Result{}, nil, err
	}
	err = q.d.KV.Update(ctx, shard.Part(), func(t kv.Txn) error {
		res, changed = Result{}, nil
		for _, id := range ids {
			e, err := spool.Load(t, shard, id)
			if err != nil {
				return err
			}
			if e == nil || !s.Match(e) {
				continue // it went, or changed, since it was found
			}
			res.Matched++
			if f(e) {
				res.Changed++
				changed = append(changed, e)
			}
		}
		return spool.Update(t, q.lease(shard), changed...)
	})
	if err != nil {
		return Result{}, nil, err
	}
	q.refresh(shard, changed)
	return res, changed, nil
}

// own takes a shard that is not ours yet.
func (q *Queue) own(ctx context.Context, id spool.Shard) error { return q.openShards(ctx, id) }

// refresh brings memory in line with entries that were changed behind the scheduler's back.
func (q *Queue) refresh(shard spool.Shard, changed []*spool.Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sh := q.shards[shard]
	if sh == nil {
		return
	}
	if q.state == created { // nothing is in memory; Start reads on from the mark
		for _, e := range changed {
			if !e.Settled() && !e.Hold {
				sh.lower(e.Cursor())
			}
		}
		return
	}
	now := q.d.Now()
	for _, e := range changed {
		it := sh.items[e.ID]
		if it != nil && it.state == busy {
			it.changed = true
			continue
		}
		if it != nil {
			q.withdraw(it, now)
		}
		if !e.Settled() && !e.Hold {
			q.place(sh, e.Slot(), nil, now)
		}
	}
	q.dispatch(now)
}

// withdraw takes an item that is not busy out of memory.
func (q *Queue) withdraw(it *item, now time.Time) {
	if it.state == ready {
		it.lane.line.take(func(x *item) bool { return x == it })
	}
	q.leave(it, now)
}

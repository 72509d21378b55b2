package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// run does with an entry what is to be done now. It gives what the entry is afterwards, nil if it is not in
// the schedule any more.
func (q *Queue) run(it *item) *spool.Entry {
	name := spool.Name{Shard: it.shard, ID: it.id}
	e, err := q.fetch(it, name)
	if e == nil || err != nil {
		return q.stumble(name, err)
	}
	wrote := false
	for e != nil && err == nil && q.life.Err() == nil {
		now := q.d.Now()
		tryable := it.tryable
		switch a := q.set.decide(e, now, tryable); a {
		case actLeave:
			return nil
		case actWait:
			q.gather(e)
			if wrote || e.Due().After(now) {
				return e
			}
			e, err = q.commit(name, func(e *spool.Entry) { q.set.schedule(e, now) })
			return q.kept(name, e, err)
		default:
			e, err = q.do(it, a, e)
			wrote = true
		}
	}
	return q.kept(name, e, err)
}

// do performs one act.
func (q *Queue) do(it *item, a act, e *spool.Entry) (*spool.Entry, error) {
	switch a {
	case actAttempt:
		return q.attempt(it, e)
	case actReport:
		return q.reportFinal(e)
	case actExpire:
		return q.expire(e)
	}
	return q.reportDelay(e)
}

// kept gives what is to be put back in place after a run that may have failed.
func (q *Queue) kept(name spool.Name, e *spool.Entry, err error) *spool.Entry {
	if err != nil {
		return q.stumble(name, err)
	}
	return e
}

// stumble handles an entry that can not be read or written. One that is damaged is left alone, for an
// operator; for the rest we wait until the store works again.
func (q *Queue) stumble(name spool.Name, err error) *spool.Entry {
	for err != nil {
		switch {
		case errors.Is(err, kv.ErrCorrupt), errors.Is(err, spool.ErrInvalid):
			q.d.Log.Error("an entry of the queue can not be used", slog.String("entry", name.String()), slog.Any("error", err))
			return nil
		case errors.Is(err, spool.ErrLostLease):
			q.mu.Lock()
			q.lost(q.shards[name.Shard])
			q.mu.Unlock()
			return nil
		}
		if !q.pause(storePause) {
			return nil
		}
		var e *spool.Entry
		if e, err = q.loadEntry(name); err == nil {
			return e
		}
	}
	return nil
}

// storePause is the wait after the store failed; it is doubled up to maxStorePause.
const (
	storePause    = 100 * time.Millisecond
	maxStorePause = 5 * time.Second
)

// pause waits; false: the queue is ending.
func (q *Queue) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-q.life.Done():
		return false
	}
}

// fetch gives the entry of an item: nil if it is gone.
func (q *Queue) fetch(it *item, name spool.Name) (*spool.Entry, error) {
	q.mu.Lock()
	e := it.entry
	if e != nil {
		it.entry = nil
		q.cached--
	}
	q.mu.Unlock()
	if e != nil {
		return e, nil
	}
	return q.loadEntry(name)
}

func (q *Queue) loadEntry(name spool.Name) (e *spool.Entry, err error) {
	err = q.d.KV.View(q.life, name.Shard.Part(), func(r kv.Reader) error {
		e, err = spool.Load(r, name.Shard, name.ID)
		return err
	})
	return e, err
}

// commitTime bounds a commit while the queue is ending.
const commitTime = 5 * time.Second

// commit changes an entry by f in one transaction, and tries until that is stored: what f notes has happened
// already. f is called with the entry as it is stored, perhaps several times. It gives the entry as it is
// then: nil if it is settled or gone.
func (q *Queue) commit(name spool.Name, f func(e *spool.Entry)) (*spool.Entry, error) {
	for wait := storePause; ; wait = min(2*wait, maxStorePause) {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		ending := q.life.Err() != nil
		if ending {
			ctx, cancel = context.WithTimeout(ctx, commitTime)
		}
		e, err := q.commitOnce(ctx, name, f)
		cancel()
		if err == nil || !temporary(err) {
			return e, err
		}
		q.d.Log.Error("the queue can not be written", slog.String("entry", name.String()), slog.Any("error", err))
		q.d.Metrics.storeFailed()
		if ending {
			return nil, err
		}
		q.pause(wait)
	}
}

func temporary(err error) bool {
	return !errors.Is(err, spool.ErrLostLease) && !errors.Is(err, spool.ErrInvalid) && !errors.Is(err, kv.ErrCorrupt)
}

func (q *Queue) commitOnce(ctx context.Context, name spool.Name, f func(e *spool.Entry)) (out *spool.Entry, err error) {
	err = q.d.KV.Update(ctx, name.Shard.Part(), func(t kv.Txn) error {
		out, err = q.change(t, name, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// change is one change of an entry inside a transaction.
func (q *Queue) change(t kv.Txn, name spool.Name, f func(e *spool.Entry)) (*spool.Entry, error) {
	e, err := spool.Load(t, name.Shard, name.ID)
	if err != nil || e == nil {
		return nil, err
	}
	f(e)
	if err := spool.Update(t, q.lease(name.Shard), e); err != nil {
		return nil, err
	}
	if e.Settled() {
		return nil, nil
	}
	return e, nil
}

func (q *Queue) lease(id spool.Shard) spool.Lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	if sh := q.shards[id]; sh != nil {
		return sh.lease
	}
	return spool.Lease{}
}

package search

import (
	"context"
	"errors"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// worker indexes accounts one after another, in one goroutine: mail comes first.
type worker struct {
	mu      sync.Mutex
	waiting map[mail.AccountID]*waiting
	order   []mail.AccountID // by when they are due; new ones behind
	wake    chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
}

// waiting is an account with something to do.
type waiting struct {
	messages int
	due      time.Time
	latest   time.Time // it is not put off any longer
	rebuild  bool
	tries    int
}

// maxRetry is the longest time between two tries after an error.
const maxRetry = 10 * time.Minute

// rest is for how long nothing must come before a full batch is indexed: whoever brings many messages at once, as an
// import does, has the processor to himself.
const rest = 250 * time.Millisecond

// Appended is told by mail/mailbox that n messages came. It does not block.
func (x *Index) Appended(id mail.AccountID, n int) {
	x.wait(id, func(w *waiting) {
		if w.messages += n; w.messages < x.opt.Batch {
			return
		}
		w.due = x.opt.Now().Add(rest)
		if w.due.After(w.latest) {
			w.due = w.latest
		}
	})
}

// Reaped is told by mail/mailbox that n messages are gone for good: the index is looked at as soon as it is the
// account's turn, and made smaller if many are. It does not block.
func (x *Index) Reaped(id mail.AccountID, _ int) { x.wait(id, func(*waiting) {}) }

// wait notes that an account has something to do.
func (x *Index) wait(id mail.AccountID, f func(w *waiting)) {
	k := &x.work
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.wake == nil { // not started: Start looks at all accounts
		return
	}
	w := k.waiting[id]
	fresh := w == nil
	if fresh {
		latest := x.opt.Now().Add(x.opt.Delay)
		w = &waiting{due: latest, latest: latest}
		k.waiting[id] = w
		k.order = append(k.order, id)
		x.opt.Metrics.wait(len(k.waiting))
	}
	before := w.due
	if f(w); !fresh && !w.due.Before(before) {
		return // the worker looks no later than before, and sees
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Start begins to index in the background, first what came while nobody did.
func (x *Index) Start(ctx context.Context) {
	k := &x.work
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.wake != nil {
		return
	}
	ctx, k.stop = context.WithCancel(ctx)
	k.waiting = map[mail.AccountID]*waiting{}
	k.wake = make(chan struct{}, 1)
	k.done = make(chan struct{})
	go x.run(ctx, k.done)
}

// Close ends the background work; what it did not come to is done after the next Start.
func (x *Index) Close() {
	x.work.mu.Lock()
	stop, done := x.work.stop, x.work.done
	x.work.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
}

// run is the worker.
func (x *Index) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	err := x.db.Parts(ctx, kv.Account, func(p kv.Part) error {
		x.wait(mail.AccountID(p.ID), func(w *waiting) { w.due = time.Time{} })
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil {
		x.opt.Log.Error("accounts can not be listed; messages of before are indexed when new ones come", "error", err)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		id, w, after := x.take()
		if w != nil {
			x.do(ctx, id, w)
			continue
		}
		timer.Reset(after)
		select {
		case <-ctx.Done():
		case <-x.work.wake:
		case <-timer.C:
		}
	}
}

// take gives an account that is due; if there is none, how long to wait.
func (x *Index) take() (mail.AccountID, *waiting, time.Duration) {
	k := &x.work
	k.mu.Lock()
	defer k.mu.Unlock()
	now, after := x.opt.Now(), time.Hour
	for i, id := range k.order {
		w := k.waiting[id]
		if d := w.due.Sub(now); d > 0 {
			after = min(after, d)
			continue
		}
		k.order = append(k.order[:i], k.order[i+1:]...)
		delete(k.waiting, id)
		x.opt.Metrics.wait(len(k.waiting))
		return id, w, 0
	}
	return 0, nil, after
}

// do indexes an account. After an error it is tried again, later each time.
func (x *Index) do(ctx context.Context, id mail.AccountID, w *waiting) {
	a := x.Account(id)
	var err error
	if w.rebuild {
		err = a.Rebuild(ctx, nil)
	} else {
		err = a.Sync(ctx)
	}
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, errNoAccount), errors.Is(err, mailbox.ErrRemoved):
		return
	case errors.Is(err, kv.ErrCorrupt) && !w.rebuild:
		a.damaged(err)
		return
	}
	x.opt.Log.Error("messages can not be indexed now", "account", id, "error", err)
	x.wait(id, func(next *waiting) {
		next.rebuild, next.tries = w.rebuild, w.tries+1
		next.due = x.opt.Now().Add(min(x.opt.Delay<<min(next.tries, 10), maxRetry))
	})
}

// damaged has the index made anew.
func (a *Account) damaged(err error) {
	known := false
	a.x.wait(a.id, func(w *waiting) { known, w.rebuild, w.due = w.rebuild, true, time.Time{} })
	if known { // and said
		return
	}
	if errors.Is(err, errOlder) {
		a.x.opt.Log.Info("the search index is of an older format and is made anew; searches read messages meanwhile", "account", a.id)
	} else {
		a.x.opt.Metrics.broke()
		a.x.opt.Log.Error("the search index is damaged and is made anew; searches read messages meanwhile", "account", a.id, "error", err)
	}
}

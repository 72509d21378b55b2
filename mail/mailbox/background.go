package mailbox

import (
	"context"
	"sync"
	"time"

	"barid/mail"
)

// job is what is to be done for an account behind the answers.
type job struct {
	reap   bool
	recent map[ID]UID // see info.recent
}

// recentPause is how long it may take until it is written down what was recent: a session that is told of each message as it
// comes would make another commit of each.
const recentPause = 100 * time.Millisecond

// worker does jobs, one account at a time, in a goroutine that lives while there are any.
type worker struct {
	mu      sync.Mutex
	timer   *time.Timer // nil: not set
	jobs    map[mail.AccountID]*job
	order   []mail.AccountID
	running bool
	closed  bool
	done    sync.WaitGroup
}

// later has j done for the account. Jobs of one account fall together.
func (s *Store) later(id mail.AccountID, j job) {
	w := &s.work
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if w.jobs == nil {
		w.jobs = map[mail.AccountID]*job{}
	}
	old := w.jobs[id]
	if old == nil {
		old = &job{}
		w.jobs[id] = old
		w.order = append(w.order, id)
	}
	old.merge(j)
	switch {
	case w.running:
	case j.reap:
		s.startWork()
	case w.timer == nil:
		w.timer = time.AfterFunc(recentPause, s.recentIsDue)
	}
}

// startWork begins to do the jobs. The caller holds work.mu.
func (s *Store) startWork() {
	s.work.running = true
	s.work.done.Add(1)
	go s.background()
}

// recentIsDue begins to do what waited for recentPause.
func (s *Store) recentIsDue() {
	w := &s.work
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer = nil; !w.running && !w.closed {
		s.startWork()
	}
}

func (j *job) merge(o job) {
	j.reap = j.reap || o.reap
	for id, u := range o.recent {
		if j.recent == nil {
			j.recent = map[ID]UID{}
		}
		j.recent[id] = max(j.recent[id], u)
	}
}

// take gives the next job; ok is false when there is none, and the goroutine must end.
func (w *worker) take() (id mail.AccountID, j *job, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.order) == 0 {
		w.running = false
		return 0, nil, false
	}
	id = w.order[0]
	w.order = w.order[1:]
	j = w.jobs[id]
	delete(w.jobs, id)
	return id, j, true
}

// stopWork ends the work. Only what was recent is written down still; all else is taken up again by the next process.
func (s *Store) stopWork() {
	w := &s.work
	w.mu.Lock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.done.Wait()
	for id, j := range w.jobs {
		if len(j.recent) > 0 {
			s.doFor(id, &job{recent: j.recent})
		}
	}
	w.jobs, w.order = nil, nil
}

// background does jobs until there are none. After an error of the store a job is dropped: it is taken up
// again when the account is next read.
func (s *Store) background() {
	defer s.work.done.Done()
	for {
		id, j, ok := s.work.take()
		if !ok {
			return
		}
		s.doFor(id, j)
	}
}

func (s *Store) doFor(id mail.AccountID, j *job) {
	a := s.acquire(id)
	defer s.release(a)
	if err := s.do(context.Background(), a, j); err != nil {
		s.opt.Log.Warn("mailbox work behind the answers failed", "account", id, "error", err)
	}
}

// do does one transaction's worth of a job and puts the rest back, so that no account keeps others waiting.
func (s *Store) do(ctx context.Context, a *account, j *job) error {
	more := false
	err := a.update(ctx, func(x *tx) (err error) {
		x.keepRecent(j.recent)
		if x.st.dead > 0 && j.reap {
			more, err = x.reapSome()
		}
		x.dead = false
		return err
	})
	if err == nil && more {
		s.later(a.id, job{reap: true})
	}
	return err
}

// keepRecent writes down which messages were shown as recent.
func (x *tx) keepRecent(recent map[ID]UID) {
	for id, u := range recent {
		if i := x.cat.byID[id]; i != nil && i.shape == selectable && i.recent < u {
			c := *i
			c.recent = u
			x.putInfo(&c)
		}
	}
}

package embedded

import (
	"time"

	"barid/base/kv"
)

// onFence runs in the goroutine whose write failed. From now on nothing is acknowledged; all versions
// jump, because what was applied and not durable is gone.
func (s *Store) onFence(err error) {
	if s.parts != nil {
		s.parts.gen.Add(1)
	}
	s.metrics.fenced()
	s.o.Logger.Error("store: a write failed; refusing mail until the disk takes it again", "err", err)
	select {
	case s.sick <- struct{}{}:
	default:
	}
	go s.markSick() // not here: the caller may hold any lock
}

func (s *Store) markSick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole == nil && s.rows != nil && s.rows.guard.fenced() {
		s.whole = make(chan struct{})
	}
}

// healer replaces a fenced instance by a new one as soon as the disk takes writes again.
func (s *Store) healer() {
	defer s.tasks.Done()
	for {
		select {
		case <-s.quit:
			return
		case <-s.sick:
		}
		wait := s.o.RetryMin
		for !s.heal() {
			if !s.sleep(wait) {
				return
			}
			wait = min(2*wait, s.o.RetryMax)
		}
	}
}

// sleep waits, and says false if the store is being closed.
func (s *Store) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.quit:
		return false
	}
}

// heal tries once. True also if there is nothing to heal.
func (s *Store) heal() bool {
	s.mu.RLock()
	old := s.rows
	s.mu.RUnlock()
	if !old.guard.fenced() {
		return true
	}
	if err := s.ready(); err != nil {
		s.o.Logger.Debug("store: not yet", "err", err)
		s.standStill(old)
		return false
	}
	old.guard.drain()
	fresh, err := openRows(s, s.onFence)
	if err != nil {
		s.o.Logger.Warn("store: reopening rows", "err", err)
		return false
	}
	s.mu.Lock()
	s.rows = fresh
	if s.whole != nil {
		close(s.whole)
		s.whole = nil
	}
	s.mu.Unlock()
	s.look(fresh)
	s.parts.gen.Add(1)
	s.healed.Add(1)
	s.metrics.healed()
	s.o.Logger.Info("store: healed; taking mail again")
	s.retire(old)
	if fresh.guard.fenced() { // again, before the swap: its wish to be healed may have been answered by us
		s.markSick()
		return false
	}
	return true
}

// standStill puts an instance that is only read in the place of a fenced one, until the disk takes writes again:
// the fenced one may show what was applied and then lost, so no transaction is let in there.
func (s *Store) standStill(old *rows) {
	if old.still {
		return
	}
	old.guard.drain()
	still, err := openStill(s, old.guard.cause)
	if err != nil {
		s.o.Logger.Warn("store: opening rows for reading", "err", err)
		return
	}
	s.mu.Lock()
	s.rows = still
	s.mu.Unlock()
	s.parts.gen.Add(1)
	s.retire(old)
}

// retire closes an instance that was replaced, when its last user is gone.
func (s *Store) retire(old *rows) {
	s.closes.Add(1)
	go func() {
		defer s.closes.Done()
		old.close(s.o.Logger)
	}()
}

// ready says whether it makes sense to open a new instance.
func (s *Store) ready() error {
	if s.space.low(s.reserve() / 2) {
		return kv.ErrFull
	}
	return probe(s.o.FS, s.dir)
}

// look measures the write pressure on r. It must not run inside an event, where Pebble holds its mutex.
func (s *Store) look(r *rows) {
	cur, err := s.use()
	if err != nil {
		return
	}
	defer cur.users.Done()
	if cur == r {
		r.looking.Lock()
		defer r.looking.Unlock()
		m := r.db.Metrics()
		r.queued.Store(int64(m.MemTable.Size) - maxQueued*int64(s.o.MemtableBytes))
		r.crowd.Store(max(0, m.Levels[0].Sublevels-l0Crowded))
	}
}

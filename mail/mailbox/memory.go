package mailbox

import "barid/mail"

// acquire holds an account in memory until release.
func (s *Store) acquire(id mail.AccountID) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[id]
	if a == nil {
		a = &account{s: s, id: id, boxes: map[ID]*box{}}
		s.accounts[id] = a
	}
	if a.unused != nil {
		s.unused.Remove(a.unused)
		a.unused = nil
	}
	a.users++
	return a
}

// release gives one hold up. An account nobody uses stays in memory until others need the room.
func (s *Store) release(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.users--; a.users > 0 {
		return
	}
	a.unused = s.unused.PushBack(a)
	for s.unused.Len() > s.opt.Accounts {
		s.evictAccount(s.unused.Front().Value.(*account))
	}
}

// evictAccount forgets an account that nobody uses. Under s.mu.
func (s *Store) evictAccount(a *account) {
	s.unused.Remove(a.unused)
	delete(s.accounts, a.id)
	for _, b := range a.boxes {
		s.unlist(b)
	}
}

// unlist takes a mailbox out of the idle ones. Under s.mu.
func (s *Store) unlist(b *box) {
	if b.idle != nil {
		s.idle.Remove(b.idle)
		s.idleBytes -= b.bytes
		b.idle = nil
	}
}

// busy takes a mailbox that a session holds out of the idle ones.
func (s *Store) busy(b *box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlist(b)
}

// touch notes the mailboxes a transaction used as the last ones used, and frees those used longest ago
// when they take too much memory.
func (s *Store) touch(x *tx) {
	for _, b := range x.boxes {
		if b.view != nil {
			s.park(b.box, b.view.memory())
		}
	}
	s.shrink()
}

// park makes a mailbox idle if no session holds it.
func (s *Store) park(b *box, bytes int64) {
	b.a.mu.Lock()
	held := b.handles > 0
	b.a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlist(b)
	if held {
		return
	}
	b.bytes = bytes
	b.idle = s.idle.PushBack(b)
	s.idleBytes += bytes
}

// shrink frees idle mailboxes until they fit in Options.HotBytes.
func (s *Store) shrink() {
	for {
		s.mu.Lock()
		e := s.idle.Front()
		if e == nil || s.idleBytes <= s.opt.HotBytes {
			s.opt.Metrics.idle(s.idleBytes)
			s.mu.Unlock()
			return
		}
		b := e.Value.(*box)
		s.unlist(b)
		s.mu.Unlock()
		b.cool()
	}
}

// cool drops a mailbox's messages from memory unless a session took hold of it meanwhile. What is known of
// it without them stays.
func (b *box) cool() {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	if b.handles > 0 {
		return
	}
	if b.pend != nil {
		b.pend = &pending{sum: b.pend.sum}
	}
	if p := b.pub.Load(); p != nil {
		b.pub.CompareAndSwap(p, &boxShown{ver: p.ver, info: p.info, sum: p.sum})
	}
}

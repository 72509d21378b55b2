package imap

import (
	"bufio"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"barid/serve/listen"
)

// How a session waits. Most sessions do nothing most of the time, so a session that waits holds what it knows, one goroutine with
// a stack that never grew, and no buffer. Three kinds of goroutines take turns on it:
//
//   - the one that serve/listen started lives as long as the connection: it only waits for the client (rest);
//   - when the client says something another one obeys (work), until nothing was said for Settings.AwakeTime; then it
//     ends, and its stack, which commands made large, and the buffer for reading go with it;
//   - who changes what the session watches rings (ring). If the session listens at that moment, because of IDLE or NOTIFY, that
//     starts one which tells the client (tell), and ends.
//
// Invariant: who has the turn, and nobody else, uses the session. A session that waits gives it away.
// Invariant: after each ring that comes while the session listens, or came since it last looked, the session looks again.

// live serves the connection to its end.
func (s *session) live() {
	s.turn.Lock()
	defer s.finish()
	for do := s.greet; ; do = s.work {
		if listen.Aside(do); s.ended {
			return
		}
		s.rest()
	}
}

// work obeys until the session ends or the client is silent for a while.
func (s *session) work() {
	woken := s.in.IsDetached()
	if woken {
		s.in.Reset(s.attach())
	}
	for !s.ended {
		if !s.in.Pending() {
			s.narrow()
			if s.out.Flush() != nil {
				s.ended = true
			} else if !s.hear(woken) {
				s.detach()
				s.allow(s.deadline())
				return
			}
			woken = false
		}
		if !s.ended {
			s.obey()
			s.since = time.Now()
		}
	}
	if s.out.Flush() == nil && s.lingers {
		s.conn.Linger() // the client is still sending what it should not
	}
}

// hear waits until the client says something, or must be told that its time is over. It reports false if the session may rest
// instead. woken: something has come, it needs no time, unless it may be no more than the end of what was compressed before.
func (s *session) hear(woken bool) bool {
	end := s.deadline()
	switch {
	case woken && s.unpack != nil:
		s.allow(earlier(end, time.Now().Add(time.Second)))
	case woken:
	case s.conn.CanAwait():
		s.stayAwake(end)
	default:
		s.allow(end)
	}
	s.conn.Interruptible(true)
	s.attend()
	err := s.in.Wait()
	s.unattend()
	return !isTimeout(err) || !time.Now().Before(end)
}

// stayAwake gives the client between half and all of AwakeTime, but not longer than to end: most often without a call.
func (s *session) stayAwake(end time.Time) {
	now, awake := time.Now(), s.srv.set.AwakeTime
	if left := s.until.Sub(now); left < awake/2 || left > awake {
		s.allow(earlier(end, now.Add(awake)))
	}
}

// rest waits without anything that only work needs. All that it calls must be shallow: a stack that grows here stays so.
func (s *session) rest() {
	s.attend()
	_ = s.conn.Await() // an error comes again when work reads
	s.unattend()
}

// deadline is until when the client must have said the next thing.
func (s *session) deadline() time.Time {
	if s.account == nil {
		return s.started.Add(s.srv.set.LoginTime)
	}
	return s.since.Add(s.srv.set.IdleTime)
}

// allow gives the client time for what is read next.
func (s *session) allow(until time.Time) {
	s.until = until
	_ = s.conn.SetReadDeadline(until)
}

// allowMore gives it the time for a command that has begun.
func (s *session) allowMore() {
	s.since = time.Now()
	s.allow(s.deadline())
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// attend gives the turn away while the session waits, to be told of what happens if the client listens.
func (s *session) attend() {
	s.attentive.Store((s.idling != "" || s.notifying != nil) && (s.sel != nil || s.notify != nil))
	again := s.attentive.Load() && s.rung.Load()
	s.turn.Unlock()
	if again {
		go s.tell()
	}
}

// unattend takes the turn back.
func (s *session) unattend() {
	s.turn.Lock()
	s.attentive.Store(false)
}

// ring is called after something changed that the session watches. It never waits.
func (s *session) ring() {
	if !s.rung.Swap(true) && s.attentive.Load() {
		go s.tell()
	}
}

// tell tells the client what changed. If the session began to obey meanwhile, this comes up when it waits again.
func (s *session) tell() {
	s.turn.Lock()
	defer s.turn.Unlock()
	if !s.attentive.Load() {
		return
	}
	defer s.told()
	s.rung.Store(false) // what comes from here on rings again
	s.job = job{}       // no command waits for this
	_, _, delayed := s.selectedWish()
	s.pushed(s.idling != "" || !delayed)
	if s.out.Flush() != nil {
		s.ended = true
	}
}

// told wakes the session if telling was its end. A panic ends this session, and no other.
func (s *session) told() {
	if v := recover(); v != nil {
		s.log.Error("imap session panicked", "user", s.user, "panic", v, "stack", string(debug.Stack()))
		s.ended = true
	}
	if s.ended {
		_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // a closed connection wakes by itself
	}
}

// pushed tells what there is to tell.
func (s *session) pushed(expunges bool) {
	if s.sel != nil && s.hearsSelected() {
		s.update(expunges)
	} else {
		s.revoked()
	}
	if !s.ended {
		s.tellNews()
	}
}

// attach gives what to read the client from.
func (s *session) attach() *bufio.Reader {
	br := s.srv.readers.get(s.conn)
	if s.unpack == nil {
		return br
	}
	s.unpack.Attach(br)
	return s.srv.readers.get(s.unpack)
}

// detach gives up what attach gave. It must come after a wait in vain: then nothing is in it, neither said nor compressed.
func (s *session) detach() {
	s.srv.readers.put(s.in.Detach())
	if s.unpack != nil {
		s.srv.readers.put(s.unpack.Detach())
	}
}

// widen gives the session a buffer for reading messages, if it has none.
func (s *session) widen() {
	if !s.in.IsWide() {
		s.in.Widen(s.srv.wide.get(nil))
	}
}

// narrow gives that buffer back, if all that is in it was used.
func (s *session) narrow() {
	if br := s.in.Narrow(); br != nil {
		s.srv.wide.put(br)
	}
}

// readers lends read buffers to sessions that do something.
type readers struct {
	size int
	pool sync.Pool
}

func (r *readers) get(from io.Reader) *bufio.Reader {
	if br, ok := r.pool.Get().(*bufio.Reader); ok {
		br.Reset(from)
		return br
	}
	return bufio.NewReaderSize(from, r.size)
}

func (r *readers) put(br *bufio.Reader) {
	br.Reset(nil)
	if br.Size() == r.size {
		r.pool.Put(br)
	}
}

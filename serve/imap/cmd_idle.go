package imap

import (
	"errors"
	"sync"
	"time"

	"barid/rfc/imap"
)

// cmdIdle is IDLE, RFC 2177. While this goroutine waits for DONE another one tells what changes, so that
// news need no polling.
func cmdIdle(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	if s.sel != nil && s.hearsSelected() {
		s.update(true)
	}
	s.tellNews()
	s.out.S("+ idling\r\n")
	if err := s.out.Flush(); err != nil || s.ended {
		return err
	}
	stop := s.push(true)
	s.conn.Interruptible(true)
	raw, err := s.in.Line()
	line := upperASCII(string(raw))
	s.conn.Interruptible(false)
	stop()
	return s.idleEnded(line, err)
}

// idleEnded judges the line that ended IDLE, or says goodbye if none came and anybody listens.
func (s *session) idleEnded(line string, err error) error {
	var syntax *imap.SyntaxError
	switch {
	case s.ended: // the pusher said goodbye, or met the end of the connection
		return errAnswered
	case errors.As(err, &syntax):
		return err
	case err != nil:
		s.readError(err)
		return errAnswered
	case line != "DONE":
		return badf("expected DONE")
	}
	return nil
}

// push starts telling what changes until the function it returns is called, EXPUNGE too if expunges. The session's writer
// and view are the pusher's in between.
func (s *session) push(expunges bool) (stop func()) {
	var wake <-chan struct{}
	var news chan struct{}
	if s.sel != nil {
		wake = s.sel.wake
	}
	if s.notify != nil {
		news = s.notify.wake
	}
	if wake == nil && news == nil {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-wake:
			case <-news:
			}
			s.pushed(expunges)
			if s.out.Flush() != nil || s.ended {
				s.ended = true
				_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
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

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 0x20
		}
	}
	return string(b)
}

package smtp

import (
	"errors"
	"io"
	"time"

	"barid/rfc/smtp"
)

// timing says how long the next Read may take.
type timing struct {
	started time.Time // of the session
	command time.Time // when we began to wait for the command; zero: not yet
	message time.Time // when the message must be complete; zero: no message is coming in
}

// maxPending is how many octets of replies are held back while there is input to work on.
const maxPending = 4 << 10

// Read is where the session waits for its peer: replies go out first, then the deadline is set. It serves
// s.r, which calls it only when it has nothing left to work on.
func (s *session) Read(p []byte) (int, error) {
	if err := s.flush(); err != nil {
		return 0, err
	}
	if err := s.conn.SetReadDeadline(s.deadline(time.Now())); err != nil {
		return 0, err
	}
	return s.conn.Read(p)
}

// deadline is one for the whole of a command, and one for each read of a message within one for all of it.
func (s *session) deadline(now time.Time) time.Time {
	if s.timing.message.IsZero() {
		if s.timing.command.IsZero() {
			s.timing.command = now
		}
		return s.timing.command.Add(s.srv.set.CommandTimeout)
	}
	t := now.Add(s.srv.set.DataTimeout)
	if t.After(s.timing.message) {
		t = s.timing.message
	}
	return t
}

// command reads a line; what is wrong with it comes back as a refusal or as the end of the session.
func (s *session) command() ([]byte, error) {
	line, err := s.line()
	switch {
	case err == nil:
		return line, nil
	case errors.Is(err, smtp.ErrEndless):
		return nil, ended("endless-line", lineTooLong())
	case isRefusable(err):
		return nil, lineError(err)
	}
	return nil, lost(err)
}

// line reads a command line. Within a message (between two chunks) it keeps the message's time.
func (s *session) line() ([]byte, error) {
	if s.chunked == nil {
		s.timing.command = time.Time{}
		s.shrink()
		s.conn.Interruptible(true)
	}
	return s.r.Line(max(s.srv.set.MaxLine, smtp.MaxAuthLine))
}

// beginMessage makes ready for a message: a big buffer, its own times, no interruption by a stop.
func (s *session) beginMessage() {
	s.conn.Interruptible(false)
	s.timing.message = time.Now().Add(s.srv.set.MessageTimeout)
	if s.big == nil {
		s.big = s.srv.buffers.Get().(*buffer)
		s.r.Swap(s.big[:])
	}
}

// endMessage goes back to commands.
func (s *session) endMessage() { s.timing.message = time.Time{} }

// shrink gives the big buffer back when the session is going to wait.
func (s *session) shrink() {
	if s.big == nil || s.r.Swap(s.small) == nil {
		return
	}
	s.srv.buffers.Put(s.big)
	s.big = nil
}

// reply queues a reply of one line.
func (s *session) reply(code int, enhanced, text string) error {
	s.out = smtp.AppendReply(s.out, code, enhanced, text)
	return s.spill()
}

// spill sends replies that should not be held back any longer.
func (s *session) spill() error {
	if len(s.out) > maxPending {
		return s.flush()
	}
	return nil
}

// flush sends the replies that are queued.
func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.srv.set.WriteTimeout)); err != nil {
		return &lostError{err}
	}
	_, err := s.conn.Write(s.out)
	if s.out = s.out[:0]; cap(s.out) > 2*maxPending {
		s.out = nil
	}
	if err != nil {
		return &lostError{err}
	}
	return nil
}

// lostError is a connection that can not be written to any more.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// isLost tells errors of the connection from those about what came over it.
func isLost(err error) bool {
	return err != nil && err != io.EOF && !isRefusable(err)
}

// isRefusable tells what a peer did wrong in a line or a message, for which there is an answer.
func isRefusable(err error) bool {
	for _, e := range []error{
		smtp.ErrBareCR, smtp.ErrBareLF, smtp.ErrNUL, smtp.ErrTooLong, smtp.ErrEndless, smtp.ErrTooBig,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

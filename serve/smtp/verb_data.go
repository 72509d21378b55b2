package smtp

import (
	"errors"
	"io"

	"barid/flow/intake"
	"barid/mail"
	"barid/rfc/smtp"
)

func checkData(s *session, _ []byte) error {
	if s.params.Body == smtp.BodyBinaryMIME {
		return binaryByDATA()
	}
	return nil
}

// data is DATA (RFC 5321 §4.1.1.4).
func (s *session) data([]byte) error {
	if err := s.reply(354, "", "end data with <CRLF>.<CRLF>"); err != nil {
		return err
	}
	s.beginMessage()
	defer s.endMessage()
	body := &dotted{d: s.r.Data(s.srv.set.MaxMessage)}
	receipt, err := s.tx.Data(s.ctx, body)
	return s.conclude(receipt, err, body)
}

// A body is a message on its way in, whatever brings it.
type body interface {
	io.Reader
	failed() error           // what ended it, other than its end; nil: nothing
	whole() bool             // it was read to its end
	drain(limit int64) error // reads on to its end
}

// conclude ends the transaction, after the message has come to its end on the wire, and answers. A message
// that was cut off has no answer, one whose end can not be found has one and ends the session.
func (s *session) conclude(receipt intake.Receipt, err error, b body) error {
	failed := b.failed()
	if isLost(failed) {
		s.clear()
		return lost(failed)
	}
	whole := b.whole() && failed == nil
	endless := b.drain(s.srv.set.MaxDrain)
	switch {
	case isLost(endless):
		s.clear()
		return lost(endless)
	case err == nil && !whole:
		err = errNotWhole // Invariant: only a whole message earns 250
	}
	rcpts := s.rcpts
	if err != nil {
		e := s.answer(err)
		s.clear()
		if endless != nil {
			return ended("endless-message", e)
		}
		return s.refuseMessage(e, rcpts)
	}
	s.clear()
	s.counts.messages++
	s.counts.errors, s.counts.idle = 0, 0
	return s.accept(receipt, rcpts)
}

// errNotWhole is an intake that takes a message without reading all of it.
var errNotWhole = errors.New("serve/smtp: message was accepted before its end")

// refuseMessage answers for all recipients: one reply, in LMTP one for each (RFC 2033 §4.2).
func (s *session) refuseMessage(err error, rcpts int) error {
	if s.srv.set.Role != mail.RoleLMTP {
		return s.settle(err)
	}
	e := s.answer(err)
	s.note(e)
	for range rcpts {
		if err := s.write(e); err != nil {
			return err
		}
	}
	return nil
}

// accept answers for a message that is safe.
func (s *session) accept(r intake.Receipt, rcpts int) error {
	if s.srv.set.Role != mail.RoleLMTP {
		return s.reply(250, "2.0.0", "Ok: "+r.ID)
	}
	for i := range rcpts {
		if i < len(r.PerRcpt) && r.PerRcpt[i] != nil {
			e := s.answer(r.PerRcpt[i])
			s.note(e)
			if err := s.write(e); err != nil {
				return err
			}
			continue
		}
		if err := s.reply(250, "2.1.5", "Ok: "+r.ID); err != nil {
			return err
		}
	}
	return nil
}

// dotted is the body that DATA brings.
type dotted struct {
	d   *smtp.DataReader
	err error
}

// Read gives refusals as *status.Error, so that everybody behind us knows what they are.
func (b *dotted) Read(p []byte) (int, error) {
	n, err := b.d.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
		err = bodyError(err)
	}
	return n, err
}

func (b *dotted) failed() error           { return b.err }
func (b *dotted) whole() bool             { return b.d.Done() }
func (b *dotted) drain(limit int64) error { return b.d.Drain(limit) }

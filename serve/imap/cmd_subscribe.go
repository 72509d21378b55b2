package imap

import "barid/mail/mailbox"

// cmdSubscribe is SUBSCRIBE, RFC 3501 §6.3.6.
func cmdSubscribe(s *session, c *call) error { return s.subscribe(c, true) }

// cmdUnsubscribe is UNSUBSCRIBE, RFC 3501 §6.3.7.
func cmdUnsubscribe(s *session, c *call) error { return s.subscribe(c, false) }

func (s *session) subscribe(c *call, on bool) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	if !on && reserved(name) { // it may be out of reach by now (RFC 4314 §4)
		s.cause(name)
		return s.account.Subscribe(s.ctx, name, false)
	}
	at, err := s.place(name)
	if err != nil {
		return err
	}
	if at.prefix != "" {
		if err := at.need(mailbox.RightLookup); err != nil {
			return err
		}
	}
	s.cause(at.shown())
	return s.account.Subscribe(s.ctx, at.shown(), on)
}

package imap

import "barid/mail/mailbox"

// cmdDelete is DELETE, RFC 3501 §6.3.4.
func cmdDelete(s *session, c *call) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.own(name)
	if err != nil {
		return err
	}
	if err := at.need(mailbox.RightRemove); err != nil {
		return err
	}
	s.cause(at.shown())
	if err := at.account.Delete(s.ctx, at.Name); err != nil {
		return err
	}
	if s.sel != nil && s.sel.box.View().Gone() {
		s.deselect() // its own doing: no reason to send the client away
	}
	return s.tellName(&at, name)
}

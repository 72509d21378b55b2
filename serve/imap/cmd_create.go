package imap

import (
	"strings"

	"barid/mail/mailbox"
)

// cmdCreate is CREATE, RFC 3501 §6.3.3. A trailing delimiter only says that names will follow below.
func cmdCreate(s *session, c *call) error {
	name := strings.TrimSuffix(c.Name(), "/")
	if err := c.End(); err != nil {
		return err
	}
	_, err := s.account.Create(s.ctx, name, mailbox.UseNone)
	return err
}

// cmdDelete is DELETE, RFC 3501 §6.3.4.
func cmdDelete(s *session, c *call) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	if err := s.account.Delete(s.ctx, name); err != nil {
		return err
	}
	if s.sel != nil && s.sel.box.View().Gone() {
		s.deselect() // its own doing: no reason to send the client away
	}
	return nil
}

// cmdRename is RENAME, RFC 3501 §6.3.5.
func cmdRename(s *session, c *call) error {
	from := c.Name()
	to := strings.TrimSuffix(c.SP().Name(), "/")
	if err := c.End(); err != nil {
		return err
	}
	return s.account.Rename(s.ctx, from, to)
}

// cmdSubscribe is SUBSCRIBE, RFC 3501 §6.3.6.
func cmdSubscribe(s *session, c *call) error { return s.subscribe(c, true) }

// cmdUnsubscribe is UNSUBSCRIBE, RFC 3501 §6.3.7.
func cmdUnsubscribe(s *session, c *call) error { return s.subscribe(c, false) }

func (s *session) subscribe(c *call, on bool) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	return s.account.Subscribe(s.ctx, name, on)
}

package imap

import (
	"strings"

	"barid/mail/mailbox"
)

// cmdRename is RENAME, RFC 3501 §6.3.5. The new name is taken as it is: who asks for a usual name of a special-use mailbox
// here wants a mailbox of that name.
func cmdRename(s *session, c *call) error {
	from := c.Name()
	to := strings.TrimSuffix(c.SP().Name(), "/")
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.own(from)
	if err != nil {
		return err
	}
	if err := at.need(mailbox.RightRemove); err != nil {
		return err
	}
	name, err := s.newName(at, to)
	if err != nil {
		return err
	}
	s.cause(at.shown(), at.prefix+name)
	if err := at.account.Rename(s.ctx, at.Name, name); err != nil {
		return err
	}
	if err := s.tellName(&at, from); err != nil {
		return err
	}
	at.Name = name
	return s.tellName(&at, to)
}

// newName gives the name that a mailbox gets in its owner's account, which it stays in, in the form it is kept in.
func (s *session) newName(at place, to string) (string, error) {
	if at.prefix == "" && !reserved(to) {
		return mailbox.CleanName(to)
	}
	dst, err := s.place(to)
	if err != nil {
		return "", err
	}
	if dst.account.ID() != at.account.ID() {
		return "", no("CANNOT", "a mailbox stays with its owner")
	}
	return dst.Name, dst.mayCreate()
}

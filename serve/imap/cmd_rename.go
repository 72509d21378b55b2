package imap

import "strings"

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
	return at.account.Rename(s.ctx, at.Name, to)
}

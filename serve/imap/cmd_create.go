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

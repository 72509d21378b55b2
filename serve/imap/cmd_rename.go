package imap

import "strings"

// cmdRename is RENAME, RFC 3501 §6.3.5.
func cmdRename(s *session, c *call) error {
	from := c.Name()
	to := strings.TrimSuffix(c.SP().Name(), "/")
	if err := c.End(); err != nil {
		return err
	}
	return s.account.Rename(s.ctx, from, to)
}

package imap

// cmdUnselect is UNSELECT, RFC 3691: leave and expunge nothing.
func cmdUnselect(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.deselect()
	return nil
}

package imap

// cmdLogout is LOGOUT, RFC 3501 §6.1.3.
func cmdLogout(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.bye("logging out")
	return nil
}

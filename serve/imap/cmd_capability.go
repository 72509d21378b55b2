package imap

// cmdCapability is CAPABILITY, RFC 3501 §6.1.1.
func cmdCapability(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.out.S("* CAPABILITY ").S(s.capabilities()).CRLF()
	return nil
}

package imap

// cmdNamespace is NAMESPACE, RFC 2342: one personal namespace.
func cmdNamespace(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.out.S(`* NAMESPACE (("" "/")) NIL NIL` + "\r\n")
	return nil
}

package imap

// cmdNamespace is NAMESPACE, RFC 2342: one personal namespace, and one for what others share.
func cmdNamespace(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.out.S(`* NAMESPACE (("" "/")) (("` + othersPrefix + `" "/")) NIL` + "\r\n")
	return nil
}

// reserved reports whether a name is the namespace of other users: no mailbox of one's own can be called so.
func reserved(name string) bool {
	return name+"/" == othersPrefix || len(name) >= len(othersPrefix) && name[:len(othersPrefix)] == othersPrefix
}

package imap

import "barid/rfc/imap"

// cmdNamespace is NAMESPACE, RFC 2342: one personal namespace, and one for what others share.
func cmdNamespace(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.tellNamespace()
	return nil
}

// tellNamespace answers NAMESPACE. In another language than English it says how the prefix is called there (RFC 5255
// §3.4), which leaves the prefix as it is.
func (s *session) tellNamespace() {
	s.out.S(`* NAMESPACE (("" "/")) (("` + othersPrefix + `" "/"`)
	if t := s.said(othersRoot); t != othersRoot {
		s.out.S(` "TRANSLATION" (`).Str(imap.EncodeName(t + "/")).C(')')
	}
	s.out.S(")) NIL\r\n")
}

// reserved reports whether a name is the namespace of other users: no mailbox of one's own can be called so.
func reserved(name string) bool {
	return name+"/" == othersPrefix || len(name) >= len(othersPrefix) && name[:len(othersPrefix)] == othersPrefix
}

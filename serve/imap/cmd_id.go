package imap

// maxIDPairs is RFC 2971 §3.3's limit of field-value pairs.
const maxIDPairs = 30

// cmdID is ID, RFC 2971. What the client says of itself is read and not kept; before login we tell only
// our name.
func cmdID(s *session, c *call) error {
	if c.NextIs('(') {
		n := 0
		c.List(func() {
			if n++; n > 2*maxIDPairs {
				c.Fail("too many fields")
			}
			c.NString()
		})
		if n%2 != 0 {
			c.Fail("a field has no value")
		}
	} else if _, ok := c.NString(); ok {
		c.Fail("expected a list or NIL")
	}
	if err := c.End(); err != nil {
		return err
	}
	s.out.S(`* ID ("name" "Barid"`)
	if s.account != nil && s.srv.set.Version != "" {
		s.out.S(` "version" `).Str(s.srv.set.Version)
	}
	s.out.S(")\r\n")
	return nil
}

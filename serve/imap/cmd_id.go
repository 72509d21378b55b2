package imap

import "strings"

const (
	maxIDPairs  = 30 // field-value pairs (RFC 2971 §3.3)
	maxIDClient = 64 // bytes of the client's name that are kept
)

// readID reads the fields of ID and gives the client's name.
func readID(c *call) (client string) {
	n, field := 0, ""
	c.List(func() {
		if n++; n > 2*maxIDPairs {
			c.Fail("too many fields")
		}
		if n%2 == 1 {
			field = c.String()
			return
		}
		if value, _ := c.NString(); strings.EqualFold(field, "name") {
			client = strings.Clone(value[:min(len(value), maxIDClient)])
		}
	})
	if n%2 != 0 {
		c.Fail("a field has no value")
	}
	return client
}

// cmdID is ID, RFC 2971. Of what the client says its name is kept, for Settings.Hidden; before login we
// tell only our name.
func cmdID(s *session, c *call) error {
	name := ""
	if c.NextIs('(') {
		name = readID(c)
	} else if _, ok := c.NString(); ok {
		c.Fail("expected a list or NIL")
	}
	if err := c.End(); err != nil {
		return err
	}
	s.client = name
	s.limit() // it may be one that Settings.Hidden means
	s.out.S(`* ID ("name" "Barid"`)
	if s.account != nil && s.srv.set.Version != "" {
		s.out.S(` "version" `).Str(s.srv.set.Version)
	}
	s.out.S(")\r\n")
	return nil
}

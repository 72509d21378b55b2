package imap

import (
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdList is LIST, RFC 3501 §6.3.8, with the attributes of RFC 3348 and RFC 6154.
func cmdList(s *session, c *call) error {
	ref := c.Name()
	pattern := c.SP().Pattern()
	if err := c.End(); err != nil {
		return err
	}
	if pattern == "" {
		s.out.S(`* LIST (\Noselect) "/" ""` + "\r\n")
		return nil
	}
	all, err := s.account.List(s.ctx)
	if err != nil {
		return err
	}
	m := imap.NewMatcher(ref + pattern)
	for _, in := range all {
		if !in.NonExistent && m.Match(in.Name) {
			s.writeName("LIST", attributes(in), in.Name)
		}
	}
	return nil
}

// attributes are those of a LIST response, without parentheses.
func attributes(in mailbox.Info) string {
	var a []string
	if in.NoSelect {
		a = append(a, `\Noselect`)
	}
	if in.HasChildren {
		a = append(a, `\HasChildren`)
	} else {
		a = append(a, `\HasNoChildren`)
	}
	if attr := in.Use.Attr(); attr != "" {
		a = append(a, attr)
	}
	return strings.Join(a, " ")
}

func (s *session) writeName(verb, attrs, name string) {
	s.out.S("* ").S(verb).S(" (").S(attrs).S(`) "/" `).Name(name).CRLF()
}

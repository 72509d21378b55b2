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

// cmdLsub is LSUB, RFC 3501 §6.3.9. With a pattern that ends in "%", a name that is not subscribed but has
// subscribed names below it is told as \Noselect.
func cmdLsub(s *session, c *call) error {
	ref := c.Name()
	pattern := c.SP().Pattern()
	if err := c.End(); err != nil {
		return err
	}
	all, err := s.account.List(s.ctx)
	if err != nil {
		return err
	}
	m := imap.NewMatcher(ref + pattern)
	told := make(map[string]bool)
	for _, in := range all {
		if !in.Subscribed {
			continue
		}
		if m.Match(in.Name) {
			told[in.Name] = true
			s.writeName("LSUB", noSelectAttr(in.NoSelect || in.NonExistent), in.Name)
		} else if strings.HasSuffix(pattern, "%") {
			s.lsubParents(m, in.Name, all, told)
		}
	}
	return nil
}

func noSelectAttr(on bool) string {
	if on {
		return `\Noselect`
	}
	return ""
}

// lsubParents tells the names above a subscribed name that match and are not subscribed themselves.
func (s *session) lsubParents(m *imap.Matcher, name string, all []mailbox.Info, told map[string]bool) {
	for i := 0; i < len(name); i++ {
		above := name[:i]
		if name[i] != imap.Delimiter || told[above] || !m.Match(above) || isSubscribed(all, above) {
			continue
		}
		told[above] = true
		s.writeName("LSUB", `\Noselect`, above)
	}
}

func isSubscribed(all []mailbox.Info, name string) bool {
	for _, in := range all {
		if in.Name == name {
			return in.Subscribed
		}
	}
	return false
}

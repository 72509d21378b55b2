package imap

import (
	"strings"

	"barid/rfc/imap"
)

// cmdLsub is LSUB, RFC 3501 §6.3.9. With a pattern that ends in "%", a name that is not subscribed but has
// subscribed names below it is told as \Noselect.
func cmdLsub(s *session, c *call) error {
	ref := c.Name()
	pattern := c.SP().Pattern()
	if err := c.End(); err != nil {
		return err
	}
	all, err := s.names()
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
func (s *session) lsubParents(m *imap.Matcher, name string, all []named, told map[string]bool) {
	for i := 0; i < len(name); i++ {
		above := name[:i]
		if name[i] != imap.Delimiter || told[above] || !m.Match(above) || isSubscribed(all, above) {
			continue
		}
		told[above] = true
		s.writeName("LSUB", `\Noselect`, above)
	}
}

func isSubscribed(all []named, name string) bool {
	for _, in := range all {
		if in.Name == name {
			return in.Subscribed
		}
	}
	return false
}

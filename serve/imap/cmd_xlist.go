package imap

import (
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdXlist is XLIST, what Gmail had before RFC 6154 and old clients still ask: LIST whose attributes tell the uses
// in its own words.
func cmdXlist(s *session, c *call) error {
	ref := c.Name()
	pattern := c.SP().Pattern()
	if err := c.End(); err != nil {
		return err
	}
	if pattern == "" { // as LIST
		s.out.S(`* XLIST (\Noselect) "/" ""` + "\r\n")
		return nil
	}
	all, err := s.names()
	if err != nil {
		return err
	}
	m := imap.NewMatcher(ref + pattern)
	all = s.addLevels(all, ref+pattern)
	for i := range all {
		if n := &all[i]; !n.NonExistent && m.Match(n.Name) {
			s.writeName("XLIST", xlistAttributes(n), n.Name)
		}
	}
	return nil
}

func xlistAttributes(n *named) string {
	plain := n.Info
	plain.Use = mailbox.UseNone
	a := attributes(plain)
	switch {
	case n.Name == mailbox.Inbox:
		return join(a, `\Inbox`)
	case n.Use == mailbox.UseJunk:
		return join(a, `\Spam`)
	}
	return join(a, n.Use.Attr())
}

package report

import (
	"slices"

	"barid/mail"
	"barid/mail/event"
	"barid/rfc/addr"
	"barid/rfc/dsn"
)

// sent is what the events of a transaction tell.
type sent struct {
	known  bool
	sender string // reverse-path
	login  mail.AccountID
	to     []string // forward-paths in their order
}

// sentOf reads the events of one transaction. What we said to our own sender about it is not looked at.
func sentOf(es []event.Event) sent {
	var s sent
	for i := len(es) - 1; i >= 0; i-- { // the oldest first
		e := &es[i]
		switch e.Kind {
		case event.Refused, event.Deferred, event.Discarded:
			continue
		}
		if e.Stage == "report" || e.From == "" {
			continue
		}
		s.known, s.sender = true, e.From
		if e.Login != 0 {
			s.login = e.Login
		}
		for _, to := range e.To {
			if !slices.Contains(s.to, to) {
				s.to = append(s.to, to)
			}
		}
	}
	return s
}

// from tells whether one of the addresses is the reverse-path.
func (s *sent) from(to []addr.Mailbox) bool {
	m, err := addr.ParseMailbox(s.sender, true)
	return err == nil && slices.ContainsFunc(to, func(a addr.Mailbox) bool { return a.Key() == m.Key() })
}

// told ties the recipients of a report to those we sent to. tag names the one that a VERP address is of, or "". What
// it says is surer than a name in the report, which may be where that mailbox is forwarded to. A recipient of whom
// nothing is known is left out.
func (s *sent) told(rs []dsn.Recipient, tag string) []Told {
	ts := make([]Told, 0, len(rs))
	for _, r := range rs {
		t := Told{Recipient: r, Class: r.Class(), Final: r.Final.Text}
		if t.To = s.match(r.Original); t.To == "" {
			t.To = s.match(r.Final)
		}
		if t.To == "" && len(rs) == 1 {
			if t.To = s.tagged(tag); t.To == "" && len(s.to) == 1 {
				t.To = s.to[0]
			}
		}
		if t.To != "" || t.Final != "" {
			ts = append(ts, t)
		}
	}
	return ts
}

// tagged gives the forward-path with this dsn.RcptTag.
func (s *sent) tagged(tag string) string {
	for _, to := range s.to {
		if m, err := addr.ParseMailbox(to, true); err == nil && tag != "" && dsn.RcptTag(m) == tag {
			return to
		}
	}
	return ""
}

// match gives the forward-path that is the address a.
func (s *sent) match(a dsn.Address) string {
	m, ok := a.Mailbox()
	if !ok {
		return ""
	}
	for _, to := range s.to {
		if t, err := addr.ParseMailbox(to, true); err == nil && t.Key() == m.Key() {
			return to
		}
	}
	return ""
}

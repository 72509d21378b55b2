package queue

import (
	"slices"
	"strings"
	"time"

	"barid/mail"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// Selector chooses entries: those that agree with every field that is set. The patterns take "*" for any
// text and do not tell upper from lower case; addresses and domains agree in either form, A-labels or U-labels.
type Selector struct {
	Names     []spool.Name   // these entries
	Messages  []string       // of these transactions
	Account   mail.AccountID // of this account
	From, To  string         // pattern of the reverse-path, of some forward-path: "*@example.org"
	Domain    string         // pattern of the destination
	Route     *string        // name of the route, by rule or by an operator; pointer to "": by MX
	Before    time.Time      // arrived before
	NextBy    time.Time      // whose next attempt is not later; held entries have none
	ErrorLike string         // pattern within the last answer to some recipient: code, enhanced code, words
	Hold      *bool          // held, or not
	All       bool           // every entry: verbs that change something refuse a Selector that says nothing
	After     spool.Name     // those behind this one in the order of Find, to read on; chooses nothing by itself

	not func(*spool.Entry) bool // nor these
}

// says tells whether anything is set.
func (s *Selector) says() bool {
	return s.All || len(s.Names) > 0 || len(s.Messages) > 0 || s.Account != 0 || s.From != "" || s.To != "" || s.Domain != "" ||
		s.Route != nil || !s.Before.IsZero() || !s.NextBy.IsZero() || s.ErrorLike != "" || s.Hold != nil
}

// Match tells whether e is chosen.
func (s *Selector) Match(e *spool.Entry) bool {
	switch {
	case len(s.Names) > 0 && !slices.Contains(s.Names, e.Name()),
		len(s.Messages) > 0 && !slices.Contains(s.Messages, e.Message.ID),
		s.Account != 0 && s.Account != e.Account,
		s.Route != nil && plainRoute(*s.Route) != plainRoute(e.Route),
		!s.Before.IsZero() && !e.Arrived.Before(s.Before),
		!s.NextBy.IsZero() && (e.Hold || e.Next.After(s.NextBy)),
		s.Hold != nil && *s.Hold != e.Hold,
		compareNames(s.After, e.Name()) >= 0,
		s.Domain != "" && !like(s.Domain, e.Destination) && !like(s.Domain, addr.UnicodeDomain(e.Destination)),
		s.From != "" && !s.matchFrom(e),
		s.not != nil && s.not(e):
		return false
	}
	return s.matchRcpts(e)
}

// plainRoute gives the name of a route as people know it, "" for the way by MX.
func plainRoute(route string) string {
	if route == spool.Direct {
		return ""
	}
	name, _ := relay.Hinted(route)
	return name
}

func (s *Selector) matchRcpts(e *spool.Entry) bool {
	if s.To == "" && s.ErrorLike == "" {
		return true
	}
	return slices.ContainsFunc(e.Rcpts, func(r spool.Rcpt) bool {
		return (s.To == "" || like(s.To, r.To.Mailbox.String()) || like(s.To, r.To.Mailbox.Unicode())) &&
			(s.ErrorLike == "" || r.Last != (spool.Answer{}) && like("*"+s.ErrorLike+"*", r.Last.String()))
	})
}

func (s *Selector) matchFrom(e *spool.Entry) bool {
	if e.From.Null {
		return like(s.From, "<>")
	}
	return like(s.From, e.From.Mailbox.String()) || like(s.From, e.From.Mailbox.Unicode())
}

// like matches a pattern with "*" in time linear in both for each star, whatever the pattern.
func like(pattern, text string) bool {
	pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	if len(text) < len(last) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[:len(text)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return true
}

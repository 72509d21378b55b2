package relay

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Snapshot is everything at one moment. It is never changed; do not change what it gives.
type Snapshot struct {
	err     error
	routes  map[string]*Route
	rules   map[ruleKey]*Rule
	sources map[netip.Addr]*Source
}

type ruleKey struct{ recipient, sender string }

func (r *Rule) key() ruleKey { return ruleKey{r.Recipient, r.Sender} }

func newSnapshot() *Snapshot {
	return &Snapshot{routes: map[string]*Route{}, rules: map[ruleKey]*Rule{}, sources: map[netip.Addr]*Source{}}
}

// Err tells why the rows can not be believed; nil: they can. Mail waits while there is an error.
func (s *Snapshot) Err() error { return s.err }

// Route gives the route of a name.
func (s *Snapshot) Route(name string) (*Route, bool) {
	r, ok := s.routes[name]
	return r, ok
}

// Routes gives all routes by name.
func (s *Snapshot) Routes() []*Route {
	out := make([]*Route, 0, len(s.routes))
	for _, r := range s.routes {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *Route) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Rules gives all rules, the nearest first: where two fit a message the earlier one counts.
func (s *Snapshot) Rules() []*Rule {
	out := make([]*Rule, 0, len(s.rules))
	for _, r := range s.rules {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *Rule) int {
		return cmp.Or(nearer(a.Recipient, b.Recipient), nearer(a.Sender, b.Sender))
	})
	return out
}

// nearer orders patterns: domains, then those of subdomains, the longer first, then "".
func nearer(a, b string) int {
	rank := func(p string) int {
		switch {
		case p == "":
			return 2
		case p[0] == '.':
			return 1
		}
		return 0
	}
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	if rank(a) == 1 {
		if c := cmp.Compare(strings.Count(b, "."), strings.Count(a, ".")); c != 0 {
			return c
		}
	}
	return cmp.Compare(a, b)
}

// Sources gives all sources by address.
func (s *Snapshot) Sources() []*Source {
	out := make([]*Source, 0, len(s.sources))
	for _, x := range s.sources {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b *Source) int { return a.Addr.Compare(b.Addr) })
	return out
}

// Choose gives the rule for mail of a reverse-path's domain ("" for the null one) to a domain, both canonical, and
// its route. Without a rule, or with one to Direct, the route is nil.
func (s *Snapshot) Choose(sender, recipient string) (*Route, *Rule) {
	if len(s.rules) == 0 {
		return nil, nil
	}
	if sender == "" {
		sender = NullSender
	}
	for r, more := recipient, true; more; r, more = wider(r) {
		for f, more := sender, true; more; f, more = wider(f) {
			if rule := s.rules[ruleKey{r, f}]; rule != nil {
				return s.routes[rule.Route], rule
			}
		}
	}
	return nil, nil
}

// wider gives the next pattern that fits what p fits: "a.b.test" → ".b.test" → ".test" → "".
func wider(p string) (string, bool) {
	if p == "" {
		return "", false
	}
	if p[0] == '[' || p == NullSender {
		return "", true
	}
	if i := strings.IndexByte(p[1:], '.'); i >= 0 {
		return p[1+i:], true
	}
	return "", true
}

// HintFor gives the note of the route for a message that is queued now: see Hint. A chain with the direct way
// in it has none: what one domain's servers do says nothing about another's.
func (s *Snapshot) HintFor(sender, recipient string) string {
	r, _ := s.Choose(sender, recipient)
	if r == nil || slices.ContainsFunc(r.Relays, func(x Relay) bool { return x.Direct() }) {
		return ""
	}
	return Hint(r.Name)
}

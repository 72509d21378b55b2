package relay

import (
	"cmp"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Edit is a change being made. Its methods check what they are given; what must fit together is checked at the end.
type Edit struct {
	old, next *Snapshot
	now       time.Time
}

func newEdit(old *Snapshot, now time.Time) *Edit {
	return &Edit{old: old, now: now.UTC().Truncate(time.Second), next: &Snapshot{
		routes: maps.Clone(old.routes), rules: maps.Clone(old.rules), sources: maps.Clone(old.sources),
	}}
}

// Now gives what would be there.
func (e *Edit) Now() *Snapshot { return e.next }

// SetRoute makes a route, or replaces the one of its name.
func (e *Edit) SetRoute(r Route) error {
	r, err := r.canonical()
	if err != nil {
		return err
	}
	r.Changed = e.now
	if old, ok := e.old.routes[r.Name]; ok && reflect.DeepEqual(old.Relays, r.Relays) {
		r.Changed = old.Changed // nothing is different
	}
	e.next.routes[r.Name] = &r
	return nil
}

// RemoveRoute takes a route away. Rules to it are removed with it, or keep it: ErrInUse.
func (e *Edit) RemoveRoute(name string, withRules bool) error {
	if _, err := e.Route(name); err != nil {
		return err
	}
	var used []Rule
	for _, r := range e.next.Rules() {
		if r.Route == name {
			used = append(used, *r)
		}
	}
	if len(used) > 0 && !withRules {
		return ErrInUse{Name: name, Rules: used}
	}
	for i := range used {
		delete(e.next.rules, used[i].key())
	}
	delete(e.next.routes, name)
	return nil
}

// Route gives a route, or ErrUnknown.
func (e *Edit) Route(name string) (Route, error) { return e.next.Need(name) }

// Need gives a route, or ErrUnknown.
func (s *Snapshot) Need(name string) (Route, error) {
	if s.err != nil {
		return Route{}, s.err
	}
	if r, ok := s.routes[name]; ok {
		return *r, nil
	}
	return Route{}, ErrUnknown{Kind: "route", Name: name, Near: nearest(name, slices.Collect(maps.Keys(s.routes)))}
}

// SetRule makes a rule, or replaces the one for the same mail.
func (e *Edit) SetRule(r Rule) error {
	r, err := r.canonical()
	if err != nil {
		return err
	}
	e.next.rules[r.key()] = &r
	return nil
}

// RemoveRule takes the rule for the mail of a sender's and recipient's pattern away.
func (e *Edit) RemoveRule(sender, recipient string) error {
	r, err := Rule{Sender: sender, Recipient: recipient, Route: Direct}.canonical()
	if err != nil {
		return err
	}
	if _, ok := e.next.rules[r.key()]; !ok {
		return ErrUnknown{Kind: "rule", Name: r.String()}
	}
	delete(e.next.rules, r.key())
	return nil
}

// SetSource makes a source, or replaces the one of its address.
func (e *Edit) SetSource(address, helo string, senders []string) error {
	a, err := parseAddr(address)
	if err != nil {
		return err
	}
	s, err := Source{Addr: a, Helo: helo, Senders: senders}.canonical()
	if err != nil {
		return err
	}
	e.next.sources[s.Addr] = &s
	return nil
}

// RemoveSource takes a source away.
func (e *Edit) RemoveSource(address string) error {
	a, err := parseAddr(address)
	if err != nil {
		return err
	}
	if _, ok := e.next.sources[a]; !ok {
		return ErrUnknown{Kind: "source", Name: a.String()}
	}
	delete(e.next.sources, a)
	return nil
}

// check looks at what must fit together.
func (e *Edit) check() error {
	for _, x := range []struct {
		kind   string
		n, max int
	}{
		{"route", len(e.next.routes), MaxRoutes},
		{"rule", len(e.next.rules), MaxRules},
		{"source", len(e.next.sources), MaxSources},
	} {
		if x.n > x.max {
			return ErrInvalid{Kind: x.kind, Why: "at most " + strconv.Itoa(x.max) + " are allowed"}
		}
	}
	for _, r := range e.next.Rules() {
		if r.Route == Direct {
			continue
		}
		if _, err := e.next.Need(r.Route); err != nil {
			return err
		}
	}
	return nil
}

// changes lists what is different, by kind and name.
func (e *Edit) changes() []Change {
	out := []Change{} // an empty list in JSON, not null
	out = compared(out, "route", e.old.routes, e.next.routes, func(r *Route) string { return r.Name })
	out = compared(out, "rule", e.old.rules, e.next.rules, (*Rule).Title)
	out = compared(out, "source", e.old.sources, e.next.sources, func(s *Source) string { return s.Addr.String() })
	return out
}

func compared[K comparable, V any](out []Change, kind string, old, next map[K]*V, name func(*V) string) []Change {
	at := len(out)
	for k, v := range next {
		before, ok := old[k]
		switch {
		case !ok:
			out = append(out, Change{kind, name(v), "added"})
		case !reflect.DeepEqual(before, v):
			out = append(out, Change{kind, name(v), "changed"})
		}
	}
	for k, v := range old {
		if _, ok := next[k]; !ok {
			out = append(out, Change{kind, name(v), "removed"})
		}
	}
	slices.SortFunc(out[at:], func(a, b Change) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.What, b.What)) })
	return out
}

// write puts what is different into the rows.
func (e *Edit) write(t kv.Txn) error {
	err := rows(t, mail.TableRelayRoute, e.old.routes, e.next.routes, func(name string) []byte { return []byte(name) })
	if err != nil {
		return err
	}
	err = rows(t, mail.TableRelayRule, e.old.rules, e.next.rules, func(k ruleKey) []byte {
		return (&Rule{Recipient: k.recipient, Sender: k.sender}).rowKey()
	})
	if err != nil {
		return err
	}
	return rows(t, mail.TableRelaySource, e.old.sources, e.next.sources, func(a netip.Addr) []byte { return []byte(a.String()) })
}

func rows[K comparable, V any](t kv.Txn, table kv.Table, old, next map[K]*V, key func(K) []byte) error {
	for k := range old {
		if _, ok := next[k]; !ok {
			t.Del(table, key(k))
		}
	}
	for k, v := range next {
		if before, ok := old[k]; ok && reflect.DeepEqual(before, v) {
			continue
		}
		b, err := encode(v)
		if err != nil {
			return err
		}
		t.Put(table, key(k), b)
	}
	return nil
}

package imapmodel

import (
	"fmt"
	"slices"
)

// watch is a search whose result the client keeps by ADDTO and REMOVEFROM (RFC 5267 §4.3).
type watch struct {
	tag   string
	key   key
	found []uint32
}

// maxContexts is what histories ask for at once; the server grants more.
const maxContexts = 8

// watching makes up a UID SEARCH whose result is kept up to date, or ends one.
func (h *history) watching(s *session) *command {
	if n := len(s.contexts); n == maxContexts || n > 0 && h.r.IntN(4) == 0 {
		tag := s.contexts[h.r.IntN(n)].tag
		c := &command{text: "CANCELUPDATE " + quote(tag)}
		c.check = func(r *reply) {
			if !r.ok() {
				s.fail("%q was answered %q", c.text, r.tagged.raw)
			}
			s.contexts = slices.DeleteFunc(s.contexts, func(x *watch) bool { return x.tag == tag })
		}
		return c
	}
	x := &watch{key: h.steady()}
	c := &command{text: "UID SEARCH RETURN (ALL UPDATE) " + x.key.text, words: " ESEARCH "}
	c.watch = x
	c.check = func(r *reply) {
		if !r.ok() || x.tag != r.tagged.tag {
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
	}
	return c
}

// steady makes up a key that means the same whatever comes: flags and sizes.
func (h *history) steady() key {
	leaf := func() key {
		f := flags(1) << h.r.IntN(len(words))
		name := "KEYWORD " + f.String()
		if f&system != 0 {
			name = map[flags]string{answered: "ANSWERED", flagged: "FLAGGED", deleted: "DELETED", seen: "SEEN", draft: "DRAFT"}[f]
		}
		if h.r.IntN(2) == 0 {
			return key{text: "NOT " + name, has: func(_ int, m *message) bool { return m.flags&f == 0 }}
		}
		return key{text: name, has: func(_ int, m *message) bool { return m.flags&f != 0 }}
	}
	a, b := leaf(), leaf()
	n := 17 + h.r.IntN(40)
	switch h.r.IntN(4) {
	case 0:
		return key{text: "OR " + a.text + " " + b.text, has: func(i int, m *message) bool { return a.has(i, m) || b.has(i, m) }}
	case 1:
		return key{text: fmt.Sprintf("%s SMALLER %d", a.text, n), has: func(i int, m *message) bool { return a.has(i, m) && h.m.size(m) < n }}
	case 2:
		return key{text: "ALL", has: func(int, *message) bool { return true }}
	}
	return a
}

// takeWatch takes the first result of a search that goes on: updates may follow at once.
func (s *session) takeWatch(x *watch, l *response) {
	if x.tag = l.args[0].list[1].s; len(l.args) == 4 && l.args[2].atom() == "ALL" {
		x.found = set(l.args[3].s)
	}
	s.contexts = append(s.contexts, x)
}

// takeUpdate is what a client makes of ESEARCH with ADDTO or REMOVEFROM; ok is false for another one.
func (s *session) takeUpdate(l *response) (ok bool) {
	if len(l.args) != 4 || l.args[2].atom() != "ADDTO" && l.args[2].atom() != "REMOVEFROM" {
		return false
	}
	at := slices.IndexFunc(s.contexts, func(x *watch) bool { return x.tag == l.args[0].list[1].s })
	if at < 0 || l.args[1].atom() != "UID" {
		s.fail("%q is about no search that goes on", l.raw)
	}
	x, pairs := s.contexts[at], l.args[3].list
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].number() != 0 {
			s.fail("%q: a place in a result that has no order", l.raw)
		}
		for _, u := range set(pairs[i+1].s) {
			switch is := slices.Contains(x.found, u); {
			case l.args[2].atom() == "ADDTO" && !is:
				x.found = append(x.found, u)
			case l.args[2].atom() == "REMOVEFROM" && is:
				x.found = slices.DeleteFunc(x.found, func(o uint32) bool { return o == u })
			default:
				s.fail("%q, the result was %v", l.raw, x.found)
			}
		}
	}
	slices.Sort(x.found)
	return true
}

// outdated says which result is not what the search finds now, "" if none is.
func (s *session) outdated() string {
	for _, x := range s.contexts {
		var want []uint32
		for i := range s.box.msgs {
			if m := &s.box.msgs[i]; x.key.has(i, m) {
				want = append(want, m.uid)
			}
		}
		if !slices.Equal(x.found, want) {
			return fmt.Sprintf("the result of %s, %s, is %v to the client, it is %v", x.tag, x.key.text, x.found, want)
		}
	}
	return ""
}

package imapmodel

import (
	"maps"
	"slices"
	"strings"
)

// share lets the owner of the first account share some mailboxes with the second one.
func (h *history) share(s *session) {
	for _, name := range []string{"INBOX", "A"} {
		if h.m.boxes[name] != nil {
			h.run(s, h.grant(s, name, other, replace, []rights{allRights, allRights, allRights &^ mayAdmin, h.someRights()}[h.r.IntN(4)]))
		}
	}
}

// someRights makes some up.
func (h *history) someRights() rights {
	read := mayLookup | mayRead
	return []rights{
		allRights, read, read | maySeen, read | mayInsert, read | maySeen | mayWrite | mayInsert,
		read | maySeen | mayWrite | mayInsert | mayMove, read | mayDelete, mayInsert, mayLookup, allRights &^ mayLookup,
		read | mayCreate | mayRemove, rights(h.r.IntN(1 << 10)), rights(h.r.IntN(1 << 10)),
	}[h.r.IntN(13)]
}

// granting makes up a SETACL or DELETEACL.
func (h *history) granting(s *session) *command {
	if !h.guests {
		return h.myRights(s)
	}
	name := h.name()
	if s.box != nil && h.r.IntN(2) == 0 {
		name = s.box.name
	}
	who := users[1-accountOf(name)]
	switch h.r.IntN(8) {
	case 0:
		who = "anyone"
	case 1:
		who = "-" + who
	case 2:
		who = "-anyone"
	case 3:
		who = users[accountOf(name)] // who owns it
	}
	m := []mode{add, remove, replace}[h.r.IntN(3)]
	r := h.someRights()
	if strings.HasPrefix(who, "-") {
		m, r = []mode{remove, replace, replace}[h.r.IntN(3)], r&rights(h.r.IntN(1<<10))
	}
	return h.grant(s, name, who, m, r)
}

// grant is a SETACL, or a DELETEACL where no rights are given.
func (h *history) grant(s *session, name, who string, m mode, r rights) *command {
	c := &command{text: "SETACL " + s.wire(name) + " " + who + " " + quote(strings.TrimSpace(string(m))+r.String())}
	if m == replace && r == 0 {
		c.text = "DELETEACL " + s.wire(name) + " " + who
	}
	exists, may, has := false, false, rights(0)
	c.apply = func(*reply) {
		has = h.m.rights(s.account, name)
		exists, may = h.m.exists(name), has&mayAdmin != 0
		if exists && may && who != users[accountOf(name)] {
			h.m.grant(name, who, m, r)
		}
	}
	c.check = func(r *reply) {
		switch {
		case exists && may && who != users[accountOf(name)]:
			if !r.ok() {
				s.fail("%q was answered %q", c.text, r.tagged.raw)
			}
		case exists && has&mayLookup != 0 && !may && r.tagged.code != "NOPERM":
			s.fail("%q was answered %q with the rights %s, want NOPERM", c.text, r.tagged.raw, has)
		default:
			s.wantNo(c, r)
		}
	}
	return c
}

func (m *model) grant(name, who string, how mode, r rights) {
	g := m.grants[name]
	if g == nil {
		g = make(grants)
		m.grants[name] = g
	}
	switch how {
	case add:
		g[who] |= r
	case remove:
		g[who] &^= r
	default:
		g[who] = r
	}
	if g[who] == 0 {
		delete(g, who)
	}
}

// myRights makes up a MYRIGHTS or GETACL.
func (h *history) myRights(s *session) *command {
	name := h.name()
	if h.r.IntN(2) == 0 {
		return h.getACL(s, name)
	}
	c := &command{text: "MYRIGHTS " + s.wire(name), words: " MYRIGHTS "}
	c.check = func(r *reply) {
		has := h.m.rights(s.account, name)
		if !h.m.exists(name) || has&^(maySeen|mayWrite|mayDelete|mayExpunge) == 0 {
			s.wantNo(c, r)
			return
		}
		lines := r.all("MYRIGHTS")
		if !r.ok() || len(lines) != 1 || lines[0].args[1].s != has.wire() {
			s.fail("%q was answered %v and %q, want %s", c.text, lines, r.tagged.raw, has.wire())
		}
	}
	return c
}

func (h *history) getACL(s *session, name string) *command {
	c := &command{text: "GETACL " + s.wire(name), words: " ACL "}
	c.check = func(r *reply) {
		if !h.m.exists(name) || h.m.rights(s.account, name)&mayAdmin == 0 {
			s.wantNo(c, r)
			return
		}
		lines, got := r.all("ACL"), make(map[string]string)
		if !r.ok() || len(lines) != 1 {
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
		for i := 1; i+1 < len(lines[0].args); i += 2 {
			got[lines[0].args[i].s] = lines[0].args[i+1].s
		}
		want := map[string]string{users[accountOf(name)]: allRights.wire()}
		for who, r := range h.m.grants[name] {
			want[who] = r.wire()
		}
		if !maps.Equal(got, want) {
			s.fail("%q: %v, want %v", lines[0].raw, got, want)
		}
	}
	return c
}

// creating is create by somebody who may not everywhere; "?" is a refusal with any code.
func (h *history) creating(s *session, name string) string {
	if h.m.rights(s.account, name)&mayCreate == 0 {
		return "?"
	}
	return h.m.create(name)
}

func (h *history) deleting(s *session, name string) string {
	if h.m.rights(s.account, name)&mayRemove == 0 {
		return "?"
	}
	return h.m.delete(name)
}

func (h *history) renaming(s *session, from, to string) string {
	if h.m.rights(s.account, from)&mayRemove == 0 || h.m.rights(s.account, to)&mayCreate == 0 {
		return "?"
	}
	return h.m.rename(from, to)
}

// listOthers takes what others share out of got: what the session may see is there, and nothing else is.
func (h *history) listOthers(s *session, got map[string]string) {
	names := slices.Sorted(maps.Keys(h.m.boxes))
	for _, name := range names {
		if accountOf(name) == s.account {
			continue
		}
		wire := s.called(name)
		if !s.rev2 {
			wire = utf7(wire)
		}
		attrs, ok := got[wire]
		seen := func(n string) bool { return h.m.rights(s.account, n)&mayLookup != 0 }
		children := slices.ContainsFunc(h.m.below(name), seen)
		switch {
		case ok != seen(name):
			s.fail("LIST has %s: %v, its rights are %s", wire, ok, h.m.rights(s.account, name))
		case !ok:
		case strings.Contains(attrs, `\noselect`) != (h.m.boxes[name] == nil), strings.Contains(attrs, `\haschildren`) != children:
			s.fail("LIST: %s is (%s); selectable %v, children %v", wire, attrs, h.m.boxes[name] != nil, children)
		}
		delete(got, wire)
	}
	delete(got, "Other Users")
	delete(got, "Other Users/"+users[1-s.account])
}

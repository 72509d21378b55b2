package imapmodel

import (
	"fmt"
	"slices"
	"strings"
)

// status makes up a STATUS.
func (h *history) status(s *session) *command {
	name := h.name()
	items := []string{"MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "RECENT", "HIGHESTMODSEQ"}
	if h.r.IntN(2) == 0 {
		items = items[:1+h.r.IntN(4)]
	}
	if s.caps["STATUS=SIZE"] {
		items = append(items, "SIZE")
	}
	c := &command{text: "STATUS " + s.wire(name) + " (" + strings.Join(items, " ") + ")", words: " STATUS "}
	c.modseqs = slices.Contains(items, "HIGHESTMODSEQ")
	c.check = func(r *reply) {
		b := s.reach(name, mayRead)
		if b == nil {
			s.wantRefused(c, r, name, mayRead)
			return
		}
		lines := r.all("STATUS")
		if s.notify != nil { // others were told by themselves
			lines = slices.DeleteFunc(lines, func(l response) bool {
				return len(l.args[1].list) != 2*len(items) || l.args[1].list[0].atom() != items[0]
			})
		}
		if !r.ok() || len(lines) != 1 || len(lines[0].args) != 2 {
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
		h.checkStatus(s, &lines[0], b, items)
	}
	return c
}

func (h *history) checkStatus(s *session, l *response, b *box, items []string) {
	size, unsure := 0, false
	for i := range b.msgs {
		size += h.m.size(&b.msgs[i])
		unsure = unsure || b.msgs[i].owner < 0
	}
	want := map[string]uint64{
		"MESSAGES": uint64(len(b.msgs)), "UIDNEXT": uint64(b.next), "UIDVALIDITY": uint64(b.validity),
		"UNSEEN": uint64(len(b.msgs) - b.count(seen)), "RECENT": uint64(b.recent()), "HIGHESTMODSEQ": b.highest, "SIZE": uint64(size),
	}
	got := l.args[1].list
	if len(got) != 2*len(items) {
		s.fail("%q, want %v", l.raw, items)
	}
	for i, it := range items {
		if it == "RECENT" && unsure || it == "HIGHESTMODSEQ" && h.piped {
			continue
		}
		if got[2*i].atom() != it || got[2*i+1].number() != want[it] {
			s.fail("%q: want %s %d", l.raw, it, want[it])
		}
	}
}

// naming makes up a CREATE, DELETE or RENAME.
func (h *history) naming(s *session, word string) *command {
	a, b := h.name(), h.name()
	if h.r.IntN(3) == 0 {
		b = "A/B/C/D"
	}
	if word == "RENAME" {
		b = guestPrefix(a) + bare(b)
	}
	c := &command{text: word + " " + s.wire(a)}
	do := func() string { return h.creating(s, a) }
	switch word {
	case "DELETE":
		do = func() string { return h.deleting(s, a) }
	case "RENAME":
		c.text += " " + s.wire(b)
		do = func() string { return h.renaming(s, a, b) }
	}
	refused := ""
	c.apply = func(r *reply) {
		if refused = do(); r.ok() && word == "DELETE" && s.box != nil && s.box.dead {
			s.leave() // its own doing
		}
		if s.notify != nil && r.ok() {
			s.notify.heard = s.allNames()
		}
	}
	c.check = func(r *reply) {
		switch {
		case refused == "" && !r.ok():
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		case refused == "?":
			s.wantNo(c, r)
		case refused != "" && (r.tagged.word != "NO" || r.tagged.code != refused):
			s.fail("%q was answered %q, want NO [%s]", c.text, r.tagged.raw, refused)
		}
	}
	return c
}

// list compares the names.
func (h *history) list(s *session) *command {
	c := &command{text: `LIST "" *`, words: " LIST "}
	c.check = func(r *reply) {
		got := make(map[string]string)
		for _, l := range r.all("LIST") {
			attrs := make([]string, len(l.args[0].list))
			for i, v := range l.args[0].list {
				attrs[i] = strings.ToLower(v.s)
			}
			got[l.args[2].s] = strings.Join(attrs, " ")
		}
		for name, b := range h.m.boxes {
			wire := s.called(name)
			if accountOf(name) != s.account {
				continue
			}
			if !s.rev2 {
				wire = utf7(wire)
			}
			attrs, ok := got[wire]
			children := len(h.m.below(name)) > 0
			switch {
			case !ok, strings.Contains(attrs, `\noselect`) != (b == nil), strings.Contains(attrs, `\haschildren`) != children:
				s.fail("LIST: %s is (%s), %v; selectable %v, children %v", name, attrs, ok, b != nil, children)
			}
			delete(got, wire)
		}
		if h.listOthers(s, got); len(got) > 0 {
			s.fail("LIST has %v, too", got)
		}
	}
	return c
}

// idle begins an IDLE: behind the continuation the server tells what is new, and what happens from now on, by itself.
func (h *history) idle(s *session) {
	s.tag++
	tag := fmt.Sprintf("a%d", s.tag)
	s.send(tag + " IDLE\r\n")
	c, r := &command{text: "IDLE", push: true}, &reply{told: make(map[uint32]bool)}
	for {
		l, ok := s.response()
		if !ok {
			s.fail("the connection ended when IDLE began")
		}
		if l.tag == "+" {
			break
		}
		if s.notify == nil && l.num != 0 {
			s.fail("%q before the continuation of IDLE", l.raw)
		}
		r.lines = append(r.lines, l)
		s.take(c, r, &l)
	}
	s.idle = tag
	for i := range s.msgs {
		s.msgs[i].late = true
	}
	s.takeNews()
	h.settle()
}

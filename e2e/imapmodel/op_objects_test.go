package imapmodel

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ids are the object ids of RFC 8474 that clients were told.
type ids struct {
	email   map[int]string  // by object
	objects map[string]int  // by EMAILID
	thread  map[int]string  // by object
	roots   map[string]int  // by THREADID: the body where the thread began
	parents map[int]int     // objects that must be in the thread of another
	claimed [2]map[int]bool // by account: bodies that are or were there, or answered
}

func newIDs() ids {
	return ids{
		email: make(map[int]string), objects: make(map[string]int), thread: make(map[int]string), roots: make(map[string]int),
		parents: make(map[int]int), claimed: [2]map[int]bool{make(map[int]bool), make(map[int]bool)},
	}
}

// arrived notes a new object of an account: an answer to a message that is there belongs to its thread, unless something
// else brought the two together before.
func (m *model) arrived(who int, x *message) {
	b, claimed := &m.bodies[x.body], m.ids.claimed[who]
	if !b.hasID {
		return
	}
	if up := m.objectOf(who, b.parent); up != 0 && !claimed[x.body] {
		m.ids.parents[x.object] = up
	}
	claimed[x.body], claimed[b.parent] = true, true
}

// objectOf finds a body in an account, 0 if it is not there, or more than once.
func (m *model) objectOf(who, body int) (object int) {
	for _, b := range m.boxes {
		if b == nil || b.account() != who {
			continue
		}
		for i := range b.msgs {
			x := &b.msgs[i]
			switch {
			case x.body != body || x.object == object:
			case object != 0:
				return 0
			default:
				object = x.object
			}
		}
	}
	return object
}

// tellsEmail: every copy of an object has one EMAILID, which nothing else ever has (RFC 8474 §5.1).
func (s *session) tellsEmail(l *response, m *message, id string) {
	x := &s.h.m.ids
	was, told := x.email[m.object]
	of, taken := x.objects[id]
	if told && was != id || taken && of != m.object || !strings.HasPrefix(id, "M") {
		s.fail("%q: EMAILID of %s was %q, object %d has %q", l.raw, m, was, of, id)
	}
	x.email[m.object], x.objects[id] = id, m.object
}

// tellsThread: a THREADID never changes, those that answer each other share one, those that do not never do (RFC 8474 §5.2).
func (s *session) tellsThread(l *response, m *message, id string) {
	x := &s.h.m.ids
	root := s.h.m.bodies[m.body].root*2 + s.box.account()
	was, told := x.thread[m.object]
	of, taken := x.roots[id]
	if told && was != id || taken && of != root || !strings.HasPrefix(id, "T") {
		s.fail("%q: THREADID of %s was %q, that of %d is %q", l.raw, m, was, of, id)
	}
	x.thread[m.object], x.roots[id] = id, root
	if up, ok := x.parents[m.object]; ok && x.thread[up] != "" && x.thread[up] != id {
		s.fail("%q: what it answers has THREADID %q", l.raw, x.thread[up])
	}
}

// savedAt is the SAVEDATE of a message: now, if it is not learned yet.
func (h *history) savedAt(m *message) time.Time {
	if m.saved == 0 {
		return h.w.now().UTC()
	}
	return time.Unix(m.saved, 0).UTC()
}

// savedKey makes up a search for a day (RFC 8514 §4.3).
func (h *history) savedKey() key {
	day := time.Unix(h.w.now().Unix()-int64(h.r.IntN(20))*86400/2, 0).UTC().Truncate(24 * time.Hour)
	at := func(m *message) time.Time { return h.savedAt(m).Truncate(24 * time.Hour) }
	text := day.Format("2-Jan-2006")
	switch h.r.IntN(3) {
	case 0:
		return key{text: "SAVEDBEFORE " + text, has: func(_ int, m *message) bool { return at(m).Before(day) }}
	case 1:
		return key{text: "SAVEDON " + text, has: func(_ int, m *message) bool { return at(m).Equal(day) }}
	}
	return key{text: "SAVEDSINCE " + text, has: func(_ int, m *message) bool { return !at(m).Before(day) }}
}

// emailKey makes up a search for an EMAILID that was told.
func (h *history) emailKey() key {
	all := make([]string, 0, len(h.m.ids.objects))
	for id := range h.m.ids.objects {
		all = append(all, id)
	}
	if slices.Sort(all); len(all) == 0 {
		return key{text: "EMAILID M0-0", has: func(int, *message) bool { return false }}
	}
	id := all[h.r.IntN(len(all))]
	of := h.m.ids.objects[id]
	return key{text: "EMAILID " + id, has: func(_ int, m *message) bool { return m.object == of }}
}

// threading makes up a search for the thread of a message. What is found and was not told of belongs to it from now on.
func (h *history) threading(s *session) *command {
	all := make([]string, 0, len(h.m.ids.roots))
	for id := range h.m.ids.roots {
		all = append(all, id)
	}
	if slices.Sort(all); len(all) == 0 {
		return &command{text: "NOOP"}
	}
	id := all[h.r.IntN(len(all))]
	c := &command{text: fmt.Sprintf("UID SEARCH RETURN (ALL) THREADID %s", id), words: " ESEARCH "}
	c.check = func(r *reply) {
		var found []uint32
		for _, l := range r.all("ESEARCH") {
			if len(l.args) == 4 && l.args[2].atom() == "ALL" && l.args[0].list[1].s == r.tagged.tag {
				found = set(l.args[3].s)
			}
		}
		if !r.ok() {
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
		for i := range s.box.msgs {
			m := &s.box.msgs[i]
			is, told := slices.Contains(found, m.uid), h.m.ids.thread[m.object]
			if told != "" && is != (told == id) && s.index(m.uid) >= 0 {
				s.fail("%q found %v; UID %d has THREADID %q", c.text, found, m.uid, told)
			}
			if is {
				s.tellsThread(&r.tagged, m, id)
			}
		}
	}
	return c
}

package imapmodel

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"barid/mail/mailbox"
)

// ids are the object ids of RFC 8474 that clients were told.
type ids struct {
	email   map[int]string  // by mail: copies have one, also those in other accounts
	mails   map[string]int  // by EMAILID
	bodies  map[string]int  // by EMAILID
	thread  map[int]string  // by mail
	roots   map[string]int  // by THREADID: the body where the thread began
	homes   map[string]int  // by THREADID: the account where it was told first
	mixed   map[int]bool    // roots of which something was copied to another account, where others may have joined it
	parents map[int]int     // mails that must be in the thread of another
	claimed [2]map[int]bool // by account: bodies that are or were there, or answered
	late    [2]map[int]bool // by account: bodies that were claimed when one came from another account, with its thread
}

func newIDs() ids {
	return ids{
		email: make(map[int]string), mails: make(map[string]int), bodies: make(map[string]int), thread: make(map[int]string),
		roots: make(map[string]int), homes: make(map[string]int), mixed: make(map[int]bool), parents: make(map[int]int),
		claimed: [2]map[int]bool{make(map[int]bool), make(map[int]bool)}, late: [2]map[int]bool{make(map[int]bool), make(map[int]bool)},
	}
}

// arrived notes a new object of an account: an answer to a message that is there belongs to its thread, unless something
// else brought the two together before, or its own account did.
func (m *model) arrived(who int, x *message) {
	b, claimed, late := &m.bodies[x.body], m.ids.claimed[who], m.ids.late[who]
	if x.first != 0 {
		m.ids.mixed[b.root] = true
		late[x.body] = late[x.body] || claimed[x.body]
	}
	if !b.hasID {
		return
	}
	if up := m.only(who, b.parent); up != nil && x.first == 0 && !claimed[x.body] && !(up.first != 0 && late[b.parent]) {
		m.ids.parents[x.object] = up.mail()
	}
	claimed[x.body], claimed[b.parent] = true, true
}

// mixed notes that anything may have been copied anywhere.
func (m *model) mixed() {
	for i := range m.bodies {
		m.ids.mixed[m.bodies[i].root] = true
	}
	for who := range m.ids.late {
		for body := range m.ids.claimed[who] {
			m.ids.late[who][body] = true
		}
	}
}

// origin reads below the protocol which number in which account a message is told by; 0: that it has.
func (h *history) origin(b *box, uid uint32) (account int, number uint64) {
	m, err := h.w.accts[b.account()].Open(h.w.ctx, bare(b.name))
	check(err)
	defer m.Close()
	one := mailbox.UIDSet{{Lo: mailbox.UID(uid), Hi: mailbox.UID(uid)}}
	check(m.Cold(h.w.ctx, m.View(), one, func(_ int, _ mailbox.Entry, c *mailbox.Cold) error {
		for who, a := range h.w.accts {
			if n := c.Origin.Email; n.Account == a.ID() {
				account, number = who, n.Number
			}
		}
		return nil
	}))
	return account, number
}

// adoptOrigin takes what a message is a copy of when that could not be foretold: an object of another account, or one that was
// in this one.
func (h *history) adoptOrigin(b *box, uid uint32) (object int) {
	who, number := h.origin(b, uid)
	if number == 0 {
		return 0
	}
	of := h.m.numbers[who]
	if of[number] == 0 { // it came and went
		of[number] = h.m.object()
		h.m.stored[of[number]] = number
	}
	return of[number]
}

// learnOrigin: the store knows the same of a new copy.
func (h *history) learnOrigin(b *box, want *message) {
	who, number := h.origin(b, want.uid)
	of := h.m.numbers[who]
	if of[number] == 0 && number != 0 && h.m.stored[want.first] == 0 { // it came and was copied in one go
		of[number], h.m.stored[want.first] = want.first, number
	}
	if of[number] != want.first {
		panic(failed("%s: %s is stored as a copy of object %d, want %d", b.name, want, of[number], want.first))
	}
}

// only finds a body in an account, nil if it is not there, or more than once.
func (m *model) only(who, body int) (found *message) {
	for _, b := range m.boxes {
		if b == nil || b.account() != who {
			continue
		}
		for i := range b.msgs {
			x := &b.msgs[i]
			switch {
			case x.body != body || found != nil && x.object == found.object:
			case found != nil:
				return nil
			default:
				found = x
			}
		}
	}
	return found
}

// tellsEmail: every copy of a message has one EMAILID, in whatever account, which nothing else ever has (RFC 8474 §5.1).
func (s *session) tellsEmail(l *response, m *message, id string) {
	x, mail := &s.h.m.ids, m.mail()
	was, told := x.email[mail]
	of, taken := x.mails[id]
	if told && was != id || taken && (of != mail || x.bodies[id] != m.body) || !strings.HasPrefix(id, "M") {
		s.fail("%q: EMAILID of %s was %q, mail %d, m%d has %q", l.raw, m, was, of, x.bodies[id], id)
	}
	x.email[mail], x.mails[id], x.bodies[id] = id, mail, m.body
}

// tellsThread: a THREADID never changes and is that of all copies, those that answer each other share one, those that do
// not never do (RFC 8474 §5.2), nor do accounts of which none had anything of the other.
func (s *session) tellsThread(l *response, m *message, id string) {
	x, mail := &s.h.m.ids, m.mail()
	root, home := s.h.m.bodies[m.body].root, s.box.account()
	was, told := x.thread[mail]
	of, taken := x.roots[id]
	if told && was != id || taken && of != root || taken && x.homes[id] != home && !x.mixed[root] || !strings.HasPrefix(id, "T") {
		s.fail("%q: THREADID of %s was %q, that of %d is %q", l.raw, m, was, of, id)
	}
	if !taken {
		x.homes[id] = home
	}
	x.thread[mail], x.roots[id] = id, root
	if up, ok := x.parents[mail]; ok && x.thread[up] != "" && x.thread[up] != id {
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
	all := make([]string, 0, len(h.m.ids.mails))
	for id := range h.m.ids.mails {
		all = append(all, id)
	}
	if slices.Sort(all); len(all) == 0 {
		return key{text: "EMAILID M0-0", has: func(int, *message) bool { return false }}
	}
	id := all[h.r.IntN(len(all))]
	of := h.m.ids.mails[id]
	return key{text: "EMAILID " + id, has: func(_ int, m *message) bool { return m.mail() == of }}
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
			is, told := slices.Contains(found, m.uid), h.m.ids.thread[m.mail()]
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

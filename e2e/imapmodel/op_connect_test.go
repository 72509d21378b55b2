package imapmodel

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// connect opens a connection and logs in.
func (h *history) connect(s *session) {
	s.conn, s.buf, s.at, s.ended = h.w.dial(), nil, 0, false
	s.in, s.out, s.packed = s.conn, s.conn, false
	s.begin()
	if l, ok := s.response(); !ok || l.word != "OK" || l.code != "CAPABILITY" {
		s.fail("the greeting is %q", l.raw)
	}
	h.logIn(s)
}

// begin is what a client knows before it logged in.
func (s *session) begin() {
	s.idle, s.notify = "", nil
	s.rev2, s.condstore, s.asked, s.qresync, s.uidOnly = false, false, false, false, false
	s.annotationsTold, s.marks = false, nil
	s.leave()
}

// logIn logs in, compresses sometimes, enables something and selects something.
func (h *history) logIn(s *session) {
	r := h.run(s, &command{text: "LOGIN " + users[s.account] + " " + password})
	s.caps = make(map[string]bool)
	for _, v := range r.tagged.args {
		s.caps[v.atom()] = true
	}
	if h.r.IntN(6) == 0 {
		h.compress(s)
	}
	if h.r.IntN(4) == 0 {
		h.enable(s, "METADATA")
	}
	switch h.r.IntN(8) {
	case 0, 1:
		h.enable(s, "QRESYNC")
	case 2:
		h.enable(s, "IMAP4rev2")
	case 3:
		h.enable(s, "QRESYNC IMAP4rev2")
	case 4:
		h.enable(s, "CONDSTORE")
	case 5:
		h.enable(s, "QRESYNC UIDONLY")
	}
	h.selectOne(s)
}

// enable is ENABLE. What is on afterwards is what ENABLED says.
func (h *history) enable(s *session, names string) {
	c := &command{text: "ENABLE " + names, words: " ENABLED "}
	knew := false
	c.before = func() { knew = s.condstore || s.asked }
	c.check = func(r *reply) {
		if len(r.all("ENABLED")) != 1 || !r.ok() {
			s.fail("ENABLE was answered %q", r.tagged.raw)
		}
		if !knew && s.condstore && s.box != nil && r.code("HIGHESTMODSEQ") == nil {
			s.fail("no HIGHESTMODSEQ when modseqs came on in a mailbox (RFC 7162 §3.1)")
		}
	}
	h.run(s, c)
}

func (s *session) switchOn(name string) {
	switch name {
	case "IMAP4REV2":
		s.rev2 = true
	case "CONDSTORE":
		s.condstore = true
	case "QRESYNC":
		s.qresync, s.condstore = true, true
	case "UIDONLY":
		s.uidOnly = true
	case "METADATA":
		s.annotationsTold = true
	}
}

// reconnect ends the connection one way or the other and comes back.
func (h *history) reconnect(s *session) {
	if h.r.IntN(2) == 0 && !s.ended {
		if s.idle != "" {
			h.wake(s)
		}
		if !s.ended {
			s.tag++
			s.send(fmt.Sprintf("a%d LOGOUT\r\n", s.tag))
			lost := s.lost()
			r := s.read(&command{text: "LOGOUT", ends: lost}, fmt.Sprintf("a%d", s.tag))
			if !s.ended || !r.ok() && !lost {
				s.fail("LOGOUT was answered %q, BYE %v", r.tagged.raw, s.ended)
			}
		}
	}
	_ = s.conn.Close()
	<-s.conn.done // or the session in there takes what is recent
	h.connect(s)
}

// restart ends the server in the middle of everything. Nothing that was answered is forgotten, except to whom messages
// were recent.
func (h *history) restart(again func()) {
	h.hangUp()
	again()
	for _, b := range h.m.boxes {
		if b == nil {
			continue
		}
		b.dirty = true
		for i := range b.msgs {
			b.msgs[i].owner = -1
		}
	}
	h.learn()
	for _, s := range h.sessions {
		h.connect(s)
	}
}

// names are the mailboxes that histories play with; the first is where most happens. None is usual for a special
// use: such a name means another mailbox when there is none that has it.
var names = []string{"INBOX", "INBOX", "INBOX", "INBOX", "A", "A", "A/B", "T", "A/B/C", "بريد", "R&D", "INBOX/x"}

func (h *history) name() string {
	name := names[h.r.IntN(len(names))]
	if h.guests && h.r.IntN(6) == 0 {
		name = guest + []string{"INBOX", "A", "A/B"}[h.r.IntN(3)]
	}
	return name
}

// wire writes a mailbox name as this session has to.
func (s *session) wire(name string) string {
	name = s.called(name)
	if !s.rev2 {
		name = utf7(name)
	}
	if h := s.h; h.r.IntN(3) == 0 {
		return fmt.Sprintf("{%d+}\r\n%s", len(name), name)
	}
	return quote(name)
}

// selectOne selects a mailbox, with what the client remembers of it if it does.
func (h *history) selectOne(s *session) {
	name := h.name()
	if s.cacheOf(name) == nil && h.r.IntN(2) == 0 {
		var known []string
		for b := range s.caches { // rather one where it was
			if !b.dead {
				known = append(known, b.name)
			}
		}
		if slices.Sort(known); len(known) > 0 {
			name = known[h.r.IntN(len(known))]
		}
	}
	h.run(s, h.selecting(s, name))
}

func (s *session) cacheOf(name string) *cache {
	if s.qresync {
		return s.caches[s.h.m.boxes[name]]
	}
	return nil
}

// selecting makes up a SELECT or EXAMINE.
func (h *history) selecting(s *session, name string) *command {
	b, had := s.reach(name, mayRead), s.box != nil
	readOnly := h.r.IntN(5) == 0
	verb := "SELECT "
	if readOnly {
		verb = "EXAMINE "
	}
	readOnly = readOnly || b != nil && h.m.rights(s.account, name)&mayChange == 0
	c := &command{silent: true, text: verb + s.wire(name), words: " LIST "}
	q := h.resync(s, c, name)
	if !strings.Contains(c.text, "(QRESYNC") && h.r.IntN(6) == 0 {
		c.text += " (CONDSTORE)"
		c.modseqs = true
	}
	recent := 0
	c.before = func() {
		s.leave()
		s.readOnly = readOnly
		if b == nil || b.dead {
			return
		}
		recent = b.recent()
		s.enter(b)
	}
	c.apply = func(r *reply) {
		if b == nil {
			return
		}
		s.box = b
		if !readOnly && !s.rev2 {
			b.take(s.owner)
		}
		for i := range s.msgs {
			s.msgs[i].fresh = false
		}
	}
	c.check = func(r *reply) {
		if had != (r.code("CLOSED") != nil) {
			s.fail("a mailbox was selected: %v, CLOSED: %v", had, r.code("CLOSED") != nil)
		}
		if b == nil {
			s.wantRefused(c, r, name, mayRead)
			return
		}
		if at := slices.IndexFunc(r.lines, func(l response) bool { return l.code == "CLOSED" }); at >= 0 {
			r.lines = r.lines[at:] // rights in the other one may have been told before
		}
		h.checkSelected(s, c, r, recent)
		h.checkResync(s, r, q)
	}
	return c
}

// enter makes the client ready for the mailbox; the model's is entered when the answer is there.
func (s *session) enter(b *box) {
	s.h.owners++
	s.owner = s.h.owners
	if !s.qresync {
		return
	}
	s.cache = s.caches[b]
	if s.cache == nil {
		s.cache = &cache{box: b, validity: b.validity, flags: make(map[uint32]flags)}
		s.caches[b] = s.cache
	}
}

func (h *history) checkSelected(s *session, c *command, r *reply, recent int) {
	b := s.box
	want := "READ-WRITE"
	if s.readOnly {
		want = "READ-ONLY"
	}
	if !r.ok() || r.tagged.code != want {
		s.fail("%q was answered %q, want %s", c.text, r.tagged.raw, want)
	}
	for name, n := range map[string]uint64{"UIDVALIDITY": uint64(b.validity), "UIDNEXT": uint64(b.next), "HIGHESTMODSEQ": b.highest} {
		if l := r.code(name); l == nil || l.args[0].number() != n {
			s.fail("%s is %v, want %d", name, l, n)
		}
	}
	for word, n := range map[string]int{"EXISTS": 1, "FLAGS": 1, "RECENT": 1, "LIST": 0} {
		if s.rev2 {
			n = map[string]int{"EXISTS": 1, "FLAGS": 1, "RECENT": 0, "LIST": 1}[word]
		}
		if word == "LIST" && s.notify != nil && s.notify.names {
			continue // names may be told, too
		}
		if len(r.all(word)) != n {
			s.fail("%d %s responses to SELECT, want %d", len(r.all(word)), word, n)
		}
	}
	if r.code("PERMANENTFLAGS") == nil {
		s.fail("SELECT without PERMANENTFLAGS")
	}
	unseen := slices.IndexFunc(b.msgs, func(m message) bool { return m.flags&seen == 0 })
	if l := r.code("UNSEEN"); !s.rev2 && !s.uidOnly && (l != nil) != (unseen >= 0) || l != nil && l.args[0].number() != uint64(unseen+1) {
		s.fail("UNSEEN is %v, want %d", l, unseen+1)
	}
	if unsure := slices.ContainsFunc(b.msgs, func(m message) bool { return m.owner < 0 }); !s.rev2 && !unsure && s.recent != recent {
		s.fail("RECENT is %d, want %d", s.recent, recent)
	}
}

// resyncing is what a client asked when it came back.
type resyncing struct {
	b     *box
	since uint64
	known map[uint32]bool // nil: all
}

// resync adds QRESYNC to a SELECT if the client remembers the mailbox.
func (h *history) resync(s *session, c *command, name string) *resyncing {
	old := s.cacheOf(name)
	if old == nil || old.modseq == 0 || h.r.IntN(8) == 0 {
		if s.qresync {
			delete(s.caches, h.m.boxes[name]) // it begins anew
			if h.r.IntN(3) == 0 {             // knowing another mailbox of that name: RFC 7162 §3.2.5.1
				c.text += fmt.Sprintf(" (QRESYNC (%d %d 1:99))", 1+h.r.IntN(1e9), 1+h.r.IntN(50))
			}
		}
		return nil
	}
	c.earlier = true
	q := &resyncing{b: h.m.boxes[name], since: old.modseq}
	args := fmt.Sprintf("%d %d", old.validity, old.modseq)
	uids := old.uids()
	if len(uids) > 0 && h.r.IntN(2) == 0 {
		q.known = make(map[uint32]bool)
		for _, u := range uids {
			q.known[u] = true
		}
		args += " " + compact(uids)
	}
	if h.r.IntN(3) == 0 && !s.uidOnly {
		args += h.matchData(old, uids)
	}
	c.text += " (QRESYNC (" + args + "))"
	return q
}

// matchData makes up message sequence match data (RFC 7162 §3.2.5.2). It is right only for a client that knows all
// messages; a client that lies harms itself alone, so these are numbers of such a one.
func (h *history) matchData(old *cache, uids []uint32) string {
	var seqs, at []uint32
	for i, u := range uids {
		if h.r.IntN(3) == 0 {
			seqs, at = append(seqs, uint32(i+1)), append(at, u)
		}
	}
	if len(seqs) == 0 || !old.whole() {
		return ""
	}
	return " (" + compact(seqs) + " " + compact(at) + ")"
}

// whole reports whether the cache has every message that was in the mailbox up to its last one, so that its numbers
// are right.
func (c *cache) whole() bool {
	b := c.box
	top := uint32(0)
	for u := range c.flags {
		top = max(top, u)
	}
	for _, x := range b.msgs {
		if _, ok := c.flags[x.uid]; !ok && x.uid < top {
			return false
		}
	}
	for _, g := range b.gone {
		if _, ok := c.flags[g.uid]; !ok && g.uid < top && g.upto > c.modseq {
			return false
		}
	}
	return true
}

// compact writes numbers that ascend as a set.
func compact(ns []uint32) string {
	var b []byte
	for i := 0; i < len(ns); {
		j := i
		for j+1 < len(ns) && ns[j+1] == ns[j]+1 {
			j++
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(ns[i]), 10)
		if j > i {
			b = strconv.AppendUint(append(b, ':'), uint64(ns[j]), 10)
		}
		i = j + 1
	}
	return string(b)
}

// checkResync holds what a client that came back was told against what happened since.
func (h *history) checkResync(s *session, r *reply, q *resyncing) {
	told := make(map[uint32]bool)
	for _, l := range r.all("VANISHED") {
		for _, u := range set(l.args[1].s) {
			told[u] = true
		}
	}
	fetches := append(r.all("FETCH"), r.all("UIDFETCH")...)
	if q == nil {
		if len(fetches)+len(told) > 0 {
			s.fail("SELECT without QRESYNC told of messages")
		}
		return
	}
	within := func(u uint32) bool { return q.known == nil || q.known[u] }
	h.checkVanished(s, told, q.since, within, within)
	got := make(map[uint32]bool)
	for i := range fetches {
		f := s.items(&fetches[i])
		if s.uidOnly {
			f.uid = fetches[i].num
		}
		if f.uid == 0 || f.flags == nil || f.modseq == 0 {
			s.fail("%q lacks UID, FLAGS or MODSEQ", fetches[i].raw)
		}
		got[f.uid] = true
	}
	for _, m := range s.box.msgs {
		want := m.modseq > q.since && (q.known == nil || q.known[m.uid])
		if want != got[m.uid] {
			s.fail("since %d: FETCH of %s was told: %v, want %v", q.since, m, got[m.uid], want)
		}
	}
	s.checkCache()
	for i := range s.msgs { // the client takes over what it knows
		k := &s.msgs[i]
		if f, ok := s.cache.flags[s.box.msgs[i].uid]; ok {
			k.flags, k.hasFlags = f, true
		}
	}
}

// checkVanished: all that went since must be told, and nothing that is there, went before or may not be told.
func (h *history) checkVanished(s *session, told map[uint32]bool, since uint64, must, may func(uint32) bool) {
	ever := make(map[uint32]bool)
	for _, g := range s.box.gone {
		ever[g.uid] = true
		if g.after >= since && must(g.uid) && !told[g.uid] {
			s.fail("UID %d went after %d (modseq %d to %d) and is not told", g.uid, since, g.after, g.upto)
		}
		if told[g.uid] && (g.upto <= since || !may(g.uid)) {
			s.fail("UID %d went at %d to %d, told as gone since %d", g.uid, g.after, g.upto, since)
		}
	}
	for u := range told {
		if !ever[u] {
			s.fail("UID %d is told as gone and never went", u)
		}
	}
}

// checkCache: a client that came back knows what is, of all that it knows.
func (s *session) checkCache() {
	for u, f := range s.cache.flags {
		m := s.box.find(u)
		if m == nil {
			s.fail("after it came back the client still knows UID %d, which is gone", u)
		}
		if m.flags != f {
			s.fail("after it came back UID %d has (%s) to the client, it has (%s)", u, f, m.flags)
		}
	}
}

// utf7 writes modified UTF-7 (RFC 3501 §5.1.3).
func utf7(name string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
	var b strings.Builder
	rs := []rune(name)
	for i := 0; i < len(rs); i++ {
		switch {
		case rs[i] == '&':
			b.WriteString("&-")
			continue
		case rs[i] < 0x7f:
			b.WriteRune(rs[i])
			continue
		}
		b.WriteByte('&')
		acc, bits := uint32(0), 0
		for ; i < len(rs) && rs[i] >= 0x7f && rs[i] <= math.MaxUint16; i++ {
			acc, bits = acc<<16|uint32(rs[i]), bits+16
			for ; bits >= 6; bits -= 6 {
				b.WriteByte(alphabet[acc>>(bits-6)&63])
			}
		}
		if bits > 0 {
			b.WriteByte(alphabet[acc<<(6-bits)&63])
		}
		b.WriteByte('-')
		i--
	}
	return b.String()
}

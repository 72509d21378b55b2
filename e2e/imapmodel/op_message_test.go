package imapmodel

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"barid/mail/mailbox"
)

// numbers is a set as a client writes it: 0 is "*".
type numbers [][2]uint32

func (n numbers) String() string {
	out := make([]string, len(n))
	word := func(x uint32) string {
		if x == 0 {
			return "*"
		}
		return fmt.Sprint(x)
	}
	for i, r := range n {
		if out[i] = word(r[0]); r[1] != r[0] {
			out[i] += ":" + word(r[1])
		}
	}
	return strings.Join(out, ",")
}

// has reports whether x is in the set, top being "*".
func (n numbers) has(x, top uint32) bool {
	return slices.ContainsFunc(n, func(r [2]uint32) bool {
		lo, hi := r[0], r[1]
		if lo == 0 {
			lo = top
		}
		if hi == 0 {
			hi = top
		}
		return x >= min(lo, hi) && x <= max(lo, hi)
	})
}

// set makes up a set of UIDs, or of numbers that are there.
func (s *session) set(uid bool) numbers {
	r := s.h.r
	top := uint32(len(s.msgs))
	if uid {
		top = s.box.next + 1
	}
	if r.IntN(6) == 0 || top == 0 {
		return numbers{{1, 0}}
	}
	var out numbers
	for range 1 + r.IntN(3) {
		lo := 1 + uint32(r.IntN(int(top)))
		hi := min(top, lo+uint32(r.IntN(4)))
		switch {
		case r.IntN(12) == 0:
			hi = 0
		case r.IntN(8) == 0:
			lo, hi = hi, lo
		}
		out = append(out, [2]uint32{lo, hi})
	}
	return out
}

// meaning gives the UIDs that a set means in this view.
func (s *session) meaning(n numbers, uid bool) (out []uint32) {
	top := uint32(len(s.msgs))
	if uid && top > 0 {
		top = s.msgs[top-1].uid
	}
	for i, k := range s.msgs {
		x := uint32(i + 1)
		if uid {
			x = k.uid
		}
		if n.has(x, top) {
			out = append(out, k.uid)
		}
	}
	return out
}

// flags makes up some.
func (h *history) flags() flags {
	f := flags(1) << h.r.IntN(len(words))
	if h.r.IntN(3) == 0 {
		f |= flags(1) << h.r.IntN(len(words))
	}
	if h.r.IntN(4) == 0 {
		f |= deleted
	}
	return f
}

// appending makes up an APPEND, of several messages if the server takes them.
func (h *history) appending(s *session) *command {
	name := h.name()
	n := 1
	if s.caps["MULTIAPPEND"] && h.r.IntN(3) == 0 {
		n += 1 + h.r.IntN(3)
	}
	c := &command{text: "APPEND " + s.wire(name)}
	var ms []message
	for range n {
		m := message{body: h.body(), object: h.m.object()}
		if h.r.IntN(2) == 0 {
			m.flags = h.flags()
			c.text += " (" + m.flags.String() + ")"
		}
		if h.r.IntN(2) == 0 {
			m.date = 1e9 + int64(h.r.IntN(1e8))
			c.text += ` "` + time.Unix(m.date, 0).UTC().Format("_2-Jan-2006 15:04:05 -0700") + `"`
		}
		text := h.m.bodies[m.body].text
		c.text += fmt.Sprintf(" {%d+}\r\n%s", len(text), text)
		ms = append(ms, m)
	}
	b, first, told, over := (*box)(nil), uint32(0), false, false
	c.apply = func(r *reply) {
		told = s.reach(name, mayRead) != nil
		if b = s.reach(name, mayInsert); b == nil {
			return
		}
		if over = !h.m.room(b.account(), ms); over {
			return
		}
		first = b.next
		for _, m := range ms {
			m.flags &= s.settable(b)
			h.m.arrived(b.account(), &m)
			b.insert(m)
		}
	}
	c.check = func(r *reply) {
		if b == nil {
			s.wantRefused(c, r, name, mayInsert)
			return
		}
		if over {
			s.wantOverQuota(c, r)
			return
		}
		l := r.tagged
		if !r.ok() || told != (l.code == "APPENDUID") || told && (l.args[0].number() != uint64(b.validity) || !slices.Equal(set(l.args[1].s), span(first, b.next))) {
			s.fail("APPEND was answered %q, want UIDs %d to %d of %d", l.raw, first, b.next-1, b.validity)
		}
	}
	return c
}

// span gives lo up to hi, without hi.
func span(lo, hi uint32) (out []uint32) {
	for ; lo < hi; lo++ {
		out = append(out, lo)
	}
	return out
}

// deliver brings a message from outside.
func (h *history) deliver() {
	name := h.name()
	b := h.m.boxes[name]
	if b == nil {
		b = h.m.boxes[guestPrefix(name)+"INBOX"]
	}
	m := message{body: h.body(), object: h.m.object()}
	if h.r.IntN(3) == 0 {
		m.flags = h.flags()
	}
	h.log("", "", fmt.Sprintf("delivery of m%d (%s) to %q", m.body, m.flags, name))
	err := h.w.deliver(name, h.m.bodies[m.body].text, m.flags)
	if room := h.m.room(b.account(), []message{m}); room != (err == nil) || err != nil && !errors.Is(err, mailbox.ErrOverQuota) {
		panic(failed("delivery: %v, room %v", err, room))
	}
	if err == nil {
		h.m.arrived(b.account(), &m)
		b.insert(m)
	}
	h.learn()
	h.settle()
}

// verb gives "" or "UID ".
func verb(uid bool) string {
	if uid {
		return "UID "
	}
	return ""
}

// storing makes up a STORE.
func (h *history) storing(s *session, uid bool) *command {
	n, f := s.set(uid), h.flags()
	m := []mode{add, add, remove, replace}[h.r.IntN(4)]
	silent := h.r.IntN(3) == 0
	c := &command{numbers: !uid, quiet: !uid, stores: true}
	c.text = fmt.Sprintf("%sSTORE %s ", verb(uid), n)
	since := ^uint64(0)
	if h.r.IntN(5) == 0 && !h.piped {
		since = s.someModSeq()
		c.text += fmt.Sprintf("(UNCHANGEDSINCE %d) ", since)
		c.modseqs = true
	}
	if m != replace {
		c.text += string(m)
	}
	c.text += "FLAGS"
	if silent {
		c.text += ".SILENT"
		c.silently = func(_ uint32, old flags) flags { return m.limited(old, f, s.changeable()) }
	}
	c.text += " (" + f.String() + ")"
	var left []uint32
	changed, may := make(map[uint32]bool), flags(0)
	c.before = func() { c.targets = s.meaning(n, uid) }
	c.apply = func(r *reply) {
		if may = s.changeable(); !m.allowed(f, may) || r.tagged.word == "BAD" {
			return
		}
		for _, u := range c.targets {
			x := s.box.find(u)
			switch {
			case x == nil:
			case x.modseq > since:
				left = append(left, u)
			default:
				changed[u] = m.limited(x.flags, f, may) != x.flags
				s.box.store(u, replace, m.limited(x.flags, f, may))
			}
		}
	}
	c.check = func(r *reply) {
		if s.readOnly || !m.allowed(f, may) && len(c.targets) > 0 {
			s.wantNo(c, r)
			return
		}
		if len(c.targets) == 0 && r.tagged.word == "NO" { // the server still knows messages that are gone
			return
		}
		h.checkStored(s, c, r, left, changed, uid, silent)
	}
	return c
}

func (s *session) wantNo(c *command, r *reply) {
	if r.tagged.word != "NO" {
		s.fail("%q was answered %q, want NO", c.text, r.tagged.raw)
	}
}

// checkStored: MODIFIED names those left alone, and every other message's flags are told unless that was not wanted.
func (h *history) checkStored(s *session, c *command, r *reply, left []uint32, changed map[uint32]bool, uid, silent bool) {
	if !r.ok() {
		s.fail("%q was answered %q", c.text, r.tagged.raw)
	}
	var told []uint32
	if r.tagged.code == "MODIFIED" {
		for _, n := range set(r.tagged.args[0].s) {
			if !uid {
				n = s.msgs[n-1].uid
			}
			told = append(told, n)
		}
	}
	if !slices.Equal(told, left) {
		s.fail("%q: MODIFIED %v, want %v", c.text, told, left)
	}
	for _, u := range c.targets {
		if s.box.find(u) == nil || slices.Contains(left, u) {
			continue
		}
		f := s.lineOf(r, u)
		switch {
		case !silent && (f == nil || f.flags == nil):
			s.fail("%q does not tell the flags of UID %d", c.text, u)
		case !silent && uid && !s.uidOnly && f.uid == 0:
			s.fail("%q tells flags without UID", c.text)
		case s.condstore && (!silent || changed[u]) && (f == nil || f.modseq == 0):
			s.fail("%q does not tell the modseq of UID %d", c.text, u)
		}
	}
}

// lineOf finds the FETCH of a message in a reply; numbers must not have changed before it.
func (s *session) lineOf(r *reply, uid uint32) *fetched {
	for i := range r.lines {
		l := &r.lines[i]
		if l.word != "FETCH" && l.word != "UIDFETCH" {
			continue
		}
		f := s.items(l)
		if s.uidOnly && l.num == uid || f.uid == uid {
			return &f
		}
		if m := s.meant(l, r); f.uid == 0 && m != nil && m.uid == uid {
			return &f
		}
	}
	return nil
}

// copying makes up a COPY or MOVE.
func (h *history) copying(s *session, uid, move bool) *command {
	n, name := s.set(uid), h.name()
	c := &command{numbers: !uid, quiet: !uid && !move, must: move}
	word := "COPY"
	if move {
		word = "MOVE"
	}
	c.text = fmt.Sprintf("%s%s %s %s", verb(uid), word, n, s.wire(name))
	var from []uint32
	var src, dst *box
	first, refused, over := uint32(0), false, false
	c.before = func() { c.targets = s.meaning(n, uid) }
	c.apply = func(r *reply) {
		src, dst = s.box, s.reach(name, mayInsert)
		if refused = move && (s.readOnly || s.rights()&mayMove != mayMove); dst == nil || refused {
			return
		}
		first = dst.next
		for _, u := range c.targets {
			if x := src.find(u); x != nil {
				from = append(from, u)
			}
		}
		ms := make([]message, len(from))
		for i, u := range from {
			ms[i] = *src.find(u)
			ms[i].flags &= s.settable(dst)
			if dst.account() != src.account() {
				ms[i].first, ms[i].object = ms[i].mail(), h.m.object()
				h.m.firsts[ms[i].object] = ms[i].first
			}
		}
		if over = dst.account() != src.account() && len(ms) > 0 && !h.m.room(dst.account(), ms); over {
			return
		}
		for _, x := range ms {
			if dst.account() != src.account() {
				h.m.arrived(dst.account(), &x)
			}
			dst.insert(x)
		}
		for _, u := range from {
			if move {
				src.drop(u)
			}
		}
	}
	c.check = func(r *reply) {
		switch {
		case refused:
			s.wantNo(c, r)
			return
		case over:
			s.wantOverQuota(c, r)
			return
		case dst == nil && len(c.targets) > 0:
			s.wantRefused(c, r, name, mayInsert)
			return
		case dst == nil:
			return
		}
		h.checkCopied(s, c, r, dst, from, first, move)
	}
	return c
}

func (h *history) checkCopied(s *session, c *command, r *reply, dst *box, from []uint32, first uint32, move bool) {
	l := &r.tagged
	if move {
		l = r.code("COPYUID")
	}
	if !r.ok() {
		s.fail("%q was answered %q", c.text, r.tagged.raw)
	}
	if len(from) == 0 || s.h.m.rights(s.account, dst.name)&mayRead == 0 {
		if l != nil && l.code == "COPYUID" {
			s.fail("%q copied nothing that it may know of and says %q", c.text, l.raw)
		}
		return
	}
	to := span(first, first+uint32(len(from)))
	if l == nil || l.code != "COPYUID" || l.args[0].number() != uint64(dst.validity) ||
		!slices.Equal(set(l.args[1].s), from) || !slices.Equal(set(l.args[2].s), to) {
		s.fail("%q: %v, want COPYUID %d %v %v", c.text, l, dst.validity, from, to)
	}
	if move && s.qresync {
		h.wantHighest(s, c, r)
	}
}

// wantHighest wants HIGHESTMODSEQ in the tagged OK (RFC 7162 §3.2.7).
func (h *history) wantHighest(s *session, c *command, r *reply) {
	if r.tagged.code != "HIGHESTMODSEQ" || !h.piped && r.tagged.args[0].number() != s.box.highest {
		s.fail("%q was answered %q, want HIGHESTMODSEQ %d", c.text, r.tagged.raw, s.box.highest)
	}
}

// expunging makes up an EXPUNGE or UID EXPUNGE.
func (h *history) expunging(s *session, uid bool) *command {
	c := &command{text: "EXPUNGE", must: true}
	n := numbers{{1, 0}}
	if uid {
		n = s.set(true)
		c.text = "UID EXPUNGE " + n.String()
	}
	went, refused := 0, false
	c.before = func() {
		c.targets = s.meaning(n, true)
		refused = s.readOnly || s.rights()&mayExpunge == 0
	}
	c.apply = func(*reply) {
		for _, u := range c.targets {
			if x := s.box.find(u); x != nil && x.flags&deleted != 0 && !refused {
				s.box.drop(u)
				went++
			}
		}
	}
	c.check = func(r *reply) {
		if refused {
			s.wantNo(c, r)
			return
		}
		if !r.ok() {
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
		if went > 0 && s.qresync {
			h.wantHighest(s, c, r)
		}
	}
	return c
}

// closing is CLOSE, or UNSELECT, which expunges nothing.
func (h *history) closing(s *session, expunge bool) *command {
	c := &command{text: "UNSELECT", silent: true}
	if expunge {
		c.text = "CLOSE"
	}
	b, readOnly := (*box)(nil), false
	c.before = func() { b, readOnly = s.box, s.readOnly || s.rights()&mayExpunge == 0 }
	c.apply = func(r *reply) {
		for i := len(b.msgs) - 1; expunge && !readOnly && !b.dead && i >= 0; i-- {
			if b.msgs[i].flags&deleted != 0 {
				b.drop(b.msgs[i].uid)
			}
		}
		s.leave()
	}
	c.check = func(r *reply) {
		r.lines = slices.DeleteFunc(r.lines, func(l response) bool {
			return l.word == "FLAGS" || l.code == "PERMANENTFLAGS" || s.notify != nil && (l.code == "HIGHESTMODSEQ" || l.word == "STATUS" || l.word == "LIST") // from before
		})
		if !r.ok() || len(r.lines) > 0 {
			s.fail("%q was answered %q and %d lines", c.text, r.tagged.raw, len(r.lines))
		}
	}
	return c
}

// replacing makes up a REPLACE (RFC 8508): one message comes, one goes.
func (h *history) replacing(s *session, uid bool) *command {
	name, n := h.name(), 1+h.r.IntN(max(len(s.msgs), 1))
	if uid {
		n = 1 + h.r.IntN(int(s.box.next))
	}
	m := message{body: h.body(), flags: h.flags(), object: h.m.object()}
	text := h.m.bodies[m.body].text
	c := &command{numbers: !uid, must: true}
	c.text = fmt.Sprintf("%sREPLACE %d %s (%s) {%d+}\r\n%s", verb(uid), n, s.wire(name), m.flags, len(text), text)
	var src, dst *box
	done, over, first := false, false, uint32(0)
	c.before = func() { c.targets = s.meaning(numbers{{uint32(n), uint32(n)}}, uid) }
	c.apply = func(*reply) {
		src, dst = s.box, s.reach(name, mayInsert)
		if done = !s.readOnly && dst != nil && s.rights()&mayMove == mayMove && dst.account() == src.account() && len(c.targets) == 1 && src.find(c.targets[0]) != nil; done {
			old := *src.find(c.targets[0])
			src.drop(old.uid)
			if over = !h.m.room(dst.account(), []message{m}); over {
				src.undrop(old)
				return
			}
			m.flags &= s.settable(dst)
			h.m.arrived(dst.account(), &m)
			first = dst.insert(m)
		}
	}
	c.check = func(r *reply) {
		if !done {
			s.wantNo(c, r)
			return
		}
		if over {
			s.wantOverQuota(c, r)
			return
		}
		l := r.code("APPENDUID")
		if told := s.h.m.rights(s.account, name)&mayRead != 0; !r.ok() || told != (l != nil) || told && (l.args[0].number() != uint64(dst.validity) || l.args[1].number() != uint64(first)) {
			s.fail("%q was answered %q and %v, want UID %d of %d", c.text, r.tagged.raw, l, first, dst.validity)
		}
		if s.qresync {
			h.wantHighest(s, c, r)
		}
	}
	return c
}

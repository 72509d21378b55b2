package imapmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// burst lets all sessions act at once. What they do to one another can not be foretold: views are still held against
// what a client may be told, and when all is done against the store.
func (h *history) burst() {
	type sent struct {
		s    *session
		cs   []*command
		tags []string
	}
	var all []sent
	for _, s := range h.sessions {
		h.wake(s)
		if !s.usable() || s.box == nil {
			continue
		}
		x := sent{s: s}
		for range 1 + h.r.IntN(4) {
			c := h.command(s, []string{"append", "uid store", "uid store", "uid expunge", "expunge", "uid copy", "uid move", "uid fetch", "noop"}[h.r.IntN(9)])
			c.free, c.apply, c.check = true, nil, nil
			x.cs = append(x.cs, c)
		}
		all = append(all, x)
	}
	for i := range all {
		x := &all[i]
		var b strings.Builder
		for _, c := range x.cs {
			x.s.tag++
			x.tags = append(x.tags, fmt.Sprintf("a%d", x.s.tag))
			b.WriteString(x.tags[len(x.tags)-1] + " " + c.text + "\r\n")
		}
		x.s.send(b.String())
	}
	for _, x := range all {
		for i, c := range x.cs {
			h.finishFree(x.s, c, x.tags[i])
		}
	}
	h.adopt()
	h.m.mixed()
	for _, x := range all {
		for i := range x.s.msgs {
			x.s.msgs[i].fresh = false // who put it there is not known
		}
	}
	h.hurried = true
	for _, x := range all {
		h.run(x.s, &command{text: "NOOP", free: true})
		if x.s.notify != nil {
			x.s.knowOwn(slices.Collect(maps.Keys(x.s.notify.figures)))
		}
	}
	h.hurried = false
	h.settle()
}

// finishFree reads a reply while others act.
func (h *history) finishFree(s *session, c *command, tag string) {
	if c.silently != nil {
		c.targets = nil
		c.before()
		c.vague = len(s.msgs) == 0 || s.msgs[len(s.msgs)-1].uid == 0
	}
	r := s.read(c, tag)
	if r.tagged.word == "BAD" || s.ended {
		s.fail("%q was answered %q", c.text, r.tagged.raw)
	}
	s.takeNews()
	s.asked, s.condstore = s.asked || c.modseqs, s.condstore || c.modseqs && r.ok()
}

// adopt takes what the store has after commands that ran at the same time. What must hold whatever came first is
// checked: UIDs are never used again, modseqs grow, a message stays what it was.
func (h *history) adopt() {
	for _, b := range h.m.boxes {
		if b != nil {
			h.adoptBox(b)
		}
	}
	h.checkUsage()
}

func (h *history) adoptBox(b *box) {
	s := h.look(b.name)
	if s.validity != b.validity || s.next < b.next || s.highest < b.highest {
		panic(failed("%s: UIDVALIDITY %d UIDNEXT %d HIGHESTMODSEQ %d after %d %d %d", b.name, s.validity, s.next, s.highest,
			b.validity, b.next, b.highest))
	}
	have := make(map[uint32]bool)
	for i := range s.msgs {
		x := &s.msgs[i]
		have[x.uid] = true
		h.adoptMessage(b, x)
	}
	old := slices.Clone(b.msgs)
	for uid := b.next; uid < s.next; uid++ {
		old = append(old, message{uid: uid})
	}
	for _, x := range old {
		if !have[x.uid] {
			b.gone = append(b.gone, gone{x.uid, b.highest, s.highest})
		}
	}
	b.msgs, b.next, b.highest, b.dirty = s.msgs, s.next, s.highest, false
	h.m.modseq[b.account()] = max(h.m.modseq[b.account()], s.highest)
}

func (h *history) adoptMessage(b *box, x *message) {
	old := b.find(x.uid)
	number, of := uint64(x.object), h.m.numbers[b.account()]
	if _, known := of[number]; !known {
		of[number] = h.m.object()
		h.m.stored[of[number]] = number
		claimed, body := h.m.ids.claimed[b.account()], &h.m.bodies[x.body]
		claimed[x.body], claimed[body.parent] = true, true
		h.m.firsts[of[number]] = h.adoptOrigin(b, x.uid)
	}
	x.object = of[number]
	x.first = h.m.firsts[x.object]
	switch {
	case old == nil && x.saved != h.w.now().Unix():
		panic(failed("%s: %s was saved at %d, it is %d", b.name, x, x.saved, h.w.now().Unix()))
	case old == nil && x.uid < b.next:
		panic(failed("%s: UID %d is used again", b.name, x.uid))
	case old == nil:
		x.owner = -1
	case old.body != x.body || old.date != x.date || old.object != x.object || old.saved != x.saved || old.modseq > x.modseq || old.modseq == x.modseq && old.flags != x.flags:
		panic(failed("%s: %s became %s", b.name, *old, *x))
	case old.owner == 0:
		x.owner = -1 // some session may have taken it
	default:
		x.owner = old.owner
	}
}

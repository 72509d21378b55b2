package imapmodel

import (
	"fmt"
	"strings"

	"barid/mail/mailbox"
)

func failed(format string, args ...any) failure { return failure{fmt.Sprintf(format, args...)} }

func check(err error) {
	if err != nil {
		panic(failed("%v", err))
	}
}

// stored is what the store has of a mailbox.
type stored struct {
	validity uint32
	next     uint32
	highest  uint64
	msgs     []message
}

// look reads a mailbox below the protocol.
func (h *history) look(name string) stored {
	m, err := h.w.accts[accountOf(name)].Open(h.w.ctx, bare(name))
	if err != nil {
		panic(failed("mailbox %s: %v", name, err))
	}
	defer m.Close()
	v := m.View()
	out := stored{validity: v.UIDValidity(), next: uint32(v.UIDNext()), highest: uint64(v.HighestModSeq())}
	for _, e := range v.All() {
		body, ok := h.m.sizes[int(e.Size)]
		if !ok {
			panic(failed("%s: message %d has %d bytes, nobody sent such a one", name, e.UID, e.Size))
		}
		first := 0
		if e.Foreign {
			first = -1 // something
		}
		out.msgs = append(out.msgs, message{
			uid: uint32(e.UID), body: body, flags: modelFlags(e.Flags, v.Keywords()), date: e.Date, modseq: uint64(e.ModSeq),
			object: int(e.Msg), saved: e.Saved, first: first,
		})
	}
	return out
}

func modelFlags(f mailbox.Flags, keywords []string) (out flags) {
	for i, bit := range systemBits {
		if f&bit != 0 {
			out |= 1 << i
		}
	}
	for i, k := range keywords {
		if f&mailbox.Keyword(i) != 0 {
			out |= flagOf(k)
		}
	}
	return out
}

// learn compares all mailboxes that changed with the store, and learns the modseqs of what changed: they must be
// past all that were given before.
func (h *history) learn() {
	before, valid := h.m.modseq, h.m.valid
	for _, b := range h.m.boxes {
		if b != nil && b.dirty {
			h.learnBox(b, before[b.account()], valid[b.account()])
		}
	}
	h.checkUsage()
}

func (h *history) learnBox(b *box, before uint64, valid uint32) {
	s := h.look(b.name)
	if b.validity == 0 {
		if s.validity <= valid {
			panic(failed("%s: UIDVALIDITY %d after %d", b.name, s.validity, valid))
		}
		b.validity = s.validity
		h.m.valid[b.account()] = max(h.m.valid[b.account()], s.validity)
	}
	if s.validity != b.validity || s.next != b.next || len(s.msgs) != len(b.msgs) {
		panic(failed("%s: stored UIDVALIDITY %d UIDNEXT %d %d messages, want %d %d %d", b.name, s.validity, s.next, len(s.msgs),
			b.validity, b.next, len(b.msgs)))
	}
	for i := range b.msgs {
		h.learnMessage(b, &b.msgs[i], &s.msgs[i], before)
	}
	if s.highest < b.highest {
		panic(failed("%s: HIGHESTMODSEQ %d after %d", b.name, s.highest, b.highest))
	}
	for i := len(b.gone) - 1; i >= 0 && b.gone[i].upto == 0; i-- {
		b.gone[i].upto = s.highest
		if s.highest <= b.highest {
			panic(failed("%s: HIGHESTMODSEQ is %d and was %d before an expunge", b.name, s.highest, b.highest))
		}
	}
	b.highest, b.dirty = s.highest, false
	h.m.modseq[b.account()] = max(h.m.modseq[b.account()], s.highest)
}

func (h *history) learnMessage(b *box, want, got *message, before uint64) {
	if want.date == 0 {
		want.date = got.date
	}
	if want.modseq == 0 {
		if got.modseq <= before {
			panic(failed("%s: message %d changed and has modseq %d, there was %d", b.name, want.uid, got.modseq, before))
		}
		want.modseq = got.modseq
	}
	if want.saved == 0 { // just now
		want.saved = h.w.now().Unix()
	}
	h.learnObject(b, want, got)
	x := *got
	x.owner, x.object, x.first = want.owner, want.object, want.first
	if x != *want {
		panic(failed("%s: stored %s, want %s", b.name, x, *want))
	}
}

// learnObject: what is new has a number that nothing had, what was copied within its account has the same one.
func (h *history) learnObject(b *box, want, got *message) {
	number, of := uint64(got.object), h.m.numbers[b.account()]
	switch old, known := of[number]; {
	case h.m.stored[want.object] == 0 && !known:
		of[number], h.m.stored[want.object] = want.object, number
		if got.first != want.first { // both are 0, mostly
			h.learnOrigin(b, want)
		}
	case old != want.object:
		panic(failed("%s: %s has the number %d of %d, want that of %d", b.name, want, number, old, want.object))
	}
}

func (m message) String() string {
	return fmt.Sprintf("{UID %d m%d (%s) date %d modseq %d}", m.uid, m.body, m.flags, m.date, m.modseq)
}

// quote writes a mailbox name as a quoted string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

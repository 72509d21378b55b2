package mailbox

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
)

// mirror follows the change feed, as a JMAP client's server side would, and must end with the messages
// that are there.
type mirror struct {
	since ModSeq
	boxes map[ID]map[UID]MsgNo
	alive map[MsgNo]bool
}

func newMirror() *mirror {
	return &mirror{boxes: map[ID]map[UID]MsgNo{}, alive: map[MsgNo]bool{}}
}

// follow reads the feed in small bites. When it is told that it is too far behind it begins anew.
func (m *mirror) follow(h *history) {
	h.t.Helper()
	for {
		cs, upto, err := h.w.Account(1).Changes(ctx, m.since, 3)
		if errors.Is(err, ErrTooOld) {
			m.resync(h)
			return
		}
		must(h.t, err)
		for _, c := range cs {
			if c.ModSeq <= m.since {
				h.t.Fatalf("change %d after %d", c.ModSeq, m.since)
			}
			m.apply(c)
		}
		if len(cs) == 0 || upto == m.since {
			break
		}
		m.since = upto
	}
	m.compare(h)
}

func (m *mirror) apply(c Change) {
	switch c.Kind {
	case ChangeCreated:
		m.boxes[c.Mailbox] = map[UID]MsgNo{}
	case ChangeRemoved:
		delete(m.boxes, c.Mailbox)
	case ChangeAppend:
		if m.boxes[c.Mailbox] == nil {
			m.boxes[c.Mailbox] = map[UID]MsgNo{}
		}
		for i, no := range c.Messages {
			m.boxes[c.Mailbox][c.UIDs[0].Lo+UID(i)] = no
			m.alive[no] = true
		}
	case ChangeExpunge:
		for _, r := range c.UIDs {
			for u := r.Lo; u <= r.Hi; u++ {
				delete(m.boxes[c.Mailbox], u)
			}
		}
	}
	for _, no := range c.Destroyed {
		delete(m.alive, no)
	}
}

func (m *mirror) truth(h *history) (map[ID]map[UID]MsgNo, map[MsgNo]bool) {
	boxes, alive := map[ID]map[UID]MsgNo{}, map[MsgNo]bool{}
	infos, err := h.w.Account(1).List(ctx)
	must(h.t, err)
	for _, i := range infos {
		if i.NonExistent {
			continue
		}
		boxes[i.ID] = map[UID]MsgNo{}
		if b := h.m.boxes[i.Name]; b != nil {
			for _, x := range b.msgs {
				boxes[i.ID][x.uid] = x.no
				alive[x.no] = true
			}
		}
	}
	return boxes, alive
}

func (m *mirror) resync(h *history) {
	m.boxes, m.alive = m.truth(h)
	a := h.w.acquire(1)
	defer h.w.release(a)
	s, err := a.shown(ctx)
	must(h.t, err)
	m.since = s.st.modseq
}

func (m *mirror) compare(h *history) {
	h.t.Helper()
	boxes, alive := m.truth(h)
	if !maps.Equal(alive, m.alive) {
		h.t.Fatalf("the feed leads to %d messages, there are %d", len(m.alive), len(alive))
	}
	if !maps.EqualFunc(boxes, m.boxes, maps.Equal[map[UID]MsgNo]) {
		h.t.Fatalf("the feed leads to mailboxes %v, there are %v", slices.Sorted(maps.Keys(m.boxes)), slices.Sorted(maps.Keys(boxes)))
	}
}

// seeds is how many random histories a test runs: BARID_SEEDS, or few.
func seeds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("BARID_SEEDS")); err == nil && n > 0 {
		return n
	}
	return few
}

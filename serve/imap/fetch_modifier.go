package imap

import (
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// fetchModifiers are what stands in parentheses behind the items of FETCH (RFC 4466 §2.4).
type fetchModifiers struct {
	changed  bool // CHANGEDSINCE since (RFC 7162 §3.1.4)
	since    mailbox.ModSeq
	vanished bool               // VANISHED (RFC 7162 §3.2.6)
	partial  *imap.PartialRange // PARTIAL (RFC 9394 §3.3)
}

// readFetchModifiers reads " (" modifiers ")" if they are there.
func (s *session) readFetchModifiers(c *call) (m fetchModifiers) {
	if !c.TrySP() {
		return m
	}
	c.Members(func() {
		switch c.Word() {
		case "CHANGEDSINCE":
			m.changed, m.since = true, mailbox.ModSeq(c.SP().Number())
		case "VANISHED":
			m.vanished = true
		case "PARTIAL":
			r := c.SP().PartialRange()
			m.partial = &r
		default:
			c.Fail("no such FETCH modifier")
		}
	})
	if m.vanished && (!c.uid || !m.changed || !s.has(extQResync)) {
		c.Fail("VANISHED is for UID FETCH with CHANGEDSINCE after ENABLE QRESYNC")
	}
	if m.partial != nil && !c.uid {
		c.Fail("PARTIAL is for UID FETCH")
	}
	return m
}

// windowWithin is window, refused if it names more messages than one command may work on (RFC 9738 §3.1).
func (s *session) windowWithin(spans []span, r *imap.PartialRange) ([]span, error) {
	if limit := s.messageLimit(); r != nil && limit > 0 && int64(r.Hi)-int64(r.Lo) >= int64(limit) {
		return nil, overLimit(limit, 0)
	}
	return window(spans, r), nil
}

// window narrows spans to the messages at the places that r names.
func window(spans []span, r *imap.PartialRange) []span {
	if r == nil {
		return spans
	}
	n := 0
	for _, sp := range spans {
		n += sp.hi - sp.lo
	}
	lo, hi := r.Window(n)
	var out []span
	for _, sp := range spans {
		size := sp.hi - sp.lo
		if part := (span{sp.lo + max(lo, 0), sp.lo + min(hi, size)}); part.lo < part.hi {
			out = append(out, part)
		}
		lo, hi = lo-size, hi-size
	}
	return out
}

// fetchVanished tells which UIDs of the set went after since, before any FETCH (RFC 7162 §3.2.6). "*" is the
// last UID that was ever given out.
func (s *session) fetchVanished(set numberSet, since mailbox.ModSeq) error {
	v := s.sel.view
	if v.UIDNext() <= 1 {
		return nil
	}
	gone, err := s.goneSince(since, boxRanges(set.resolve(v)))
	if err != nil {
		return err
	}
	s.vanished(earlierVanished, gone)
	return nil
}

// numberSet is the message set of a command as the client wrote it.
type numberSet struct {
	uids imap.UIDSet
}

// resolve gives the UIDs that a set could mean in v, also those that are not there any more.
func (n numberSet) resolve(v *mailbox.View) []imap.Range {
	var out []imap.Range
	for _, r := range n.uids.Resolve(uint32(v.UIDNext() - 1)) {
		if r.Lo < uint32(v.UIDNext()) {
			out = append(out, imap.Range{Lo: r.Lo, Hi: min(r.Hi, uint32(v.UIDNext()-1))})
		}
	}
	return out
}

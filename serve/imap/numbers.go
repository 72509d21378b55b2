package imap

import (
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// readSpans reads the message set of a command and finds it in the view the client knows. A sequence
// number that does not exist is an error of the client; a UID that does not exist is not (RFC 3501 §6.4.8).
func (s *session) readSpans(c *call) ([]span, error) { return s.readSet(c, new(numberSet)) }

// readSet is readSpans; it leaves what the client wrote in kept.
func (s *session) readSet(c *call, kept *numberSet) ([]span, error) {
	if c.Saved() {
		kept.uids = imap.UIDSet(wireRanges(s.sel.saved))
		return s.sel.viewSpans(s.sel.saved), nil
	}
	if c.uid {
		kept.uids = c.UIDSet()
		return s.sel.uidSpans(kept.uids), c.Err()
	}
	set := c.SeqSet()
	if err := c.Err(); err != nil {
		return nil, err
	}
	return s.sel.seqSpans(set)
}

func (sel *selected) seqSpans(set imap.SeqSet) ([]span, error) {
	n := sel.view.Len()
	if uint64(set.Max()) > uint64(n) && !(n == 0 && set.HasStar()) {
		return nil, badf("there is no message with that sequence number")
	}
	if n == 0 {
		return nil, nil
	}
	rs := set.Resolve(uint32(n))
	out := make([]span, 0, len(rs))
	for _, r := range rs {
		out = append(out, span{int(r.Lo) - 1, int(r.Hi)})
	}
	return out, nil
}

func (sel *selected) uidSpans(set imap.UIDSet) []span {
	v := sel.view
	if v.Len() == 0 {
		return nil
	}
	return sel.viewSpans(boxRanges(set.Resolve(uint32(v.At(v.Len() - 1).UID))))
}

// viewSpans finds UIDs in the view.
func (sel *selected) viewSpans(set mailbox.UIDSet) (out []span) {
	v := sel.view
	for _, r := range set {
		lo, hi := v.IndexFrom(r.Lo), v.Len()
		if r.Hi < mailbox.MaxUID {
			hi = v.IndexFrom(r.Hi + 1)
		}
		if lo < hi {
			out = append(out, span{lo, hi})
		}
	}
	return out
}

// uids gives the UIDs of spans as a set.
func (sel *selected) uids(spans []span) mailbox.UIDSet {
	var rs []mailbox.UIDRange
	for _, sp := range spans {
		rs = append(rs, sel.view.UIDs(sp.lo, sp.hi)...)
	}
	return mailbox.NewUIDSet(rs...)
}

// ranges writes UIDs for the wire; neighbours that ascend by one are joined, the order is kept.
func ranges(uids []mailbox.UID) []imap.Range {
	var out []imap.Range
	for _, u := range uids {
		if n := len(out); n > 0 && out[n-1].Hi+1 == uint32(u) {
			out[n-1].Hi = uint32(u)
			continue
		}
		out = append(out, imap.Range{Lo: uint32(u), Hi: uint32(u)})
	}
	return out
}

package imap

import (
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// result is what a search found: indexes in view, in the order that was asked for.
type result struct {
	view, now *mailbox.View
	sel       *selected
	uid       bool // numbers told are UIDs
	down      bool // a plain answer tells the highest first (RFC 9738 §3.1)
	hits      []int32
	relevancy func(mailbox.MsgNo) uint8
}

// number is the k-th result as the client is told it.
func (r *result) number(k int) uint32 {
	if r.uid {
		return uint32(r.view.At(int(r.hits[k])).UID)
	}
	return uint32(r.hits[k]) + 1
}

// list gives the results lo <= k < hi as ranges in their order; only neighbours that ascend are joined (RFC
// 5267 §3.2).
func (r *result) list(lo, hi int) (out numberList) {
	for k := lo; k < hi; k++ {
		out.add(r.number(k))
	}
	return out
}

// writePlain answers with all numbers, and with the highest modseq if that was asked (RFC 7162 §3.1.5).
func (r *result) writePlain(out *imap.Writer, word string, modseq bool) {
	out.S("* ").S(word)
	for k := range r.hits {
		if r.down {
			k = len(r.hits) - 1 - k
		}
		out.C(' ').N(uint64(r.number(k)))
	}
	if modseq && len(r.hits) > 0 {
		out.S(" (MODSEQ ").N(uint64(r.highest(0, len(r.hits)))).C(')')
	}
	out.CRLF()
}

// writeExtended ends an ESEARCH response with what was wanted (RFC 4731 §3.1): the lowest, the highest, all,
// some, how many. Of nothing found only the count is told.
func (r *result) writeExtended(out *imap.Writer, want imap.SearchReturn, modseq bool) {
	n := len(r.hits)
	if want.Min && n > 0 {
		out.S(" MIN ").N(uint64(r.number(0)))
	}
	if want.Max && n > 0 {
		out.S(" MAX ").N(uint64(r.number(n - 1)))
	}
	if want.All && n > 0 {
		out.S(" ALL ").Set(r.list(0, n))
	}
	if want.Partial != nil {
		r.writePartial(out, *want.Partial)
	}
	if want.Relevancy && n > 0 {
		r.writeRelevancy(out, want)
	}
	if want.Count {
		out.S(" COUNT ").N(uint64(n))
	}
	if modseq && n > 0 {
		out.S(" MODSEQ ").N(uint64(r.highestOf(want)))
	}
	out.CRLF()
}

// writePartial answers PARTIAL (RFC 9394 §3.1): the window asked for, and what of the results is in it.
func (r *result) writePartial(out *imap.Writer, p imap.PartialRange) {
	out.S(" PARTIAL (").S(p.Text).C(' ')
	if lo, hi := p.Window(len(r.hits)); lo < hi {
		out.Set(r.list(lo, hi))
	} else {
		out.S("NIL")
	}
	out.C(')')
}

// highestOf is the modseq that an ESEARCH tells: of the lowest and the highest message if only those are
// told, else of all that were found (RFC 7162 §3.1.10).
func (r *result) highestOf(want imap.SearchReturn) (top mailbox.ModSeq) {
	n := len(r.hits)
	if want.All || want.Count || want.Partial != nil || !want.Min && !want.Max {
		return r.highest(0, n)
	}
	if want.Min {
		top = r.highest(0, 1)
	}
	if want.Max {
		top = max(top, r.highest(n-1, n))
	}
	return top
}

// highest is the highest modseq among the results lo <= k < hi.
func (r *result) highest(lo, hi int) (top mailbox.ModSeq) {
	for _, i := range r.hits[lo:hi] {
		top = max(top, r.sel.current(r.now, r.view.At(int(i))).ModSeq)
	}
	return top
}

// saved is what "$" means afterwards (RFC 5182 §2.1, RFC 9394 §3.2): all that was found, or just the
// messages told if only MIN, MAX or PARTIAL were asked for.
func (r *result) saved(want imap.SearchReturn) mailbox.UIDSet {
	n := len(r.hits)
	lo, hi := 0, n
	if !want.All && !want.Count && (want.Min || want.Max || want.Partial != nil) {
		hi = 0
		if want.Partial != nil {
			lo, hi = want.Partial.Window(n)
		}
	}
	uids := make([]mailbox.UID, 0, hi-lo+2)
	add := func(k int) { uids = append(uids, r.view.At(int(r.hits[k])).UID) }
	for k := lo; k < hi; k++ {
		add(k)
	}
	if hi-lo < n && n > 0 {
		if want.Min {
			add(0)
		}
		if want.Max {
			add(n - 1)
		}
	}
	return mailbox.SetOf(uids...)
}

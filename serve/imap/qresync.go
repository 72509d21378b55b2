package imap

import (
	"slices"
	"sort"
	"strconv"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// vanishes reports whether expunged messages are told as VANISHED, by UID (RFC 7162 §3.2.10, RFC 9586 §3.5).
func (s *session) vanishes() bool { return s.has(extQResync | extUIDOnly) }

// vanished writes VANISHED with UIDs in ascending order, nothing if there are none. earlier is "(EARLIER) "
// for those that went before this session looked.
func (s *session) vanished(earlier string, uids mailbox.UIDSet) {
	if len(uids) > 0 {
		s.out.S("* VANISHED ").S(earlier).Set(wireRanges(uids)).CRLF()
	}
}

const earlierVanished = "(EARLIER) "

// descending makes a set of UIDs that come in falling order.
func descending(uids []mailbox.UID) (out mailbox.UIDSet) {
	for _, u := range slices.Backward(uids) {
		out = out.Add(u)
	}
	return out
}

// wireRanges gives a set in the types of the wire.
func wireRanges(set mailbox.UIDSet) []imap.Range {
	out := make([]imap.Range, len(set))
	for i, r := range set {
		out[i] = imap.Range{Lo: uint32(r.Lo), Hi: uint32(r.Hi)}
	}
	return out
}

// boxRanges is the inverse of wireRanges, for ranges that ascend.
func boxRanges(rs []imap.Range) mailbox.UIDSet {
	out := make(mailbox.UIDSet, len(rs))
	for i, r := range rs {
		out[i] = mailbox.UIDRange{Lo: mailbox.UID(r.Lo), Hi: mailbox.UID(r.Hi)}
	}
	return out
}

// highest is HIGHESTMODSEQ, which is at least 1 (RFC 7162 §3.1.2.1).
func highest(v *mailbox.View) mailbox.ModSeq { return max(v.HighestModSeq(), 1) }

func highestCode(v *mailbox.View) string {
	return "HIGHESTMODSEQ " + strconv.FormatUint(uint64(highest(v)), 10)
}

// goneSince gives the UIDs of within that went after since and that this session's view does not show.
func (s *session) goneSince(since mailbox.ModSeq, within mailbox.UIDSet) (mailbox.UIDSet, error) {
	gone, _, err := s.sel.box.VanishedSince(s.ctx, since)
	if err != nil {
		return nil, err
	}
	return s.sel.without(intersect(gone, within)), nil
}

// without leaves out what the view shows: VanishedSince may be ahead of it.
func (sel *selected) without(set mailbox.UIDSet) (out mailbox.UIDSet) {
	for _, r := range set {
		at := r.Lo
		for _, e := range sel.view.In(mailbox.UIDSet{r}) {
			if e.UID > at {
				out = append(out, mailbox.UIDRange{Lo: at, Hi: e.UID - 1})
			}
			at = e.UID + 1
		}
		if at <= r.Hi && at >= r.Lo {
			out = append(out, mailbox.UIDRange{Lo: at, Hi: r.Hi})
		}
	}
	return out
}

// intersect gives what is in both sets.
func intersect(a, b mailbox.UIDSet) (out mailbox.UIDSet) {
	for len(a) > 0 && len(b) > 0 {
		lo, hi := max(a[0].Lo, b[0].Lo), min(a[0].Hi, b[0].Hi)
		if lo <= hi {
			out = append(out, mailbox.UIDRange{Lo: lo, Hi: hi})
		}
		if a[0].Hi < b[0].Hi {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// resync tells a client that comes back what went and what changed since it left (RFC 7162 §3.2.5). What it
// knows of another UIDVALIDITY is worth nothing.
func (s *session) resync(q *imap.QResync) error {
	v := s.sel.view
	if q == nil || q.UIDValidity != v.UIDValidity() || v.UIDNext() <= 1 {
		return nil
	}
	known := mailbox.UIDSet{{Lo: 1, Hi: v.UIDNext() - 1}}
	if q.Known != nil {
		known = intersect(known, boxRanges(q.Known.Resolve(0)))
	}
	since := mailbox.ModSeq(q.ModSeq)
	gone, err := s.goneSince(since, above(known, s.sel.agreed(q)+1))
	if err != nil {
		return err
	}
	s.vanished(earlierVanished, gone)
	for i, e := range v.In(known) {
		if e.ModSeq > since {
			s.fetchFlags(i, e, true)
		}
	}
	return nil
}

// agreed gives the largest UID that both sides know under the same number: up to there nothing can have
// gone, for messages are only added at the end (RFC 7162 §3.2.5.2). 0 if there is none.
func (sel *selected) agreed(q *imap.QResync) mailbox.UID {
	seqs, uids := q.Seqs.Resolve(0), q.UIDs.Resolve(0)
	if count(seqs) != count(uids) || count(seqs) == 0 {
		return 0
	}
	n := min(count(seqs), maxMatch)
	at := func(k int) mailbox.UID {
		seq, uid := nth(seqs, k), mailbox.UID(nth(uids, k))
		if int(seq) <= sel.view.Len() && sel.view.At(int(seq)-1).UID == uid {
			return uid
		}
		return 0
	}
	// Once one pair differs all behind it do.
	if k := sort.Search(n, func(k int) bool { return at(k) == 0 }); k > 0 {
		return at(k - 1)
	}
	return 0
}

// maxMatch bounds the pairs of sequence match data that are looked at.
const maxMatch = 1 << 20

// count is how many numbers ranges hold, at most maxMatch and one.
func count(rs []imap.Range) int {
	n := uint64(0)
	for _, r := range rs {
		n += uint64(r.Hi-r.Lo) + 1
	}
	return int(min(n, maxMatch+1))
}

// nth gives the k-th number of ranges.
func nth(rs []imap.Range, k int) uint32 {
	for _, r := range rs {
		if n := int(r.Hi-r.Lo) + 1; k >= n {
			k -= n
			continue
		}
		return r.Lo + uint32(k)
	}
	return 0
}

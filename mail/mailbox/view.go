package mailbox

import (
	"iter"
	"sort"
)

// View is an immutable picture of a mailbox: a table of chunks that are shared with older and newer Views.
// It is safe for all goroutines and stays as it is as long as somebody holds it.
type View struct {
	full      []chunk // all but the last
	tail      chunk   // the last; may be empty
	sum       summary
	validity  uint32
	keywords  []string
	gone      bool
	gonePages []uint32 // HotPage rows whose chunks went since the last snapshot
}

// Gone reports that the mailbox was deleted; such a View is empty and the last.
func (v *View) Gone() bool { return v.gone }

// Len is the number of messages.
func (v *View) Len() int { return v.tail.start + v.tail.n }

// UIDValidity is RFC 9051 §2.3.1.1's.
func (v *View) UIDValidity() uint32 { return v.validity }

// UIDNext is the UID the next message will get.
func (v *View) UIDNext() UID { return v.sum.uidNext }

// HighestModSeq is RFC 7162 §3.1.2.1's; at least 1.
func (v *View) HighestModSeq() ModSeq { return max(v.sum.modseq, 1) }

// Unseen is the number of messages without Seen.
func (v *View) Unseen() int { return int(v.sum.unseen) }

// Deleted is the number of messages with Deleted.
func (v *View) Deleted() int { return int(v.sum.deleted) }

// Bytes is the sum of the sizes.
func (v *View) Bytes() int64 { return v.sum.bytes }

// Keywords names the keywords; the i-th is bit Keyword(i). The caller must not change it.
func (v *View) Keywords() []string { return v.keywords }

// chunks is the number of chunks; the last may be empty.
func (v *View) chunks() int { return len(v.full) + 1 }

// chunk gives the k-th chunk.
func (v *View) chunk(k int) *chunk {
	if k < len(v.full) {
		return &v.full[k]
	}
	return &v.tail
}

// find gives the chunk that holds index i.
func (v *View) find(i int) int {
	if i >= v.tail.start {
		return len(v.full)
	}
	return sort.Search(len(v.full), func(k int) bool { return v.full[k].start > i }) - 1
}

// At gives the i-th message, 0 <= i < Len. Its sequence number is i+1.
func (v *View) At(i int) Entry {
	c := v.chunk(v.find(i))
	return c.entry(i - c.start)
}

// Seq gives the index of uid.
func (v *View) Seq(uid UID) (i int, ok bool) {
	k, j := v.locate(uid)
	c := v.chunk(k)
	return c.start + j, j < c.n && UID(c.fix.uid[j]) == uid
}

// IndexFrom gives the index of the first message with a UID >= uid; Len if there is none.
func (v *View) IndexFrom(uid UID) int {
	k, j := v.locate(uid)
	return v.chunk(k).start + j
}

// locate gives chunk and slot of the first message with a UID >= uid.
func (v *View) locate(uid UID) (k, j int) {
	k = sort.Search(len(v.full), func(k int) bool { return v.full[k].last() >= uid })
	c := v.chunk(k)
	if c.n == 0 {
		return k, 0
	}
	return k, c.from(uid)
}

// FirstUnseen is the index of the first message without Seen, -1 if there is none.
func (v *View) FirstUnseen() int {
	for k := range v.chunks() {
		c := v.chunk(k)
		if c.unseen == 0 {
			continue
		}
		for j, f := range c.mut.flags[:c.n] {
			if f&Seen == 0 {
				return c.start + j
			}
		}
	}
	return -1
}

// All iterates over index and message.
func (v *View) All() iter.Seq2[int, Entry] { return v.Range(0, v.Len()) }

// Range iterates over lo <= index < hi. Indexes past the end are left out.
func (v *View) Range(lo, hi int) iter.Seq2[int, Entry] {
	return func(yield func(int, Entry) bool) { v.span(max(lo, 0), min(hi, v.Len()), yield) }
}

// span is Range; it reports whether yield wants more.
func (v *View) span(lo, hi int, yield func(int, Entry) bool) bool {
	if lo >= hi {
		return true
	}
	for k := v.find(lo); lo < hi; k++ {
		c := v.chunk(k)
		end := min(c.n, hi-c.start)
		for j := lo - c.start; j < end; j++ {
			if !yield(c.start+j, c.entry(j)) {
				return false
			}
		}
		lo = c.start + end
	}
	return true
}

// In iterates over the messages in set, in order.
func (v *View) In(set UIDSet) iter.Seq2[int, Entry] {
	return func(yield func(int, Entry) bool) {
		for _, r := range set {
			if !v.span(v.IndexFrom(r.Lo), v.after(r.Hi), yield) {
				return
			}
		}
	}
}

// after gives the index behind the last message with a UID <= uid.
func (v *View) after(uid UID) int {
	if uid == MaxUID {
		return v.Len()
	}
	return v.IndexFrom(uid + 1)
}

// UIDs gives the set of the messages lo <= index < hi.
func (v *View) UIDs(lo, hi int) UIDSet {
	var s UIDSet
	for _, e := range v.Range(lo, hi) {
		s = s.Add(e.UID)
	}
	return s
}

// memory is about what the View's columns take, bytes.
func (v *View) memory() int64 {
	return 256 + int64(v.tail.slots())*entryBytes + int64(len(v.full))*(chunkLen*entryBytes+96)
}

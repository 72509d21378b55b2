package mailbox

import (
	"slices"
	"sort"
)

// MaxUID is the largest UID there can be; {n, MaxUID} is IMAP's "n:*" for all that exist.
const MaxUID UID = 1<<32 - 1

// UIDRange is Lo to Hi, both included.
type UIDRange struct{ Lo, Hi UID }

// UIDSet is sorted, disjoint ranges. The zero value is empty.
type UIDSet []UIDRange

// All is the set of every UID.
func All() UIDSet { return UIDSet{{1, MaxUID}} }

// SetOf makes a set of uids in any order.
func SetOf(uids ...UID) UIDSet {
	rs := make([]UIDRange, len(uids))
	for i, u := range uids {
		rs[i] = UIDRange{u, u}
	}
	return NewUIDSet(rs...)
}

// NewUIDSet makes a set of ranges in any order, which may overlap or be the wrong way round.
func NewUIDSet(rs ...UIDRange) UIDSet {
	s := make(UIDSet, 0, len(rs))
	for _, r := range rs {
		if r.Lo > r.Hi {
			r.Lo, r.Hi = r.Hi, r.Lo
		}
		s = append(s, r)
	}
	slices.SortFunc(s, func(a, b UIDRange) int {
		switch {
		case a.Lo < b.Lo:
			return -1
		case a.Lo > b.Lo:
			return 1
		}
		return 0
	})
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && uint64(r.Lo) <= uint64(out[n-1].Hi)+1 {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Contains reports whether u is in the set.
func (s UIDSet) Contains(u UID) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].Hi >= u })
	return i < len(s) && s[i].Lo <= u
}

// Len is the number of UIDs in the set.
func (s UIDSet) Len() int64 {
	var n int64
	for _, r := range s {
		n += int64(r.Hi) - int64(r.Lo) + 1
	}
	return n
}

// Add appends u, which must be larger than all that are in the set, and returns the set.
func (s UIDSet) Add(u UID) UIDSet {
	if n := len(s); n > 0 && s[n-1].Hi+1 == u {
		s[n-1].Hi = u
		return s
	}
	return append(s, UIDRange{u, u})
}

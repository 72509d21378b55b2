package search

import (
	"math/bits"

	"barid/mail/mailbox"
)

// Set is a set of messages. The zero value is empty.
type Set struct {
	base mailbox.MsgNo // a multiple of 64: the first bit
	bits []uint64
}

// newSet makes an empty set with room for [lo,hi].
func newSet(lo, hi mailbox.MsgNo) *Set {
	base := lo &^ 63
	return &Set{base: base, bits: make([]uint64, (hi-base)/64+1)}
}

// Has tells whether m is in the set.
func (s *Set) Has(m mailbox.MsgNo) bool {
	i := uint64(m - s.base)
	return m >= s.base && i/64 < uint64(len(s.bits)) && s.bits[i/64]&(1<<(i%64)) != 0
}

// Len counts the set.
func (s *Set) Len() (n int) {
	for _, w := range s.bits {
		n += bits.OnesCount64(w)
	}
	return n
}

// All calls f for each member, ascending.
func (s *Set) All(f func(m mailbox.MsgNo)) {
	for k, w := range s.bits {
		for ; w != 0; w &= w - 1 {
			f(s.base + mailbox.MsgNo(k*64+bits.TrailingZeros64(w)))
		}
	}
}

// add puts m in, for which there is room.
func (s *Set) add(m mailbox.MsgNo) {
	i := uint64(m - s.base)
	s.bits[i/64] |= 1 << (i % 64)
}

// and keeps what is in o too; both have the same room.
func (s *Set) and(o *Set) {
	for i := range s.bits {
		s.bits[i] &= o.bits[i]
	}
}

// or adds o, which has the same room.
func (s *Set) or(o *Set) {
	for i := range s.bits {
		s.bits[i] |= o.bits[i]
	}
}

// covers tells whether all of o is in s; both have the same room.
func (s *Set) covers(o *Set) bool {
	for i := range s.bits {
		if o.bits[i]&^s.bits[i] != 0 {
			return false
		}
	}
	return true
}

// merge adds o to s, which has room for it.
func (s *Set) merge(o *Set) {
	at := int((o.base - s.base) / 64)
	for i, w := range o.bits {
		s.bits[at+i] |= w
	}
}

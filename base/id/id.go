// Package id makes the correlation ids that tie everything we say about one session and message together.
//
// Life: made when a connection is accepted; appears in the log, the Received field, the reply to the
// final dot, and the event log. Promise: ids of one process ascend with time and never repeat; two
// processes collide with probability below 2^-32 in the same millisecond.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync/atomic"
	"time"
)

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base32, lower case, sorts as the number does

// Source makes ids. Use New; share one in a process.
type Source struct {
	node uint32
	last atomic.Uint64 // milliseconds << 12 | counter
	now  func() time.Time
}

// NewSource gives a source that tells its ids apart from other processes' by random bits.
func NewSource(now func() time.Time) *Source {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails on the systems Go supports (crypto/rand)
	return &Source{node: binary.BigEndian.Uint32(b[:]), now: now}
}

// New gives 18 characters, e.g. "01jd4xk8t0003f7q2m": time and a counter (12), then the process (6).
func (s *Source) New() string {
	t := uint64(s.now().UnixMilli()) << 12
	for {
		last := s.last.Load()
		if t <= last {
			t = last + 1
		}
		if s.last.CompareAndSwap(last, t) {
			break
		}
	}
	var b [18]byte
	v := t
	for i := 11; i >= 0; i-- {
		b[i] = alphabet[v&31]
		v >>= 5
	}
	n := s.node
	for i := 17; i >= 12; i-- {
		b[i] = alphabet[n&31]
		n >>= 5
	}
	return string(b[:])
}

// Tx gives the id of the n-th transaction of a session: "01jd4xk8t0003f7q2m.2".
func Tx(session string, n int) string { return session + "." + strconv.Itoa(n) }

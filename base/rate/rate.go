// Package rate limits how often and how many at once, by key: an address, an account, a destination.
//
// Life: listeners ask it for connections, policy for messages and recipients.
// Promises: time is given by the caller's clock; an answer costs well under a microsecond; keys are spread over
// shards, so that two keys seldom wait for each other.
// Limits: a Limiter remembers a fixed number of keys and then forgets those used least lately, a Slots
// refuses more than a fixed number in all.
// Failure: there is none. A forgotten key begins anew, with its whole burst.
package rate

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

const shards = 16

// Limit is a rate: Events in every Per, of which Burst may come at once. Example: {60, time.Minute, 10}.
type Limit struct {
	Events int
	Per    time.Duration
	Burst  int // at least 1; 0 means Events
}

// Never is the retryAfter of what is more than the burst and so will never be allowed.
const Never = time.Duration(math.MaxInt64)

// Limiter is a generic cell rate algorithm (ITU-T I.371) for each key. It is for many goroutines.
type Limiter[K comparable] struct {
	interval int64 // nanoseconds for one event
	burst    int64 // events
	now      func() time.Time
	seed     maphash.Seed
	shards   [shards]shard[K]
}

// New gives a limiter that remembers about maxKeys keys, at least one in each of its 16 shards.
func New[K comparable](l Limit, maxKeys int, now func() time.Time) *Limiter[K] {
	burst := l.Burst
	if burst <= 0 {
		burst = l.Events
	}
	m := &Limiter[K]{
		interval: max(1, int64(l.Per)/int64(max(1, l.Events))),
		burst:    int64(max(1, burst)),
		now:      now,
		seed:     maphash.MakeSeed(),
	}
	for i := range m.shards {
		m.shards[i].init(max(1, (maxKeys+shards-1)/shards))
	}
	return m
}

// Allow takes n events of key if they are all allowed now. If not it takes nothing and tells after what time
// they would be.
func (m *Limiter[K]) Allow(key K, n int) (ok bool, retryAfter time.Duration) {
	if n <= 0 {
		return true, 0
	}
	if int64(n) > m.burst {
		return false, Never
	}
	now := m.now().UnixNano()
	s := m.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	// full is the theoretical arrival time of the next event were nothing left to take.
	e := s.get(key)
	full := max(e.full, now) + int64(n)*m.interval
	if wait := full - now - m.burst*m.interval; wait > 0 {
		return false, time.Duration(wait)
	}
	e.full = full
	return true, 0
}

// Return gives n events of key back, which Allow took for something that then did not happen.
func (m *Limiter[K]) Return(key K, n int) {
	s := m.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.at[key]; ok {
		s.entries[i].full -= int64(n) * m.interval
	}
}

// Len gives the number of keys that are remembered.
func (m *Limiter[K]) Len() (n int) {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += len(s.at)
		s.mu.Unlock()
	}
	return n
}

func (m *Limiter[K]) shard(key K) *shard[K] {
	return &m.shards[maphash.Comparable(m.seed, key)%shards]
}

// shard is a map whose entries stand in a ring in order of use. Entry 0 is the ring's anchor: next of it is
// the latest, prev of it the oldest.
type shard[K comparable] struct {
	mu      sync.Mutex
	max     int
	at      map[K]int32
	entries []entry[K]
}

type entry[K comparable] struct {
	key        K
	full       int64
	prev, next int32
}

func (s *shard[K]) init(max int) {
	s.max = max
	s.at = make(map[K]int32)
	s.entries = make([]entry[K], 1)
}

// get gives the entry of key as the latest, a new one if need be. The pointer is good until the next get.
func (s *shard[K]) get(key K) *entry[K] {
	i, ok := s.at[key]
	switch {
	case ok:
		s.unlink(i)
	case len(s.entries) <= s.max:
		i = int32(len(s.entries))
		s.entries = append(s.entries, entry[K]{key: key})
		s.at[key] = i
	default:
		i = s.entries[0].prev
		s.unlink(i)
		delete(s.at, s.entries[i].key)
		s.entries[i] = entry[K]{key: key}
		s.at[key] = i
	}
	s.link(i)
	return &s.entries[i]
}

func (s *shard[K]) unlink(i int32) {
	e := &s.entries[i]
	s.entries[e.prev].next, s.entries[e.next].prev = e.next, e.prev
}

func (s *shard[K]) link(i int32) {
	first := s.entries[0].next
	s.entries[i].prev, s.entries[i].next = 0, first
	s.entries[first].prev, s.entries[0].next = i, i
}

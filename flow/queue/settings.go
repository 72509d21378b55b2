package queue

import (
	"hash/fnv"
	"slices"
	"time"

	"barid/mail/spool"
)

// Settings shape a Queue. The zero value of a field has the default that is named with it.
type Settings struct {
	FirstRetry time.Duration   // after the first failed attempt; 0: 2 minutes. At least 1 s
	MaxRetry   time.Duration   // between later ones; each is twice the one before; 0: 3 hours
	Lifetime   time.Duration   // of an entry that does not say when it expires; 0: 5 days (RFC 5321 §4.5.4.1)
	Delays     []time.Duration // ages at which a sender is told of the delay; nil: 4 hours; empty, or only 0: never

	Slots            int // attempts at a time in all; 0: 512
	Concurrency      int // attempts at a time in one line, at most; 0: 32
	RouteConcurrency int // the same in the line of a route; 0: 128
	FirstConcurrency int // where a line begins; 0: 4

	LineRetry    time.Duration // pause of a line that can not be reached, doubled each time; 0: 5 s, not over FirstRetry
	MaxLineRetry time.Duration // 0: 10 minutes
	MaxAsked     time.Duration // longest pause that another server may ask for; 0: 1 hour

	Horizon time.Duration // what is due within it is in memory; 0: 5 minutes
	Tick    time.Duration // between looks for what nobody told of; 0: 30 s
	Memory  int           // entries in memory; 0: 100,000
	Line    int           // of them in one line; 0: 4,096
	Lane    int           // of them of one account and priority in a line; 0: 256
	Cached  int           // of them with everything they say; 0: 4,096
	Labels  int           // destinations with metrics of their own; 0: 100

	Gather    time.Duration // how long the first failure of a message waits for others, to be told in one report; 0: 5 s
	ReportFor time.Duration // how long a report that can not be made is tried; 0: 5 days
}

func (s *Settings) fill() {
	def(&s.FirstRetry, 2*time.Minute)
	s.FirstRetry = max(s.FirstRetry, time.Second)
	def(&s.MaxRetry, 3*time.Hour)
	s.MaxRetry = max(s.MaxRetry, s.FirstRetry)
	def(&s.Lifetime, 5*24*time.Hour)
	if s.Delays == nil {
		s.Delays = []time.Duration{4 * time.Hour}
	}
	s.Delays = slices.DeleteFunc(slices.Clone(s.Delays), func(d time.Duration) bool { return d <= 0 })
	def(&s.Slots, 512)
	def(&s.Concurrency, 32)
	def(&s.RouteConcurrency, 128)
	def(&s.FirstConcurrency, 4)
	def(&s.LineRetry, min(5*time.Second, s.FirstRetry))
	def(&s.MaxLineRetry, 10*time.Minute)
	def(&s.MaxAsked, time.Hour)
	def(&s.Horizon, 5*time.Minute)
	def(&s.Tick, 30*time.Second)
	def(&s.Memory, 100_000)
	def(&s.Line, 4096)
	def(&s.Lane, 256)
	def(&s.Cached, 4096)
	def(&s.Labels, 100)
	def(&s.Gather, 5*time.Second)
	def(&s.ReportFor, 5*24*time.Hour)
}

func def[T int | time.Duration](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}

// jitter is the share by which a pause is made longer or shorter, so that what failed together does not
// come back together.
const jitter = 0.2

// backoff gives the pause after the n-th attempt (from 1), the same for the same entry every time.
func (s *Settings) backoff(name spool.Name, n int) time.Duration {
	return spread(double(s.FirstRetry, s.MaxRetry, n), uint64(name.Shard)<<48^uint64(name.ID), n)
}

// double gives first·2ⁿ⁻¹, at most max.
func double(first, max time.Duration, n int) time.Duration {
	d := first
	for i := 1; i < n && d < max; i++ {
		d *= 2
	}
	return min(d, max)
}

// spread moves d by up to jitter either way.
func spread(d time.Duration, seed uint64, n int) time.Duration {
	h := fnv.New64a()
	var b [16]byte
	for i := range 8 {
		b[i], b[8+i] = byte(seed>>(8*i)), byte(uint64(n)>>(8*i))
	}
	_, _ = h.Write(b[:])
	v := h.Sum64()
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd // the finish of MurmurHash3, for the high bits of short inputs
	v ^= v >> 33
	unit := float64(v>>11) / (1 << 53) // 0 ≤ unit < 1
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*unit))
}

package queue

import (
	"strings"
	"time"

	"barid/mail/spool"
)

// flow adapts how many attempts a line may have at a time, as TCP adapts its window: it grows by one with
// each success while it is new to us (slow start), then by one a round; trouble halves it, at most once a
// round; a line that can not be reached is left alone for a while that doubles, then probed by one attempt.
type flow struct {
	limit     float64
	threshold float64 // where slow start ends
	max       float64
	cut       time.Time // of the last decrease: attempts begun before it count no more
	trouble   int       // decreases in a row without a success
	until     time.Time // left alone till then
	why       spool.Answer
}

// verdict is what an attempt says of the line, not of the message.
type verdict uint8

const (
	vNone      verdict = iota // nothing: it never came to the other side, by our own doing
	vGood                     // the other side works
	vSlow                     // it works and wants less (4.7.x)
	vThrottled                // it wants us to go away for now (421, or it said how long)
	vDown                     // it can not be reached
)

// judge gives the worst verdict of an attempt's outcomes, with the answer it comes from and the longest
// pause that was asked for. An answer that a server gave about one recipient is a sign of health.
func judge(outcomes []Outcome) (v verdict, why spool.Answer, asked time.Duration) {
	for i := range outcomes {
		o := &outcomes[i]
		ov := verdictOf(o)
		if ov > v {
			v, why = ov, o.Answer
		}
		if o.Kind == Deferred {
			asked = max(asked, o.RetryAfter)
		}
	}
	return v, why, asked
}

func verdictOf(o *Outcome) verdict {
	a := &o.Answer
	switch {
	case a.Stage == spool.StageLocal:
		return vNone
	case o.Kind != Deferred:
		if o.Kind == Failed && a.Code == 0 {
			return vNone // our own refusal: a null MX, a message that can not be converted
		}
		return vGood
	case a.Code == 421 || o.RetryAfter > 0:
		return vThrottled
	case a.Code == 0, a.Stage == spool.StageDNS, a.Stage == spool.StageConnect, a.Stage == spool.StageGreeting,
		a.Stage == spool.StageEHLO, a.Stage == spool.StageTLS, a.Stage == spool.StageAuth:
		return vDown
	case strings.HasPrefix(a.Enhanced, "4.7."):
		return vSlow
	}
	return vGood
}

func newFlow(s *Settings, route bool) flow {
	m := s.Concurrency
	if route {
		m = s.RouteConcurrency
	}
	f := min(s.FirstConcurrency, m)
	return flow{limit: float64(f), threshold: float64(m), max: float64(m)}
}

// note takes the verdict of an attempt that began at begun. full: the line used what it may.
func (f *flow) note(s *Settings, name string, v verdict, why spool.Answer, asked time.Duration, begun, now time.Time, full bool) {
	switch v {
	case vNone:
		return
	case vGood:
		f.trouble, f.why = 0, spool.Answer{}
		if full {
			f.grow()
		}
		return
	}
	if f.cut.IsZero() || begun.After(f.cut) {
		f.shrink(now, why)
	}
	if v == vDown || v == vThrottled || f.trouble >= slowRounds {
		f.block(s, name, v, asked, now)
	}
}

// slowRounds is after how many rounds of nothing but 4.7.x the line is left alone.
const slowRounds = 3

func (f *flow) grow() {
	if f.limit < f.threshold {
		f.limit++
	} else {
		f.limit += 1 / f.limit
	}
	f.limit = min(f.limit, f.max)
}

func (f *flow) shrink(now time.Time, why spool.Answer) {
	f.trouble++
	f.threshold = max(f.limit/2, 1)
	f.limit, f.cut, f.why = f.threshold, now, why
}

func (f *flow) block(s *Settings, name string, v verdict, asked time.Duration, now time.Time) {
	pause := spread(double(s.LineRetry, s.MaxLineRetry, f.trouble), hashName(name), f.trouble)
	if asked > 0 {
		pause = min(asked, s.MaxAsked)
	}
	if v != vSlow {
		f.limit = 1 // the next one is a probe
	}
	if until := now.Add(pause); until.After(f.until) {
		f.until = until
	}
}

func hashName(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

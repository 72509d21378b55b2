package queue

import (
	"time"

	"barid/mail/spool"
)

// act is what is to be done with an entry now.
type act uint8

const (
	actWait    act = iota // nothing before its due time
	actLeave              // it is held: out of the schedule
	actReport             // a final report is owed
	actAttempt            // try it
	actExpire             // its time is over
	actNotice             // tell the sender that it is late
)

// decide is pure: what is to be done with e now. tryable: its line may be tried.
func (s *Settings) decide(e *spool.Entry, now time.Time, tryable bool) act {
	switch {
	case e.Hold:
		return actLeave
	case owes(e):
		if now.Before(e.Must) && (e.ReportTries > 0 || s.gathers(e) && !e.Must.After(now.Add(s.Gather))) {
			break // neither a failed report nor one that waits for others keeps other recipients waiting
		}
		return actReport
	}
	if len(e.WaitingRcpts()) == 0 {
		return actWait
	}
	end := s.expires(e)
	switch {
	case e.ByMode == 'R' && !now.Before(e.DeliverBy):
		return actExpire
	case tryable && !now.Before(earlier(e.Next, end)):
		return actAttempt
	case !now.Before(end):
		return actExpire
	case s.noticeDue(e, now):
		return actNotice
	}
	return actWait
}

func owes(e *spool.Entry) bool {
	for i := range e.Rcpts {
		if r := &e.Rcpts[i]; r.State != spool.Waiting && !r.Told {
			return true
		}
	}
	return false
}

// expires is when e is given up.
func (s *Settings) expires(e *spool.Entry) time.Time {
	if e.Expires.IsZero() {
		return e.Arrived.Add(s.Lifetime)
	}
	return e.Expires
}

// notices gives the times at which the sender of e is to be told that it is late, unsorted.
func (s *Settings) notices(e *spool.Entry, f func(time.Time)) {
	from := e.Arrived
	if e.NotBefore.After(from) {
		from = e.NotBefore // what was to wait is not late
	}
	for _, d := range s.Delays {
		f(from.Add(d))
	}
	if e.ByMode == 'N' {
		f(e.DeliverBy) // RFC 2852 §4.1.4.1
	}
}

// noticeDue tells whether a notice is due that was not given.
func (s *Settings) noticeDue(e *spool.Entry, now time.Time) (due bool) {
	s.notices(e, func(at time.Time) { due = due || !now.Before(at) && e.DelayTold.Before(at) })
	return due && len(e.WantsDelay()) > 0
}

// must gives when something must happen to e even if its line can not be tried: the next notice that
// somebody wants, the deadline, or the next try of a report.
func (s *Settings) must(e *spool.Entry, now time.Time) time.Time {
	at := s.expires(e)
	if e.ByMode == 'R' {
		at = earlier(at, e.DeliverBy)
	}
	if len(e.WantsDelay()) > 0 {
		s.notices(e, func(t time.Time) {
			if e.DelayTold.Before(t) {
				at = earlier(at, t)
			}
		})
	}
	if !owes(e) {
		return at
	}
	again := now
	switch {
	case e.ReportTries > 0:
		again = now.Add(s.backoff(e.Name(), e.ReportTries))
	case s.gathers(e):
		again = s.gathered(e, now)
	default:
		return now
	}
	if len(e.WaitingRcpts()) == 0 {
		return again
	}
	return earlier(at, again)
}

// schedule sets when something must happen to e. When nobody waits there is nothing else.
func (s *Settings) schedule(e *spool.Entry, now time.Time) {
	if e.Must = s.must(e, now); len(e.WaitingRcpts()) == 0 {
		e.Next = e.Must
	}
}

// retry sets when e is tried again after an attempt that ended now. asked: the other side's wish.
func (s *Settings) retry(e *spool.Entry, now time.Time, asked time.Duration) {
	pause := max(s.backoff(e.Name(), e.Attempts), min(asked, s.MaxAsked))
	e.Next = earlier(now.Add(pause), s.expires(e)) // the last attempt is at the end
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

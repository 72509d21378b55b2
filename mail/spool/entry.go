package spool

import (
	"errors"
	"fmt"
	"math"
	"time"

	"barid/rfc/smtp"
)

// ErrInvalid is wrapped by what Enqueue and Update say of an entry that no caller should make.
var ErrInvalid = errors.New("spool: entry is not valid")

// check says what is wrong with e.
func (e *Entry) check() error {
	bad := func(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
	switch {
	case len(e.Rcpts) == 0:
		return bad("no recipient")
	case len(e.Rcpts) > MaxRcpts:
		return bad("too many recipients")
	case e.Destination == "" || len(e.Destination) > maxName || len(e.Route) > maxName:
		return bad("destination")
	case e.Priority < MinPriority || e.Priority > MaxPriority:
		return bad("priority")
	case e.Size < 0 || e.HeaderLen < 0 || e.Hops < 0 || e.Attempts < 0 || e.ReportTries < 0 || e.Attempts > math.MaxInt32:
		return bad("negative number")
	case !e.DeliverBy.IsZero() && e.ByMode != 'R' && e.ByMode != 'N':
		return bad("DELIVERBY mode")
	case e.NotBefore.IsZero() && e.Release != "", len(e.Release) > maxRelease:
		return bad("FUTURERELEASE")
	case e.DeliverBy.IsZero() && e.ByMode != 0:
		return bad("DELIVERBY mode without a time")
	}
	return e.checkRcpts(bad)
}

func (e *Entry) checkRcpts(bad func(string) error) error {
	open := false
	for i := range e.Rcpts {
		r := &e.Rcpts[i]
		switch {
		case r.State > Expanded:
			return bad("unknown state")
		case r.State == Waiting && r.Told:
			return bad("told before it was settled")
		case r.State == Removed && !r.Told:
			return bad("removed and not settled")
		case r.Last.Code < 0 || r.To.Null:
			return bad("recipient")
		}
		open = open || !r.Settled()
	}
	if !open {
		return bad("every recipient is settled")
	}
	return nil
}

// Settled tells whether nothing is left to do for any recipient. Such an entry is removed.
func (e *Entry) Settled() bool {
	for i := range e.Rcpts {
		if !e.Rcpts[i].Settled() {
			return false
		}
	}
	return true
}

// WaitingRcpts gives the indexes of the recipients that are to be tried.
func (e *Entry) WaitingRcpts() []int {
	return e.where(func(r *Rcpt) bool { return r.State == Waiting })
}

// Owed gives the indexes of the recipients whose report is owed: of a failure, or of success.
func (e *Entry) Owed(failure bool) []int {
	return e.where(func(r *Rcpt) bool {
		return r.State != Waiting && !r.Told && failure == (r.State == Failed || r.State == Expired)
	})
}

func (e *Entry) where(f func(*Rcpt) bool) []int {
	var out []int
	for i := range e.Rcpts {
		if f(&e.Rcpts[i]) {
			out = append(out, i)
		}
	}
	return out
}

// Owes tells whether a recipient that reaches state s owes its sender a report; passed are the duties that the
// next server took over. Nobody is told about a message with the null reverse-path (RFC 3461 §6.2, RFC 5321
// §6.1), and nobody who asked not to be.
func (e *Entry) Owes(r *Rcpt, s State, passed Passed) bool {
	if e.From.Null || r.Notify&smtp.NotifyNever != 0 {
		return false
	}
	switch s {
	case Relayed:
		return r.Notify&smtp.NotifySuccess != 0 && passed&PassedReport == 0 ||
			e.ByTrace || // RFC 2852 §4: every hop is told of
			e.ByMode == 'N' && passed&PassedDeadline == 0 // §4.1.4.2: nobody will say when it is late
	case Delivered, Expanded:
		return r.Notify&smtp.NotifySuccess != 0
	case Failed, Expired:
		return r.Notify == 0 || r.Notify&smtp.NotifyFailure != 0
	}
	return false
}

// WantsDelay gives the waiting recipients whose sender may be told of a delay. One who said nothing is told
// (RFC 3461 §4.1 leaves that to us).
func (e *Entry) WantsDelay() []int {
	if e.From.Null {
		return nil
	}
	return e.where(func(r *Rcpt) bool {
		return r.State == Waiting && (r.Notify == 0 || r.Notify&smtp.NotifyDelay != 0)
	})
}

// Finish sets the final state of a recipient and whether a report is owed.
func (e *Entry) Finish(rcpt int, s State, a Answer, passed Passed) {
	r := &e.Rcpts[rcpt]
	r.State, r.Last = s, a
	r.Told = !e.Owes(r, s, passed)
}

// dueAt gives the milliseconds at which the schedule has the entry.
func (e *Entry) dueAt() int64 {
	at := max(millis(e.Next), 1)
	if must := millis(e.must()); must != 0 {
		at = min(at, must)
	}
	return at
}

// must gives Must, or the Deadline if it is not set.
func (e *Entry) must() time.Time {
	if e.Must.IsZero() {
		return e.Deadline()
	}
	return e.Must
}

// Deadline is when the entry's time is over; zero: never.
func (e *Entry) Deadline() time.Time {
	if e.ByMode == 'R' && (e.Expires.IsZero() || e.DeliverBy.Before(e.Expires)) {
		return e.DeliverBy
	}
	return e.Expires
}

// Due is when the schedule has the entry; zero if it is held.
func (e *Entry) Due() time.Time { return fromMillis(e.due) }

// normalise brings e to what its stored form can hold: times to the millisecond, texts cut.
func (e *Entry) normalise() {
	for _, t := range [...]*time.Time{&e.DeliverBy, &e.NotBefore, &e.Arrived, &e.Expires, &e.Next, &e.Must, &e.DelayTold} {
		*t = fromMillis(millis(*t))
	}
	for i := range e.Rcpts {
		a := &e.Rcpts[i].Last
		a.Time = fromMillis(millis(a.Time))
		a.Text, a.Remote = cut(a.Text, maxText), cut(a.Remote, 2*maxName)
		a.Enhanced, a.Stage = cut(a.Enhanced, maxStatus), cut(a.Stage, maxStatus)
		a.Code = max(a.Code, 0)
	}
}

// cut shortens s to n bytes without leaving half a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// String gives the answer as an operator reads it: "451 4.7.1 later, please (mx1.example.org [192.0.2.1])".
func (a Answer) String() string {
	s := ""
	if a.Code != 0 {
		s = fmt.Sprintf("%03d ", a.Code)
	}
	if a.Enhanced != "" {
		s += a.Enhanced + " "
	}
	s += a.Text
	if a.Remote != "" {
		s += " (" + a.Remote + ")"
	}
	return s
}

package queue

import (
	"slices"
	"time"

	"barid/mail"
	"barid/mail/event"
	"barid/mail/spool"
)

// recordAttempt writes what an attempt made of the recipients: one event for those that got the same answer.
// before is the entry as it was tried, after as it is now (nil: settled); n is the number of the attempt.
func (q *Queue) recordAttempt(before, after *spool.Entry, outcomes []Outcome, n int, now time.Time) {
	if q.d.Events == nil {
		return
	}
	done := make([]bool, len(outcomes))
	for i := range outcomes {
		if done[i] {
			continue
		}
		o := &outcomes[i]
		e := eventOf(before, kindOf(o.Kind), now)
		for j := i; j < len(outcomes); j++ {
			p := &outcomes[j]
			if !done[j] && p.Kind == o.Kind && p.Answer == o.Answer {
				done[j] = true
				addRcpt(&e, before, p.Rcpt)
			}
		}
		e.Hop.Attempt = n
		setAnswer(&e, &o.Answer)
		e.Hop.TLS = o.TLS
		t := &o.Timing
		e.Hop.DNS, e.Hop.Connect, e.Hop.Handshake, e.Hop.Dialogue, e.Hop.Data = t.DNS, t.Connect, t.TLS, t.Dialogue, t.Data
		if o.Kind == Deferred && after != nil {
			e.Hop.Next = after.Next
		}
		q.d.Events.Record(e)
	}
	if expired := expiredNow(before, after, outcomes); len(expired) > 0 {
		q.recordExpired(before, expired, n, now)
	}
}

// givenUp is a recipient whose time is over, with the last word about him.
type givenUp struct {
	rcpt int
	last spool.Answer
}

// expiredNow gives the recipients that were deferred and given up in the same commit.
func expiredNow(before, after *spool.Entry, outcomes []Outcome) (out []givenUp) {
	for i := range outcomes {
		r := outcomes[i].Rcpt
		if outcomes[i].Kind != Deferred || r < 0 || r >= len(before.Rcpts) {
			continue
		}
		if after == nil || after.Rcpts[r].State == spool.Expired {
			out = append(out, givenUp{r, outcomes[i].Answer})
		}
	}
	return out
}

// recordExpired writes one event for those with the same last word, after n attempts.
func (q *Queue) recordExpired(e *spool.Entry, gone []givenUp, n int, now time.Time) {
	if q.d.Events == nil {
		return
	}
	for len(gone) > 0 {
		last := gone[0].last
		ev := eventOf(e, event.Expired, now)
		gone = slices.DeleteFunc(gone, func(g givenUp) bool {
			if g.last != last {
				return false
			}
			addRcpt(&ev, e, g.rcpt)
			return true
		})
		ev.Hop.Attempt = n
		setAnswer(&ev, &last)
		q.d.Events.Record(ev)
	}
}

// recordVerb writes what an operator made of the recipients whose last answer is a.
func (q *Queue) recordVerb(e *spool.Entry, k event.Kind, a *spool.Answer) {
	if q.d.Events == nil {
		return
	}
	ev := eventOf(e, k, a.Time)
	for i := range e.Rcpts {
		if e.Rcpts[i].Last.Text == a.Text && e.Rcpts[i].State != spool.Waiting {
			addRcpt(&ev, e, i)
		}
	}
	ev.Hop.Attempt = e.Attempts
	setAnswer(&ev, a)
	q.d.Events.Record(ev)
}

func eventOf(e *spool.Entry, k event.Kind, now time.Time) event.Event {
	ev := event.Event{
		Time: now, Kind: k, ID: e.Message.ID, Size: e.Size,
		Hop: &event.Hop{Entry: e.Name().String(), Destination: e.Queue()},
	}
	if !e.From.Null {
		ev.From = e.From.Mailbox.String()
	}
	if e.Account != 0 {
		ev.Accounts = []mail.AccountID{e.Account}
	}
	return ev
}

func addRcpt(ev *event.Event, e *spool.Entry, i int) {
	if i < 0 || i >= len(e.Rcpts) {
		return
	}
	ev.Rcpts++
	if len(ev.To) < event.MaxTo {
		ev.To = append(ev.To, e.Rcpts[i].To.Mailbox.String())
	}
}

func setAnswer(ev *event.Event, a *spool.Answer) {
	ev.Stage, ev.Code, ev.Enhanced = a.Stage, a.Code, a.Enhanced
	ev.Hop.Host, ev.Hop.Text = a.Remote, a.Text
}

func kindOf(k Kind) event.Kind {
	switch k {
	case Relayed:
		return event.Relayed
	case Delivered:
		return event.Delivered
	case Failed:
		return event.Bounced
	}
	return event.Delayed
}

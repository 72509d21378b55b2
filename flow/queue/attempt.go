package queue

import (
	"slices"
	"time"

	"barid/mail/spool"
)

// attempt tries an entry once and notes what became of it.
func (q *Queue) attempt(it *item, e *spool.Entry) (*spool.Entry, error) {
	begun := q.d.Now()
	q.d.Metrics.begin(it)
	e.Batch = q.batchOf(it)
	outcomes := q.d.Deliver.Deliver(q.life, e)
	now := q.d.Now()
	q.d.Metrics.ended(e, outcomes, now.Sub(begun))
	for i := range outcomes {
		if outcomes[i].Answer.Time.IsZero() {
			outcomes[i].Answer.Time = now
		}
	}
	_, _, asked := q.judged(it, outcomes, begun, now)
	if q.life.Err() != nil && nothingNew(outcomes) {
		return nil, nil // broken off: as if it had not been tried
	}
	n := e.Attempts + 1 // also if the deliverer has settled all of it in its own commit
	after, err := q.commit(e.Name(), func(e *spool.Entry) {
		q.set.apply(e, outcomes, asked, now)
		n = e.Attempts
	})
	if err == nil {
		q.recordAttempt(e, after, outcomes, n, now)
	}
	return after, err
}

// judged lets the line learn from an attempt, and gives its leave back.
func (q *Queue) judged(it *item, outcomes []Outcome, begun, now time.Time) (verdict, spool.Answer, time.Duration) {
	v, why, asked := judge(outcomes)
	q.mu.Lock()
	defer q.mu.Unlock()
	l := it.lane.line
	if !sentAny(outcomes) {
		l.paced.back(it.size)
	}
	if q.life.Err() == nil {
		full := l.busy >= l.most()
		l.flow.note(&q.set, l.name, v, why, asked, begun, now, full)
	}
	q.release(it, now)
	q.dispatch(now)
	return v, why, asked
}

// sentAny tells whether the octets of the message went out.
func sentAny(outcomes []Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Kind == Relayed || o.Timing.Data > 0 })
}

// nothingNew tells whether every outcome is a deferral.
func nothingNew(outcomes []Outcome) bool {
	for i := range outcomes {
		if outcomes[i].Kind != Deferred {
			return false
		}
	}
	return true
}

// apply brings the outcomes of an attempt into e, which is as it is stored: an operator may have removed
// recipients since.
func (s *Settings) apply(e *spool.Entry, outcomes []Outcome, asked time.Duration, now time.Time) {
	e.Attempts++
	for i := range outcomes {
		o := &outcomes[i]
		if o.Rcpt < 0 || o.Rcpt >= len(e.Rcpts) || e.Rcpts[o.Rcpt].State != spool.Waiting {
			continue
		}
		if st, final := finalState(o.Kind); final {
			e.Finish(o.Rcpt, st, o.Answer, o.Passed)
		} else {
			e.Rcpts[o.Rcpt].Last = o.Answer
		}
	}
	if len(e.WaitingRcpts()) > 0 {
		if !now.Before(s.expires(e)) {
			expireAll(e, now)
		} else {
			s.retry(e, now, asked)
		}
	}
	s.schedule(e, now)
}

func finalState(k Kind) (spool.State, bool) {
	switch k {
	case Relayed:
		return spool.Relayed, true
	case Delivered:
		return spool.Delivered, true
	case Failed:
		return spool.Failed, true
	}
	return spool.Waiting, false
}

// expire gives up what still waits.
func (q *Queue) expire(e *spool.Entry) (*spool.Entry, error) {
	now := q.d.Now()
	var gone []givenUp
	after, err := q.commit(e.Name(), func(e *spool.Entry) {
		gone = gone[:0]
		waiting := e.WaitingRcpts()
		expireAll(e, now)
		for _, i := range waiting {
			gone = append(gone, givenUp{i, e.Rcpts[i].Last})
		}
		q.set.schedule(e, now)
	})
	if err == nil {
		q.recordExpired(e, gone, e.Attempts, now)
	}
	return after, err
}

// expireAll ends all waiting recipients. The last word about each stays, for the report; one that was never
// tried gets ours (RFC 3463 §3.5: 4.7, delivery time expired).
func expireAll(e *spool.Entry, now time.Time) {
	for _, i := range e.WaitingRcpts() {
		a := e.Rcpts[i].Last
		if a == (spool.Answer{}) {
			a = spool.Answer{Time: now, Enhanced: "4.4.7", Text: "delivery time expired before it could be tried", Stage: spool.StageLocal}
		}
		e.Finish(i, spool.Expired, a, 0)
	}
}

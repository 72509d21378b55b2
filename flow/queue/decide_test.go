package queue

import (
	"testing"
	"time"

	"barid/mail/spool"
	"barid/rfc/smtp"
)

func TestDecide(t *testing.T) {
	set := Settings{Delays: []time.Duration{4 * time.Hour}}
	set.fill()
	t0 := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	entry := func(change func(e *spool.Entry)) *spool.Entry {
		e := &spool.Entry{
			Message:     spool.Message{From: path("info@example.test"), Arrived: t0, Expires: t0.Add(100 * time.Hour)},
			Destination: "a.example", Next: t0.Add(time.Hour), Rcpts: []spool.Rcpt{{To: path("a@a.example")}},
		}
		change(e)
		return e
	}
	none := func(*spool.Entry) {}
	for _, c := range []struct {
		name   string
		change func(e *spool.Entry)
		at     time.Duration
		shut   bool // the line can not be tried
		want   act
	}{
		{"too early", none, 0, false, actWait},
		{"its time", none, time.Hour, false, actAttempt},
		{"its time, line shut", none, time.Hour, true, actWait},
		{"late, line shut", none, 4 * time.Hour, true, actNotice},
		{"late, and may be tried", none, 4 * time.Hour, false, actAttempt},
		{"late, told", func(e *spool.Entry) { e.DelayTold = t0.Add(4 * time.Hour) }, 5 * time.Hour, true, actWait},
		{"late, wants no notice", func(e *spool.Entry) { e.Rcpts[0].Notify = smtp.NotifyFailure }, 5 * time.Hour, true, actWait},
		{"late by its own wish", func(e *spool.Entry) { e.NotBefore = t0.Add(10 * time.Hour) }, 5 * time.Hour, true, actWait},
		{"its last attempt", func(e *spool.Entry) { e.Next = t0.Add(200 * time.Hour) }, 100 * time.Hour, false, actAttempt},
		{"expired, line shut", none, 100 * time.Hour, true, actExpire},
		{"no expiry noted", func(e *spool.Entry) { e.Expires = time.Time{} }, 121 * time.Hour, true, actExpire},
		{"held", func(e *spool.Entry) { e.Hold = true }, 200 * time.Hour, false, actLeave},
		{"held and owing", func(e *spool.Entry) { e.Hold, e.Rcpts[0].State = true, spool.Failed }, 0, false, actLeave},
		{"owing", func(e *spool.Entry) { e.Rcpts[0].State = spool.Failed }, 0, true, actReport},
		{"owing, failed lately", func(e *spool.Entry) { e.Rcpts[0].State, e.ReportTries, e.Must = spool.Failed, 1, t0.Add(time.Minute) }, 0, false, actWait},
		{"owing, time to try again", func(e *spool.Entry) { e.Rcpts[0].State, e.ReportTries, e.Must = spool.Failed, 1, t0 }, 0, false, actReport},
		{"return by", func(e *spool.Entry) { e.DeliverBy, e.ByMode = t0.Add(time.Hour), 'R' }, time.Hour, false, actExpire},
		{"notify by, line shut", func(e *spool.Entry) { e.DeliverBy, e.ByMode = t0.Add(time.Hour), 'N' }, time.Hour, true, actNotice},
	} {
		e := entry(c.change)
		if got := set.decide(e, t0.Add(c.at), !c.shut); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		// Invariant: what is to wait is never due in the past, or the scheduler would spin.
		now := t0.Add(c.at)
		if set.decide(e, now, false) == actWait {
			if set.schedule(e, now); !e.Must.After(now) {
				t.Errorf("%s: must at %v, which is not after %v", c.name, e.Must, now)
			}
		}
	}
}

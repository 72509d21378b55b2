package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/dsn"
)

// hosts delivers: nobody@ is refused, slow@ is put off for ever, all others are relayed.
type hosts struct{}

func (hosts) Deliver(_ context.Context, e *spool.Entry) (out []queue.Outcome) {
	for _, i := range e.WaitingRcpts() {
		o := queue.Outcome{Rcpt: i, Kind: queue.Relayed, Answer: spool.Answer{Code: 250, Enhanced: "2.0.0"}}
		switch e.Rcpts[i].To.Local {
		case "nobody":
			o.Kind, o.Answer = queue.Failed, spool.Answer{Code: 550, Enhanced: "5.1.1", Text: "550 5.1.1 no such user", Remote: "mx.example.org [192.0.2.25]"}
		case "slow":
			o.Kind, o.Answer = queue.Deferred, spool.Answer{Code: 451, Enhanced: "4.3.2", Text: "451 4.3.2 not now", Remote: "mx.example.org [192.0.2.25]"}
		}
		out = append(out, o)
	}
	return out
}

// TestQueueTellsSenders runs the real queue: what it settles is told to the sender, once, and then the queue is empty.
func TestQueueTellsSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(d *Deps) { d.Now = time.Now })
		q := queue.New(queue.Deps{KV: w.db, Deliver: hosts{}, Report: w.r, Events: w.events})
		w.r.d.Submitted = q.Submitted
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer q.Stop(t.Context())
		for _, to := range []string{"info", "nobody", "slow"} {
			e := w.entry()
			e.Arrived, e.Expires, e.Next = time.Now(), time.Now().Add(24*time.Hour), time.Now()
			e.Rcpts = []spool.Rcpt{{To: path(to + "@example.org"), Notify: notifyAll}}
			if to == "nobody" {
				e.From = path("sender@example.net") // told through the queue
			}
			err := w.db.Update(t.Context(), spool.ShardOf("example.org", "").Part(), func(x kv.Txn) error { return spool.Enqueue(x, e) })
			if err != nil {
				t.Fatal(err)
			}
			q.Submitted(e)
		}
		synctest.Wait()
		time.Sleep(72 * time.Hour)
		synctest.Wait()
		var got []string
		for _, text := range w.inbox() {
			b, _ := parse(t, text)
			r := b.Recipients[0]
			got = append(got, r.Final.Text+" "+r.Action.String()+" "+r.Status.String())
		}
		last := len(got) - 1
		if last < 1 || got[0] != "info@example.org relayed 2.0.0" || got[last] != "slow@example.org failed 4.3.2" {
			t.Fatalf("%q", got)
		}
		for _, s := range got[1:last] {
			if s != "slow@example.org delayed 4.3.2" {
				t.Errorf("%q", got)
			}
		}
		if c, err := q.Counts(t.Context()); err != nil || c.Entries != 0 {
			t.Errorf("%+v, %v", c, err)
		}
		if s := w.reasons(); !strings.Contains(s, "queued report-"+dsn.Failed.String()) {
			t.Error(s)
		}
	})
}

// TestOneReportForManyDomains: a message that nobody takes anywhere comes back once, with everybody in it.
func TestOneReportForManyDomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(d *Deps) { d.Now = time.Now })
		q := queue.New(queue.Deps{KV: w.db, Deliver: hosts{}, Report: w.r, Events: w.events})
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer q.Stop(t.Context())
		var want []string
		for i := range 30 {
			e := w.entry()
			e.Destination, e.Several = fmt.Sprintf("d%02d.example", i), true
			e.Arrived, e.Expires, e.Next = time.Now(), time.Now().Add(24*time.Hour), time.Now()
			e.Rcpts = []spool.Rcpt{{To: path("nobody@" + e.Destination)}, {To: path("info@" + e.Destination)}}
			want = append(want, "nobody@"+e.Destination)
			err := w.db.Update(t.Context(), spool.ShardOf(e.Destination, "").Part(), func(x kv.Txn) error { return spool.Enqueue(x, e) })
			if err != nil {
				t.Fatal(err)
			}
			q.Submitted(e)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		box := w.inbox()
		if len(box) != 1 {
			t.Fatalf("%d reports", len(box))
		}
		b, _ := parse(t, box[0])
		var got []string
		for _, r := range b.Recipients {
			got = append(got, r.Final.Text)
			if r.Action != dsn.Failed || r.Status.String() != "5.1.1" {
				t.Errorf("%+v", r)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("told of %q", got)
		}
		if c, err := q.Counts(t.Context()); err != nil || c.Entries != 0 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

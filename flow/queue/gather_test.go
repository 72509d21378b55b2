package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/mail/spool"
)

// toMany submits one message to a person in each of some domains.
func (b *bed) toMany(id string, domains ...string) {
	b.t.Helper()
	var es []*spool.Entry
	for _, d := range domains {
		es = append(es, b.entry(d, func(e *spool.Entry) { e.Message.ID, e.Several = id, len(domains) > 1 }))
	}
	b.q.Submitted(b.commit(es...)...)
}

func domains(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("d%d.example", i))
	}
	return out
}

// people gives who was told of in all reports, sorted; one named twice is there twice.
func (r *reporter) people() (out []string) {
	for _, t := range r.list() {
		out = append(out, t.rcpts...)
	}
	slices.Sort(out)
	return out
}

// eachOnce checks that every domain's recipient was told of, once.
func (b *bed) eachOnce(r *reporter, ds []string) {
	b.t.Helper()
	var want []string
	for _, d := range ds {
		want = append(want, "<a@"+d+">")
	}
	if slices.Sort(want); !slices.Equal(r.people(), want) {
		b.t.Errorf("told of %v, want %v", r.people(), want)
	}
}

func TestOneReportOfOneMessage(t *testing.T) {
	for _, joins := range []bool{false, true} {
		inBubble(t, Settings{}, func(b *bed) {
			r := b.r
			if joins {
				j := &joiner{db: b.db}
				b.rep, r = j, &j.reporter
			}
			b.f.answer = always(refused())
			b.start()
			begin := time.Now()
			b.toMany("all", domains(100)...)
			b.toMany("single", "alone.example")
			sleep(0)
			if got := r.list(); len(got) != 1 || got[0].id != "single" {
				t.Fatalf("%v: a message to one domain waits for nobody: %+v", joins, got)
			}
			sleep(time.Minute)
			if got := r.list(); len(got) != 2 || got[1].at.Sub(begin) != b.q.set.Gather || got[1].kind != Failed {
				t.Errorf("%v: %d reports", joins, len(got))
			}
			b.eachOnce(r, append(domains(100), "alone.example"))
			if len(b.q.gatherings) != 0 || b.q.gathered != 0 {
				t.Errorf("%d messages and %d entries are remembered", len(b.q.gatherings), b.q.gathered)
			}
			b.empty()
		})
	}
}

// TestAReportWaitsOnce: what fails meanwhile goes along, what fails later does not keep the first.
func TestAReportWaitsOnce(t *testing.T) {
	inBubble(t, Settings{FirstRetry: 3 * time.Second, LineRetry: time.Second}, func(b *bed) {
		b.f.answer = func(e *spool.Entry, _ *spool.Rcpt, n int) Outcome {
			switch {
			case e.Destination == "d1.example" && n < 2, e.Destination == "d2.example" && n < 5:
				return deferred("not yet")
			}
			return refused()
		}
		b.start()
		begin := time.Now()
		b.toMany("m", domains(3)...)
		sleep(time.Hour)
		got := b.r.list()
		if len(got) != 2 || len(got[0].rcpts) != 2 || got[0].at.Sub(begin) != b.q.set.Gather {
			t.Errorf("%+v", got)
		}
		b.eachOnce(b.r, domains(3))
		b.empty()
	})
}

func TestAKillLosesNoReportThatWaits(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		j := &joiner{db: b.db}
		b.rep = j
		b.f.answer = always(refused())
		b.start()
		b.toMany("m", domains(5)...)
		sleep(b.q.set.Gather / 2)
		if len(j.list()) != 0 || len(standing(t, b.db)["m"]) != 5 {
			t.Fatalf("%d reports", len(j.list()))
		}
		b.kill()
		b.start()
		sleep(time.Minute)
		if got := j.list(); len(got) != 1 {
			t.Errorf("%d reports", len(got))
		}
		b.eachOnce(&j.reporter, domains(5))
		b.empty()
	})
}

// loner is a joiner whose store can not commit so many partitions together.
type loner struct{ joiner }

func (l *loner) ReportWith(ctx context.Context, e *spool.Entry, kind Kind, rcpts []int, m Mark) error {
	if len(m.With) > 0 {
		return errors.New("too many at once")
	}
	return l.joiner.ReportWith(ctx, e, kind, rcpts, m)
}

func TestReportsThatCanNotBeOneAreSeveral(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		l := &loner{joiner{db: b.db}}
		b.rep = l
		b.f.answer = always(refused())
		b.start()
		b.toMany("m", domains(4)...)
		sleep(time.Minute)
		if got := l.list(); len(got) != 4 {
			t.Errorf("%d reports", len(got))
		}
		b.eachOnce(&l.reporter, domains(4))
		b.empty()
	})
}

func TestWhatAnOperatorGivesUpIsOneReport(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		b.toMany("m", domains(20)...)
		sleep(time.Second)
		if _, err := b.q.Bounce(t.Context(), Selector{Messages: []string{"m"}}, "", false); err != nil {
			t.Fatal(err)
		}
		if _, err := b.q.Delete(t.Context(), Selector{Domain: "d3.example"}, false); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if got := b.r.list(); len(got) != 1 || len(got[0].rcpts) != 19 || strings.Contains(strings.Join(got[0].rcpts, " "), "d3.") {
			t.Errorf("%+v", got)
		}
		b.empty()
		sleep(2 * lineKept)
		if len(b.q.gatherings) != 0 || b.q.gathered != 0 {
			t.Errorf("%d messages and %d entries are remembered", len(b.q.gatherings), b.q.gathered)
		}
	})
}

func TestTheFirstFailureSetsTheTimeOfItsReport(t *testing.T) {
	var s Settings
	s.fill()
	now := time.Unix(1_790_000_000, 0)
	e := &spool.Entry{Message: spool.Message{Several: true, Arrived: now, Expires: now.Add(time.Hour)}, Rcpts: []spool.Rcpt{{State: spool.Failed}, {}}}
	s.schedule(e, now)
	if want := now.Add(s.Gather); !e.Must.Equal(want) || s.decide(e, now, false) != actWait {
		t.Fatalf("must %v, want %v", e.Must, want)
	}
	s.schedule(e, now.Add(s.Gather-1))
	if want := now.Add(s.Gather); !e.Must.Equal(want) || s.decide(e, want, false) != actReport {
		t.Errorf("must %v, want %v", e.Must, want)
	}
	if s.decide(e, now.Add(-time.Minute), false) != actReport {
		t.Error("a clock that went back keeps a report")
	}
}

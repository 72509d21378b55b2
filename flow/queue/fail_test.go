package queue

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
	"barid/rfc/status"
	"barid/store/memory"
)

// failing makes every commit of a memory store fail with err; nil ends that.
func failing(s db, err error) {
	m := s.(*memory.Store)
	if err == nil {
		m.Fail(nil)
		return
	}
	m.Fail(func() error { return err })
}

func TestAnOutcomeIsKeptUntilTheStoreTakesIt(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		b.submit("a.example", nil)
		sleep(500 * time.Millisecond)
		failing(b.db, kv.ErrUnavailable)
		sleep(time.Hour)
		if n := len(b.f.seen()); n != 1 {
			t.Errorf("%d attempts while the store failed", n)
		}
		failing(b.db, nil)
		sleep(10 * time.Second)
		if n := len(b.f.seen()); n != 1 {
			t.Errorf("%d attempts", n)
		}
		b.empty()
	})
}

func TestStopLetsWorkFinish(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.takes = 10 * time.Second
		b.start()
		b.submit("a.example", nil)
		sleep(time.Second)
		q, begun := b.q, time.Now()
		q.Stop(context.Background())
		if d := time.Since(begun); d != 9*time.Second {
			t.Errorf("stopped after %v", d)
		}
		b.empty()
		b.q = nil
		q.Submitted(b.entry("late.example", nil)) // too late: nothing happens
		q.Stop(context.Background())
	})
}

func TestStopBreaksOffWhatHangs(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.hang = func(e *spool.Entry) bool { return e.Destination == "slow.example" }
		b.start()
		b.submit("slow.example", nil)
		sleep(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		b.q.Stop(ctx)
		b.q = nil
		if d := time.Since(begun); d != 3*time.Second {
			t.Errorf("stopped after %v", d)
		}
		left := standing(t, b.db)
		if e := left["m1"]; len(e) != 1 || e[0].Attempts != 0 {
			t.Errorf("what was broken off is %+v", e)
		}
		b.f.hang = nil
		b.start()
		sleep(time.Second)
		b.empty()
	})
}

// answering is a Deliverer that hangs until its context ends, and had an answer for the first recipient.
type answering struct{}

func (answering) Deliver(ctx context.Context, e *spool.Entry) []Outcome {
	<-ctx.Done()
	return []Outcome{{Rcpt: 0, Kind: Relayed}, {Rcpt: 1, Kind: Deferred}}
}

func TestAnOutcomeAtTheStopIsKept(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		q := New(Deps{KV: b.db, Deliver: answering{}})
		if err := q.Start(b.t.Context()); err != nil {
			t.Fatal(err)
		}
		q.Submitted(b.commit(b.entry("a.example", func(e *spool.Entry) {
			e.Rcpts = append(e.Rcpts, spool.Rcpt{To: path("b@a.example")})
		}))...)
		sleep(time.Second)
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		q.Stop(ctx)
		e := standing(t, b.db)["m1"]
		if len(e) != 1 || e[0].Rcpts[0].State != spool.Relayed || e[0].Rcpts[1].State != spool.Waiting {
			t.Errorf("%+v", e)
		}
	})
}

func TestReportsThatFailAreMadeLater(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = always(refused())
		b.r.fail = func() error { return errors.New("no room") }
		b.start()
		b.submit("a.example", nil)
		sleep(time.Hour)
		if n := len(standing(t, b.db)); n != 1 {
			t.Errorf("%d entries while the report is owed", n)
		}
		b.stop()
		b.start()
		b.r.mu.Lock()
		b.r.fail = nil
		b.r.mu.Unlock()
		sleep(3 * time.Hour)
		if got := b.r.list(); len(got) != 1 || len(b.f.seen()) != 1 {
			t.Errorf("reports %+v after %d attempts", got, len(b.f.seen()))
		}
		b.empty()
	})
}

func TestAFailingReportDoesNotKeepOthersWaiting(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Minute}, func(b *bed) {
		b.f.answer = func(_ *spool.Entry, r *spool.Rcpt, n int) Outcome {
			if r.To.Local == "bad" {
				return refused()
			}
			if n < 3 {
				return deferred("busy")
			}
			return Outcome{Kind: Relayed}
		}
		b.r.fail = func() error { return errors.New("no room") }
		b.start()
		b.submit("a.example", func(e *spool.Entry) { e.Rcpts = append(e.Rcpts, spool.Rcpt{To: path("bad@a.example")}) })
		sleep(10 * time.Minute)
		if n := len(b.f.seen()); n != 3 {
			t.Errorf("%d attempts", n)
		}
		b.r.mu.Lock()
		b.r.fail = nil
		b.r.mu.Unlock()
		sleep(24 * time.Hour)
		if got := b.r.list(); len(got) != 1 {
			t.Errorf("%+v", got)
		}
		b.empty()
	})
}

func TestReportsThatCanNeverBeMadeAreGivenUp(t *testing.T) {
	for name, err := range map[string]error{"permanent": status.Perm(1, 1, "no such sender"), "forever": errors.New("no room")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{}, func(b *bed) {
				b.f.answer = always(refused())
				b.r.fail = func() error { return err }
				b.start()
				b.submit("a.example", nil)
				sleep(11 * 24 * time.Hour)
				b.empty()
			})
		})
	}
}

func TestNoReporter(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.rep = nil
		b.f.answer = always(refused())
		b.start()
		b.submit("a.example", nil)
		sleep(time.Second)
		b.empty()
	})
}

// joiner commits its reports with the mark into a partition of its own, as flow/report does.
type joiner struct {
	reporter
	db     db
	forget atomic.Bool // does not use the mark
	alone  bool
}

func (j *joiner) ReportWith(ctx context.Context, e *spool.Entry, kind Kind, rcpts []int, m Mark) error {
	if j.forget.Load() {
		return nil
	}
	if j.alone {
		return m.Alone(ctx)
	}
	err := updateMarked(ctx, j.db, kv.Part{Kind: kv.Account, ID: 1}, m, func(t kv.Txn) error {
		t.Put(200, []byte(e.Message.ID+" "+kind.String()), []byte{1})
		return nil
	})
	if err != nil {
		return err
	}
	return j.Report(ctx, e, kind, rcpts)
}

func TestJoinedReports(t *testing.T) {
	for _, alone := range []bool{false, true} {
		inBubble(t, Settings{Delays: []time.Duration{time.Hour}}, func(b *bed) {
			j := &joiner{db: b.db, alone: alone}
			b.rep = j
			b.f.answer = always(deferred("busy"))
			b.start()
			b.submit("a.example", nil)
			sleep(time.Hour)
			b.want(1, 1)(b.q.Bounce(b.t.Context(), Selector{All: true}, "", false))
			sleep(time.Second)
			var kinds []string
			for _, r := range j.list() {
				kinds = append(kinds, r.kind.String())
			}
			if !alone && !slices.Equal(kinds, []string{"delayed", "failed"}) {
				t.Errorf("reports %v", kinds)
			}
			b.empty()
		})
	}
}

func TestAJoinerThatForgetsTheMarkIsAskedAgain(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		j := &joiner{db: b.db}
		j.forget.Store(true)
		b.rep = j
		b.f.answer = always(refused())
		b.start()
		b.submit("a.example", nil)
		sleep(time.Second)
		if n := len(standing(t, b.db)); n != 1 {
			t.Errorf("%d entries", n)
		}
		j.forget.Store(false)
		sleep(time.Hour)
		b.empty()
	})
}

func TestADamagedEntryIsLeftAlone(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		es := b.commit(b.entry("a.example", nil), b.entry("a.example", nil))
		part := es[0].Shard.Part()
		_ = b.db.Update(b.t.Context(), part, func(tx kv.Txn) error {
			tx.Put(41, []byte{0, 0, 0, 0, 0, 0, 0, 1}, []byte("damaged"))
			return nil
		})
		b.start()
		sleep(time.Hour)
		if got := b.f.ids(); !slices.Equal(got, []string{"m2"}) {
			t.Errorf("tried %v", got)
		}
		if got := b.left(Selector{}); len(got) != 0 {
			t.Errorf("left %v", got)
		}
	})
}

func TestAShardWithAnotherOwnerIsLeftAlone(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		e := b.submit("a.example", nil)
		sleep(time.Second)
		_ = b.db.Update(b.t.Context(), e.Shard.Part(), func(tx kv.Txn) error {
			_, err := spool.Acquire(tx, "other", time.Time{})
			return err
		})
		sleep(24 * time.Hour)
		if n := len(b.f.seen()); n > 2 {
			t.Errorf("%d attempts after the lease was lost", n)
		}
		if n := len(standing(t, b.db)); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestTheClockJumps(t *testing.T) {
	for name, c := range map[string]struct {
		begin, jump time.Duration
		restart     bool
	}{
		"back by a year":                    {0, -365 * 24 * time.Hour, false},
		"back by a year while we were away": {0, -365 * 24 * time.Hour, true},
		"ahead by a year":                   {0, 365 * 24 * time.Hour, false},
		"back by an hour":                   {0, -time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{FirstRetry: time.Minute}, func(b *bed) {
				off := c.begin
				b.now = func() time.Time { return time.Now().Add(off) }
				b.f.answer = func(_ *spool.Entry, _ *spool.Rcpt, n int) Outcome {
					if n == 1 {
						return deferred("busy")
					}
					return Outcome{Kind: Relayed}
				}
				b.start()
				b.submit("a.example", nil)
				sleep(time.Second)
				if c.restart {
					b.stop()
				} else {
					b.q.mu.Lock() // no reader of the clock runs
				}
				off = c.jump
				if c.restart {
					b.start()
				} else {
					b.q.mu.Unlock()
				}
				b.submit("b.example", func(e *spool.Entry) {
					e.Arrived, e.Next, e.Expires = b.now(), b.now(), b.now().Add(5*24*time.Hour)
				})
				sleep(8 * time.Hour)
				if len(b.r.list()) != 0 {
					t.Errorf("%+v", b.r.list())
				}
				b.empty()
			})
		})
	}
}

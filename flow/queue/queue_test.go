package queue

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"barid/mail/spool"
	"barid/rfc/smtp"
)

func TestFreshMailIsTriedAtOnce(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.start()
		for i := range 3 {
			b.submit(fmt.Sprintf("d%d.example", i), nil)
			sleep(0)
		}
		if got := b.f.seen(); len(got) != 3 {
			t.Fatalf("%d attempts", len(got))
		}
		b.empty()
		if got := b.ev.kinds(); !slices.Equal(got, []string{"relayed", "relayed", "relayed"}) {
			t.Errorf("events %v", got)
		}
		if len(b.r.list()) != 0 {
			t.Error("a report that nobody wanted")
		}
	})
}

func TestWhatNobodyToldOfIsFound(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.commit(b.entry("before.example", nil))
		b.start()
		sleep(0)
		b.commit(b.entry("before.example", nil), b.entry("new.example", nil))
		sleep(b.q.set.Tick + time.Second)
		if got := b.f.seen(); len(got) != 3 {
			t.Fatalf("%d attempts", len(got))
		}
		b.empty()
	})
}

func TestBackOffDoublesAndIsJittered(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Minute, MaxRetry: 10 * time.Minute, Delays: []time.Duration{}}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		b.submit("a.example", func(e *spool.Entry) { e.Expires = e.Arrived.Add(time.Hour) })
		sleep(2 * time.Hour)
		var waits []time.Duration
		tries := b.f.seen()
		for i := 1; i < len(tries); i++ {
			waits = append(waits, tries[i].at.Sub(tries[i-1].at))
		}
		for i, w := range waits[:len(waits)-1] {
			want := double(time.Minute, 10*time.Minute, i+1)
			if f := float64(w) / float64(want); f < 1-jitter-.01 || f > 1+jitter+.01 {
				t.Errorf("pause %d is %v, want about %v", i+1, w, want)
			}
		}
		if last := tries[len(tries)-1]; last.at.Sub(tries[0].at) != time.Hour {
			t.Errorf("the last attempt came after %v", last.at.Sub(tries[0].at))
		}
		if got := b.r.list(); len(got) != 1 || got[0].kind != Failed || got[0].at.Sub(tries[0].at) != time.Hour {
			t.Errorf("reports %+v", got)
		}
		b.empty()
	})
}

func TestTheShortestPatience(t *testing.T) {
	inBubble(t, Settings{FirstRetry: 2 * time.Second, MaxRetry: 5 * time.Second}, func(b *bed) {
		b.f.answer = always(unreachable())
		b.start()
		b.submit("a.example", func(e *spool.Entry) { e.Expires = e.Arrived.Add(40 * time.Second) })
		sleep(41 * time.Second)
		if got := b.r.list(); len(got) != 1 || len(b.f.seen()) < 5 {
			t.Errorf("%d reports after %d attempts", len(got), len(b.f.seen()))
		}
		b.empty()
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = func(_ *spool.Entry, _ *spool.Rcpt, n int) Outcome {
			if n == 1 {
				o := deferred("slow down")
				o.RetryAfter = 30 * time.Minute
				return o
			}
			return Outcome{Kind: Relayed}
		}
		b.start()
		b.submit("a.example", nil)
		sleep(time.Second)
		b.submit("a.example", nil) // waits with it: the other side said so
		sleep(time.Hour)
		tries := b.f.seen()
		if len(tries) < 3 || tries[1].at.Sub(tries[0].at) < 30*time.Minute {
			t.Errorf("%v", tries)
		}
		sleep(time.Hour)
		b.empty()
	})
}

func TestOneRefusedOneTakenOneLater(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = func(_ *spool.Entry, r *spool.Rcpt, n int) Outcome {
			switch {
			case r.To.Local == "bad":
				return refused()
			case r.To.Local == "late" && n < 3:
				return deferred("greylisted")
			}
			return Outcome{Kind: Relayed, Answer: spool.Answer{Code: 250}}
		}
		b.start()
		b.submit("a.example", func(e *spool.Entry) {
			e.Rcpts = []spool.Rcpt{{To: path("bad@a.example")}, {To: path("good@a.example")}, {To: path("late@a.example")}}
		})
		sleep(time.Second)
		if got := b.r.list(); len(got) != 1 || got[0].kind != Failed || !slices.Equal(got[0].rcpts, []string{"<bad@a.example>"}) {
			t.Errorf("reports %+v", got)
		}
		sleep(time.Hour)
		var rcpts []int
		for _, x := range b.f.seen() {
			rcpts = append(rcpts, x.rcpts)
		}
		if !slices.Equal(rcpts, []int{3, 1, 1}) {
			t.Errorf("recipients of the attempts %v", rcpts)
		}
		if got := b.ev.kinds(); !slices.Equal(got, []string{"bounced", "relayed", "delayed", "delayed", "relayed"}) {
			t.Errorf("events %v", got)
		}
		b.empty()
	})
}

func TestSuccessIsReportedToWhoAsked(t *testing.T) {
	for _, c := range []struct {
		kind   Kind
		passed spool.Passed
		want   int
	}{{Relayed, 0, 1}, {Relayed, spool.PassedReport, 0}, {Delivered, 0, 1}} {
		inBubble(t, Settings{}, func(b *bed) {
			b.f.answer = always(Outcome{Kind: c.kind, Passed: c.passed})
			b.start()
			b.submit("a.example", func(e *spool.Entry) { e.Rcpts[0].Notify = smtp.NotifySuccess })
			sleep(time.Second)
			if got := b.r.list(); len(got) != c.want || c.want == 1 && got[0].kind != c.kind {
				t.Errorf("%+v: %+v", c, got)
			}
			b.empty()
		})
	}
}

func TestTheSenderIsToldOfADelayOnce(t *testing.T) {
	for name, answer := range map[string]Outcome{"refused for now": deferred("busy"), "not reached": unreachable()} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{Delays: []time.Duration{4 * time.Hour, 24 * time.Hour}}, func(b *bed) {
				b.f.answer = always(answer)
				b.start()
				begun := time.Now()
				b.submit("a.example", nil)
				b.submit("a.example", func(e *spool.Entry) { e.Rcpts[0].Notify = smtp.NotifyFailure }) // wants none
				sleep(6 * 24 * time.Hour)
				var got []string
				for _, r := range b.r.list() {
					got = append(got, fmt.Sprint(r.id, " ", r.kind, " ", r.at.Sub(begun).Round(time.Minute)))
				}
				slices.Sort(got)
				want := []string{"m1 delayed 24h0m0s", "m1 delayed 4h0m0s", "m1 failed 120h0m0s", "m2 failed 120h0m0s"}
				if !slices.Equal(got, want) {
					t.Errorf("reports %q", got)
				}
				b.empty()
			})
		})
	}
}

func TestDeliverBy(t *testing.T) {
	for _, c := range []struct {
		mode byte
		want []string
	}{{'R', []string{"failed 1h0m0s"}}, {'N', []string{"delayed 1h0m0s", "failed 120h0m0s"}}} {
		inBubble(t, Settings{Delays: []time.Duration{}}, func(b *bed) {
			b.f.answer = always(deferred("busy"))
			b.start()
			begun := time.Now()
			b.submit("a.example", func(e *spool.Entry) { e.DeliverBy, e.ByMode = begun.Add(time.Hour), c.mode })
			sleep(6 * 24 * time.Hour)
			var got []string
			for _, r := range b.r.list() {
				got = append(got, fmt.Sprint(r.kind, " ", r.at.Sub(begun).Round(time.Minute)))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("mode %c: %q", c.mode, got)
			}
			for _, x := range b.f.seen() {
				if c.mode == 'R' && x.at.Sub(begun) >= time.Hour {
					t.Errorf("tried after its time: %v", x.at.Sub(begun))
				}
			}
			b.empty()
		})
	}
}

func TestFutureRelease(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.start()
		begun := time.Now()
		b.submit("a.example", func(e *spool.Entry) {
			e.NotBefore = begun.Add(100 * time.Hour)
			e.Next, e.Expires = e.NotBefore, e.NotBefore.Add(time.Hour)
		})
		sleep(99 * time.Hour)
		b.stop()
		b.start()
		sleep(59 * time.Minute)
		if len(b.f.seen()) != 0 || len(b.r.list()) != 0 {
			t.Errorf("too early: %v, %v", b.f.seen(), b.r.list())
		}
		sleep(time.Minute)
		if got := b.f.seen(); len(got) != 1 || got[0].at.Sub(begun) != 100*time.Hour {
			t.Errorf("%v", got)
		}
		b.empty()
	})
}

func TestNoReportOfAReport(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = always(refused())
		b.start()
		b.submit("a.example", func(e *spool.Entry) { e.From.Null = true })
		sleep(time.Second)
		if got := b.r.list(); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		b.empty()
	})
}

func TestDeferredMailWaitsOnDiskOnly(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Hour}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		for i := range 100 {
			b.submit(fmt.Sprintf("d%d.example", i), nil)
		}
		sleep(time.Minute)
		b.q.mu.Lock()
		if b.q.items != 0 {
			t.Errorf("%d in memory", b.q.items)
		}
		b.q.mu.Unlock()
		b.f.set(0, nil)
		sleep(90 * time.Minute)
		if got := len(b.f.seen()); got != 200 {
			t.Errorf("%d attempts", got)
		}
		b.empty()
	})
}

func TestNoticesCanBeTurnedOff(t *testing.T) {
	inBubble(t, Settings{Delays: []time.Duration{0}}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		b.submit("a.example", nil)
		sleep(4 * 24 * time.Hour)
		if got := b.r.list(); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

package queue

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// left gives the transactions of the entries that s chooses.
func (b *bed) left(s Selector) (out []string) {
	b.t.Helper()
	for e, err := range b.q.Find(b.t.Context(), s) {
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, e.Message.ID)
	}
	slices.Sort(out)
	return out
}

func ptr[T any](v T) *T { return &v }

// want checks a verb's result.
func (b *bed) want(matched, changed int) func(Result, error) {
	return func(r Result, err error) {
		b.t.Helper()
		if err != nil || r.Matched != matched || r.Changed != changed {
			b.t.Errorf("%+v, %v, want %d matched and %d changed", r, err, matched, changed)
		}
	}
}

func TestSelectors(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = func(e *spool.Entry, _ *spool.Rcpt, _ int) Outcome {
			if e.Destination == "a.example" {
				return deferred("mailbox is full")
			}
			return unreachable()
		}
		b.start()
		begun := time.Now()
		one := b.submit("a.example", nil)
		b.submit("b.example", func(e *spool.Entry) { e.From, e.Account = path("فروش@example.test"), 7 })
		b.submit("b.example", func(e *spool.Entry) { e.From.Null, e.Route, e.Hold = true, "relay", true })
		sleep(time.Second)
		b.submit("c.example", func(e *spool.Entry) { e.Rcpts[0].To = path("Someone@sub.c.example") })
		sleep(time.Second)
		for _, c := range []struct {
			name string
			s    Selector
			want string
		}{
			{"all", Selector{}, "[m1 m2 m3 m4]"},
			{"name", Selector{Names: []spool.Name{one.Name(), one.Name(), {Shard: 1, ID: 99}}}, "[m1]"},
			{"name that does not agree", Selector{Names: []spool.Name{one.Name()}, Domain: "b.example"}, "[]"},
			{"message", Selector{Messages: []string{"m2", "m4"}}, "[m2 m4]"},
			{"account", Selector{Account: 7}, "[m2]"},
			{"from", Selector{From: "INFO@example.test"}, "[m1 m4]"},
			{"from, null", Selector{From: "<>"}, "[m3]"},
			{"from, pattern", Selector{From: "فر*@example.test"}, "[m2]"},
			{"to", Selector{To: "someone@*"}, "[m4]"},
			{"domain", Selector{Domain: "*.example"}, "[m1 m2 m3 m4]"},
			{"domain, exact", Selector{Domain: "b.example"}, "[m2 m3]"},
			{"route", Selector{Route: ptr("relay")}, "[m3]"},
			{"no route", Selector{Route: ptr("")}, "[m1 m2 m4]"},
			{"before", Selector{Before: begun.Add(time.Second)}, "[m1 m2 m3]"},
			{"error", Selector{ErrorLike: "MAILBOX*full"}, "[m1]"},
			{"error by code", Selector{ErrorLike: "4.4.1"}, "[m2 m4]"},
			{"held", Selector{Hold: ptr(true)}, "[m3]"},
			{"not held, b", Selector{Hold: ptr(false), Domain: "b.example"}, "[m2]"},
		} {
			if got := fmt.Sprint(b.left(c.s)); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	})
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"*", "", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "ac", true},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"ab*ba", "aba", false},
		{"**", "x", true},
		{"", "", true},
		{"", "x", false},
		{"*@EXAMPLE.org", "x@example.ORG", true},
	} {
		if like(c.pattern, c.text) != c.want {
			t.Errorf("%q on %q", c.pattern, c.text)
		}
	}
}

func TestHoldAndRelease(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Minute}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		b.submit("a.example", nil)
		b.submit("b.example", nil)
		sleep(time.Second)
		s := Selector{Domain: "a.example"}
		b.want(1, 1)(b.q.Hold(b.t.Context(), s, true))
		if got := b.left(Selector{Hold: ptr(true)}); len(got) != 0 {
			t.Errorf("a dry run held %v", got)
		}
		b.want(1, 1)(b.q.Hold(b.t.Context(), s, false))
		b.want(1, 0)(b.q.Hold(b.t.Context(), s, false))
		n := len(b.f.seen())
		sleep(20 * 24 * time.Hour)
		if !slices.Equal(b.left(Selector{}), []string{"m1"}) || slices.ContainsFunc(b.f.seen()[n:], func(x try) bool { return x.line == "a.example" }) {
			t.Error("a held entry was tried or expired")
		}
		b.f.set(0, nil)
		b.want(1, 1)(b.q.Release(b.t.Context(), s, false))
		sleep(0)
		b.empty()
	})
}

func TestHoldWhileAnAttemptIsUnderWay(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Minute}, func(b *bed) {
		b.f.answer, b.f.takes = always(deferred("busy")), 10*time.Second
		b.start()
		b.submit("a.example", nil)
		sleep(time.Second)
		b.want(1, 1)(b.q.Hold(b.t.Context(), Selector{All: true}, false))
		sleep(time.Hour)
		if n := len(b.f.seen()); n != 1 {
			t.Errorf("%d attempts", n)
		}
		b.want(1, 1)(b.q.Release(b.t.Context(), Selector{All: true}, false))
		sleep(time.Second) // under way
		b.want(1, 1)(b.q.Hold(b.t.Context(), Selector{All: true}, false))
		b.want(1, 1)(b.q.Release(b.t.Context(), Selector{All: true}, false))
		sleep(3 * time.Minute)
		if n := len(b.f.seen()); n != 3 {
			t.Errorf("%d attempts: one that was held and released while busy must go on", n)
		}
		b.want(1, 1)(b.q.Delete(b.t.Context(), Selector{All: true}, false))
		sleep(time.Hour)
		b.empty()
	})
}

func TestRetryNow(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Hour}, func(b *bed) {
		b.f.answer = always(unreachable())
		b.start()
		b.submit("a.example", nil)
		b.submit("a.example", func(e *spool.Entry) { e.Hold = true })
		sleep(time.Minute)
		b.f.set(0, nil)
		b.want(2, 1)(b.q.Retry(b.t.Context(), Selector{Domain: "a.example"}, false))
		sleep(0)
		if got := b.left(Selector{}); !slices.Equal(got, []string{"m2"}) {
			t.Errorf("left %v", got)
		}
		b.want(1, 1)(b.q.Release(b.t.Context(), Selector{All: true}, false))
		sleep(0)
		b.empty()
	})
}

func TestBounceAndDelete(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		b.submit("a.example", nil)
		b.submit("b.example", nil)
		b.submit("c.example", func(e *spool.Entry) { e.Hold = true })
		sleep(time.Second)
		b.want(2, 2)(b.q.Bounce(b.t.Context(), Selector{Messages: []string{"m1", "m3"}}, "no more", false))
		sleep(0)
		if got := b.r.list(); len(got) != 2 || got[0].kind != Failed {
			t.Errorf("%+v", got)
		}
		b.want(1, 1)(b.q.Delete(b.t.Context(), Selector{From: "info@*"}, false))
		sleep(time.Hour)
		if got := b.r.list(); len(got) != 2 {
			t.Errorf("%+v", got)
		}
		if got := b.ev.kinds(); !slices.Equal(got[2:], []string{"bounced", "bounced", "discarded"}) {
			t.Errorf("events %v", got)
		}
		if e := b.ev.all[2]; e.Hop.Text != "no more" || len(e.To) != 1 || e.Stage != "local" {
			t.Errorf("%+v", e)
		}
		b.empty()
	})
}

func TestReroute(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Hour}, func(b *bed) {
		b.f.answer = func(e *spool.Entry, _ *spool.Rcpt, _ int) Outcome {
			if e.Route == "relay" && e.Destination == "a.example" || e.Destination == "other.example" {
				return Outcome{Kind: Relayed}
			}
			return deferred("busy")
		}
		b.start()
		b.submit("a.example", nil)
		b.submit("b.example", nil)
		sleep(time.Second)
		b.want(2, 2)(b.q.Reroute(b.t.Context(), Selector{All: true}, "", "relay", true))
		b.want(2, 2)(b.q.Reroute(b.t.Context(), Selector{All: true}, "", "relay", false))
		sleep(0)
		b.want(0, 0)(b.q.Reroute(b.t.Context(), Selector{All: true}, "", "relay", false))
		if got := b.left(Selector{Route: ptr("relay")}); !slices.Equal(got, []string{"m2"}) {
			t.Errorf("left %v", got)
		}
		b.want(1, 1)(b.q.Reroute(b.t.Context(), Selector{All: true}, "other.example", "", false))
		sleep(0)
		if got := b.f.seen(); len(got) != 5 || got[4].line != "other.example" {
			t.Errorf("%v", got)
		}
		b.empty()
	})
}

func TestPause(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.start()
		if err := b.q.PauseLine(b.t.Context(), "a.example", time.Time{}, "repair"); err != nil {
			t.Fatal(err)
		}
		if err := b.q.PauseLine(b.t.Context(), "route:relay", time.Now().Add(time.Hour), ""); err != nil {
			t.Fatal(err)
		}
		b.submit("a.example", nil)
		b.submit("a.example", func(e *spool.Entry) { e.Expires = e.Arrived.Add(2 * time.Hour) })
		b.submit("z.example", func(e *spool.Entry) { e.Route = "relay" })
		sleep(time.Minute)
		b.stop()
		b.start()
		sleep(58 * time.Minute)
		if ps, err := b.q.Pauses(b.t.Context()); err != nil || len(ps) != 2 || len(b.f.seen()) != 0 {
			t.Errorf("%v, %v, tried %v", ps, err, b.f.seen())
		}
		sleep(2 * time.Minute)
		if got := b.f.ids(); !slices.Equal(got, []string{"m3"}) {
			t.Errorf("after the pause of the route: %v", got)
		}
		sleep(time.Hour)
		if got := b.r.list(); len(got) != 1 || got[0].id != "m2" || len(b.f.seen()) != 1 {
			t.Errorf("what expires in a paused line: %+v", got)
		}
		sleep(4 * time.Hour)
		if got := b.r.list(); len(got) != 2 || got[1].kind != Delayed || got[1].id != "m1" {
			t.Errorf("delay in a paused line: %+v", got)
		}
		if err := b.q.ResumeLine(b.t.Context(), "a.example"); err != nil {
			t.Fatal(err)
		}
		sleep(0)
		b.empty()
		if ps, _ := b.q.Pauses(b.t.Context()); len(ps) != 0 {
			t.Errorf("%v", ps)
		}
	})
}

func TestVerbsNeedAChoice(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.start()
		if _, err := b.q.Delete(b.t.Context(), Selector{}, false); !errors.Is(err, ErrNoSelector) {
			t.Error(err)
		}
		q := b.q
		b.stop()
		if _, err := q.Hold(b.t.Context(), Selector{All: true}, false); !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
		if err := q.PauseLine(b.t.Context(), "x", time.Time{}, ""); !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
	})
}

func TestManyEntriesInOneVerb(t *testing.T) {
	inBubble(t, Settings{Delays: []time.Duration{}}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		for i := range 1000 {
			b.commit(b.entry(fmt.Sprintf("d%d.example", i%3), nil))
		}
		b.start()
		sleep(time.Minute)
		b.want(1000, 1000)(b.q.Hold(b.t.Context(), Selector{All: true}, false))
		s, err := b.q.Summary(b.t.Context(), Selector{}, 2)
		if err != nil || len(s) != 2 || s[0].Held != 334 || s[0].Name != "d0.example" {
			t.Errorf("%+v, %v", s, err)
		}
		b.want(1000, 1000)(b.q.Delete(b.t.Context(), Selector{All: true}, false))
		if c, err := b.q.Counts(b.t.Context()); err != nil || c != (spool.Counts{}) {
			t.Errorf("%+v, %v", c, err)
		}
		b.empty()
	})
}

func TestAVerbThatFailsChangesNothing(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		b.submit("a.example", nil)
		sleep(time.Second)
		failing(b.db, kv.ErrFull)
		if _, err := b.q.Hold(b.t.Context(), Selector{All: true}, false); !errors.Is(err, kv.ErrFull) {
			t.Error(err)
		}
		failing(b.db, nil)
		if got := b.left(Selector{Hold: ptr(true)}); len(got) != 0 {
			t.Error(got)
		}
	})
}

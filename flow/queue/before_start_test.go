package queue

import (
	"slices"
	"testing"
	"time"

	"barid/mail/spool"
)

// TestVerbsWorkBeforeStart: on an opened folder nothing is tried, but all verbs do their work on the rows, and
// what they did holds when the queue runs.
func TestVerbsWorkBeforeStart(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Hour}, func(b *bed) {
		late := func(e *spool.Entry) { e.Next = e.Next.Add(time.Hour) }
		b.commit(b.entry("keep.example", late), b.entry("now.example", late), b.entry("away.example", late),
			b.entry("back.example", late), b.entry("over.example", late))
		q := New(Deps{KV: b.db, Deliver: b.f, Report: b.rep, Events: b.ev, Set: b.set})
		ctx := t.Context()
		b.want(1, 1)(q.Hold(ctx, Selector{Domain: "keep.example"}, false))
		b.want(1, 1)(q.Hold(ctx, Selector{Domain: "now.example"}, false))
		b.want(1, 1)(q.Release(ctx, Selector{Domain: "now.example"}, false))
		b.want(1, 1)(q.Retry(ctx, Selector{Domain: "now.example"}, false))
		b.want(1, 1)(q.Delete(ctx, Selector{Domain: "away.example"}, false))
		b.want(1, 1)(q.Bounce(ctx, Selector{Domain: "back.example"}, "no more", false))
		b.want(1, 1)(q.Reroute(ctx, Selector{Domain: "over.example"}, "", "relay", false))
		if err := q.PauseLine(ctx, "route:relay", time.Now().Add(time.Hour), "repair"); err != nil {
			t.Error(err)
		}
		if n := len(b.f.seen()) + len(b.r.list()); n != 0 {
			t.Errorf("%d attempts and reports before the start", n)
		}
		standing(t, b.db)
		b.q = q
		if err := q.Start(ctx); err != nil {
			t.Fatal(err)
		}
		sleep(time.Second)
		if got := b.f.ids(); !slices.Equal(got, []string{"m2"}) {
			t.Errorf("tried %v", got)
		}
		if got := b.r.list(); len(got) != 1 || got[0].id != "m4" {
			t.Errorf("reports %v", got)
		}
		sleep(time.Hour + time.Minute)
		if got := b.left(Selector{}); !slices.Equal(got, []string{"m1"}) {
			t.Errorf("left %v", got)
		}
		b.want(1, 1)(b.q.Delete(ctx, Selector{All: true}, false))
		b.empty()
	})
}

// TestPagesMeetEveryEntryOnce reads on behind the last entry of a page.
func TestPagesMeetEveryEntryOnce(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		for i := range 50 {
			b.commit(b.entry([]string{"a.example", "b.example", "c.example"}[i%3], nil))
		}
		q := New(Deps{KV: b.db})
		var met []string
		s := Selector{All: true}
		for pages := 0; ; pages++ {
			n := 0
			for e, err := range q.Find(t.Context(), s) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n > 7 {
					break
				}
				met, s.After = append(met, e.Message.ID), e.Name()
			}
			if n == 0 {
				break
			}
		}
		slices.Sort(met)
		if n := len(slices.Compact(met)); len(met) != 50 || n != 50 {
			t.Errorf("met %d, %d of them different", len(met), n)
		}
	})
}

func TestCensus(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		q := New(Deps{KV: b.db})
		begun := time.Now()
		for i := range 100 {
			b.commit(b.entry("a.example", func(e *spool.Entry) { e.Hold = i%4 == 0 }))
			time.Sleep(time.Minute)
		}
		if err := q.PauseLine(t.Context(), "a.example", time.Time{}, ""); err != nil {
			t.Fatal(err)
		}
		c, err := q.Census(t.Context())
		if err != nil || c.Entries != 100 || c.Bytes != 100*4096 || c.Recipients != 100 || c.Held != 25 || c.Estimated {
			t.Errorf("%+v, %v", c, err)
		}
		if !c.Oldest.Equal(begun) || c.Median != 50*time.Minute || c.High != 95*time.Minute || len(c.Paused) != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// TestACensusOfALongQueueIsAnEstimate: it looks at a part of the rows and is about right.
func TestACensusOfALongQueueIsAnEstimate(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		q := New(Deps{KV: b.db})
		for range censusRows/1000 + 1 {
			var es []*spool.Entry
			for i := range 1000 {
				es = append(es, b.entry([]string{"a.example", "b.example", "b.example"}[i%3], func(e *spool.Entry) { e.Hold = i < 200 }))
			}
			b.commit(es...)
			time.Sleep(time.Minute)
		}
		c, err := q.Census(t.Context())
		if err != nil || !c.Estimated || c.Entries != censusRows+1000 {
			t.Fatalf("%+v, %v", c, err)
		}
		near := func(what string, got, want float64) {
			if got < want*0.9 || got > want*1.1 {
				t.Errorf("%s: %v, want about %v", what, got, want)
			}
		}
		near("recipients", float64(c.Recipients), censusRows+1000)
		near("held", float64(c.Held), (censusRows+1000)/5)
		near("median in minutes", c.Median.Minutes(), 6)
	})
}

package queue

import (
	"errors"
	"testing"
	"time"

	"barid/mail/spool"
)

// TestALineIsSentSoMuchAnHour: evenly, over a restart, and as before when the bound is taken away.
func TestALineIsSentSoMuchAnHour(t *testing.T) {
	for name, shape := range map[string]spool.Shape{
		"messages": {Queue: "a.example", Messages: 60},
		"octets":   {Queue: "a.example", Bytes: 4096 * 60 * 24},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{FirstConcurrency: 1}, func(b *bed) {
				b.start()
				if err := b.q.ShapeLine(b.t.Context(), shape); err != nil {
					t.Fatal(err)
				}
				for range 40 {
					b.submit("a.example", nil)
				}
				b.submit("z.example", nil)
				sleep(10*time.Minute + time.Second)
				if n := len(b.f.seen()) - 1; n < 11 || n > 12 { // one of them for z
					t.Errorf("%d in ten minutes", n)
				}
				b.stop()
				b.start()
				sleep(10 * time.Minute)
				if n := len(b.f.seen()) - 1; n < 20 || n > 24 {
					t.Errorf("%d in twenty minutes, with a restart", n)
				}
				if all, err := b.q.Shapes(b.t.Context()); err != nil || len(all) != 1 || all[0] != shape {
					t.Errorf("%+v %v", all, err)
				}
				if err := b.q.ShapeLine(b.t.Context(), spool.Shape{Queue: "a.example"}); err != nil {
					t.Fatal(err)
				}
				sleep(time.Second)
				b.empty()
				if all, err := b.q.Shapes(b.t.Context()); err != nil || len(all) != 0 {
					t.Errorf("%+v %v", all, err)
				}
			})
		})
	}
}

// TestWhatDidNotGoOutIsNotCounted: servers that refuse at once take nothing of a volume.
func TestWhatDidNotGoOutIsNotCounted(t *testing.T) {
	p := paced{Shape: &spool.Shape{Bytes: 24 << 20, Messages: 120}}
	now := time.Now()
	p.took(1<<20, now)
	was := p.next
	if p.back(1 << 20); was.Sub(p.next) != time.Hour || p.next.Sub(now) != 30*time.Second-burst {
		t.Errorf("%v, %v", was.Sub(p.next), p.next.Sub(now))
	}
	p.took(1<<50, now)
	if p.next.Sub(now) > (longest+1)*24*time.Hour {
		t.Errorf("%v for a giant", p.next.Sub(now))
	}
}

// TestALineHasSoManyConnections: whatever it has learnt.
func TestALineHasSoManyConnections(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.f.takes = time.Minute
		b.start()
		if err := b.q.ShapeLine(b.t.Context(), spool.Shape{Queue: "route:office", Connections: 2, Rcpts: 7}); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			b.submit("a.example", func(e *spool.Entry) { e.Route = "office" })
			b.submit("z.example", nil)
		}
		sleep(time.Hour)
		b.empty()
		if b.f.most["route:office"] != 2 || b.f.most["z.example"] < 4 || b.f.batch["route:office"] != 7 || b.f.batch["z.example"] != 0 {
			t.Errorf("%v %v", b.f.most, b.f.batch)
		}
	})
}

// TestWhatWaitsForItsTurnExpires: a bound does not keep a sender from hearing that the time is over.
func TestWhatWaitsForItsTurnExpires(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		b.start()
		if err := b.q.ShapeLine(b.t.Context(), spool.Shape{Queue: "a.example", Messages: 1}); err != nil {
			t.Fatal(err)
		}
		b.submit("a.example", nil)
		sleep(time.Second)
		b.submit("a.example", func(e *spool.Entry) { e.Expires = e.Arrived.Add(10 * time.Minute) })
		sleep(20 * time.Minute)
		if got := b.r.list(); len(got) != 1 || got[0].id != "m2" || got[0].kind != Failed || len(b.f.seen()) != 1 {
			t.Errorf("%+v, %d tries", got, len(b.f.seen()))
		}
		b.empty()
		q := b.q
		b.stop()
		if err := q.ShapeLine(b.t.Context(), spool.Shape{Queue: "x", Messages: 1}); !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
	})
}

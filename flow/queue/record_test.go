package queue

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"barid/mail/event"
	"barid/mail/spool"
)

// TestTheLastWordIsTold: what is on record of a recipient whose time is over is the last answer about him, not the one
// before, and not that about another.
func TestTheLastWordIsTold(t *testing.T) {
	inBubble(t, Settings{FirstRetry: time.Minute, MaxRetry: time.Minute}, func(b *bed) {
		b.f.set(0, func(_ *spool.Entry, r *spool.Rcpt, n int) Outcome {
			return deferred(fmt.Sprintf("%s at attempt %d", r.To.Local, n))
		})
		b.start()
		if err := b.q.PauseLine(b.t.Context(), "paused.example", time.Time{}, ""); err != nil {
			t.Fatal(err)
		}
		b.submit("a.example", func(e *spool.Entry) {
			e.Rcpts = append(e.Rcpts, e.Rcpts[0])
			e.Rcpts[0].To.Local, e.Rcpts[1].To.Local = "one", "two"
			e.Expires = e.Arrived.Add(90 * time.Second)
		})
		b.submit("paused.example", func(e *spool.Entry) { e.Expires = e.Arrived.Add(time.Minute) })
		sleep(time.Hour)
		var got []string
		for _, e := range b.ev.all {
			if e.Kind == event.Expired {
				got = append(got, fmt.Sprintf("%s: %s (%d)", e.To, e.Hop.Text, e.Hop.Attempt))
			}
		}
		slices.Sort(got)
		want := []string{
			"[a@paused.example]: delivery time expired before it could be tried (0)",
			fmt.Sprintf("[one@a.example]: one at attempt %d (%[1]d)", len(b.f.seen())),
			fmt.Sprintf("[two@a.example]: two at attempt %d (%[1]d)", len(b.f.seen())),
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

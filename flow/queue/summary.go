package queue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"barid/mail/spool"
)

// Line is what one line holds and how it goes.
type Line struct {
	Name       string
	Entries    int
	Recipients int // that wait
	Bytes      int64
	Held       int
	Oldest     time.Time // arrival
	Next       time.Time // of the next attempt
	LastError  string    // the newest answer among the waiting recipients

	// How it goes; zero for a line that is not in memory.
	Running  int
	Limit    int
	Trouble  int       // failed rounds in a row
	ShutTill time.Time // left alone until
	Pause    *spool.Pause

	lastTime time.Time
}

// Summary gives the lines with the most entries, at most limit of them (0: all), of what s chooses. It reads
// every entry.
func (q *Queue) Summary(ctx context.Context, s Selector, limit int) ([]Line, error) {
	lines := map[string]*Line{}
	err := q.find(ctx, &s, func(e *spool.Entry) bool {
		l := lines[e.Queue()]
		if l == nil {
			l = &Line{Name: e.Queue()}
			lines[l.Name] = l
		}
		l.add(e)
		return true
	})
	if err != nil {
		return nil, err
	}
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Entries, a.Entries), cmp.Compare(a.Name, b.Name))
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	q.liveLines(out)
	return out, nil
}

func (l *Line) add(e *spool.Entry) {
	l.Entries++
	l.Bytes += e.Size
	if l.Oldest.IsZero() || e.Arrived.Before(l.Oldest) {
		l.Oldest = e.Arrived
	}
	if e.Hold {
		l.Held++
	} else if l.Next.IsZero() || e.Next.Before(l.Next) {
		l.Next = e.Next
	}
	for _, i := range e.WaitingRcpts() {
		l.Recipients++
		if a := &e.Rcpts[i].Last; a.Time.After(l.lastTime) {
			l.lastTime, l.LastError = a.Time, a.String()
		}
	}
}

// liveLines adds what memory knows.
func (q *Queue) liveLines(lines []Line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.d.Now()
	for i := range lines {
		l := q.lines[lines[i].Name]
		if l == nil {
			continue
		}
		lines[i].Running, lines[i].Limit, lines[i].Trouble, lines[i].Pause = l.busy, l.most(), l.flow.trouble, l.pause
		if now.Before(l.flow.until) {
			lines[i].ShutTill = l.flow.until
		}
	}
}

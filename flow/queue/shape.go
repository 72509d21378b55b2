package queue

import (
	"context"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// burst is how much of what a line was not sent lately may be made up for at once.
const burst = time.Minute

// paced is when a line with a shape may be tried next: a bucket that leaks.
type paced struct {
	*spool.Shape
	next time.Time
}

// took notes that a message of so many octets is tried.
func (p *paced) took(size int64, now time.Time) {
	if p.Shape == nil {
		return
	}
	if least := now.Add(-burst); p.next.Before(least) {
		p.next = least
	}
	if p.Messages > 0 {
		p.next = p.next.Add(time.Hour / time.Duration(min(p.Messages, int64(time.Hour))))
	}
	p.next = p.next.Add(p.volume(size))
}

// back notes that the octets did not go out.
func (p *paced) back(size int64) { p.next = p.next.Add(-p.volume(size)) }

// volume is the time in which so many octets may go out.
func (p *paced) volume(size int64) time.Duration {
	if p.Shape == nil || p.Bytes == 0 {
		return 0
	}
	const day = 24 * time.Hour
	return time.Duration(min(float64(size)/float64(p.Bytes), longest) * float64(day))
}

// longest is how many days one message may use up.
const longest = 30

// most gives the attempts at a time, given what the line has learnt.
func (l *line) most() int {
	n := int(l.flow.limit)
	if s := l.paced.Shape; s != nil && s.Connections > 0 {
		n = min(n, int(min(s.Connections, 1<<20)))
	}
	return n
}

// batch gives the most recipients of one transaction; 0: as many as the other side takes.
func (l *line) batch() int {
	if l.paced.Shape == nil {
		return 0
	}
	return int(min(l.paced.Rcpts, spool.MaxRcpts))
}

func (q *Queue) batchOf(it *item) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return it.lane.line.batch()
}

// until is when a line that is not paused may be tried.
func (l *line) until() time.Time {
	if l.paced.Shape != nil && l.paced.next.After(l.flow.until) {
		return l.paced.next
	}
	return l.flow.until
}

// ShapeLine bounds how much a line ("example.org" or "route:NAME") is sent, across restarts. A Shape that limits
// nothing ends that. What is under way ends as it began.
func (q *Queue) ShapeLine(ctx context.Context, s spool.Shape) error {
	return q.setLine(ctx, s.Queue, func(t kv.Txn) { spool.PutShape(t, s) }, func(l *line) { l.shape(s) })
}

// shape gives a line its shape, or takes it away.
func (l *line) shape(s spool.Shape) {
	l.paced = paced{}
	if s != (spool.Shape{Queue: s.Queue}) {
		l.paced.Shape = &s
	}
}

// Shapes gives all lines that are bounded.
func (q *Queue) Shapes(ctx context.Context) (out []spool.Shape, err error) {
	err = q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
		return q.d.KV.View(ctx, p, func(r kv.Reader) error {
			return spool.Shapes(r, func(s spool.Shape) { out = append(out, s) })
		})
	})
	return out, err
}

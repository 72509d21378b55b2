package queue

import (
	"log/slog"
	"time"

	"barid/mail/spool"
)

// A message to people of many domains is many entries, which often fail within seconds. Their sender gets one report:
// the first failure waits for Settings.Gather, and then takes along what the others owe by now. Nothing of this is
// needed for a report to be made: what is owed stands in the entries, each comes due by itself, and one that finds
// nobody to go with is told of alone. After a start, when nobody is known yet, those that are owed wait once more.

// Limits of what goes together.
const (
	maxGathered = 100_000 // entries that are known to wait, in all
	maxTogether = 1000    // recipients in one report
)

// gathering is what is known of the failures of one message.
type gathering struct {
	names map[spool.Name]struct{} // entries that owe a report
	free  chan struct{}           // closed when the one who tells now has done so; nil: nobody tells
	used  time.Time
}

// gathers tells whether what e owes waits for others of its message.
func (s *Settings) gathers(e *spool.Entry) bool { return e.Several && len(e.Owed(true)) > 0 }

// gathered gives when the report of a failure is to be made: later only the first time.
func (s *Settings) gathered(e *spool.Entry, now time.Time) time.Time {
	at := now.Add(s.Gather)
	if e.Must.After(now) && e.Must.Before(at) {
		return e.Must
	}
	return at
}

// gather notes an entry whose failure waits.
func (q *Queue) gather(e *spool.Entry) {
	if e == nil || e.Hold || !q.set.gathers(e) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gatherName(e.Message.ID, e.Name())
}

func (q *Queue) gatherName(id string, n spool.Name) {
	g := q.gathering(id)
	g.used = q.d.Now()
	if _, ok := g.names[n]; !ok && q.gathered < maxGathered {
		g.names[n] = struct{}{}
		q.gathered++
	}
	q.forgetGathering(id, g)
}

// awaited tells whether e has waited in this life of the queue, as far as that is known.
func (q *Queue) awaited(e *spool.Entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.gatherings[e.Message.ID]
	if g == nil {
		return q.gathered >= maxGathered
	}
	_, known := g.names[e.Name()]
	return known || g.free != nil || q.gathered >= maxGathered
}

func (q *Queue) gathering(id string) *gathering {
	g := q.gatherings[id]
	if g == nil {
		g = &gathering{names: map[spool.Name]struct{}{}}
		q.gatherings[id] = g
	}
	return g
}

func (q *Queue) forgetGathering(id string, g *gathering) {
	if len(g.names) == 0 && g.free == nil {
		delete(q.gatherings, id)
	}
}

// forgetGatherings drops what nobody came back for: entries that an operator deleted.
func (q *Queue) forgetGatherings(now time.Time) {
	for id, g := range q.gatherings {
		if g.free == nil && now.Sub(g.used) > lineKept {
			q.gathered -= len(g.names)
			delete(q.gatherings, id)
		}
	}
}

// turn waits until nobody else tells of e's message. It gives the other entries that owe a report, and what ends the
// turn; nil if the queue ends.
func (q *Queue) turn(e *spool.Entry) (others []spool.Name, done func()) {
	id := e.Message.ID
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.gathering(id)
	for g.free != nil {
		free := g.free
		q.mu.Unlock()
		select {
		case <-free:
		case <-q.life.Done():
		}
		q.mu.Lock()
		if q.life.Err() != nil {
			return nil, nil
		}
		g = q.gathering(id)
	}
	g.free = make(chan struct{})
	q.gathered -= len(g.names)
	delete(g.names, e.Name())
	for n := range g.names {
		others = append(others, n)
	}
	clear(g.names)
	return others, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		close(g.free)
		g.free = nil
		q.forgetGathering(id, g)
	}
}

// reportTogether tells of all failures of e's message that are known, and of e's at least.
func (q *Queue) reportTogether(e *spool.Entry) (*spool.Entry, error) {
	if e.ReportTries == 0 && !q.awaited(e) {
		after, err := q.commit(e.Name(), func(e *spool.Entry) { q.set.schedule(e, q.d.Now()) })
		q.gather(after) // e may be told of by now; if not, it waits no second time, whatever its time is
		return after, err
	}
	names, done := q.turn(e)
	if done == nil {
		return nil, nil
	}
	defer done()
	e, err := q.loadEntry(e.Name()) // somebody may have told of it meanwhile
	if e == nil || err != nil || len(e.Owed(true)) == 0 {
		q.waitOn(names, e)
		return e, err
	}
	with, rest := q.owing(e, names)
	q.waitOn(rest, e)
	if len(with) > 0 {
		after, err := q.tellOf(e, with)
		if err == nil {
			q.d.Metrics.reported(Failed)
			return after, nil
		}
		q.d.Log.Warn("a report on several destinations can not be made as one", slog.String("id", e.Message.ID), slog.Any("error", err))
		q.waitOn(namesOf(with), e)
	}
	rcpts := e.Owed(true)
	return q.report(e, Failed, rcpts, noteTold(rcpts))
}

// tellOf makes one report of the failures of e and of others of its message.
func (q *Queue) tellOf(e *spool.Entry, with []*spool.Entry) (after *spool.Entry, err error) {
	var notes []noting
	for _, x := range with {
		notes = append(notes, noting{x.Name(), x.Owed(true), q.made(noteTold(x.Owed(true)))})
	}
	all, rcpts := together(e, with)
	return q.tell(all, Failed, rcpts, q.made(noteTold(e.Owed(true))), notes...)
}

// waitOn notes entries of e's message again. They come due by themselves, too.
func (q *Queue) waitOn(names []spool.Name, e *spool.Entry) {
	if e == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, n := range names {
		q.gatherName(e.Message.ID, n)
	}
}

// owing reads the entries that owe a report on failures, as many as go with e.
func (q *Queue) owing(e *spool.Entry, names []spool.Name) (with []*spool.Entry, rest []spool.Name) {
	n := len(e.Owed(true))
	for _, name := range names {
		x, err := q.loadEntry(name)
		switch {
		case err != nil, x == nil, x.Hold, x.Message.ID != e.Message.ID, len(x.Owed(true)) == 0:
			continue // it says itself what is the matter
		case n+len(x.Owed(true)) > maxTogether:
			rest = append(rest, name)
			continue
		}
		n += len(x.Owed(true))
		with = append(with, x)
	}
	return with, rest
}

// together gives an entry that has the recipients of several of one message about whom a report is owed.
func together(e *spool.Entry, with []*spool.Entry) (all *spool.Entry, rcpts []int) {
	one := *e
	one.Rcpts = nil
	for _, x := range append([]*spool.Entry{e}, with...) {
		for _, i := range x.Owed(true) {
			rcpts = append(rcpts, len(one.Rcpts))
			one.Rcpts = append(one.Rcpts, x.Rcpts[i])
		}
	}
	return &one, rcpts
}

func namesOf(es []*spool.Entry) (out []spool.Name) {
	for _, e := range es {
		out = append(out, e.Name())
	}
	return out
}

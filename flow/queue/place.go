package queue

import (
	"strings"
	"time"

	"barid/mail/spool"
)

// place brings an entry into memory if it is due soon and there is room; otherwise it notes from where it
// will be found again. e may be nil. The caller holds mu.
func (q *Queue) place(sh *shard, s spool.Slot, e *spool.Entry, now time.Time) {
	if e != nil && s.ID <= max(sh.scanned, sh.seen) {
		e = nil
	}
	if sh.items[s.ID] != nil || sh.claimed[s.ID] || !sh.open || !s.Cursor.Less(sh.pending) {
		return
	}
	if q.items >= q.room(e != nil) {
		sh.lower(s.Cursor)
		return
	}
	l := q.line(sh, s.Queue)
	la := l.lane(keyOf(&s))
	switch {
	case la.backlog && !s.Cursor.Less(la.mark), // those before it have to come first
		la.n >= q.set.Lane || l.n >= q.set.Line:
		la.cover(s.Cursor) // a scan that has begun may not have seen it
		return
	}
	q.enter(la, &s, e, now)
}

// room is how many entries may be in memory. New mail finds some where old mail finds none.
func (q *Queue) room(fresh bool) int {
	if fresh {
		return q.set.Memory + q.set.Memory/2
	}
	return q.set.Memory
}

func keyOf(s *spool.Slot) laneKey {
	return laneKey{priority: s.Priority, retry: s.Retry, account: s.Account}
}

// enter makes the item and sets it to wait for its time or its turn.
func (q *Queue) enter(la *lane, s *spool.Slot, e *spool.Entry, now time.Time) {
	sh := la.line.shard
	it := &item{id: s.ID, due: s.Due, cost: costOf(s.Size), size: s.Size, shard: sh.id, retry: s.Retry, priority: s.Priority, lane: la}
	it.must = q.mustOf(s, e, now)
	switch {
	case e == nil:
		sh.scanned = max(sh.scanned, s.ID)
	case q.cached < q.set.Cached:
		it.entry = e
		q.cached++
	}
	sh.items[it.id] = it
	la.n++
	la.line.n++
	q.items++
	if it.due > now.UnixMilli() {
		q.setAlarm(alarm{at: it.due, item: it})
		return
	}
	la.line.push(it)
	q.list(la.line, now)
}

// mustOf gives the milliseconds at which something must happen to the entry. For one that we never wrote no
// notice is noted yet: its first one counts from when it was due.
func (q *Queue) mustOf(s *spool.Slot, e *spool.Entry, now time.Time) int64 {
	at := s.Must
	switch {
	case e != nil && e.Must.IsZero():
		at = q.set.must(e, now)
	case !s.Noted:
		due := time.UnixMilli(s.Due)
		if at.IsZero() {
			at = due.Add(q.set.Lifetime)
		}
		for _, d := range q.set.Delays {
			at = earlier(at, due.Add(d))
		}
	}
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// leave takes an item out of memory. It must not stand in a lane any more.
func (q *Queue) leave(it *item, now time.Time) {
	la := it.lane
	l, sh := la.line, la.line.shard
	if it.entry != nil {
		it.entry = nil
		q.cached--
	}
	it.state = gone
	delete(sh.items, it.id)
	la.n--
	l.n--
	q.items--
	l.used = now
	if la.n == 0 && !la.backlog {
		delete(l.lanes, la.laneKey)
	}
	if q.hungry(sh, la) {
		q.want(sh)
	}
	if n := len(q.lines); n > maxLines && (l.flow.trouble == 0 || n > 2*maxLines) && l.unused() {
		l.where = noRing
		delete(q.lines, l.name)
	}
}

// maxLines is how many lines are remembered after their last entry, twice as many if they are in trouble.
const maxLines = 20_000

// line gives the line of a name, made if need be. The caller holds mu.
func (q *Queue) line(sh *shard, name string) *line {
	l := q.lines[name]
	if l == nil {
		l = &line{name: name, shard: sh, lanes: map[laneKey]*lane{}, where: noRing, used: q.d.Now()}
		l.flow = newFlow(&q.set, strings.HasPrefix(name, "route:"))
		q.lines[name] = l
	}
	return l
}

// list puts a line that may be tried into its ring, or sets its alarm for when it may.
func (q *Queue) list(l *line, now time.Time) {
	switch {
	case l.ready == 0:
		return
	case !l.open(now):
		q.arm(l, now)
		return
	case l.busy >= l.most():
		return // listed again when an attempt ends
	}
	if ring := l.ringOf(); l.where == noRing || ring < l.where {
		q.rings.put(l, ring)
	}
}

// arm sets the alarm of a line that can not be tried: for when it can, and for what must be looked at
// before.
func (q *Queue) arm(l *line, now time.Time) {
	at := int64(0)
	if l.pause == nil {
		at = l.until().UnixMilli() + 1
	} else if !l.pause.Until.IsZero() {
		at = l.pause.Until.UnixMilli() + 1
	}
	if l.must != 0 && (at == 0 || l.must < at) {
		at = l.must
	}
	if at == 0 || l.alarm != 0 && l.alarm <= at {
		return
	}
	l.alarm = at
	q.setAlarm(alarm{at: at, line: l})
}

// setAlarm adds an alarm and wakes the clock if it is the next one.
func (q *Queue) setAlarm(a alarm) {
	if q.alarms.set(a) {
		signal(q.wake)
	}
}

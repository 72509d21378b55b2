package queue

import "time"

// longestSleep bounds how long the clock sleeps, for a wall clock that is set meanwhile.
const longestSleep = time.Minute

// clockLoop lets items become due and lines open when their time comes.
func (q *Queue) clockLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-q.stopped:
			return
		case <-timer.C:
		case <-q.wake:
		}
		q.mu.Lock()
		timer.Reset(q.ring(q.d.Now()))
		q.mu.Unlock()
	}
}

// ring handles the alarms that are due and gives the time to the next one.
func (q *Queue) ring(now time.Time) time.Duration {
	ms := now.UnixMilli()
	for len(q.alarms) > 0 && q.alarms[0].at <= ms {
		a := q.alarms.next()
		switch {
		case a.line != nil:
			q.lineAlarm(a, now)
		case a.item.state == timed && a.item.due == a.at:
			l := a.item.lane.line
			l.push(a.item)
			q.list(l, now)
		}
	}
	q.dispatch(now)
	if len(q.alarms) == 0 {
		return longestSleep
	}
	return min(time.UnixMilli(q.alarms[0].at).Sub(now), longestSleep)
}

// lineAlarm opens a line whose pause is over, or takes what must be looked at out of one that is shut.
func (q *Queue) lineAlarm(a alarm, now time.Time) {
	l := a.line
	if l.alarm != a.at {
		return
	}
	l.alarm = 0
	if l.pause != nil && !l.pause.Until.IsZero() && !now.Before(l.pause.Until) {
		l.pause = nil
	}
	if !l.open(now) {
		q.takeOverdue(l, now)
	}
	q.list(l, now)
}

// takeOverdue moves the items of a shut line that must be looked at to their ring.
func (q *Queue) takeOverdue(l *line, now time.Time) {
	ms := now.UnixMilli()
	out := l.take(func(it *item) bool { return it.must != 0 && it.must <= ms })
	for _, it := range out {
		it.state = overdue
	}
	q.rings.ring[ringOverdue].items = append(q.rings.ring[ringOverdue].items, out...)
	l.must = 0
	l.each(func(it *item) {
		if it.must != 0 && (l.must == 0 || it.must < l.must) {
			l.must = it.must
		}
	})
}

package queue

import (
	"time"

	"barid/mail/spool"
)

// dispatch gives free slots to items. The caller holds mu.
func (q *Queue) dispatch(now time.Time) {
	for q.state == running && q.busy < q.set.Slots {
		it := q.pick(now)
		if it == nil {
			return
		}
		q.busy++
		select {
		case q.jobs <- it:
		default:
			go q.work(it)
		}
	}
}

// pick gives the item whose turn it is, with its line's leave, or nil.
func (q *Queue) pick(now time.Time) *item {
	for {
		ring := q.rings.choose(q.allowed)
		switch ring {
		case noRing:
			return nil
		case ringOverdue:
			if it := q.pickOverdue(); it != nil {
				return it
			}
			continue
		}
		if it := q.pickFrom(ring, now); it != nil {
			return it
		}
	}
}

// allowed keeps half of the slots from lines that are in trouble: attempts there last longest.
func (q *Queue) allowed(ring int) bool {
	return ring != ringAiling || q.ailing < max(q.set.Slots/2, 1)
}

func (q *Queue) pickOverdue() *item {
	f := &q.rings.ring[ringOverdue]
	it := f.items[0]
	f.items[0] = nil
	if f.items = f.items[1:]; len(f.items) == 0 {
		f.items = nil
	}
	if it.state != overdue {
		return nil
	}
	it.state, it.tryable = busy, false
	return it
}

func (q *Queue) pickFrom(ring int, now time.Time) *item {
	l := q.rings.next(ring)
	if l == nil {
		return nil
	}
	if l.ready == 0 || !l.open(now) || l.busy >= l.most() {
		q.list(l, now)
		return nil
	}
	if r := l.ringOf(); r == ringAiling && ring != ringAiling {
		q.rings.put(l, r)
		return nil
	}
	it := l.pop()
	it.state, it.tryable = busy, true
	it.ailing = ring == ringAiling
	if it.ailing {
		q.ailing++
	}
	l.busy++
	l.paced.took(it.size, now)
	q.list(l, now)
	return it
}

// parked is how long a worker without work stays: a goroutine that has run once has the stack it needs.
const parked = time.Second

// work runs items in one slot until there is none, and for a while longer waits for others.
func (q *Queue) work(it *item) {
	t := time.NewTimer(parked)
	defer t.Stop()
	for {
		for it != nil {
			e := q.run(it)
			it = q.next(it, e)
		}
		t.Reset(parked)
		select {
		case it = <-q.jobs:
		case <-t.C:
			return
		case <-q.stopped:
			return
		}
	}
}

// next ends an item's turn and takes another one for the same slot. e is what the entry is now; nil: it is
// not in the schedule any more.
func (q *Queue) next(it *item, e *spool.Entry) *item {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.d.Now()
	q.release(it, now)
	sh := it.lane.line.shard
	q.leave(it, now)
	switch {
	case it.changed:
		sh.reload = append(sh.reload, it.id)
		q.want(sh)
	case e != nil:
		q.place(sh, e.Slot(), nil, now)
	}
	q.busy--
	if q.state == running {
		if it := q.pick(now); it != nil {
			q.busy++
			q.dispatch(now)
			return it
		}
	}
	if q.state == stopping && q.busy == 0 {
		close(q.idle)
	}
	return nil
}

// release gives the line's leave back, once. The caller holds mu.
func (q *Queue) release(it *item, now time.Time) {
	if !it.tryable {
		return
	}
	it.tryable = false
	if it.ailing {
		it.ailing = false
		q.ailing--
	}
	l := it.lane.line
	l.busy--
	l.used = now
	q.list(l, now)
}

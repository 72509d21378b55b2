package queue

import (
	"barid/mail/spool"
)

// cover notes that an entry at c is on disk only.
func (la *lane) cover(c spool.Cursor) {
	if !la.backlog || c.Less(la.mark) {
		la.mark = c
	}
	la.backlog = true
	if !la.adding || c.Less(la.added) {
		la.adding, la.added = true, c
	}
	la.line.shard.backlogs[la] = struct{}{}
}

// uncover notes that nothing of the lane is on disk only.
func (la *lane) uncover() {
	la.backlog = false
	delete(la.line.shard.backlogs, la)
	if la.n == 0 {
		delete(la.line.lanes, la.laneKey)
	}
}

// lower takes the frontier back to c, from where the next scan begins.
func (sh *shard) lower(c spool.Cursor) {
	if c.Less(sh.frontier) {
		sh.frontier = c
	}
	if !sh.lowering || c.Less(sh.lowered) {
		sh.lowering, sh.lowered = true, c
	}
}

// hungry tells whether entries of the shard should be read now that la has more room.
func (q *Queue) hungry(sh *shard, la *lane) bool {
	if q.stalled && q.items < q.set.Memory*3/4 {
		return true
	}
	return len(sh.backlogs) > 0 && (q.needs(la) || la.line.n == q.set.Line/2)
}

// needs tells whether a lane has a backlog and room for a good part of it.
func (q *Queue) needs(la *lane) bool {
	return la.backlog && la.n <= q.set.Lane/2 && la.line.n <= q.set.Line-q.set.Lane/2 && q.items < q.set.Memory
}

// chunk is how many rows are read at a time.
const chunk = 2048

// refillFrom gives where the entries of lanes that need some begin, and where to end. The caller holds mu.
func (q *Queue) refillFrom(sh *shard) (from, to spool.Cursor, ok bool) {
	for la := range sh.backlogs {
		if q.needs(la) && (!ok || la.mark.Less(from)) {
			from, ok = la.mark, true
		}
	}
	if ok {
		for la := range sh.backlogs {
			la.adding = false
		}
	}
	return from, sh.frontier, ok && from.Less(sh.frontier)
}

// refill brings what was read from from on into memory: slots are all rows from there to before next. It is
// one pass for all lanes of the shard, so that reading a backlog of many accounts costs each row once. The
// caller holds mu.
func (q *Queue) refill(sh *shard, slots []spool.Slot, from, next, end spool.Cursor, p placer) {
	refused := map[*lane]spool.Cursor{}
	for i := range slots {
		s := &slots[i]
		l := q.lines[s.Queue]
		if l == nil || sh.items[s.ID] != nil || sh.claimed[s.ID] {
			continue
		}
		la := l.lanes[keyOf(s)]
		if la == nil || !la.backlog || s.Cursor.Less(la.mark) || la.mark.Less(from) {
			continue
		}
		if _, full := refused[la]; full {
			continue
		}
		if la.n >= q.set.Lane || l.n >= q.set.Line || q.items >= q.set.Memory {
			refused[la] = s.Cursor
			continue
		}
		p(la, s)
	}
	for la := range sh.backlogs {
		if !la.mark.Less(from) && la.mark.Less(next) {
			q.advanceMark(la, refused, next, end)
		}
	}
}

// placer is what refill does with an entry that has room.
type placer func(la *lane, s *spool.Slot)

// advanceMark moves the mark of a lane's backlog behind what was read of it.
func (q *Queue) advanceMark(la *lane, refused map[*lane]spool.Cursor, next, end spool.Cursor) {
	mark, full := refused[la]
	if !full {
		mark = next
	}
	if la.adding && la.added.Less(mark) {
		mark, full = la.added, true
	}
	la.mark = mark
	if !full && !mark.Less(end) {
		la.uncover()
	}
}

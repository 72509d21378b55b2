package queue

import (
	"slices"
	"time"

	"barid/mail"
	"barid/mail/spool"
)

// item is an entry in memory.
type item struct {
	id       spool.ID
	due      int64 // milliseconds; its place in the schedule
	must     int64 // milliseconds; 0: never
	cost     int32 // octets, about
	size     int64 // octets of the message
	shard    spool.Shard
	state    itemState
	retry    bool
	tryable  bool // its line may be tried (an item that only must be looked at is not)
	changed  bool // an operator changed it while it was busy: read it again
	ailing   bool // it took its slot while its line was in trouble
	priority int8
	lane     *lane
	entry    *spool.Entry // everything it says, if there was room
}

type itemState uint8

const (
	timed   itemState = iota // waits for its time, in the alarms
	ready                    // stands in its lane
	overdue                  // in the ring of what must be looked at
	busy                     // has a slot
	gone                     // not ours any more; an alarm may still name it
)

// lane holds one account's items of one priority in a line, the tried ones apart.
type lane struct {
	laneKey
	line    *line
	n       int     // items in memory, in any state
	queue   []*item // ready ones, in the order they became due
	deficit int32   // octets it may still send in this turn
	granted bool    // it got its quantum in this turn
	turning bool    // it is in its level's ring

	// The backlog: entries on disk at mark and behind it that are not in memory. See backlog.go.
	backlog bool
	mark    spool.Cursor
	added   spool.Cursor // lowest place that was added to the backlog while it is being read
	adding  bool
}

type laneKey struct {
	priority int8
	retry    bool
	account  mail.AccountID
}

// rank orders levels: 0 is the most urgent.
func (k laneKey) rank() int {
	r := 2 * int(spool.MaxPriority-k.priority)
	if k.retry {
		r++
	}
	return r
}

// level is the lanes of one rank that have ready items; they take turns.
type level struct {
	rank int
	ring []*lane
}

// line is everything for one destination or route.
type line struct {
	name  string
	shard *shard
	lanes map[laneKey]*lane
	// levels are sorted by rank; empty ones are dropped.
	levels []*level
	n      int // items in memory
	ready  int
	busy   int // attempts under way
	picks  int // counts, for the turn of the lowest level
	where  int // the ring it waits in, or noRing
	flow   flow
	pause  *spool.Pause
	paced  paced
	alarm  int64 // milliseconds of its alarm; 0: none
	must   int64 // milliseconds; no ready item must be looked at before; 0: none must
	used   time.Time
}

// quantum is what a lane may send in one turn, in octets; overhead is what a message costs beside its own.
const (
	quantum  = 64 << 10
	overhead = 4 << 10
	maxCost  = 1 << 20
	// oddTurn: every so many picks the lowest level has its turn, so that it never starves.
	oddTurn = 16
)

func costOf(size int64) int32 { return int32(min(size+overhead, maxCost)) }

// lane gives the lane of k, made if need be.
func (l *line) lane(k laneKey) *lane {
	la := l.lanes[k]
	if la == nil {
		la = &lane{laneKey: k, line: l}
		l.lanes[k] = la
	}
	return la
}

// push makes it stand in its lane.
func (l *line) push(it *item) {
	it.state = ready
	la := it.lane
	la.queue = append(la.queue, it)
	l.ready++
	if it.must != 0 && (l.must == 0 || it.must < l.must) {
		l.must = it.must
	}
	if !la.turning {
		la.turning = true
		v := l.level(la.rank())
		v.ring = append(v.ring, la)
	}
}

func (l *line) level(rank int) *level {
	i, ok := slices.BinarySearchFunc(l.levels, rank, func(v *level, r int) int { return v.rank - r })
	if !ok {
		l.levels = slices.Insert(l.levels, i, &level{rank: rank})
	}
	return l.levels[i]
}

// pop takes the item whose turn it is. There must be one.
func (l *line) pop() *item {
	i := 0
	if l.picks++; l.picks%oddTurn == 0 {
		i = len(l.levels) - 1
	}
	v := l.levels[i]
	it := v.pop()
	l.ready--
	if len(v.ring) == 0 {
		l.levels = slices.Delete(l.levels, i, i+1)
	}
	return it
}

// pop is one step of deficit round robin (Shreedhar and Varghese, 1996): the lane at the head is granted a
// quantum, sends while it lasts, and goes to the end with what is left.
func (v *level) pop() *item {
	for len(v.ring) > 1 {
		la := v.ring[0]
		if la.deficit >= la.queue[0].cost {
			break
		}
		if la.granted = !la.granted; la.granted {
			la.deficit += quantum
		} else {
			v.ring = append(v.ring[1:], la)
		}
	}
	la := v.ring[0]
	it := la.queue[0]
	la.deficit = max(la.deficit-it.cost, 0)
	la.queue[0] = nil
	if la.queue = la.queue[1:]; len(la.queue) == 0 {
		la.rest()
		v.ring = v.ring[1:]
	}
	return it
}

// rest takes a lane without ready items out of the turns.
func (la *lane) rest() {
	la.queue, la.turning, la.granted, la.deficit = nil, false, false, 0
}

// take removes items that f chooses from the lanes and gives them.
func (l *line) take(f func(*item) bool) (out []*item) {
	for i := len(l.levels) - 1; i >= 0; i-- {
		v := l.levels[i]
		v.ring = slices.DeleteFunc(v.ring, func(la *lane) bool {
			la.queue = slices.DeleteFunc(la.queue, func(it *item) bool {
				if !f(it) {
					return false
				}
				out = append(out, it)
				return true
			})
			if len(la.queue) == 0 {
				la.rest()
			}
			return !la.turning
		})
		if len(v.ring) == 0 {
			l.levels = slices.Delete(l.levels, i, i+1)
		}
	}
	l.ready -= len(out)
	return out
}

// each calls f with every ready item.
func (l *line) each(f func(*item)) {
	for _, v := range l.levels {
		for _, la := range v.ring {
			for _, it := range la.queue {
				f(it)
			}
		}
	}
}

// open tells whether the line may be tried now.
func (l *line) open(now time.Time) bool {
	return l.pause == nil && !now.Before(l.until())
}

// unused tells whether nothing needs the line.
func (l *line) unused() bool {
	if l.n > 0 || l.busy > 0 || l.pause != nil || l.paced.Shape != nil {
		return false
	}
	for _, la := range l.lanes {
		if la.backlog {
			return false
		}
	}
	return true
}

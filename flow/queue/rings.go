package queue

import "barid/mail/spool"

// rings hold the lines that may be tried now, by what they have to offer first. Each ring is served in
// turn, the rings by weight.
type rings struct {
	ring [ringCount]fifo
	turn [ringCount]int
}

// The rings.
const (
	ringUrgent  = iota // MT-PRIORITY above 0
	ringNew            // not tried before
	ringRetry          // tried before
	ringBulk           // MT-PRIORITY below 0
	ringAiling         // of whatever priority, in a line that is in trouble
	ringOverdue        // items whose line can not be tried and that must be looked at: no lines
	ringCount
	noRing = -1
)

// weights share the slots between rings that all have something.
func weights() [ringCount]int {
	return [ringCount]int{ringUrgent: 16, ringNew: 8, ringRetry: 4, ringBulk: 2, ringAiling: 1, ringOverdue: 8}
}

// fifo is a queue of lines, or of items in the ring of overdue ones.
type fifo struct {
	lines []*line
	items []*item
}

func (f *fifo) len() int { return len(f.lines) + len(f.items) }

func (r *rings) init() { r.turn = [ringCount]int{} }

// choose gives the ring whose turn it is among those that have something and are allowed, or noRing
// (smooth weighted round robin, as nginx does it).
func (r *rings) choose(allowed func(ring int) bool) int {
	best, total := noRing, 0
	for i, w := range weights() {
		if r.ring[i].len() == 0 || !allowed(i) {
			continue
		}
		r.turn[i] += w
		total += w
		if best == noRing || r.turn[i] > r.turn[best] {
			best = i
		}
	}
	if best != noRing {
		r.turn[best] -= total
	}
	return best
}

func (r *rings) put(l *line, ring int) {
	l.where = ring
	r.ring[ring].lines = append(r.ring[ring].lines, l)
}

// next takes the first line of a ring that is still in it; nil if there is none.
func (r *rings) next(ring int) *line {
	f := &r.ring[ring]
	for len(f.lines) > 0 {
		l := f.lines[0]
		f.lines[0] = nil
		f.lines = f.lines[1:]
		if l.where == ring {
			l.where = noRing
			return l
		}
	}
	f.lines = nil
	return nil
}

// ringOf gives the ring for a line with ready items.
func (l *line) ringOf() int {
	if l.flow.trouble > 0 {
		return ringAiling
	}
	rank := l.levels[0].rank
	switch normal := 2 * spool.MaxPriority; {
	case rank < normal:
		return ringUrgent
	case rank == normal:
		return ringNew
	case rank == normal+1:
		return ringRetry
	}
	return ringBulk
}

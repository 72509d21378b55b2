package embedded

import "time"

// Pace of syncs. A sync costs CPU however little it carries, and while many bodies arrive at the same time, it is
// always followed at once by the next one for whoever just missed it. Waiting a moment first lets more share one:
// the same or a higher rate for less CPU. With few connections there is nobody to wait for, and the wait would only
// be added to each message's latency.
//
// Bodies are paced by a sleep of the kernel's. Pebble paces its log by timers of the Go runtime, which in a process
// that has nothing else to do are late by up to a millisecond: that pays only with many more writers.
const (
	paceBodiesFrom = 12                     // bodies being stored at once, from which their syncs are paced
	paceRowsFrom   = 64                     // and from which those of rows are
	paceWait       = 250 * time.Microsecond // some syncs of a fast disk
)

// paceRows gives Pebble the shortest wait between two syncs of its log.
func (s *Store) paceRows() time.Duration {
	if s.storing.Load() < paceRowsFrom {
		return 0
	}
	return paceWait
}

// gather waits for more records to join those that are queued, unless all that could come are there.
func (l *bodyLog) gather() {
	storing := l.s.storing.Load()
	if storing < paceBodiesFrom {
		return
	}
	l.mu.Lock()
	waiting := int64(len(l.queue))
	l.mu.Unlock()
	if waiting > 0 && waiting < storing {
		nap(paceWait)
	}
}

package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A burst of work, such as ten thousand people who log in as their office opens, leaves the process with several times the
// memory that it needs, and Go collects nothing more until as much again is asked for: with sessions that then wait all day, that
// is the memory of the day. So when it has become quiet, what is not needed is given back to the system.

// When memory is given back.
const (
	calmLook   = 3 * time.Second // between two looks
	calmAllocs = 1 << 20         // bytes asked for between two looks, at most: more is work
	calmLeft   = 1 << 20         // bytes asked for, or spare, since memory was given back, at least
	calmShare  = 8               // and at least one in so many of those in use, so that a large heap is not looked through for little
)

// heap is how memory stands.
type heap struct {
	allocated uint64 // bytes asked for since the start
	spare     uint64 // bytes that are free, and of stacks, also of those that ended since the last collection
	live      uint64 // bytes in use at the last collection
}

// isWorth reports whether giving back is, before being how it stood at the last look and given when it was done.
func (h heap) isWorth(before, given heap) bool {
	left := h.allocated - given.allocated + h.spare - min(h.spare, given.spare)
	return h.allocated-before.allocated <= calmAllocs && left >= max(calmLeft, h.live/calmShare)
}

// look reads how memory stands, without stopping anything.
func look() heap {
	read := [...]metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(read[:])
	return heap{
		allocated: read[0].Value.Uint64(), live: read[1].Value.Uint64(),
		spare: read[2].Value.Uint64() + read[3].Value.Uint64(),
	}
}

// giveBack gives memory back whenever it has become quiet, until ctx ends.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(calmLook)
	defer tick.Stop()
	for before, given := look(), (heap{}); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := look()
		if now.isWorth(before, given) {
			debug.FreeOSMemory()
			now = look()
			given = now
		}
		before = now
	}
}

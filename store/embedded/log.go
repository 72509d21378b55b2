package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"barid/base/kv"
)

// stagingLen: small records of a group are put together and written with one call.
const (
	stagingLen = 256 << 10
	stageUpTo  = 32 << 10
)

// entry is one record on its way into a segment, or, without a buffer, a wish that all before it be durable.
type entry struct {
	rec  []byte // a whole record; the log fills in the header
	h    header
	kind byte // of a new body: its ID is made here. 0: h.origin is given
	sync bool // wait until durable
	dip  bool // may use the reserve (garbage collection, which makes space)

	ext  extent // where it went
	err  error
	done sync.WaitGroup
}

// bodyLog appends records to the open segment. One goroutine writes and syncs; all who come while it does
// are the next group, so one sync serves many.
type bodyLog struct {
	s    *Store
	wake chan struct{}
	quit chan struct{}
	gone chan struct{}

	mu     sync.Mutex
	queue  []*entry
	closed bool

	// Only the goroutine uses these.
	seg      *segment // nil: the next record opens one
	off      int64    // end of what was written to seg
	prealloc int64
	mark     int64 // where the group started in seg
	nextSeg  uint32
	staging  []byte
	stageAt  int64
	rng      *rand.Rand
}

func newBodyLog(s *Store, seg *segment, off int64, next uint32) *bodyLog {
	l := &bodyLog{
		s:    s,
		wake: make(chan struct{}, 1),
		quit: make(chan struct{}),
		gone: make(chan struct{}),
		seg:  seg, off: off, prealloc: off, nextSeg: next,
		staging: make([]byte, 0, stagingLen),
		rng:     rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
	go l.run()
	return l
}

// append queues entries, of which all are in one group, and waits until they are done; each has its own err then, and the
// first of them is given. ctx is not looked at once they are queued: the records may be written all the same.
func (l *bodyLog) append(ctx context.Context, es ...*entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return kv.ErrClosed
	}
	for _, e := range es {
		e.done.Add(1)
	}
	l.queue = append(l.queue, es...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	var err error
	for _, e := range slices.Backward(es) { // the last is done last: whoever waits for it wakes up once
		if e.done.Wait(); e.err != nil {
			err = e.err
		}
	}
	return err
}

func (l *bodyLog) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.quit)
	<-l.gone
}

func (l *bodyLog) run() {
	defer close(l.gone)
	var group []*entry
	for {
		select {
		case <-l.wake:
		case <-l.quit:
			l.mu.Lock()
			group = append(group[:0], l.queue...)
			l.queue = nil
			l.mu.Unlock()
			l.commit(group)
			return
		}
		for {
			l.gather()
			l.mu.Lock()
			group, l.queue = l.queue, group[:0]
			l.mu.Unlock()
			if len(group) == 0 {
				break
			}
			l.commit(group)
			clear(group)
		}
	}
}

// commit writes a group, syncs if somebody asked, and lets everybody go.
func (l *bodyLog) commit(group []*entry) {
	err := l.write(group)
	sync := false
	for _, e := range group {
		sync = sync || e.sync
	}
	if sync {
		if serr := l.sync(); err == nil {
			err = serr
		}
		l.s.metrics.bodySync(len(group))
	}
	for _, e := range group {
		if e.err == nil {
			e.err = err
		}
		if e.err != nil && e.kind != 0 && !e.h.origin.IsZero() {
			l.s.pins.drop(e.h.origin)
		}
		e.done.Done()
	}
}

// write places all records of the group. After an error none of the group counts: what it wrote is
// overwritten by the next.
func (l *bodyLog) write(group []*entry) error {
	full := l.s.space.low(l.s.reserve())
	l.mark = l.off
	for _, e := range group {
		if len(e.rec) == 0 {
			continue
		}
		if full && !e.dip {
			e.err = fmt.Errorf("embedded: less than %d bytes free: %w", l.s.reserve(), kv.ErrFull)
			continue
		}
		if err := l.place(e); err != nil {
			l.staging = l.staging[:0]
			l.off = l.mark
			return storageError("write body", err)
		}
	}
	if err := l.flush(); err != nil {
		l.off = l.mark
		return storageError("write body", err)
	}
	if l.seg != nil {
		l.seg.size.Store(l.off)
	}
	return nil
}

func (l *bodyLog) place(e *entry) error {
	n := int64(len(e.rec))
	if l.seg == nil || l.off+n > l.s.o.SegmentBytes && l.off > segmentHeader {
		if err := l.roll(); err != nil {
			return err
		}
	}
	l.head(e)
	l.reserve(n)
	if n > stageUpTo {
		if err := l.flush(); err != nil {
			return err
		}
		_, err := l.seg.file.WriteAt(e.rec, l.off)
		l.off += n
		return err
	}
	if len(l.staging)+len(e.rec) > cap(l.staging) {
		if err := l.flush(); err != nil {
			return err
		}
	}
	if len(l.staging) == 0 {
		l.stageAt = l.off
	}
	l.staging = append(l.staging, e.rec...)
	l.off += n
	return nil
}

// head completes the header now that the place is known, and makes the ID of a new body. The ID is
// protected from now on, so that garbage collection can not overtake the writer.
func (l *bodyLog) head(e *entry) {
	n := int64(len(e.rec))
	if e.kind != 0 {
		loc := location{kind: e.kind, seg: l.seg.id, off: l.off, len: n, nonce: l.rng.Uint32()}
		e.h.origin = loc.id()
		l.s.pins.add(e.h.origin)
	}
	e.h.seg = l.seg.id
	e.h.synced = l.seg.synced.Load()
	e.h.encode(e.rec)
	e.ext = extent{seg: l.seg.id, off: l.off, rec: n, payload: e.h.payload}
}

// reserve asks the file system for space in large steps; if it can not, the write will tell.
func (l *bodyLog) reserve(n int64) {
	if l.off+n <= l.prealloc {
		return
	}
	step := min(int64(preallocStep), max(l.s.o.SegmentBytes-l.off, n))
	_ = l.seg.file.Preallocate(l.off, step)
	l.prealloc = l.off + step
}

func (l *bodyLog) flush() error {
	if len(l.staging) == 0 {
		return nil
	}
	_, err := l.seg.file.WriteAt(l.staging, l.stageAt)
	l.staging = l.staging[:0]
	return err
}

// roll closes the segment, durably, and opens the next.
func (l *bodyLog) roll() error {
	if l.seg != nil {
		if err := l.flush(); err != nil {
			return err
		}
		l.seg.size.Store(l.off)
		if err := l.sync(); err != nil {
			return err
		}
	}
	id := l.nextSeg
	l.nextSeg++
	g, err := l.s.segs.create(id)
	if err != nil {
		return fmt.Errorf("create %s: %w", segmentName(id), err)
	}
	if l.seg != nil {
		l.s.segs.release(l.seg)
	}
	l.seg, l.off, l.mark, l.prealloc = g, segmentHeader, segmentHeader, segmentHeader
	return nil
}

// sync makes everything written durable. After a failure the kernel may have dropped pages it calls clean,
// so the segment is given up: what was not durable before never will be.
func (l *bodyLog) sync() error {
	if l.seg == nil || l.seg.synced.Load() == l.off {
		return nil
	}
	if err := l.seg.file.SyncData(); err != nil {
		g := l.seg
		g.lost.Store(true)
		g.size.Store(g.synced.Load())
		l.seg, l.off, l.mark = nil, 0, 0
		l.s.o.Logger.Error("store: sync of a segment failed; going on in a new one", "segment", segmentName(g.id), "err", err)
		l.s.segs.release(g)
		return storageError("sync body", err)
	}
	l.seg.synced.Store(l.off)
	return nil
}

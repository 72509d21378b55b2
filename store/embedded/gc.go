package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// gcBatch is how many bodies or records one batch of garbage collection handles.
const gcBatch = 1000

// collector counts the garbage of segments and rewrites those that hold too much of it.
//
// An Unlink leaves a suspect row. For each, the collector looks whether any link is left; if not, it adds
// the body's bytes to its segments' dead counters. A body whose writer is closed before anybody linked it, as of a message
// that is refused in the end, counts at once. A segment whose live share is too small is rewritten:
// its live records are appended to the open segment, their new places are written as one batch, and then
// the file is deleted. Counters only choose the segment; whether a record lives is asked again then, so a
// wrong counter costs time and never a body.
type collector struct {
	run  sync.Mutex // one collection at a time
	mu   sync.Mutex // guards what follows
	dead map[uint32]int64
	left map[uint32]int64 // bytes of bodies that were given up before anybody linked them; no row knows them
}

// GCStats tell what a collection did.
type GCStats struct {
	Suspects   int   `json:"suspects"`    // bodies looked at
	Dead       int   `json:"dead"`        // of them: without a link
	Rewritten  int   `json:"rewritten"`   // segments
	MovedBytes int64 `json:"moved_bytes"` // live bytes copied
	FreedBytes int64 `json:"freed_bytes"` // bytes of deleted files
}

// load reads the counters.
func (c *collector) load(s *Store) error {
	c.dead = map[uint32]int64{}
	it, err := s.rows.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceDead}, UpperBound: []byte{spaceDead + 1}})
	if err != nil {
		return storageError("read counters", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if k, v := it.Key(), it.Value(); len(k) == 5 && len(v) == 8 {
			c.dead[binary.BigEndian.Uint32(k[1:])] = int64(binary.BigEndian.Uint64(v))
		}
	}
	return storageError("read counters", it.Close())
}

func (c *collector) deadBytes() (sum int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.dead {
		sum += n
	}
	return sum
}

// abandoned is told of the records of a body whose writer was closed before a commit linked it.
func (c *collector) abandoned(records []extent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == nil {
		c.left = map[uint32]int64{}
	}
	for _, e := range records {
		c.left[e.seg] += e.rec
	}
}

// collect runs the collector in the background.
func (s *Store) collect() {
	defer s.tasks.Done()
	for s.sleep(s.o.GCInterval) {
		if _, err := s.GC(context.Background()); err != nil && !errors.Is(err, kv.ErrClosed) && !errors.Is(err, context.Canceled) {
			s.o.Logger.Warn("store: garbage collection", "err", err)
		}
	}
}

// GC collects garbage now. It is safe at any time, beside all other work.
func (s *Store) GC(ctx context.Context) (st GCStats, err error) {
	ctx, done, err := s.task(ctx)
	if err != nil {
		return st, err
	}
	defer done()
	s.gc.run.Lock()
	defer s.gc.run.Unlock()
	r, err := s.use()
	if err != nil {
		return st, err
	}
	defer r.users.Done()
	for from := []byte{spaceSuspect}; from != nil; {
		if from, err = s.gcSuspects(ctx, r, from, &st); err != nil {
			return st, err
		}
	}
	if err := s.countLeft(r); err != nil {
		return st, err
	}
	for _, id := range s.gcPick() {
		if err := s.rewrite(ctx, r, id, &st); err != nil {
			return st, err
		}
	}
	if err := s.noteTail(r.db); err != nil {
		return st, storageError("note the tail", err)
	}
	return st, nil
}

// gcSuspects handles up to gcBatch suspect rows in one batch, and gives the key to go on from, nil at the end.
func (s *Store) gcSuspects(ctx context.Context, r *rows, from []byte, st *GCStats) (next []byte, err error) {
	ids, next, err := suspects(r.db, from)
	if err != nil || len(ids) == 0 {
		return nil, errors.Join(err, ctx.Err())
	}
	lv, err := newLiveness(s, r.db) // after the suspects were read, see there
	if err != nil {
		return nil, err
	}
	defer lv.close()
	batch := r.db.NewBatch()
	defer batch.Close()
	var gone []extent
	var kept []kv.BlobID
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if lv.pinned(id) {
			continue // asked again next time
		}
		exts, dead, err := s.judge(r, lv, id)
		if err != nil {
			return nil, err
		}
		st.Suspects++
		err = batch.Delete(blobKey(spaceSuspect, id), nil)
		if dead {
			st.Dead++
			gone = append(gone, exts...)
			err = errors.Join(err, batch.Delete(blobKey(spaceMoved, id), nil))
		} else {
			kept = append(kept, id)
		}
		if err != nil {
			return nil, storageError("write to batch", err)
		}
	}
	if err := s.countDead(r, batch, gone); err != nil {
		return nil, err
	}
	return next, s.suspectAgain(r, kept)
}

// suspects reads up to gcBatch suspect rows.
func suspects(db *pebble.DB, from []byte) (ids []kv.BlobID, next []byte, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{spaceSuspect + 1}})
	if err != nil {
		return nil, nil, storageError("read suspects", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if len(ids) == gcBatch {
			next = bytes.Clone(it.Key())
			break
		}
		if len(it.Key()) == 17 {
			ids = append(ids, kv.BlobID(it.Key()[1:]))
		}
	}
	return ids, next, storageError("read suspects", it.Close())
}

// suspectAgain puts suspect rows back for bodies that lost their last link between our look and our
// commit, which deleted the row that this Unlink had written.
func (s *Store) suspectAgain(r *rows, kept []kv.BlobID) error {
	if len(kept) == 0 {
		return nil
	}
	lv, err := newLiveness(s, r.db)
	if err != nil {
		return err
	}
	defer lv.close()
	batch := r.db.NewBatch()
	defer batch.Close()
	for _, id := range kept {
		linked, err := lv.linked(id)
		if err == nil && !linked {
			err = batch.Set(blobKey(spaceSuspect, id), nil, nil)
		}
		if err != nil {
			return err
		}
	}
	return s.commitOwn(r, batch)
}

// judge says whether a body is dead, and where its records lie.
func (s *Store) judge(r *rows, lv *liveness, id kv.BlobID) ([]extent, bool, error) {
	live, err := lv.linked(id)
	if err != nil || live {
		return nil, false, err
	}
	loc, err := parseID(id)
	if err != nil {
		return nil, true, nil
	}
	l, err := s.locate(r.db, id)
	switch {
	case err == nil:
		return l.extents, true, nil
	case errors.Is(err, kv.ErrNotFound) && loc.kind == kindBody:
		return []extent{{seg: loc.seg, off: loc.off, rec: loc.len}}, true, nil
	case errors.Is(err, kv.ErrNotFound), damaged(err):
		return nil, true, nil
	default:
		return nil, false, err
	}
}

// countDead adds to the counters and commits them with the batch.
func (s *Store) countDead(r *rows, batch *pebble.Batch, gone []extent) error {
	c := &s.gc
	c.mu.Lock()
	left := c.left
	c.left = nil
	sum := map[uint32]int64{}
	maps.Copy(sum, left)
	for _, e := range gone {
		sum[e.seg] += e.rec
	}
	for seg := range sum {
		sum[seg] += c.dead[seg]
	}
	s.segs.mu.Lock()
	maps.DeleteFunc(sum, func(seg uint32, _ int64) bool { return s.segs.table[seg] == nil }) // rewritten meanwhile
	s.segs.mu.Unlock()
	c.mu.Unlock()
	for seg, n := range sum {
		if err := batch.Set(deadKey(seg), binary.BigEndian.AppendUint64(nil, uint64(n)), nil); err != nil {
			return storageError("write to batch", err)
		}
	}
	if err := s.commitOwn(r, batch); err != nil {
		for seg, n := range left {
			c.abandoned([]extent{{seg: seg, rec: n}})
		}
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for seg, n := range sum {
		c.dead[seg] = n
	}
	return nil
}

// countLeft counts the bodies that were given up.
func (s *Store) countLeft(r *rows) error {
	batch := r.db.NewBatch()
	defer batch.Close()
	return s.countDead(r, batch, nil)
}

// commitOwn commits a batch of the engine's own rows, durably. All that was applied before it is durable
// then, too, because the log is one.
func (s *Store) commitOwn(r *rows, batch *pebble.Batch) error {
	if batch.Empty() {
		return nil
	}
	if r.guard.fenced() {
		return storageError("commit", r.guard.cause)
	}
	if err := r.db.Apply(batch, pebble.Sync); err != nil {
		return storageError("commit", err)
	}
	if r.guard.fenced() {
		return storageError("commit", r.guard.cause)
	}
	return nil
}

// gcPick gives the segments worth rewriting, never the open one.
func (s *Store) gcPick() []uint32 {
	ids := s.segs.ids()
	if len(ids) < 2 {
		return nil
	}
	var out []uint32
	s.gc.mu.Lock()
	defer s.gc.mu.Unlock()
	s.segs.mu.Lock()
	defer s.segs.mu.Unlock()
	for _, id := range ids[:len(ids)-1] {
		g := s.segs.table[id]
		used := float64(g.size.Load() - segmentHeader)
		if float64(s.gc.dead[id]) >= used*(1-s.o.GCLiveShare) {
			out = append(out, id)
		}
	}
	return out
}

func (st GCStats) String() string {
	return fmt.Sprintf("suspects %d, dead %d, segments rewritten %d, moved %d B, freed %d B",
		st.Suspects, st.Dead, st.Rewritten, st.MovedBytes, st.FreedBytes)
}

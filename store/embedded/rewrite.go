package embedded

import (
	"context"
	"time"

	"barid/base/kv"
)

// moveBatch bounds the bytes copied before their new places are committed.
const moveBatch = 8 << 20

// mover rewrites one segment.
type mover struct {
	s     *Store
	r     *rows
	g     *segment
	st    *GCStats
	begun time.Time
	moved int64
}

// live is a record to be copied.
type live struct {
	h   header
	off int64
}

// rewrite copies what lives in a segment to the open one and deletes the file. It leaves the segment
// alone if a writer has unfinished business in it, or if damage hides whose records were in it.
func (s *Store) rewrite(ctx context.Context, r *rows, id uint32, st *GCStats) error {
	g, err := s.segs.acquire(id)
	if err != nil || g == nil {
		return err
	}
	defer s.segs.release(g)
	m := &mover{s: s, r: r, g: g, st: st, begun: time.Now()}
	keep, ok, err := m.survey(ctx)
	if err != nil || !ok {
		return err
	}
	for len(keep) > 0 {
		if keep, err = m.move(ctx, keep); err != nil {
			return err
		}
	}
	return m.drop()
}

// survey lists the live records. ok is false if the segment has to stay.
func (m *mover) survey(ctx context.Context) (keep []live, ok bool, err error) {
	lv, err := newLiveness(m.s, m.r.db)
	if err != nil {
		return nil, false, err
	}
	defer lv.close()
	hurt, pinned := int64(0), false
	w := &walker{id: m.g.id, win: newWindow(m.g), end: m.g.size.Load(), gap: func(_, n int64) { hurt += n }}
	_, err = w.walk(segmentHeader, func(h header, off int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		pinned = pinned || lv.pinned(h.origin)
		linked, err := lv.linked(h.origin)
		if linked {
			keep = append(keep, live{h, off})
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if hurt > 0 {
		m.s.o.Logger.Error("store: a segment is damaged and is kept as it is", "segment", segmentName(m.g.id), "bytes", hurt)
		m.s.gc.mu.Lock()
		m.s.gc.dead[m.g.id] = -1 << 62 // not picked again while this process lives
		m.s.gc.mu.Unlock()
	}
	return keep, hurt == 0 && !pinned, nil
}

// move copies some records, makes them durable, and commits where they are now.
func (m *mover) move(ctx context.Context, keep []live) (rest []live, err error) {
	places := map[kv.BlobID]*locator{}
	n, bytes := 0, int64(0)
	for ; n < len(keep) && n < gcBatch && bytes < moveBatch; n++ {
		ext, err := m.copyRecord(ctx, keep[n])
		if err != nil {
			return nil, err
		}
		bytes += ext.rec
		if err := m.place(places, keep[n], ext); err != nil {
			return nil, err
		}
	}
	if err := m.s.log.append(ctx, &entry{sync: true}); err != nil {
		return nil, err
	}
	batch := m.r.db.NewBatch()
	defer batch.Close()
	for id, l := range places {
		for _, e := range l.extents {
			if err := m.s.durable(e); err != nil {
				return nil, err
			}
		}
		if err := batch.Set(blobKey(spaceMoved, id), l.encode(), nil); err != nil {
			return nil, storageError("write to batch", err)
		}
	}
	if err := m.s.commitOwn(m.r, batch); err != nil {
		return nil, err
	}
	m.st.MovedBytes += bytes
	m.s.metrics.moved(bytes)
	m.moved += bytes
	return keep[n:], m.pace(ctx)
}

// copyRecord appends a record as it is. Damage in its payload goes along: the CRCs tell of it at the new
// place as they did at the old.
func (m *mover) copyRecord(ctx context.Context, l live) (extent, error) {
	buf := m.s.buffers.get(int(l.h.recordLen()))
	defer m.s.buffers.put(buf)
	rec := buf[:l.h.recordLen()]
	if err := m.g.readFull(rec, l.off); err != nil {
		return extent{}, err
	}
	e := &entry{rec: rec, h: l.h, dip: true}
	err := m.s.log.append(ctx, e)
	return e.ext, err
}

// place notes the new place of a record in the locator of its body.
func (m *mover) place(places map[kv.BlobID]*locator, old live, ext extent) error {
	id := old.h.origin
	if old.h.typ == recBody {
		places[id] = &locator{size: old.h.payload, extents: []extent{ext}}
		return nil
	}
	l := places[id]
	if l == nil {
		var err error
		if l, err = m.s.locate(m.r.db, id); err != nil {
			return err
		}
		places[id] = l
	}
	for i, e := range l.extents {
		if e.seg == m.g.id && e.off == old.off {
			l.extents[i] = ext
		}
	}
	return nil
}

// pace waits so long that copying keeps to Options.GCBytesPerSecond.
func (m *mover) pace(ctx context.Context) error {
	rate := m.s.o.GCBytesPerSecond
	if rate < 0 {
		return ctx.Err()
	}
	due := time.Duration(float64(m.moved) / float64(rate) * float64(time.Second))
	t := time.NewTimer(max(0, due-time.Since(m.begun)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drop deletes the segment. Everything that lived in it is durable elsewhere, and so is that fact.
func (m *mover) drop() error {
	s, id := m.s, m.g.id
	size := m.g.size.Load()
	batch := m.r.db.NewBatch()
	defer batch.Close()
	if err := batch.Delete(deadKey(id), nil); err != nil {
		return storageError("write to batch", err)
	}
	if err := s.commitOwn(m.r, batch); err != nil {
		return err
	}
	if err := s.segs.remove(m.g); err != nil {
		return storageError("delete "+segmentName(id), err)
	}
	s.gc.mu.Lock()
	delete(s.gc.dead, id)
	s.gc.mu.Unlock()
	m.st.Rewritten++
	m.st.FreedBytes += size
	s.metrics.freed(size)
	s.o.Logger.Debug("store: segment rewritten", "segment", segmentName(id), "bytes", size, "moved", m.moved)
	return nil
}

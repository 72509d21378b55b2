package embedded

import (
	"context"
	"errors"
	"fmt"

	"barid/base/kv"
)

var (
	errWriterDone = errors.New("embedded: body writer is committed or closed")
	errNotOurs    = errors.New("embedded: body writer of another store")
)

// blobWriter keeps a small body in memory until Commit, and streams a larger one in frames.
//
// The buffer leaves headroom in front, so that header, CRCs, note and prefix are put before the body
// without moving it, and the whole record is written at once.
type blobWriter struct {
	s    *Store
	ctx  context.Context
	buf  []byte // body bytes are buf[headroom:headroom+n]
	n    int
	size int64
	e    entry

	id      kv.BlobID // of a stream from its first frame on; of any body after Commit
	frames  []extent
	err     error // sticky
	done    bool  // committed
	closed  bool
	started bool // a stream
}

// Create implements kv.Blobs.
func (s *Store) Create(ctx context.Context) (kv.BlobWriter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	s.storing.Add(1)
	return &blobWriter{s: s, ctx: ctx}, nil
}

// Size implements kv.BlobWriter.
func (w *blobWriter) Size() int64 { return w.size }

// Write implements kv.BlobWriter.
func (w *blobWriter) Write(p []byte) (int, error) {
	if w.done || w.closed {
		return 0, errWriterDone
	}
	written := 0
	for len(p) > 0 && w.err == nil {
		if w.n == frameLen {
			w.err = w.frame()
			continue
		}
		k := min(len(p), frameLen-w.n)
		w.grow(w.n + k)
		copy(w.buf[headroom+w.n:], p[:k])
		w.n += k
		w.size += int64(k)
		written += k
		p = p[k:]
	}
	return written, w.err
}

// grow makes room for n bytes of body and the padding behind them.
func (w *blobWriter) grow(n int) {
	need := headroom + n + recordAlign
	if len(w.buf) >= need {
		return
	}
	buf := w.s.buffers.get(need)
	if w.buf != nil {
		copy(buf[headroom:], w.buf[headroom:headroom+w.n])
		w.s.buffers.put(w.buf)
	}
	w.buf = buf
}

// frame writes the buffer as one frame of a stream. Nobody waits for a disk here, only for the write.
func (w *blobWriter) frame() error {
	w.e = entry{h: header{typ: recFrame, index: uint32(len(w.frames)), origin: w.id, total: w.size}}
	if !w.started {
		w.e.kind = kindStream
	}
	if err := w.put(nil, nil); err != nil {
		return err
	}
	w.started = true
	w.id = w.e.h.origin
	w.frames = append(w.frames, w.e.ext)
	w.n = 0
	return nil
}

// put makes a record of prefix and buffer and appends it.
func (w *blobWriter) put(prefix, note []byte) error {
	w.seal(prefix, note)
	err := w.s.log.append(w.ctx, &w.e)
	w.e.rec = nil
	return err
}

// seal makes a record of prefix and buffer.
func (w *blobWriter) seal(prefix, note []byte) {
	h := &w.e.h
	h.payload = int64(len(prefix) + w.n)
	h.noteLen = len(note)
	h.prefixLen = uint32(len(prefix))
	w.grow(w.n)
	front := int(h.payloadAt()) + len(prefix)
	rec := w.buf[max(0, headroom-front):]
	if front > headroom {
		rec = make([]byte, front+w.n+recordAlign)
		copy(rec[front:], w.buf[headroom:headroom+w.n])
	}
	rec = rec[:h.recordLen()]
	copy(rec[h.payloadAt():], prefix)
	h.seal(rec, note)
	w.e.rec = rec
}

// Commit implements kv.BlobWriter.
func (w *blobWriter) Commit(prefix, note []byte) (kv.BlobID, error) {
	if err := w.refuse(prefix, note); err != nil {
		return kv.BlobID{}, err
	}
	if w.started {
		w.err = w.endStream(prefix, note)
	} else {
		w.err = w.whole(prefix, note)
	}
	if w.err != nil {
		return kv.BlobID{}, w.err
	}
	w.finish()
	return w.id, nil
}

// refuse tells why the writer can not be committed.
func (w *blobWriter) refuse(prefix, note []byte) error {
	switch {
	case w.done || w.closed:
		return errWriterDone
	case w.err != nil:
		return w.err
	case len(note) > maxNote || len(prefix) > maxPrefix || w.size > maxBodyBytes:
		return fmt.Errorf("%w: note of %d, prefix of %d, body of %d bytes", ErrLimit, len(note), len(prefix), w.size)
	}
	return nil
}

// finish notes that the body is durable.
func (w *blobWriter) finish() {
	w.done = true
	w.giveBuffer()
	w.s.metrics.body(w.size)
}

func (w *blobWriter) whole(prefix, note []byte) error {
	w.wholeEntry(prefix)
	if err := w.put(prefix, note); err != nil {
		return err
	}
	w.id = w.e.h.origin
	return nil
}

func (w *blobWriter) wholeEntry(prefix []byte) {
	w.e = entry{h: header{typ: recBody, total: w.size + int64(len(prefix))}, kind: kindBody, sync: true}
}

// CommitAll implements kv.Grouper: bodies of one record are in one group of the log, so that they share its writes, its sync
// and the wait for it.
func (s *Store) CommitAll(ws []kv.BlobWriter, notes [][]byte) ([]kv.BlobID, error) {
	ids := make([]kv.BlobID, len(ws))
	group := make([]*blobWriter, 0, len(ws))
	for i, kw := range ws {
		w, ok := kw.(*blobWriter)
		if !ok || w.s != s {
			return nil, errNotOurs
		}
		if w.started {
			if _, err := w.Commit(nil, notes[i]); err != nil {
				return nil, err
			}
			continue
		}
		if err := w.refuse(nil, notes[i]); err != nil {
			return nil, err
		}
		w.wholeEntry(nil)
		w.seal(nil, notes[i])
		group = append(group, w)
	}
	if err := s.commitGroup(group); err != nil {
		return nil, err
	}
	for i, w := range ws {
		ids[i] = w.(*blobWriter).id
	}
	return ids, nil
}

// commitGroup appends the sealed records of a group.
func (s *Store) commitGroup(group []*blobWriter) error {
	if len(group) == 0 {
		return nil
	}
	es := make([]*entry, len(group))
	for i, w := range group {
		es[i] = &w.e
	}
	err := s.log.append(group[0].ctx, es...)
	for _, w := range group {
		w.e.rec = nil
		switch {
		case w.e.err != nil:
			w.err = w.e.err
		case !w.e.h.origin.IsZero(): // it was written
			w.id = w.e.h.origin
			w.finish()
		}
	}
	return err
}

// endStream writes the last frame and the end record, durably, and tells the pins where all is.
func (w *blobWriter) endStream(prefix, note []byte) error {
	if w.n > 0 {
		if err := w.frame(); err != nil {
			return err
		}
	}
	total := w.size + int64(len(prefix))
	w.e = entry{sync: true, h: header{typ: recEnd, index: uint32(len(w.frames)), origin: w.id, total: total}}
	if err := w.put(prefix, note); err != nil {
		return err
	}
	l := &locator{size: total, extents: append([]extent{w.e.ext}, w.frames...)}
	for _, e := range l.extents {
		if err := w.s.durable(e); err != nil {
			return err
		}
	}
	w.s.pins.place(w.id, l)
	return nil
}

// durable makes sure that a record did not go down with a segment whose sync failed meanwhile.
func (s *Store) durable(e extent) error {
	g, err := s.segs.acquire(e.seg)
	if err != nil {
		return err
	}
	if g == nil {
		return corrupt("%s: vanished", segmentName(e.seg))
	}
	defer s.segs.release(g)
	if e.off+e.rec > g.synced.Load() {
		return fmt.Errorf("embedded: a part of the body was lost by a failed sync: %w", kv.ErrUnavailable)
	}
	return nil
}

func (w *blobWriter) giveBuffer() {
	if w.buf != nil {
		w.s.buffers.put(w.buf)
		w.buf = nil
	}
}

// Close implements kv.BlobWriter.
func (w *blobWriter) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.s.storing.Add(-1)
	w.giveBuffer()
	if !w.id.IsZero() && !w.s.pins.drop(w.id) {
		w.s.gc.abandoned(w.records())
	}
	return nil
}

// records gives all records of the body.
func (w *blobWriter) records() []extent {
	if !w.done {
		return w.frames
	}
	return append(w.frames, w.e.ext)
}

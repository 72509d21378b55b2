package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

// Salvaged counts what Salvage found.
type Salvaged struct {
	Bodies       int   `json:"bodies"`        // given to the function
	Broken       int   `json:"broken"`        // recognised, but damaged or incomplete
	DamagedBytes int64 `json:"damaged_bytes"` // not recognisable
}

// Salvage reads the bodies of a data folder from its segments alone, without any rows: the last resort
// when those are lost. f is called with each body's note and bytes. Bodies that were deleted and not yet
// collected come too. The folder must not be in use.
func Salvage(ctx context.Context, dir string, f func(note []byte, r io.Reader) error) (Salvaged, error) {
	return salvage(ctx, vfs.Default, dir, f)
}

func salvage(ctx context.Context, fs vfs.FS, dir string, f func(note []byte, r io.Reader) error) (Salvaged, error) {
	lock, err := lockFolder(fs, dir)
	if err != nil {
		return Salvaged{}, err
	}
	defer lock.Close()
	x := &salvager{
		ctx:     ctx,
		segs:    &segments{fs: fs, dir: fs.PathJoin(dir, "bodies"), table: map[uint32]*segment{}},
		f:       f,
		streams: map[kv.BlobID]*salvagedStream{},
	}
	defer x.segs.closeAll()
	if err := x.segs.load(); err != nil {
		return x.out, err
	}
	for _, id := range x.segs.ids() {
		if err := x.segment(id); err != nil {
			return x.out, err
		}
	}
	return x.out, x.joinStreams()
}

type salvager struct {
	ctx     context.Context
	segs    *segments
	f       func(note []byte, r io.Reader) error
	streams map[kv.BlobID]*salvagedStream
	out     Salvaged
}

// salvagedStream is what was found of one larger body.
type salvagedStream struct {
	end    *extent
	count  uint32
	frames map[uint32]extent
}

func (x *salvager) segment(id uint32) error {
	g, err := x.segs.acquire(id)
	if err != nil {
		return err
	}
	defer x.segs.release(g)
	w := &walker{id: id, win: newWindow(g), end: g.size.Load(), gap: func(_, n int64) { x.out.DamagedBytes += n }}
	_, err = w.walk(segmentHeader, func(h header, off int64) error {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		e := extent{seg: id, off: off, rec: h.recordLen(), payload: h.payload}
		if h.typ == recBody {
			return x.body(g, h, e)
		}
		x.remember(h, e)
		return nil
	})
	return err
}

func (x *salvager) body(g *segment, h header, e extent) error {
	if x.isCopy(h.origin, e) {
		return nil
	}
	rec := make([]byte, e.rec)
	if err := g.readFull(rec, e.off); err != nil && !damaged(err) {
		return err
	}
	h, ok := checkRecord(rec, g.id)
	if !ok {
		x.out.Broken++
		return nil
	}
	x.out.Bodies++
	return x.f(h.noteOf(rec), bytes.NewReader(rec[h.payloadAt():h.payloadAt()+h.payload]))
}

// isCopy says whether e was moved here and the record it was copied from is still whole: a collection
// was broken off before it deleted the old segment.
func (x *salvager) isCopy(origin kv.BlobID, e extent) bool {
	loc, err := parseID(origin)
	if err != nil || loc.seg == e.seg && loc.off == e.off {
		return false
	}
	g, err := x.segs.acquire(loc.seg)
	if err != nil || g == nil {
		return false
	}
	defer x.segs.release(g)
	rec := make([]byte, min(loc.len, maxRecord))
	if g.readFull(rec, loc.off) != nil {
		return false
	}
	h, ok := checkRecord(rec, loc.seg)
	return ok && h.origin == origin
}

func (x *salvager) remember(h header, e extent) {
	st := x.streams[h.origin]
	if st == nil {
		st = &salvagedStream{frames: map[uint32]extent{}}
		x.streams[h.origin] = st
	}
	if h.typ == recEnd {
		st.end, st.count = &e, h.index
		return
	}
	st.frames[h.index] = e
}

// joinStreams hands out the larger bodies. One without an end was never committed.
func (x *salvager) joinStreams() error {
	ids := make([]kv.BlobID, 0, len(x.streams))
	for id, st := range x.streams {
		if st.end != nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b kv.BlobID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		if err := x.joinStream(x.streams[id]); err != nil {
			return err
		}
	}
	return nil
}

func (x *salvager) joinStream(st *salvagedStream) error {
	end, note, err := x.payload(*st.end)
	readers := []io.Reader{bytes.NewReader(end)}
	for i := uint32(0); err == nil && i < st.count; i++ {
		e, ok := st.frames[i]
		if !ok {
			err = corrupt("frame %d is missing", i)
			break
		}
		if _, _, err = x.payload(e); err == nil {
			readers = append(readers, &frameReader{x: x, e: e})
		}
	}
	if damaged(err) {
		x.out.Broken++
		return nil
	}
	if err != nil {
		return err
	}
	x.out.Bodies++
	return x.f(note, io.MultiReader(readers...))
}

// payload reads and checks one record.
func (x *salvager) payload(e extent) (payload, note []byte, err error) {
	g, err := x.segs.acquire(e.seg)
	if err != nil {
		return nil, nil, err
	}
	if g == nil {
		return nil, nil, corrupt("%s is missing", segmentName(e.seg))
	}
	defer x.segs.release(g)
	rec := make([]byte, e.rec)
	if err := g.readFull(rec, e.off); err != nil {
		return nil, nil, err
	}
	h, ok := checkRecord(rec, e.seg)
	if !ok {
		return nil, nil, corrupt("%s: record at %d", segmentName(e.seg), e.off)
	}
	return rec[h.payloadAt() : h.payloadAt()+h.payload], h.noteOf(rec), nil
}

// frameReader reads a frame when its turn comes, so that a large body is not held in memory.
type frameReader struct {
	x    *salvager
	e    extent
	rest *bytes.Reader
}

func (r *frameReader) Read(p []byte) (int, error) {
	if r.rest == nil {
		b, _, err := r.x.payload(r.e)
		if err != nil {
			return 0, fmt.Errorf("salvage: %w", err)
		}
		r.rest = bytes.NewReader(b)
	}
	n, err := r.rest.Read(p)
	if errors.Is(err, io.EOF) {
		r.rest = bytes.NewReader(nil)
	}
	return n, err
}

package embedded

import (
	"encoding/binary"
	"errors"
	"io"
)

// window reads a file in order, through a buffer that jumps where it is asked to.
type window struct {
	r   io.ReaderAt
	buf []byte
	off int64 // of buf[0]
	end int   // valid bytes of buf
}

func newWindow(r io.ReaderAt) *window { return &window{r: r, buf: make([]byte, 128<<10)} }

// at gives n bytes at off, fewer at the end of the file. n is at most 64 KiB.
func (w *window) at(off int64, n int) ([]byte, error) {
	if off < w.off || off+int64(n) > w.off+int64(w.end) {
		m, err := w.r.ReadAt(w.buf, off)
		if err != nil && !errors.Is(err, io.EOF) {
			w.end = 0
			return nil, err
		}
		w.off, w.end = off, m
	}
	i := int(off - w.off)
	return w.buf[i:min(w.end, i+n)], nil
}

// walker finds the records of one segment.
//
// Each record says how much of its segment was durable when it was written. So a gap in front of a record
// that vouches for it is damage, and is skipped; a gap that nothing vouches for is the torn end of what
// was never acknowledged, and ends the segment.
type walker struct {
	id  uint32
	win *window
	end int64 // bytes to look at

	// vouched is the end of what is known to have been durable once.
	vouched int64
	// gap, if set, is told of damage at [off, off+n).
	gap func(off, n int64)
}

// walk calls f for each record from off on and gives the end of the last one. An error from f ends it.
func (w *walker) walk(off int64, f func(h header, off int64) error) (int64, error) {
	for {
		h, ok, err := w.headerAt(off)
		if err != nil {
			return off, err
		}
		if !ok {
			next, err := w.resume(off)
			if err != nil || next < 0 {
				return off, err
			}
			if w.gap != nil {
				w.gap(off, next-off)
			}
			off = next
			continue
		}
		w.vouched = max(w.vouched, h.synced)
		if err := f(h, off); err != nil {
			return off, err
		}
		off += h.recordLen()
	}
}

func (w *walker) headerAt(off int64) (h header, ok bool, err error) {
	if off+headerLen > w.end {
		return h, false, nil
	}
	b, err := w.win.at(off, headerLen)
	if err != nil {
		return h, false, storageError("read "+segmentName(w.id), err)
	}
	h, ok = decodeHeader(b, w.id)
	return h, ok && off+h.recordLen() <= alignUp(w.end), nil
}

// resume looks past damage for a record that vouches for bytes after off; -1 if there is none.
func (w *walker) resume(off int64) (int64, error) {
	first := int64(-1)
	for next := off + recordAlign; next+headerLen <= w.end; next += recordAlign {
		b, err := w.win.at(next, headerLen)
		if err != nil {
			return -1, storageError("read "+segmentName(w.id), err)
		}
		if len(b) < headerLen || binary.LittleEndian.Uint32(b) != recordMagic {
			continue
		}
		h, ok := decodeHeader(b, w.id)
		if !ok {
			continue
		}
		if first < 0 && next < w.vouched {
			return next, nil // inside what was durable
		}
		if first < 0 {
			first = next
		}
		if h.synced > off {
			w.vouched = max(w.vouched, h.synced)
			return first, nil
		}
	}
	return -1, nil
}

// recovered is what is known of the last segment after a start.
type recovered struct {
	end     int64 // records end here; what is behind is cut
	damaged int64 // bytes that were durable once and can not be read any more
	torn    int64 // bytes behind end: never acknowledged
}

// recoverTail finds the end of a segment that was being written. from is an offset where a record starts
// and before which all was durable (a hint stored by an earlier run), or segmentHeader.
func recoverTail(id uint32, r io.ReaderAt, size, from int64) (recovered, error) {
	out := recovered{}
	w := &walker{id: id, win: newWindow(r), end: size, vouched: from, gap: func(_, n int64) { out.damaged += n }}
	type place struct{ off, len int64 }
	var unsure []place // records that no later one vouches for yet
	end, err := w.walk(from, func(h header, off int64) error {
		for len(unsure) > 0 && unsure[0].off+unsure[0].len <= w.vouched {
			unsure = unsure[1:]
		}
		unsure = append(unsure, place{off, h.recordLen()})
		return nil
	})
	if err != nil {
		return out, err
	}
	out.end = end
	for _, p := range unsure {
		if p.off+p.len <= w.vouched {
			continue
		}
		rec := make([]byte, p.len)
		n, err := r.ReadAt(rec, p.off)
		if err != nil && !errors.Is(err, io.EOF) {
			return out, storageError("read "+segmentName(id), err)
		}
		if _, ok := checkRecord(rec[:n], id); !ok {
			out.end = p.off
			break
		}
	}
	out.torn = max(0, size-out.end)
	return out, nil
}

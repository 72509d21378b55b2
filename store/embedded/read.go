package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// wholeUpTo: records up to this many bytes are read and checked whole by Open.
const wholeUpTo = 80 << 10

// locateTries bounds how often a body may move away while it is being opened.
const locateTries = 8

// Open implements kv.Blobs.
func (s *Store) Open(ctx context.Context, id kv.BlobID) (kv.BlobReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	loc, err := parseID(id)
	if err != nil {
		return nil, err
	}
	rows, err := s.use()
	if err != nil {
		return nil, err
	}
	defer rows.users.Done()
	r := &blobReader{s: s, id: id}
	if err := r.find(rows.db, loc); err != nil {
		r.release()
		return nil, s.noted(err)
	}
	if err := r.first(); err != nil {
		r.release()
		return nil, s.noted(err)
	}
	return r, nil
}

// noted counts damage.
func (s *Store) noted(err error) error {
	if damaged(err) {
		s.metrics.damage()
	}
	return err
}

// piece is one record of a body being read.
type piece struct {
	extent
	seg   *segment
	start int64 // of its payload in the body

	once sync.Once
	err  error
	h    header
	crcs []byte // a CRC for each block
}

// blobReader reads one body. Each piece's header and CRCs are read when first needed.
type blobReader struct {
	s      *Store
	id     kv.BlobID
	size   int64
	pieces []piece

	mu     sync.RWMutex // held while reading, so that Close waits
	whole  []byte       // payload, if the body is one short record
	buf    []byte       // that whole lies in
	closed bool

	last struct { // the block read last, for small reads in a row
		sync.Mutex
		piece, block int
		data         []byte // nil: none
	}
}

// find sets pieces and takes hold of their segments. A fresh body lies where its ID says; one whose
// segment was rewritten, and every stream, where its locator row says.
func (r *blobReader) find(db *pebble.DB, loc location) error {
	for range locateTries {
		l := &locator{extents: []extent{{seg: loc.seg, off: loc.off, rec: loc.len, payload: -1}}}
		if loc.kind == kindStream || !r.s.segs.exists(loc.seg) {
			var err error
			if l, err = r.s.locate(db, r.id); err != nil {
				return err
			}
		}
		ok, err := r.hold(l)
		if err != nil || ok {
			return err
		}
	}
	return fmt.Errorf("embedded: body %x moves too fast: %w", r.id[:], kv.ErrUnavailable)
}

// locate gives the locator of a stream or of a moved body.
func (s *Store) locate(db *pebble.DB, id kv.BlobID) (*locator, error) {
	if l := s.pins.locator(id); l != nil {
		return l, nil
	}
	v, c, err := db.Get(blobKey(spaceMoved, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("embedded: body %x: %w", id[:], kv.ErrNotFound)
	}
	if err != nil {
		return nil, storageError("locate body", err)
	}
	defer c.Close()
	return decodeLocator(v)
}

// hold acquires all segments, or none and false if one is gone: the body moved meanwhile.
func (r *blobReader) hold(l *locator) (bool, error) {
	r.size = l.size
	r.pieces = make([]piece, len(l.extents))
	at := int64(0)
	for i, e := range l.extents {
		g, err := r.s.segs.acquire(e.seg)
		if err != nil || g == nil {
			r.release()
			return false, err
		}
		r.pieces[i].extent, r.pieces[i].seg, r.pieces[i].start = e, g, at
		at += e.payload
	}
	return true, nil
}

func (r *blobReader) release() {
	for i := range r.pieces {
		if g := r.pieces[i].seg; g != nil {
			r.s.segs.release(g)
			r.pieces[i].seg = nil
		}
	}
	if r.buf != nil {
		r.s.buffers.put(r.buf)
		r.buf, r.whole = nil, nil
	}
}

// first reads what tells the size: the whole record if it is short, else its header.
func (r *blobReader) first() error {
	p := &r.pieces[0]
	if len(r.pieces) > 1 || p.rec > wholeUpTo {
		if err := r.load(p); err != nil {
			return err
		}
		if len(r.pieces) == 1 {
			r.size = p.h.payload
		}
		return nil
	}
	if p.rec < headerLen {
		return fmt.Errorf("embedded: body %x: %w", r.id[:], kv.ErrNotFound)
	}
	r.buf = r.s.buffers.get(int(p.rec))
	rec := r.buf[:p.rec]
	if err := p.seg.readFull(rec, p.off); err != nil {
		return err
	}
	h, ok := checkRecord(rec, p.extent.seg)
	if !ok || h.origin != r.id {
		return corrupt("%s: record at %d", segmentName(p.extent.seg), p.off)
	}
	r.size = h.payload
	r.whole = rec[h.payloadAt() : h.payloadAt()+h.payload]
	return nil
}

// load reads and checks the header and the CRCs of a piece.
func (r *blobReader) load(p *piece) error {
	p.once.Do(func() { p.err = r.loadMeta(p) })
	return p.err
}

func (r *blobReader) loadMeta(p *piece) error {
	head := make([]byte, min(p.rec, headerLen+4*(maxRecord/blockLen)+maxNote))
	if err := p.seg.readFull(head, p.off); err != nil {
		return err
	}
	h, ok := decodeHeader(head, p.extent.seg)
	bad := !ok || h.origin != r.id || p.payload >= 0 && h.payload != p.payload || h.recordLen() != p.rec
	if bad || checksum(head[headerLen:h.payloadAt()]) != h.metaCRC {
		return corrupt("%s: record at %d", segmentName(p.extent.seg), p.off)
	}
	p.h, p.payload = h, h.payload
	p.crcs = head[headerLen : headerLen+4*h.blocks()]
	return nil
}

// Size implements kv.BlobReader.
func (r *blobReader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt.
func (r *blobReader) ReadAt(b []byte, off int64) (int, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case r.closed:
		return 0, errors.New("embedded: read of a closed body")
	case off < 0:
		return 0, errors.New("embedded: negative offset")
	case off >= r.size:
		if len(b) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if r.whole != nil {
		n := copy(b, r.whole[off:])
		return n, short(n, len(b))
	}
	n := 0
	i := sort.Search(len(r.pieces), func(i int) bool { return r.pieces[i].start+r.pieces[i].payload > off })
	for ; i < len(r.pieces) && n < len(b); i++ {
		p := &r.pieces[i]
		m, err := r.readPiece(i, b[n:], off+int64(n)-p.start)
		n += m
		if err != nil {
			return n, r.s.noted(err)
		}
	}
	return n, short(n, len(b))
}

func short(n, want int) error {
	if n < want {
		return io.EOF
	}
	return nil
}

// readPiece fills b from a piece's payload, block by block.
func (r *blobReader) readPiece(i int, b []byte, off int64) (n int, err error) {
	p := &r.pieces[i]
	if err := r.load(p); err != nil {
		return 0, err
	}
	for n < len(b) && off < p.payload {
		block := off / blockLen
		size := min(blockLen, p.payload-block*blockLen)
		inside := off - block*blockLen
		if inside == 0 && int64(len(b)-n) >= size { // a whole block: no copy
			err = r.readBlock(p, block, b[n:n+int(size)])
			n += int(size)
			off += size
		} else {
			var m int
			m, err = r.readPart(i, block, size, inside, b[n:])
			n += m
			off += int64(m)
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (r *blobReader) readBlock(p *piece, block int64, b []byte) error {
	at := p.off + p.h.payloadAt() + block*blockLen
	if err := p.seg.readFull(b, at); err != nil {
		return err
	}
	if checksum(b) != binary.LittleEndian.Uint32(p.crcs[4*block:]) {
		return corrupt("%s: block at %d", segmentName(p.extent.seg), at)
	}
	return nil
}

// readPart copies a part of a block, which is kept for the next small read.
func (r *blobReader) readPart(i int, block, size, inside int64, b []byte) (int, error) {
	l := &r.last
	l.Lock()
	defer l.Unlock()
	if l.data == nil || l.piece != i || l.block != int(block) {
		if cap(l.data) < blockLen {
			l.data = make([]byte, blockLen)
		}
		data := l.data[:size]
		l.data = nil
		if err := r.readBlock(&r.pieces[i], block, data); err != nil {
			return 0, err
		}
		l.piece, l.block, l.data = i, int(block), data
	}
	return copy(b, l.data[inside:]), nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.release()
	}
	return nil
}

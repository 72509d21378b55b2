package embedded

import (
	"encoding/binary"
	"fmt"

	"barid/base/kv"
)

// Kinds of body, in the first byte of a BlobID together with the ID's version.
const (
	kindBody   = 0x11 // one record
	kindStream = 0x12 // frames and an end record; a locator row says where they are
)

// location is what a BlobID says: where its (first) record was written. Example: {kindBody, 3, 4096, 4304,
// 0x5eed}. A record that garbage collection moved keeps its ID; a locator row gives the new place.
type location struct {
	kind  byte
	seg   uint32
	off   int64  // multiple of recordAlign
	len   int64  // of the whole record, multiple of recordAlign, at most maxRecord
	nonce uint32 // random; a record that happens to lie at the same place is not taken for ours
}

func (l location) id() kv.BlobID {
	var b kv.BlobID
	b[0] = l.kind
	binary.BigEndian.PutUint32(b[1:], l.seg)
	binary.BigEndian.PutUint32(b[5:], uint32(l.off/recordAlign))
	n := uint32(l.len / recordAlign)
	b[9], b[10], b[11] = byte(n>>16), byte(n>>8), byte(n)
	binary.BigEndian.PutUint32(b[12:], l.nonce)
	return b
}

func parseID(b kv.BlobID) (location, error) {
	l := location{
		kind:  b[0],
		seg:   binary.BigEndian.Uint32(b[1:]),
		off:   int64(binary.BigEndian.Uint32(b[5:])) * recordAlign,
		len:   (int64(b[9])<<16 | int64(b[10])<<8 | int64(b[11])) * recordAlign,
		nonce: binary.BigEndian.Uint32(b[12:]),
	}
	if l.kind != kindBody && l.kind != kindStream {
		return l, fmt.Errorf("embedded: body id %x: %w", b[:], kv.ErrNotFound)
	}
	return l, nil
}

// extent is one record that holds a part of a body.
type extent struct {
	seg     uint32
	off     int64
	rec     int64 // bytes of the record
	payload int64 // bytes of the body in it
}

// locator says where the records of a body are, in the order of the body's bytes. A stream's first
// extent is its end record, whose payload is the prefix.
type locator struct {
	size    int64
	extents []extent
}

const locatorVersion = 1

func (l *locator) encode() []byte {
	b := binary.AppendUvarint([]byte{locatorVersion}, uint64(l.size))
	b = binary.AppendUvarint(b, uint64(len(l.extents)))
	for _, e := range l.extents {
		b = binary.AppendUvarint(b, uint64(e.seg))
		b = binary.AppendUvarint(b, uint64(e.off))
		b = binary.AppendUvarint(b, uint64(e.rec))
		b = binary.AppendUvarint(b, uint64(e.payload))
	}
	return b
}

func decodeLocator(b []byte) (*locator, error) {
	if len(b) == 0 || b[0] != locatorVersion {
		return nil, corrupt("locator of an unknown version")
	}
	b = b[1:]
	bad := false
	next := func() int64 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<62 {
			bad = true
			return 0
		}
		b = b[n:]
		return int64(v)
	}
	l := &locator{size: next()}
	n := next()
	if bad || n > int64(len(b)) {
		return nil, corrupt("locator cut short")
	}
	l.extents = make([]extent, n)
	for i := range l.extents {
		l.extents[i] = extent{seg: uint32(next()), off: next(), rec: next(), payload: next()}
	}
	if bad {
		return nil, corrupt("locator cut short")
	}
	return l, nil
}

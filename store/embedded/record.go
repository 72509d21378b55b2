package embedded

import (
	"encoding/binary"
	"hash/crc32"

	"barid/base/kv"
)

// Sizes of records, in bytes.
const (
	recordAlign  = 16
	headerLen    = 64
	blockLen     = 64 << 10  // of a payload; each has its own CRC, so that a part can be read and checked
	inlineMax    = 256 << 10 // bodies up to this size become one record
	frameLen     = 256 << 10 // payload of a frame of a larger body
	maxNote      = 1 << 10
	maxPrefix    = 1 << 20
	maxRecord    = headerLen + maxNote + inlineMax + maxPrefix + 1<<12 // more than any record needs
	maxBodyBytes = 1 << 40
)

// Types of record.
const (
	recBody  = 1 // a whole body: payload is prefix and body
	recFrame = 2 // a part of a larger body
	recEnd   = 3 // the end of a larger body: payload is the prefix; makes its frames valid
)

const recordMagic = 0x43725242 // "BRrC", little endian

// header stands before each record. On disk, little endian except origin:
//
//	 0 magic 4    4 type 1     5 codec 1     6 note length 2    8 payload length 4   12 frame index 4
//	16 origin 16 32 total 8   40 synced 8   48 segment 4       52 prefix length 4   56 meta CRC 4  60 header CRC 4
//
// Then: a CRC-32C for each blockLen of the payload, the note, the payload, zeros up to recordAlign.
type header struct {
	typ       byte
	noteLen   int
	payload   int64
	index     uint32    // of a frame: from 0; of an end: number of frames
	origin    kv.BlobID // the body this record belongs to; names the place where it was first written
	total     int64     // end and body: size of the whole body
	synced    int64     // up to here the segment was durable when this was written (scan.go)
	seg       uint32    // the segment this was written to
	prefixLen uint32
	metaCRC   uint32 // of block CRCs and note
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

func (h *header) blocks() int64    { return (h.payload + blockLen - 1) / blockLen }
func (h *header) metaLen() int64   { return 4*h.blocks() + int64(h.noteLen) }
func (h *header) payloadAt() int64 { return headerLen + h.metaLen() }
func (h *header) recordLen() int64 { return alignUp(h.payloadAt() + h.payload) }

func alignUp(n int64) int64 { return (n + recordAlign - 1) &^ (recordAlign - 1) }

// encode writes the header to b[:headerLen].
func (h *header) encode(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], recordMagic)
	b[4], b[5] = h.typ, 0
	le.PutUint16(b[6:], uint16(h.noteLen))
	le.PutUint32(b[8:], uint32(h.payload))
	le.PutUint32(b[12:], h.index)
	copy(b[16:32], h.origin[:])
	le.PutUint64(b[32:], uint64(h.total))
	le.PutUint64(b[40:], uint64(h.synced))
	le.PutUint32(b[48:], h.seg)
	le.PutUint32(b[52:], h.prefixLen)
	le.PutUint32(b[56:], h.metaCRC)
	le.PutUint32(b[60:], checksum(b[:60]))
}

// decodeHeader reads a header of segment seg. ok is false if these bytes are none.
func decodeHeader(b []byte, seg uint32) (h header, ok bool) {
	le := binary.LittleEndian
	if len(b) < headerLen || le.Uint32(b) != recordMagic || le.Uint32(b[60:]) != checksum(b[:60]) {
		return h, false
	}
	h = header{
		typ:       b[4],
		noteLen:   int(le.Uint16(b[6:])),
		payload:   int64(le.Uint32(b[8:])),
		index:     le.Uint32(b[12:]),
		origin:    kv.BlobID(b[16:32]),
		total:     int64(le.Uint64(b[32:])),
		synced:    int64(le.Uint64(b[40:])),
		seg:       le.Uint32(b[48:]),
		prefixLen: le.Uint32(b[52:]),
		metaCRC:   le.Uint32(b[56:]),
	}
	known := h.typ >= recBody && h.typ <= recEnd && b[5] == 0
	return h, known && h.seg == seg && h.noteLen <= maxNote && h.recordLen() <= maxRecord
}

// seal fills in the block CRCs, the note and the padding of a record whose payload is already in place,
// and remembers the meta CRC. The header itself is written by the log, which knows the place.
func (h *header) seal(rec, note []byte) {
	payload := rec[h.payloadAt() : h.payloadAt()+h.payload]
	meta := rec[headerLen:headerLen:h.payloadAt()]
	for len(payload) > 0 {
		n := min(len(payload), blockLen)
		meta = binary.LittleEndian.AppendUint32(meta, checksum(payload[:n]))
		payload = payload[n:]
	}
	meta = append(meta, note...)
	h.metaCRC = checksum(meta)
	clear(rec[h.payloadAt()+h.payload:])
}

// checkRecord verifies a whole record in memory, header included.
func checkRecord(rec []byte, seg uint32) (h header, ok bool) {
	h, ok = decodeHeader(rec, seg)
	if !ok || int64(len(rec)) < h.payloadAt()+h.payload {
		return h, false
	}
	if checksum(rec[headerLen:h.payloadAt()]) != h.metaCRC {
		return h, false
	}
	payload := rec[h.payloadAt() : h.payloadAt()+h.payload]
	for i := int64(0); i < h.blocks(); i++ {
		block := payload[i*blockLen : min(h.payload, (i+1)*blockLen)]
		if checksum(block) != binary.LittleEndian.Uint32(rec[headerLen+4*i:]) {
			return h, false
		}
	}
	return h, true
}

// noteOf gives the note inside a checked record.
func (h *header) noteOf(rec []byte) []byte {
	return rec[headerLen+4*h.blocks() : h.payloadAt()]
}

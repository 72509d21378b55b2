package search

import (
	"encoding/binary"
	"math/bits"

	"barid/mail/mailbox"
)

// The postings of a term in a segment are, for each message in order, the delta of its number as a varint (the
// first one from the beginning of the segment's range) and a byte that says what follows:
//
//	0 to maxBucket       once in the body, at this place
//	kindList + n         n times in the body, n <= maxList: place, deltas
//	kindBitmap           in the body: 16 bytes, a bit for each place
//	kindField + i        in the i-th field alone, which has no places
//	kindMany             fields; for each of Subject and Body in it: how often, place, deltas
//
// Places are kept for Subject and Body, where phrases matter; in the other fields a term is there or not. In the
// body of a long message neighbouring words share a place, so that there are maxBucket+1 places at most (up to
// bucketWords words on one): what follows a word is still at its place or the next one, which is all that is asked
// of a phrase, and most postings have two bytes.
const (
	maxBucket  = 0x7F
	kindList   = 0x80
	maxList    = 0x5F
	kindBitmap = 0xE0
	kindMany   = 0xE1
	kindField  = 0xE8

	bitmapBytes = (maxBucket + 1) / 8
	bucketShift = 6 // at most
	bucketWords = 1 << bucketShift
)

// placed are the fields whose places are kept.
const placed = Subject | Body

// Bounds of one message's places.
const (
	maxPlace = 1<<29 - 1
	maxTimes = 255 // places of one term in one field; further ones are not kept
)

// occurrence is where a term stands: term<<32 | field<<29 | place.
type occurrence uint64

func newOccurrence(term uint32, f Field, place uint32) occurrence {
	return occurrence(term)<<32 | occurrence(bits.TrailingZeros8(uint8(f)))<<29 | occurrence(min(place, maxPlace))
}

func (o occurrence) term() uint32  { return uint32(o >> 32) }
func (o occurrence) field() Field  { return 1 << (o >> 29 & 7) }
func (o occurrence) place() uint64 { return uint64(o & maxPlace) }

// bucketed makes neighbouring words of a long body share places.
func bucketed(os []occurrence) {
	last := uint64(0)
	for _, o := range os {
		if o.field() == Body {
			last = max(last, o.place())
		}
	}
	shift := min(max(bits.Len64(last)-bits.Len64(maxBucket), 0), bucketShift)
	for i, o := range os {
		if o.field() == Body {
			os[i] = o&^maxPlace | occurrence(o.place()>>shift)
		}
	}
}

// appendPosting adds what a message has of one term; os are its occurrences, sorted and without doubles.
func appendPosting(b []byte, delta uint64, os []occurrence) []byte {
	b = binary.AppendUvarint(b, delta)
	f, last := os[0].field(), os[len(os)-1]
	switch {
	case f != last.field():
		return appendMany(b, os)
	case f&placed == 0:
		return append(b, byte(kindField|bits.TrailingZeros8(uint8(f))))
	case f == Subject:
		return appendMany(b, os)
	case len(os) == 1 && last.place() <= maxBucket:
		return append(b, byte(last.place()))
	case len(os) > bitmapBytes && last.place() <= maxBucket:
		return appendBitmap(append(b, kindBitmap), os)
	case len(os) <= maxList:
		return appendPlaces(append(b, byte(kindList+len(os))), os)
	}
	return appendMany(b, os)
}

func appendBitmap(b []byte, os []occurrence) []byte {
	var m [bitmapBytes]byte
	for _, o := range os {
		m[o.place()/8] |= 1 << (o.place() % 8)
	}
	return append(b, m[:]...)
}

func appendMany(b []byte, os []occurrence) []byte {
	var fields Field
	for _, o := range os {
		fields |= o.field()
	}
	b = append(b, kindMany, byte(fields))
	for len(os) > 0 {
		f, n := os[0].field(), 1
		for n < len(os) && os[n].field() == f {
			n++
		}
		if f&placed != 0 {
			k := min(n, maxTimes)
			b = appendPlaces(binary.AppendUvarint(b, uint64(k)), os[:k])
		}
		os = os[n:]
	}
	return b
}

func appendPlaces(b []byte, os []occurrence) []byte {
	last := uint64(0)
	for _, o := range os {
		b = binary.AppendUvarint(b, o.place()-last)
		last = o.place()
	}
	return b
}

// posting is one message's share of a term's postings.
type posting struct {
	msg    mailbox.MsgNo
	fields Field
	times  [2]int    // how often in Subject, in Body
	places [2]places // where there, if the reader wants places
	cut    bool      // there are more places than are kept
}

// places is a bit for each place of a message; those past the last one share it. Only bodies of more than
// maxBucket*bucketWords words have such.
type places struct{ lo, hi uint64 }

func (p *places) add(place uint64) {
	if place < 64 {
		p.lo |= 1 << place
		return
	}
	p.hi |= 1 << min(place-64, 63)
}

func (p *places) or(o places) {
	p.lo |= o.lo
	p.hi |= o.hi
}

// follow keeps of o what is at a place of p, or one behind.
func (p places) follow(o places) places {
	return places{lo: (p.lo | p.lo<<1) & o.lo, hi: (p.hi | p.hi<<1 | p.lo>>63) & o.hi}
}

func (p places) none() bool { return p.lo|p.hi == 0 }

// postingReader reads the postings of one term.
type postingReader struct {
	d      decoder
	last   mailbox.MsgNo // number before
	hi     mailbox.MsgNo
	places bool // they are wanted
	first  bool
	p      posting
}

func newPostingReader(b []byte, s *segmentInfo, places bool) postingReader {
	return postingReader{d: decoder{b: b}, last: s.lo, hi: s.hi, places: places, first: true}
}

// next reads one posting; false at the end or when the rest is damaged.
func (r *postingReader) next() bool {
	b := r.d.b
	if len(b) == 0 {
		return false
	}
	delta, n := uvarint(b)
	if n <= 0 || n == len(b) || delta > uint64(r.hi-r.last) || delta == 0 && !r.first {
		r.d.bad = true
		return false
	}
	kind := b[n]
	r.d.b = b[n+1:]
	r.first = false
	r.last += mailbox.MsgNo(delta)
	p := &r.p
	p.msg, p.cut, p.fields, p.times = r.last, false, Body, [2]int{}
	if r.places {
		p.places = [2]places{}
	}
	switch k := kind; {
	case k <= maxBucket:
		if p.times[1] = 1; r.places {
			p.places[1].add(uint64(k))
		}
	case k <= kindList+maxList:
		r.placesOf(1, uint64(k-kindList))
	case k == kindBitmap:
		r.bitmap()
	case k >= kindField && k < kindField+8:
		p.fields = 1 << (k - kindField)
	case k == kindMany:
		r.many()
	default:
		r.d.bad = true
	}
	return !r.d.bad
}

func (r *postingReader) many() {
	f := r.d.take(1)
	if f == nil {
		return
	}
	r.p.fields = Field(f[0])
	for k, f := range [...]Field{Subject, Body} {
		if r.p.fields&f != 0 {
			r.placesOf(k, r.d.uint())
		}
	}
}

// placesOf reads n places in one field.
func (r *postingReader) placesOf(k int, n uint64) {
	if n > maxTimes {
		r.d.bad = true
		return
	}
	r.p.times[k] = int(n)
	r.p.cut = r.p.cut || n == maxTimes
	b, at := r.d.b, uint64(0)
	for range n {
		v, size := uvarint(b)
		if size <= 0 {
			r.d.bad, r.d.b = true, nil
			return
		}
		b = b[size:]
		if at += v; r.places {
			r.p.places[k].add(at)
		}
	}
	r.d.b = b
}

// uvarint is binary.Uvarint, fast where there is one byte, as nearly always.
func uvarint(b []byte) (v uint64, size int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

func (r *postingReader) bitmap() {
	b := r.d.take(bitmapBytes)
	if b == nil {
		return
	}
	at := places{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
	r.p.times[1] = bits.OnesCount64(at.lo) + bits.OnesCount64(at.hi)
	r.p.places[1] = at
}

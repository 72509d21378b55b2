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
	times  [2]int      // how often in Subject, in Body
	places [2][]uint32 // where there, if the reader wants places
	cut    bool        // there are more places than are kept
}

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
	if len(r.d.b) == 0 {
		return false
	}
	delta := r.d.uint()
	kind := r.d.take(1)
	if kind == nil || delta > uint64(r.hi-r.last) || delta == 0 && !r.first {
		r.d.bad = true
		return false
	}
	r.first = false
	r.last += mailbox.MsgNo(delta)
	p := &r.p
	p.msg, p.cut, p.fields, p.times = r.last, false, Body, [2]int{}
	p.places[0], p.places[1] = p.places[0][:0], p.places[1][:0]
	switch k := kind[0]; {
	case k <= maxBucket:
		if p.times[1] = 1; r.places {
			p.places[1] = append(p.places[1], uint32(k))
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
	at := uint64(0)
	for range n {
		if at += r.d.uint(); r.places {
			r.p.places[k] = append(r.p.places[k], uint32(at))
		}
	}
}

func (r *postingReader) bitmap() {
	for i, v := range r.d.take(bitmapBytes) {
		r.p.times[1] += bits.OnesCount8(v)
		for ; v != 0 && r.places; v &= v - 1 {
			r.p.places[1] = append(r.p.places[1], uint32(i*8+bits.TrailingZeros8(v)))
		}
	}
}

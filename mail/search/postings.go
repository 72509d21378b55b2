package search

import (
	"encoding/binary"
	"math/bits"

	"barid/mail/mailbox"
)

// The postings of a term in a segment, for each message in order:
//
//	(delta of its number)<<1 | 1, place             once, in the body
//	(delta of its number)<<1, fields, and for each of Subject and Body in fields: how often, first place, deltas
//
// The first delta is from the beginning of the segment's range. Places are kept for Subject and Body, where
// phrases matter; in the other fields a term is there or not.

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

// appendPosting adds what a message has of one term; os are its occurrences, sorted and without doubles.
func appendPosting(b []byte, delta uint64, os []occurrence) []byte {
	if len(os) == 1 && os[0].field() == Body {
		b = binary.AppendUvarint(b, delta<<1|1)
		return binary.AppendUvarint(b, os[0].place())
	}
	b = binary.AppendUvarint(b, delta<<1)
	var fields Field
	for _, o := range os {
		fields |= o.field()
	}
	b = append(b, byte(fields))
	for len(os) > 0 {
		f, n := os[0].field(), 1
		for n < len(os) && os[n].field() == f {
			n++
		}
		if f&placed != 0 {
			b = appendPlaces(b, os[:min(n, maxTimes)])
		}
		os = os[n:]
	}
	return b
}

func appendPlaces(b []byte, os []occurrence) []byte {
	b = binary.AppendUvarint(b, uint64(len(os)))
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
	head := r.d.uint()
	r.last += mailbox.MsgNo(head >> 1)
	if r.last > r.hi || head>>1 > maxRange || head>>1 == 0 && !r.first {
		r.d.bad = true
		return false
	}
	r.first = false
	p := &r.p
	p.msg, p.cut = r.last, false
	p.places[0], p.places[1] = p.places[0][:0], p.places[1][:0]
	if head&1 != 0 {
		p.fields, p.times = Body, [2]int{0, 1}
		if v := r.d.uint(); r.places {
			p.places[1] = append(p.places[1], uint32(v))
		}
		return !r.d.bad
	}
	f := r.d.take(1)
	if f == nil {
		return false
	}
	p.fields, p.times = Field(f[0]), [2]int{}
	if p.fields&Subject != 0 {
		r.placesOf(0)
	}
	if p.fields&Body != 0 {
		r.placesOf(1)
	}
	return !r.d.bad
}

// placesOf reads the places in one field.
func (r *postingReader) placesOf(k int) {
	n := r.d.uint()
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

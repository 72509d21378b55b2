package search

import (
	"encoding/binary"
	"io"
	"math/bits"
	"slices"
	"strings"

	"barid/base/text"
	"barid/mail/mailbox"
)

// Terms of ours. No word begins with such a byte.
const (
	// markPartial is held by messages of which not all is indexed.
	markPartial = "\x01"
	// markName and a field's name in lower case is held by messages that have the field, but for usual fields.
	markName = "\x02"
)

// ours tells whether a term is one of those.
func ours(term string) bool { return term != "" && term[0] < ' ' }

// maxNameBytes bounds a field's name that is noted.
const maxNameBytes = 64

// usual fields are in nearly every message; it is not noted who has them.
func usual(name string) bool {
	switch name {
	case "from", "to", "cc", "bcc", "subject", "date", "message-id", "received", "return-path", "mime-version", "content-type",
		"content-transfer-encoding", "delivered-to", "authentication-results", "dkim-signature", "reply-to", "":
		return true
	}
	return len(name) > maxNameBytes || strings.IndexFunc(name, func(r rune) bool { return r < '!' || r > '~' }) >= 0
}

// gap is left between the places of two texts, so that no phrase goes over from one into the next.
const gap = 8

// builder collects the postings of a batch of messages.
type builder struct {
	info  segmentInfo
	ids   map[string]uint32
	terms []builtTerm
	norms []byte
	slab  []byte // memory for terms and short postings

	// of the message being read
	msg     mailbox.MsgNo
	os      []occurrence
	in      Field // of the text being split
	words   int64
	left    int64 // bytes of text that are still taken
	partial bool
	split   text.Splitter
	places  [8]uint32 // the next place in each field
	buf     [16 << 10]byte
}

// builtTerm is a term with its postings so far.
type builtTerm struct {
	term string
	docs int64
	last mailbox.MsgNo
	b    []byte
}

func newBuilder() *builder {
	b := &builder{ids: map[string]uint32{}}
	b.split.Emit = b.emit
	return b
}

// add indexes a message; numbers must ascend.
func (b *builder) add(no mailbox.MsgNo, m *Message, cutHeader bool) error {
	if b.info.docs == 0 {
		b.info.lo = no
	}
	b.msg, b.os, b.words, b.left, b.partial = no, b.os[:0], 0, MaxTextBytes, cutHeader
	b.places = [8]uint32{}
	err := m.walk(b)
	if err != nil {
		b.partial = true // what could be read is indexed; the rest is for who looks
		b.split.End()
	}
	b.finish()
	return err
}

// skip enters a message that can not be read: it may hold anything.
func (b *builder) skip(no mailbox.MsgNo) {
	_ = b.add(no, &Message{}, true)
}

// finish turns the occurrences of the message into postings.
func (b *builder) finish() {
	if b.partial {
		b.term([]byte(markPartial), Header, 0)
	}
	bucketed(b.os)
	slices.Sort(b.os)
	b.os = slices.Compact(b.os)
	for os := b.os; len(os) > 0; {
		n := 1
		for n < len(os) && os[n].term() == os[0].term() {
			n++
		}
		b.post(os[:n])
		os = os[n:]
	}
	for mailbox.MsgNo(len(b.norms)) < b.msg-b.info.lo {
		b.norms = append(b.norms, 0)
	}
	b.norms = append(b.norms, norm(b.words))
	b.info.hi = b.msg
	b.info.docs++
	b.info.words += b.words
	b.info.text += MaxTextBytes - b.left
}

// norm codes the length of a message in a byte, 0 being none: about 8 steps for each doubling.
func norm(words int64) byte {
	w := uint64(max(words, 1))
	e := bits.Len64(w) - 1
	frac := (w << 3 >> e) & 7
	return byte(min(1+e*8+int(frac), 255))
}

// length is what norm coded.
func length(n byte) float64 {
	e, frac := int(n-1)/8, int(n-1)%8
	return float64(uint64(1)<<e) * (1 + float64(frac)/8)
}

func (b *builder) post(os []occurrence) {
	t := &b.terms[os[0].term()]
	from := t.last
	if t.docs == 0 {
		from = b.info.lo
		t.b = b.room(16)
	}
	t.b = appendPosting(t.b, uint64(b.msg-from), os)
	t.last = b.msg
	t.docs++
}

// room gives an empty slice for n bytes.
func (b *builder) room(n int) []byte {
	if cap(b.slab)-len(b.slab) < n {
		b.slab = make([]byte, 0, max(64<<10, n))
	}
	at := len(b.slab)
	b.slab = b.slab[:at+n]
	return b.slab[at : at : at+n]
}

// emit takes a term of the text being split.
func (b *builder) emit(term []byte, place uint32) { b.term(term, b.in, place) }

func (b *builder) term(term []byte, f Field, place uint32) {
	id, ok := b.ids[string(term)]
	if !ok {
		id = uint32(len(b.terms))
		s := string(term)
		b.ids[s] = id
		b.terms = append(b.terms, builtTerm{term: s})
	}
	if f&placed == 0 {
		place = 0
	}
	b.os = append(b.os, newOccurrence(id, f, place))
}

// field takes a header field.
func (b *builder) field(f Field, name, value string) bool {
	if f != Body && !usual(name) {
		b.term(append([]byte(markName), name...), Header, 0)
	}
	if !opaque(name) {
		_, _ = b.text(f, strings.NewReader(value))
	}
	return true
}

// text takes a text, as much of it as there is room for.
func (b *builder) text(f Field, r io.Reader) (more bool, err error) {
	k := bits.TrailingZeros8(uint8(f))
	b.in, b.split.Place = f, b.places[k]
	for {
		var n int
		n, err = r.Read(b.buf[:])
		take := int(min(int64(n), b.left))
		b.left -= int64(take)
		_, _ = b.split.Write(b.buf[:take])
		if take < n {
			b.partial = true
			break
		}
		if err != nil {
			break
		}
	}
	b.split.End()
	b.words += int64(b.split.Place - b.places[k])
	b.places[k] = b.split.Place + gap
	if err == io.EOF {
		err = nil
	}
	return true, err
}

// sorted gives the terms in order.
func (b *builder) sorted() []builtTerm {
	slices.SortFunc(b.terms, func(x, y builtTerm) int { return strings.Compare(x.term, y.term) })
	return b.terms
}

// appendEntry adds a term to a page of a dictionary; before is the term in front of it on the page.
func appendEntry(b []byte, before, term string, docs int64, postings int, last uint64) []byte {
	n := 0
	for n < len(before) && n < len(term) && before[n] == term[n] {
		n++
	}
	b = binary.AppendUvarint(b, uint64(n))
	b = binary.AppendUvarint(b, uint64(len(term)-n))
	b = append(b, term[n:]...)
	b = binary.AppendUvarint(b, uint64(docs))
	b = binary.AppendUvarint(b, uint64(postings))
	if docs > 1 {
		b = binary.AppendUvarint(b, last)
	}
	return b
}

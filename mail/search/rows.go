package search

import (
	"encoding/binary"
	"fmt"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// The index of an account is rows of mail.TableSearch in its partition: one manifest, and segments that never
// change. A segment indexes the messages of a range of numbers; ranges follow one another. Segments of like size
// are merged (merge.go), so there are few.
//
//	key                          value
//	0                            manifest
//	segment, 'd', page           dictionary: terms in order, with how many messages hold each and how long its
//	                             postings are; zstd
//	segment, 'p', page           postings of all terms in order, cut every postingsPage bytes
//	segment, 'n', page           one byte for each number of the range: 0 no message, else how long (norm)
//
// Terms that begin with a byte below space are ours: see markPartial, markName.

// The kinds of row.
const (
	kindDictionary = 'd'
	kindNorms      = 'n'
	kindPostings   = 'p'
)

// Sizes of rows, bytes.
const (
	postingsPage   = 8 << 10
	dictionaryPage = 32 << 10 // before it is compressed
	normsPage      = 16 << 10
)

// format stands for how rows are written and for what of a message is indexed. When either changes it grows,
// and indexes of before are made anew.
const format = 3

// errDamaged is what all rows that can not be read are.
var errDamaged = fmt.Errorf("search: damaged index: %w", kv.ErrCorrupt)

// errOlder is what the manifest of an index of an older format is: as useless as a damaged one, but nobody's fault.
var errOlder = fmt.Errorf("search: index of an older format: %w", kv.ErrCorrupt)

// segmentInfo describes a segment.
type segmentInfo struct {
	id       uint32
	lo, hi   mailbox.MsgNo // the range of numbers
	docs     int64         // messages indexed, the dead among them
	terms    int64
	dict     int64 // bytes of the dictionary's rows
	names    int64 // the same before they were compressed
	postings int64 // bytes of all postings
	words    int64 // of all messages
	text     int64 // bytes of text indexed
}

// manifest is what the index of an account is made of.
type manifest struct {
	cursor   mailbox.MsgNo // all messages up to it are in segments
	next     uint32        // the next segment's number, never used twice
	building uint32        // a segment that a merge is writing; 0: none. Its rows are rubbish after a crash
	segments []segmentInfo // in order of range
}

func manifestKey() []byte { return []byte{0} }

// rowKey is the key of a page of a segment.
func rowKey(segment uint32, kind byte, page int) []byte {
	b := make([]byte, 0, 10)
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, segment)
	b = append(b, kind)
	return binary.BigEndian.AppendUint32(b, uint32(page))
}

// segmentRange spans all rows of a segment.
func segmentRange(segment uint32) (lo, hi []byte) {
	lo = binary.BigEndian.AppendUint32([]byte{1}, segment)
	return lo, binary.BigEndian.AppendUint32([]byte{1}, segment+1)
}

func (m *manifest) encode() []byte {
	b := []byte{format}
	b = binary.AppendUvarint(b, uint64(m.cursor))
	b = binary.AppendUvarint(b, uint64(m.next))
	b = binary.AppendUvarint(b, uint64(m.building))
	b = binary.AppendUvarint(b, uint64(len(m.segments)))
	for _, s := range m.segments {
		for _, v := range [...]int64{int64(s.id), int64(s.lo), int64(s.hi), s.docs, s.terms, s.dict, s.names, s.postings, s.words, s.text} {
			b = binary.AppendUvarint(b, uint64(v))
		}
	}
	return b
}

func decodeManifest(v []byte) (*manifest, error) {
	switch {
	case len(v) > 0 && v[0] > 0 && v[0] < format:
		return nil, errOlder
	case len(v) == 0 || v[0] != format:
		return nil, errDamaged
	}
	d := decoder{b: v[1:]}
	m := &manifest{cursor: mailbox.MsgNo(d.uint()), next: uint32(d.uint()), building: uint32(d.uint())}
	for n := d.uint(); n > 0 && !d.bad; n-- {
		s := segmentInfo{id: uint32(d.uint()), lo: mailbox.MsgNo(d.uint()), hi: mailbox.MsgNo(d.uint())}
		for _, p := range [...]*int64{&s.docs, &s.terms, &s.dict, &s.names, &s.postings, &s.words, &s.text} {
			*p = int64(d.uint())
		}
		if s.hi < s.lo || uint64(s.hi-s.lo) > maxRange || s.postings < 0 || s.terms < 0 {
			return nil, errDamaged
		}
		m.segments = append(m.segments, s)
	}
	if d.bad || len(d.b) > 0 {
		return nil, errDamaged
	}
	return m, nil
}

// maxRange bounds the numbers of one segment, so that what is kept of each in memory is bounded.
const maxRange = 1 << 26

// readManifest reads the manifest; that of an account without an index is empty.
func readManifest(r kv.Reader) (*manifest, error) {
	v, ok, err := r.Get(mail.TableSearch, manifestKey())
	if err != nil {
		return nil, err
	}
	if !ok {
		return &manifest{next: 1}, nil
	}
	return decodeManifest(v)
}

// decoder reads numbers and bytes.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

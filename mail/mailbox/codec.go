package mailbox

import "encoding/binary"

// format is the first byte of a value. A reader refuses what it does not know.
const format = 1

// formatSaved is the format of pages and of records of appends that hold when each message came (RFC 8514).
const formatSaved = 2

// formatOrigin is the format of cold records and of message-id rows that hold names of other accounts (RFC 8474 §5).
const formatOrigin = 2

// decoder reads the varint-coded values of this package. After the first fault everything reads as zero
// and bad stays set, so a reader checks once, at the end.
type decoder struct {
	b      []byte
	bad    bool
	format byte
}

// newDecoder checks the format byte.
func newDecoder(v []byte) decoder { return newDecoderOf(v, format) }

// newDecoderOf reads values of every format up to newest.
func newDecoderOf(v []byte, newest byte) decoder {
	if len(v) == 0 || v[0] < format || v[0] > newest {
		return decoder{bad: true}
	}
	return decoder{b: v[1:], format: v[0]}
}

func (d *decoder) fail() {
	d.b, d.bad = nil, true
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		c := d.b[0]
		d.b = d.b[1:]
		return uint64(c)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	u := d.uint()
	return int64(u>>1) ^ -int64(u&1)
}

// count reads a number of things of which each takes at least one byte, so that a damaged number can not
// make us allocate more than the value's own size.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

// take reads n bytes; the slice is part of the value.
func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// bytes reads a length and that many bytes; the slice is part of the value.
func (d *decoder) bytes() []byte { return d.take(d.count()) }

func (d *decoder) string() string { return string(d.bytes()) }

// end reports that everything was read and nothing was wrong.
func (d *decoder) end() bool { return !d.bad && len(d.b) == 0 }

func putUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }
func putInt(b []byte, v int64) []byte   { return binary.AppendVarint(b, v) }

func putBytes(b, v []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func putString(b []byte, v string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// putUIDs adds sorted ranges as gaps and lengths.
func putUIDs(b []byte, s UIDSet) []byte {
	b = putUint(b, uint64(len(s)))
	var last UID
	for _, r := range s {
		b = putUint(b, uint64(r.Lo-last))
		b = putUint(b, uint64(r.Hi-r.Lo))
		last = r.Hi
	}
	return b
}

func (d *decoder) uids() UIDSet {
	n := d.count()
	if n == 0 {
		return nil
	}
	s := make(UIDSet, 0, n)
	var last uint64
	for range n {
		lo := last + d.uint()
		hi := lo + d.uint()
		if hi > uint64(MaxUID) || hi < lo || lo < last {
			d.fail()
			return nil
		}
		s = append(s, UIDRange{UID(lo), UID(hi)})
		last = hi
	}
	return s
}

// msgRange is first to last, both included.
type msgRange struct{ lo, hi MsgNo }

// msgSet is sorted, disjoint ranges of message numbers.
type msgSet []msgRange

// msgSetOf packs numbers that ascend.
func msgSetOf(sorted []MsgNo) msgSet {
	var s msgSet
	for _, m := range sorted {
		if n := len(s); n > 0 && m <= s[n-1].hi+1 {
			s[n-1].hi = m
			continue
		}
		s = append(s, msgRange{m, m})
	}
	return s
}

// all unpacks the set; at most max numbers.
func (s msgSet) all(max int) []MsgNo {
	var out []MsgNo
	for _, r := range s {
		for m := r.lo; m <= r.hi; m++ {
			if len(out) == max {
				return out
			}
			out = append(out, m)
		}
	}
	return out
}

func putMsgs(b []byte, s msgSet) []byte {
	b = putUint(b, uint64(len(s)))
	var last MsgNo
	for _, r := range s {
		b = putUint(b, uint64(r.lo-last))
		b = putUint(b, uint64(r.hi-r.lo))
		last = r.hi
	}
	return b
}

// maxMsgSpan bounds a range of message numbers that is read back, against damage.
const maxMsgSpan = 1 << 40

func (d *decoder) msgs() msgSet {
	n := d.count()
	if n == 0 {
		return nil
	}
	s := make(msgSet, 0, n)
	var last MsgNo
	for range n {
		lo := last + MsgNo(d.uint())
		span := d.uint()
		if lo < last || span > maxMsgSpan || lo+MsgNo(span) < lo {
			d.fail()
			return nil
		}
		s = append(s, msgRange{lo, lo + MsgNo(span)})
		last = lo + MsgNo(span)
	}
	return s
}

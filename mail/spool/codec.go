package spool

import (
	"encoding/binary"
	"fmt"
	"time"

	"barid/base/kv"
)

// format is the first byte of every value. A reader refuses what it does not know.
const format = 1

// corrupt is the error for a row that can not be read.
func corrupt(what string) error { return fmt.Errorf("spool: %s: %w", what, kv.ErrCorrupt) }

// millis gives milliseconds since 1970; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return min(max(t.UnixMilli(), 1), maxMillis)
}

// fromMillis is the other way.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// decoder reads the values of this package. It holds the whole value as one string, of which all texts are
// parts: one allocation for a row. After the first fault everything reads as zero and bad stays set.
type decoder struct {
	s   string
	bad bool
}

// newDecoder copies v and checks the format byte.
func newDecoder(v []byte) decoder {
	if len(v) == 0 || v[0] != format {
		return decoder{bad: true}
	}
	return decoder{s: string(v[1:])}
}

func (d *decoder) fail() { d.s, d.bad = "", true }

func (d *decoder) byte() byte {
	if len(d.s) == 0 {
		d.fail()
		return 0
	}
	c := d.s[0]
	d.s = d.s[1:]
	return c
}

func (d *decoder) uint() uint64 {
	var v uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		if i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return v
		}
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 {
	u := d.uint()
	return int64(u>>1) ^ -int64(u&1)
}

// maxMillis bounds times: the year 9999.
const maxMillis = 253402300799999

func (d *decoder) millis() int64 {
	ms := d.int()
	if ms < 0 || ms > maxMillis {
		d.fail()
		return 0
	}
	return ms
}

func (d *decoder) time() time.Time { return fromMillis(d.millis()) }

// count reads a number of things of which each takes at least one byte, so that a damaged number can not
// make us allocate more than in proportion to the value's own size.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.s)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) string {
	if n > len(d.s) {
		d.fail()
		return ""
	}
	t := d.s[:n]
	d.s = d.s[n:]
	return t
}

func (d *decoder) text() string { return d.take(d.count()) }

// end reports that everything was read and nothing was wrong.
func (d *decoder) end() bool { return !d.bad && len(d.s) == 0 }

func putUint(b []byte, v uint64) []byte       { return binary.AppendUvarint(b, v) }
func putInt(b []byte, v int64) []byte         { return binary.AppendVarint(b, v) }
func putTime(b []byte, t time.Time) []byte    { return binary.AppendVarint(b, millis(t)) }
func putText(b []byte, s string) []byte       { return append(putUint(b, uint64(len(s))), s...) }
func putFlag(b uint64, on bool, f int) uint64 { return b | bit(on)<<f }

func bit(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

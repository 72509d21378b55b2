package charset

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 is UTF-7 (RFC 2152). It is only read.
type utf7 struct{}

// NewDecoder makes a decoder to UTF-8.
func (utf7) NewDecoder() *encoding.Decoder { return &encoding.Decoder{Transformer: &utf7Decoder{}} }

// NewEncoder gives nothing that can be used: we only write UTF-8.
func (utf7) NewEncoder() *encoding.Encoder { return encoding.Replacement.NewEncoder() }

// utf7Decoder is the state between two bytes.
type utf7Decoder struct {
	shifted bool   // between "+" and the end of modified base64
	empty   bool   // nothing came after "+" yet: "+-" is a plus sign
	bits    uint32 // bits not used yet
	n       uint   // how many
	high    rune   // high surrogate that waits for its other half; 0: none
}

// Reset implements transform.Transformer.
func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

// Transform implements transform.Transformer.
func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for _, c := range src {
		if len(dst)-nDst < 2*utf8.UTFMax { // one byte gives at most two runes
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += d.step(dst[nDst:], c)
		nSrc++
	}
	if atEOF && d.high != 0 {
		if len(dst)-nDst < utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += d.flush(dst[nDst:])
	}
	return nDst, nSrc, nil
}

// step takes one byte and writes what it completes.
func (d *utf7Decoder) step(dst []byte, c byte) int {
	if !d.shifted {
		if c == '+' {
			*d = utf7Decoder{shifted: true, empty: true}
			return 0
		}
		return utf8.EncodeRune(dst, latin(c))
	}
	if v, ok := base64Value(c); ok {
		d.empty = false
		return d.take(dst, v)
	}
	n := d.flush(dst)
	empty := d.empty
	*d = utf7Decoder{}
	switch {
	case c == '-' && empty:
		return n + utf8.EncodeRune(dst[n:], '+')
	case c == '-':
		return n
	}
	return n + utf8.EncodeRune(dst[n:], latin(c))
}

// take adds six bits and writes a rune when sixteen are there.
func (d *utf7Decoder) take(dst []byte, v byte) int {
	d.bits, d.n = d.bits<<6|uint32(v), d.n+6
	if d.n < 16 {
		return 0
	}
	d.n -= 16
	unit := rune(d.bits >> d.n & 0xFFFF)
	d.bits &= 1<<d.n - 1
	if d.high != 0 {
		if r := utf16.DecodeRune(d.high, unit); r != utf8.RuneError {
			d.high = 0
			return utf8.EncodeRune(dst, r)
		}
	}
	n := d.flush(dst)
	if utf16.IsSurrogate(unit) && unit < 0xDC00 {
		d.high = unit
		return n
	}
	return n + utf8.EncodeRune(dst[n:], unit) // a lone low surrogate is written as U+FFFD
}

// flush writes U+FFFD for half a surrogate pair.
func (d *utf7Decoder) flush(dst []byte) int {
	if d.high == 0 {
		return 0
	}
	d.high = 0
	return utf8.EncodeRune(dst, utf8.RuneError)
}

// latin is the meaning of a byte outside base64: ASCII, or an error.
func latin(c byte) rune {
	if c >= 0x80 {
		return utf8.RuneError
	}
	return rune(c)
}

func base64Value(c byte) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, false
}

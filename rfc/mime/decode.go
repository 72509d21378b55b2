package mime

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"barid/rfc/charset"
)

// decodeBuffer is the size of the buffers that decoders read into, bytes.
const decodeBuffer = 4 << 10

// Decode undoes a Content-Transfer-Encoding (RFC 2045 §6): BASE64, QUOTED-PRINTABLE and the old X-UUENCODE;
// case does not matter. Every other encoding gives the bytes as they are. Damaged input is decoded as far as it
// makes sense: bytes that can not be there are skipped in base64 and kept in quoted-printable.
func Decode(r io.Reader, encoding string) io.Reader {
	switch strings.ToUpper(strings.TrimSpace(encoding)) {
	case "BASE64", "BASE-64", "B":
		return newDecoder(r, &base64Decoder{})
	case "QUOTED-PRINTABLE", "QUOTED_PRINTABLE", "QUOTEDPRINTABLE", "QP":
		return newDecoder(r, &quotedDecoder{})
	case "X-UUENCODE", "UUENCODE", "X-UUE", "X-UU", "UUE":
		return newDecoder(r, &uuDecoder{})
	}
	return r
}

// Decodes reports whether Decode knows an encoding: "" and those that mean the bytes as they are, too.
func Decodes(encoding string) bool {
	switch e := strings.ToUpper(strings.TrimSpace(encoding)); e {
	case "", "7BIT", "8BIT", "BINARY":
		return true
	default:
		_, plain := Decode(nil, e).(*stepReader)
		return plain
	}
}

// CharsetReader turns text in charset into UTF-8. An empty or unknown charset is guessed.
func CharsetReader(label string, r io.Reader) io.Reader { return charset.NewReader(label, r) }

// step is one decoder: it appends what src decodes to and tells how much of src it used. At the end of the
// input it must use all.
type step interface {
	decode(dst, src []byte, end bool) (out []byte, used int)
}

// stepReader drives a step over a reader.
type stepReader struct {
	src  io.Reader
	step step
	in   []byte // read, not decoded; its capacity never changes
	buf  []byte // decoded
	out  []byte // the part of buf that was not given away
	err  error
}

func newDecoder(r io.Reader, s step) io.Reader {
	return &stepReader{src: r, step: s, in: make([]byte, 0, decodeBuffer)}
}

// Read implements io.Reader.
func (d *stepReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// fill reads once and decodes.
func (d *stepReader) fill() {
	n, err := d.src.Read(d.in[len(d.in):cap(d.in)])
	d.in = d.in[:len(d.in)+n]
	d.err = err
	var used int
	d.buf, used = d.step.decode(d.buf[:0], d.in, err != nil)
	if used == 0 && len(d.in) == cap(d.in) { // it waits for more than there is room for
		d.buf, used = d.step.decode(d.buf[:0], d.in, true)
	}
	d.out = d.buf
	d.in = d.in[:copy(d.in, d.in[used:])]
}

// base64Decoder decodes RFC 2045 §6.8. After padding it begins anew, for parts that were put together from
// several encoded ones.
type base64Decoder struct {
	bits uint32
	n    uint
}

func (d *base64Decoder) decode(dst, src []byte, _ bool) ([]byte, int) {
	bits, n := d.bits, d.n
	for _, c := range src {
		v := base64Values[c]
		if v > 63 {
			if c == '=' {
				bits, n = 0, 0
			}
			continue
		}
		bits, n = bits<<6|uint32(v), n+6
		if n >= 8 {
			n -= 8
			dst = append(dst, byte(bits>>n))
		}
	}
	d.bits, d.n = bits&0xFF, n
	return dst, len(src)
}

// base64Values gives six bits for the characters of the alphabet and 64 for all others.
var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = 64
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i)
	}
	return t
}()

// quotedDecoder decodes RFC 2045 §6.7.
type quotedDecoder struct{}

func (quotedDecoder) decode(dst, src []byte, end bool) ([]byte, int) {
	for i := 0; i < len(src); {
		switch c := src[i]; c {
		case '=':
			n, b := escaped(src[i:], end)
			if n == 0 {
				return dst, i
			}
			if b >= 0 {
				dst = append(dst, byte(b))
			}
			i += n
		case ' ', '\t':
			n := blanks(src[i:])
			if i+n == len(src) && !end || i+n+1 == len(src) && src[i+n] == '\r' && !end {
				return dst, i
			}
			if !lineEnds(src[i+n:]) { // §6.7 (3): white space at the end of a line was added on the way
				dst = append(dst, src[i:i+n]...)
			}
			i += n
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst, len(src)
}

// softBreak stands for no byte at all.
const softBreak = -1

// escaped reads what "=" begins: "=XX" gives a byte, a soft line break gives softBreak, anything else gives the
// "=" itself. n is 0 if more bytes are needed to tell.
func escaped(b []byte, end bool) (n, value int) {
	if len(b) >= 3 {
		if hi, lo := hexDigit(b[1]), hexDigit(b[2]); hi < 16 && lo < 16 {
			return 3, int(hi<<4 | lo)
		}
	}
	i := 1 + blanks(b[1:])
	rest := b[i:]
	switch {
	case !end && (len(b) < 3 && !bytes.HasPrefix(rest, []byte("\n")) || len(rest) == 0 || len(rest) == 1 && rest[0] == '\r'):
		return 0, 0
	case len(rest) == 0:
		return i, softBreak
	case lineEnds(rest) && rest[0] == '\r':
		return i + min(len(rest), 2), softBreak
	case lineEnds(rest):
		return i + 1, softBreak
	}
	return 1, '='
}

func blanks(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
		n++
	}
	return n
}

func lineEnds(b []byte) bool {
	return len(b) == 0 || b[0] == '\n' || b[0] == '\r' && (len(b) == 1 || b[1] == '\n')
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// uuDecoder decodes the lines between "begin" and "end" of uuencode, as POSIX has it.
type uuDecoder struct{ inside, done bool }

func (d *uuDecoder) decode(dst, src []byte, end bool) ([]byte, int) {
	used := 0
	for used < len(src) {
		n, line, err := bufio.ScanLines(src[used:], end)
		if n == 0 || err != nil {
			break
		}
		used += n
		switch {
		case d.done:
		case !d.inside:
			d.inside = strings.HasPrefix(string(line), "begin ")
		case string(line) == "end":
			d.done = true
		default:
			dst = appendUU(dst, line)
		}
	}
	return dst, used
}

// appendUU decodes one line: its length, then four characters for three bytes.
func appendUU(dst, line []byte) []byte {
	if len(line) == 0 {
		return dst
	}
	want := int(line[0]-' ') & 63
	for line = line[1:]; want > 0 && len(line) > 0; want -= 3 {
		var bits uint32
		for i := range 4 {
			bits <<= 6
			if i < len(line) {
				bits |= uint32(line[i]-' ') & 63
			}
		}
		three := [3]byte{byte(bits >> 16), byte(bits >> 8), byte(bits)}
		dst = append(dst, three[:min(want, 3)]...)
		line = line[min(len(line), 4):]
	}
	return dst
}

package charset

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// shifted is ISO-2022-KR (RFC 1557) or the GB part of ISO-2022-CN (RFC 1922): ASCII, and between SO and SI
// pairs of bytes which with their high bit set are the EUC form of the same set.
type shifted struct{ euc encoding.Encoding }

// NewDecoder makes a decoder to UTF-8.
func (s shifted) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &shiftDecoder{euc: s.euc.NewDecoder()}}
}

// NewEncoder gives nothing that can be used: we only write UTF-8.
func (shifted) NewEncoder() *encoding.Encoder { return encoding.Replacement.NewEncoder() }

type shiftDecoder struct {
	euc *encoding.Decoder
	out bool // after SO
}

// The controls of ISO 2022 that occur in mail.
const (
	shiftOut = 0x0E
	shiftIn  = 0x0F
	escape   = 0x1B
)

// Reset implements transform.Transformer.
func (d *shiftDecoder) Reset() { d.out = false; d.euc.Reset() }

// Transform implements transform.Transformer.
func (d *shiftDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		used, wrote := d.step(dst[nDst:], src[nSrc:], atEOF)
		if used == 0 {
			return nDst, nSrc, transform.ErrShortSrc
		}
		nSrc += used
		nDst += wrote
	}
	return nDst, nSrc, nil
}

// step takes one character or control; used 0 means that more bytes are needed.
func (d *shiftDecoder) step(dst, src []byte, atEOF bool) (used, wrote int) {
	switch c := src[0]; {
	case c == shiftOut:
		d.out = true
		return 1, 0
	case c == shiftIn:
		d.out = false
		return 1, 0
	case c == escape:
		return escapeLength(src, atEOF), 0
	case c == '\n':
		d.out = false // RFC 1922 §2: a line begins in ASCII
		return 1, copy(dst, "\n")
	case d.out && c > ' ':
		return d.pair(dst, src, atEOF)
	default:
		return 1, utf8.EncodeRune(dst, latin(c))
	}
}

func (d *shiftDecoder) pair(dst, src []byte, atEOF bool) (used, wrote int) {
	if len(src) < 2 {
		if !atEOF {
			return 0, 0
		}
		return 1, utf8.EncodeRune(dst, utf8.RuneError)
	}
	if src[1] <= ' ' {
		return 1, utf8.EncodeRune(dst, utf8.RuneError)
	}
	r, err := d.euc.Bytes([]byte{src[0] | 0x80, src[1] | 0x80})
	if err != nil || len(r) > len(dst) {
		return 2, utf8.EncodeRune(dst, utf8.RuneError)
	}
	return 2, copy(dst, r)
}

// escapeLength is the length of a designation such as ESC $ ) C; nothing of it is shown.
func escapeLength(src []byte, atEOF bool) int {
	for i := 1; i < len(src) && i < 4; i++ {
		if bytes.IndexByte([]byte("$)*(+"), src[i]) < 0 {
			return i + 1
		}
	}
	if len(src) < 4 && !atEOF {
		return 0
	}
	return min(len(src), 4)
}

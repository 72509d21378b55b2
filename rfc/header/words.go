package header

import (
	"strings"
	"unicode/utf8"

	"barid/rfc/charset"
)

// maxCharsetBytes bounds the charset (and language) of an encoded word.
const maxCharsetBytes = 64

// DecodeWords decodes the encoded words of s (RFC 2047, RFC 2231 §5) and gives clean UTF-8: text outside of
// words that is not UTF-8 is converted by guess, and CR, LF and NUL become spaces. It is more tolerant than
// the RFC: words may stand inside other text or quotes, be longer than 75 octets, hold spaces and question
// marks; white space between words is dropped (§6.2), and a character that was split over two words is
// joined again.
func DecodeWords(s string) string {
	if isPlain(s) {
		return s
	}
	d := decoder{}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, ok := parseWord(s[i:])
		if !ok {
			d.literal(s[:i+2])
			s = s[i+2:]
			continue
		}
		d.literal(s[:i])
		d.word(w)
		s = s[i+w.length:]
	}
	d.literal(s)
	return d.text()
}

// isPlain tells whether there is nothing to do: no words, no control characters, UTF-8.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' && c != '\t' || c == '?' && i > 0 && s[i-1] == '=' {
			return c >= utf8.RuneSelf && utf8.ValidString(s) && !strings.Contains(s, "=?") && !strings.ContainsAny(s, "\r\n\x00")
		}
	}
	return true
}

// word is one encoded word as it was found.
type word struct {
	charset  string
	encoding byte // 'b' or 'q'
	text     string
	length   int // with its marks
}

// parseWord reads the word that s begins with.
func parseWord(s string) (word, bool) {
	w, head, ok := parseWordHead(s)
	if !ok {
		return w, false
	}
	end := wordEnd(s[head:], w.encoding)
	if end < 0 {
		return w, false
	}
	w.text = s[head : head+end]
	w.length = head + end + 2
	return w, true
}

// parseWordHead reads "=?charset?B?".
func parseWordHead(s string) (w word, length int, ok bool) {
	s = s[2:]
	q := strings.IndexByte(s[:min(len(s), maxCharsetBytes)], '?')
	if q <= 0 || len(s) < q+3 || s[q+2] != '?' {
		return w, 0, false
	}
	w.charset, _, _ = strings.Cut(s[:q], "*") // RFC 2231 §5: language
	w.encoding = lower(s[q+1])
	if strings.ContainsAny(w.charset, " \t\r\n\"<>") || w.encoding != 'b' && w.encoding != 'q' {
		return w, 0, false
	}
	return w, 2 + q + 3, true
}

// wordEnd finds "?=" in the text of a word, -1 if another word begins first or there is none. In a Q text an
// unencoded "?" may stand before an encoded byte: "what?=20now" ends only where no two hex digits follow, or
// where no other "?=" follows before the next white space.
//
// Invariant: it never looks behind the head of the next word, so decoding is linear.
func wordEnd(s string, encoding byte) int {
	best := -1
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '?' && s[i+1] == '=':
			if encoding == 'b' || !isHexPair(s[i+2:]) {
				return i
			}
			if best < 0 {
				best = i
			}
		case best >= 0 && (s[i] == ' ' || s[i] == '\t'):
			return best
		case s[i] == '=' && s[i+1] == '?' && (i+2 >= len(s) || s[i+2] != '='):
			if _, _, ok := parseWordHead(s[i:]); ok {
				return best
			}
		}
	}
	return best
}

func isHexPair(s string) bool {
	return len(s) >= 2 && hexValue(s[0]) >= 0 && hexValue(s[1]) >= 0
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// decoder collects the output. Bytes of adjacent words of one charset wait in raw until the run ends.
type decoder struct {
	out     strings.Builder
	charset string
	raw     []byte
	inRun   bool
	gap     string // white space behind the last word, dropped if another word follows
}

func (d *decoder) word(w word) {
	if d.inRun && !strings.EqualFold(d.charset, w.charset) || isStateful(w.charset) {
		d.flush()
	}
	d.gap = ""
	d.charset, d.inRun = w.charset, true
	if w.encoding == 'b' {
		d.raw = appendBase64(d.raw, w.text)
	} else {
		d.raw = appendQ(d.raw, w.text)
	}
}

// isStateful is true for a charset whose words can not be joined before conversion.
func isStateful(name string) bool {
	return len(name) > 3 && (strings.EqualFold(name[len(name)-2:], "-7") || strings.EqualFold(name[:min(7, len(name))], "unicode"))
}

// literal adds text that is not in a word. White space directly behind a word waits.
func (d *decoder) literal(s string) {
	if s == "" {
		return
	}
	if d.inRun && strings.Trim(s, " \t\r\n") == "" && d.gap == "" {
		d.gap = s
		return
	}
	gap := d.gap
	d.flush()
	d.clean(gap)
	if !utf8.ValidString(s) {
		s = charset.Decode("", []byte(s))
	}
	d.clean(s)
}

// flush converts the bytes of the run of words.
func (d *decoder) flush() {
	if d.inRun {
		d.clean(charset.Decode(d.charset, d.raw))
	}
	d.raw, d.inRun, d.gap = d.raw[:0], false, ""
}

// clean writes s with CR, LF and NUL as spaces: decoded text must not break out of its line.
func (d *decoder) clean(s string) {
	for {
		i := strings.IndexAny(s, "\r\n\x00")
		if i < 0 {
			d.out.WriteString(s)
			return
		}
		d.out.WriteString(s[:i])
		d.out.WriteByte(' ')
		s = s[i+1:]
	}
}

func (d *decoder) text() string {
	gap := d.gap
	d.flush()
	d.clean(gap)
	return d.out.String()
}

// appendQ decodes the Q encoding (RFC 2047 §4.2); what is no encoded byte stays.
func appendQ(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			dst = append(dst, ' ')
		case c == '=' && isHexPair(s[i+1:]):
			dst = append(dst, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendBase64 decodes the B encoding (RFC 2047 §4.1); other characters and missing padding are ignored, and
// padding in the middle begins anew, as when two texts were put into one word.
func appendBase64(dst []byte, s string) []byte {
	var bits uint32
	n := 0
	for i := range len(s) {
		if s[i] == '=' {
			bits, n = 0, 0
			continue
		}
		v := base64Value(s[i])
		if v < 0 {
			continue
		}
		bits, n = bits<<6|uint32(v), n+6
		if n >= 8 {
			n -= 8
			dst = append(dst, byte(bits>>n))
		}
	}
	return dst
}

func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+' || c == '-': // "-" and "_" are the URL alphabet, which some use by mistake
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return -1
}

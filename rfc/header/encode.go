package header

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// maxWordBytes is the length of an encoded word (RFC 2047 §2).
const maxWordBytes = 75

const (
	wordHead = "=?UTF-8?"
	wordTail = "?="
	// wordText is the room for the encoded text of a word.
	wordText = maxWordBytes - len(wordHead) - len("B?") - len(wordTail)
	// firstShorter leaves room for the name of the field before the first word.
	firstShorter = 16
)

// EncodeText encodes s for an unstructured field such as Subject: unchanged if it is printable ASCII, else as
// encoded words of UTF-8 that are split only between characters (RFC 2047 §5). The words are separated by
// single spaces, where AppendField folds.
func EncodeText(s string) string {
	s = oneLine(s)
	if isASCIIText(s) && !strings.Contains(s, "=?") {
		return s
	}
	return encodeWords(s)
}

// EncodePhrase encodes s for a display name (RFC 5322 §3.2.5): as it is if it is made of atoms, as a
// quoted-string if it is ASCII, else as encoded words. Invariant: an encoded word never stands in quotes.
func EncodePhrase(s string) string {
	s = oneLine(s)
	switch {
	case !isASCIIText(s) || strings.Contains(s, "=?"):
		return encodeWords(s)
	case isAtoms(s):
		return s
	}
	return Quote(s)
}

// Quote makes a quoted-string (RFC 5322 §3.2.4).
func Quote(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(append(b, '"'))
}

// encodeWords uses Q or B, whichever is shorter.
func encodeWords(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	q := 0
	for i := range len(s) {
		q += qLength(s[i])
	}
	useQ := q <= (len(s)+2)/3*4
	room := wordText - firstShorter
	var out []byte
	for ; s != ""; room = wordText {
		var n int
		if useQ {
			n = fitQ(s, room)
			out = appendQWord(out, s[:n])
		} else {
			n = charBoundary(s, room/4*3)
			out = append(out, wordHead+"B?"...)
			out = base64.StdEncoding.AppendEncode(out, []byte(s[:n]))
			out = append(out, wordTail...)
		}
		if s = s[n:]; s != "" {
			out = append(out, ' ')
		}
	}
	return string(out)
}

// fitQ counts the bytes of whole characters that fit into a Q word.
func fitQ(s string, room int) int {
	n := 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		for i := range size {
			room -= qLength(s[n+i])
		}
		if room < 0 {
			break
		}
		n += size
	}
	return n
}

// charBoundary is the greatest character boundary of s that is not above n.
func charBoundary(s string, n int) int {
	if n >= len(s) {
		return len(s)
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

func qLength(c byte) int {
	if isQSafe(c) || c == ' ' {
		return 1
	}
	return 3
}

// isQSafe is the set that may stand in every place where a word may (RFC 2047 §5 (3)).
func isQSafe(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

func appendQWord(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, wordHead+"Q?"...)
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			dst = append(dst, '_')
		case isQSafe(c):
			dst = append(dst, c)
		default:
			dst = append(dst, '=', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, wordTail...)
}

func isASCIIText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}

func isAtoms(s string) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' || strings.Contains(s, "  ") {
		return false
	}
	for i := range len(s) {
		if s[i] != ' ' && !isAtext(s[i]) {
			return false
		}
	}
	return true
}

// isAtext is the set of RFC 5322 §3.2.3.
func isAtext(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// oneLine makes CR, LF and NUL spaces, so that a value can not add a field.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n\x00") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

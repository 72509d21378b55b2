package dsn

import (
	"strings"
	"unicode/utf8"

	"barid/rfc/charset"
	"barid/rfc/header"
)

// Clean makes one safe line of a stranger's text: controls, marks that reorder what a person sees, and runs of
// white space become one space; bytes that are not UTF-8 are read in the charset they look like; what is
// longer than max bytes is cut between characters, with "..." behind it.
func Clean(s string, max int) string {
	const cut = "..."
	if len(s) > 4*max {
		s = s[:4*max] // bounds the work; whatever is cut off in a character is repaired below
	}
	if !utf8.ValidString(s) {
		s = charset.Decode("", []byte(s))
	}
	b := make([]byte, 0, min(len(s), max))
	for _, r := range s {
		if r == ' ' || harmful(r) {
			if n := len(b); n > 0 && b[n-1] != ' ' {
				b = append(b, ' ')
			}
			continue
		}
		if len(b)+utf8.RuneLen(r) > max {
			b = b[:charBoundary(b, max-len(cut))]
			return string(append(b, cut...))
		}
		b = utf8.AppendRune(b, r)
	}
	return strings.TrimSuffix(string(b), " ")
}

// charBoundary is the greatest beginning of a character in b that is not above n.
func charBoundary(b []byte, n int) int {
	n = min(max(n, 0), len(b))
	for n > 0 && n < len(b) && !utf8.RuneStart(b[n]) {
		n--
	}
	return n
}

// harmful are the characters that have no place in a line about somebody's mail: controls, separators, marks
// of direction, and what can not be seen.
func harmful(r rune) bool {
	switch {
	case r < ' ', r >= 0x7F && r < 0xA0,
		r == 0x200E, r == 0x200F, r == 0x061C,
		r >= 0x2028 && r <= 0x202E,
		r >= 0x2066 && r <= 0x206F,
		r == 0xFEFF, r >= 0xFFF9 && r <= 0xFFFB,
		r >= 0xE0000 && r <= 0xE007F,
		r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return true
	}
	return false
}

// wordBytes is the longest run without white space that is written on a line.
const wordBytes = 500

// fieldText makes text fit for a field of a report. Without global, characters above ASCII are written as
// \x{HEX}, which loses nothing. Words that are longer than a line may be are divided.
func fieldText(s string, max int, global bool) string {
	s = Clean(s, max)
	if isASCII(s) && len(s) <= wordBytes {
		return s
	}
	b := make([]byte, 0, len(s)+len(s)/4)
	word := 0
	for _, r := range s {
		n := len(b)
		if r < utf8.RuneSelf || global {
			b = utf8.AppendRune(b, r)
		} else {
			b = appendEscape(b, r)
		}
		if word += len(b) - n; r == ' ' {
			word = 0
		} else if word >= wordBytes {
			b, word = append(b, ' '), 0
		}
	}
	return string(b)
}

// appendField adds a field if it has a value.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return header.AppendField(b, name, value)
}

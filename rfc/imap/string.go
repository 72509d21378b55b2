package imap

import "strconv"

// maxQuoted is how many bytes a quoted string of ours has at most; what is longer is a literal.
const maxQuoted = 4096

// AppendString writes s as a quoted string if it is 7-bit without CR, LF and NUL, else as a literal.
// NUL, which not even a literal may hold (RFC 3501 §9 CHAR8), is left out.
func AppendString(dst []byte, s string) []byte {
	if len(s) <= maxQuoted && isPlain(s) {
		dst = append(append(dst, '"'), s...)
		return append(dst, '"')
	}
	quotable, nul := len(s) <= maxQuoted, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0:
			nul++
			quotable = false
		case c == '\r' || c == '\n' || c >= 0x80:
			quotable = false
		}
	}
	if quotable {
		return appendQuoted(dst, s)
	}
	dst = append(dst, '{')
	dst = strconv.AppendInt(dst, int64(len(s)-nul), 10)
	dst = append(dst, "}\r\n"...)
	if nul == 0 {
		return append(dst, s...)
	}
	for i := 0; i < len(s); i++ {
		if s[i] != 0 {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// isPlain tells whether s stands between quotes as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

// plain are the bytes that stand between quotes as they are, but for controls, which are rare.
var plain = func() (t [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// AppendNString is AppendString, with NIL for "".
func AppendNString(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "NIL"...)
	}
	return AppendString(dst, s)
}

// AppendAString writes s as an atom where that is possible.
func AppendAString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if !isAtomChar(s[i]) {
			return AppendString(dst, s)
		}
	}
	if s == "" || equalFold([]byte(s), "NIL") {
		return AppendString(dst, s)
	}
	return append(dst, s...)
}

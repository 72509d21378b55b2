package smtp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeXtext decodes "+" HEX HEX (RFC 3461 §4). What comes out must be printable US-ASCII or a space:
// an encoded CR, LF or NUL would otherwise reach a header field.
func decodeXtext(key, s string) (string, error) {
	s, err := unquoteXtext(key, s)
	if err != nil {
		return "", err
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return "", malformed(key, "control or 8-bit character")
		}
	}
	return s, nil
}

// decodeUTF8Xtext is decodeXtext for what may be UTF-8 inside.
func decodeUTF8Xtext(key, s string) (string, error) {
	s, err := unquoteXtext(key, s)
	if err != nil {
		return "", err
	}
	return s, checkUTF8(key, s)
}

// unquoteXtext gives the octets, whatever they are.
func unquoteXtext(key, s string) (string, error) {
	if !needsDecoding(s) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return "", malformed(key, "cut-off xtext")
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi > 15 || lo > 15 {
				return "", malformed(key, "not xtext")
			}
			c, i = hi<<4|lo, i+2
		}
		b = append(b, c)
	}
	return string(b), nil
}

func needsDecoding(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '+' || c <= ' ' || c > '~' || c == '=' {
			return true
		}
	}
	return false
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// AppendXtext encodes s as xtext (RFC 3461 §4); s is US-ASCII.
func AppendXtext(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			b = append(b, '+', digits[c>>4], digits[c&15])
			continue
		}
		b = append(b, c)
	}
	return b
}

// decodeUnitext decodes the address of ORCPT type utf-8: UTF-8 with embedded \x{HEX} (RFC 6533 §3,
// utf-8-addr-xtext and utf-8-addr-unitext).
func decodeUnitext(key, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", malformed(key, "not UTF-8")
	}
	var b strings.Builder
	for s != "" {
		i := strings.Index(s, `\x{`)
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		hex, rest, ok := strings.Cut(s[i+3:], "}")
		n, err := strconv.ParseUint(hex, 16, 32)
		if !ok || err != nil || len(hex) < 2 || len(hex) > 6 || !utf8.ValidRune(rune(n)) {
			return "", malformed(key, "malformed \\x{}")
		}
		b.WriteRune(rune(n))
		s = rest
	}
	return b.String(), checkUTF8(key, b.String())
}

// checkUTF8 refuses what is no text: bad UTF-8, control characters, line and paragraph separators.
func checkUTF8(key, s string) error {
	if !utf8.ValidString(s) {
		return malformed(key, "not UTF-8")
	}
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 {
			return malformed(key, "control character")
		}
	}
	return nil
}

package addr

import "unicode/utf8"

// isASCII reports whether s has no byte above 127.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isAtext reports whether c is atext of RFC 5322 §3.2.3, or a byte above 127 (RFC 6531 §3.3).
func isAtext(c byte) bool {
	switch {
	case c >= utf8.RuneSelf:
		return true
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '/', '=', '?', '^', '_', '`', '{', '|', '}', '~':
		return true
	}
	return false
}

// isControl reports whether c is an ASCII control character.
func isControl(c byte) bool { return c < ' ' || c == 0x7f }

// isDotString reports whether s can stand as a local part without quotes (RFC 5321 §4.1.2, Dot-string).
func isDotString(s string) bool {
	dot := true // an atom must come first, and after every dot
	for i := range len(s) {
		switch {
		case s[i] != '.':
			if !isAtext(s[i]) {
				return false
			}
			dot = false
		case dot:
			return false
		default:
			dot = true
		}
	}
	return !dot
}

// checkText finds what may never be in an address: control characters of ASCII and C1, line and paragraph
// separators, and the invisible marks that reorder or overlay what a person sees (RFC 5321 §4.1.2,
// RFC 6532 §3.1; RFC 8264 §9.11 has them disallowed too). It also refuses bytes above 127 unless allowed.
func checkText(s string, allow bool) error {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if isControl(c) {
				return fail(i, BadControl)
			}
			i++
			continue
		}
		if !allow {
			return fail(i, NeedUTF8)
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return fail(i, BadUTF8)
		}
		if unsafeRune(r) {
			return fail(i, BadControl)
		}
		i += n
	}
	return nil
}

func unsafeRune(r rune) bool {
	switch {
	case r < 0xa0, // C1
		r == 0x200e, r == 0x200f, r == 0x061c, // LRM, RLM, ALM
		r >= 0x2028 && r <= 0x202e,                     // separators, bidi embeddings and overrides
		r >= 0x2066 && r <= 0x206f,                     // bidi isolates, deprecated format characters
		r == 0xfeff,                                    // byte order mark
		r >= 0xfff9 && r <= 0xfffb,                     // annotations
		r >= 0xe0000 && r <= 0xe007f,                   // tags
		r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef: // noncharacters
		return true
	}
	return false
}

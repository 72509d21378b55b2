package text

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Casemap adds s in the form that i;unicode-casemap compares (RFC 5051 §2) to dst: title case, decomposed. It
// keeps letters apart that Fold joins, such as é and e, أ and ا.
func Casemap[T bytesOrString](dst []byte, s T) []byte {
	for i := 0; i < len(s); {
		r, n := decode(s, i)
		i += n
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			dst = append(dst, byte(r))
			continue
		}
		if t := unicode.ToTitle(r); t < utf8.RuneSelf {
			dst = append(dst, byte(t))
		} else {
			dst = norm.NFKD.AppendString(dst, string(t))
		}
	}
	return dst
}

package text

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// zwnj is the zero width non-joiner. It parts the pieces of a word in Persian, Urdu and Kurdish; people type it,
// a space, or nothing.
const zwnj = '\u200c'

// nonJoiner says what becomes of a ZWNJ.
type nonJoiner byte

const (
	dropNonJoiner  nonJoiner = iota // the word in one: what Fold gives
	spaceNonJoiner                  // as the same word typed with a space
	keepNonJoiner                   // for Splitter, which wants both
)

// Fold adds the folded form of s to dst. ASCII costs no more than a copy.
func Fold[T bytesOrString](dst []byte, s T) []byte { return fold(dst, nil, s, dropNonJoiner) }

// FoldString gives the folded form of s; s itself if it is folded ASCII.
func FoldString(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return string(Fold(make([]byte, 0, len(s)+8), s))
		}
	}
	return s
}

// FoldSpaced is Fold with a space for each ZWNJ.
func FoldSpaced[T bytesOrString](dst []byte, s T) []byte { return fold(dst, nil, s, spaceNonJoiner) }

// Map is the way back from a folded text to its source.
type Map struct {
	from   []int32 // for each folded byte, where the character it was made of begins
	source int
}

// FoldMap adds the folded form of s to dst and gives the way back. s must be shorter than 2 GiB.
func FoldMap[T bytesOrString](dst []byte, s T) ([]byte, *Map) {
	m := &Map{source: len(s), from: make([]int32, 0, len(s)+8)}
	return fold(dst, m, s, dropNonJoiner), m
}

// Source gives the bytes of the source that folded to [i,j) of what FoldMap added to dst. Characters that
// vanished behind the last one belong to it.
func (m *Map) Source(i, j int) (from, to int) {
	at := func(k int) int {
		if k >= len(m.from) {
			return m.source
		}
		return int(m.from[max(k, 0)])
	}
	from, to = at(i), at(j)
	if j > i && j < len(m.from) && j > 0 && m.from[j-1] == m.from[j] { // j is inside of what one character became
		for j < len(m.from) && m.from[j-1] == m.from[j] {
			j++
		}
		to = at(j)
	}
	return from, max(from, to)
}

// note enters that dst grew by what stands at from in the source.
func (m *Map) note(from, grew int) {
	if m == nil {
		return
	}
	for range grew {
		m.from = append(m.from, int32(from))
	}
}

// fold is all foldings.
func fold[T bytesOrString](dst []byte, m *Map, s T, zw nonJoiner) []byte {
	dst = slices.Grow(dst, len(s))
	var f *folding
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			m.note(i, 1)
			i++
			continue
		}
		if f == nil {
			f = theFolding()
		}
		was := len(dst)
		var n int
		dst, n = foldRune(dst, f, s, i, zw)
		m.note(i, len(dst)-was)
		i += n
	}
	return dst
}

// foldRune folds the character at s[i:] with all that joins with it, and tells how long that was.
func foldRune[T bytesOrString](dst []byte, f *folding, s T, i int, zw nonJoiner) ([]byte, int) {
	r, n := decode(s, i)
	e, long := f.entry(r)
	switch {
	case e&entDrop != 0:
		switch {
		case r != zwnj || zw == dropNonJoiner:
		case zw == spaceNonJoiner:
			dst = append(dst, ' ')
		default:
			dst = append(dst, "\u200c"...)
		}
		return dst, n
	case e&entJoins != 0:
		if end := joined(f, s, i+n, zw); end > i+n {
			return foldJoined(dst, f, s, i, end), end - i
		}
	}
	if e&entLong != 0 {
		return append(dst, long...), n
	}
	return utf8.AppendRune(dst, rune(e&payload)), n
}

// maxJoined bounds how much is looked at as one character, bytes.
const maxJoined = 128

// joined tells where that ends which may join with the character before s[i:].
func joined[T bytesOrString](f *folding, s T, i int, zw nonJoiner) int {
	for limit := i + maxJoined; i < len(s) && i < limit; {
		if s[i] < utf8.RuneSelf {
			break
		}
		r, n := decode(s, i)
		if e, _ := f.entry(r); e&entFollows == 0 || r == zwnj && zw != dropNonJoiner {
			break
		}
		i += n
	}
	return i
}

// foldJoined folds s[i:end], which may be one character.
func foldJoined[T bytesOrString](dst []byte, f *folding, s T, i, end int) []byte {
	buf := make([]byte, 0, maxJoined+utf8.UTFMax)
	for first := true; i < end; first = false {
		r, n := decode(s, i)
		e, _ := f.entry(r)
		// Only letters of the Cyrillic script join with marks that are dropped elsewhere.
		if e&entDrop == 0 || e&entMark != 0 && !first && cyrillic(buf) {
			buf = utf8.AppendRune(buf, r)
		}
		i += n
	}
	for _, r := range string(norm.NFKC.Bytes(buf)) {
		if e, long := f.entry(r); e&entLong != 0 {
			dst = append(dst, long...)
		} else if e&entDrop == 0 {
			dst = utf8.AppendRune(dst, rune(e&payload))
		}
	}
	return dst
}

func cyrillic(b []byte) bool {
	r, _ := utf8.DecodeRune(b)
	return r >= 0x400 && r < 0x530
}

// decode reads the character at s[i:]; what is no UTF-8 is U+FFFD of one byte.
func decode[T bytesOrString](s T, i int) (rune, int) {
	c := s[i]
	switch {
	case c < utf8.RuneSelf:
		return rune(c), 1
	case c >= 0xC2 && c < 0xE0 && i+1 < len(s) && s[i+1]&0xC0 == 0x80:
		return rune(c&0x1F)<<6 | rune(s[i+1]&0x3F), 2
	}
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s[i:])])
}

// SafeCut gives the largest n <= len(b), but at most a few hundred bytes below it, such that b[:n] and what
// follows fold in two pieces to what they fold to in one. It is len(b) only for texts that end in ASCII.
func SafeCut(b []byte) int {
	f := theFolding()
	for i := len(b); i > 0 && i > len(b)-2*maxJoined; {
		if b[i-1] < utf8.RuneSelf {
			return i
		}
		start := i - 1
		for start > 0 && start > i-utf8.UTFMax && !utf8.RuneStart(b[start]) {
			start--
		}
		if utf8.FullRune(b[start:i]) {
			r, n := utf8.DecodeRune(b[start:i])
			if n != i-start || r == utf8.RuneError {
				return i - 1 // a byte that belongs to no character
			}
			if e, _ := f.entry(r); e&entFollows == 0 {
				return start
			}
		}
		i = start
	}
	if len(b) > 2*maxJoined {
		return len(b) - utf8.UTFMax
	}
	return 0
}

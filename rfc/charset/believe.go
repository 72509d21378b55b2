package charset

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Bounds below which a label is believed, bytes above ASCII.
const (
	minUTF8   = 6 // three characters: no text in a single-byte charset looks like that by chance
	minArabic = 8
)

// singleByte tells whether a charset has a meaning for nearly every byte, so that a wrong label can not be seen from what
// can not be converted, and whether its lower half is ASCII.
func singleByte(e encoding.Encoding) bool {
	switch c := e.(type) {
	case *charmap.Charmap:
		return c.DecodeByte('A') == 'A' && c.DecodeByte('~') == '~' // EBCDIC is not
	case *table:
		return true
	}
	return false
}

// believed gives the charset to convert b with, of which a label says said: another one if the label is plainly wrong.
// Mailers say a single-byte charset of what is UTF-8, and a western European one of Arabic.
func believed(said encoding.Encoding, b []byte) encoding.Encoding {
	if !singleByte(said) {
		return said
	}
	b = b[:min(len(b), guessBytes)]
	high, bad := scanUTF8(b)
	switch {
	case bad == 0 && high >= minUTF8:
		return unicode.UTF8
	case high >= minArabic && western(said) && score(b, charmap.Windows1252) < 0 && arabicScore(b) >= 3*high:
		return guessed(b)
	}
	return said
}

// guessed gives the charset that b is most likely in.
func guessed(b []byte) encoding.Encoding {
	if name := Guess(b); name != nameUTF8 {
		return lookup(name).enc
	}
	return unicode.UTF8
}

// arabicScore is more than 3 for each byte above ASCII if those are the usual letters of Arabic or Persian.
func arabicScore(b []byte) int {
	return max(score(b, charmap.Windows1256), score(b, charmap.ISO8859_6))
}

// western tells whether it is a charset that stands in labels only because nobody chose it.
func western(e encoding.Encoding) bool { return e == charmap.Windows1252 || e == charmap.ISO8859_1 }

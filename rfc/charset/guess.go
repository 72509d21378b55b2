package charset

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// guessBytes is how much of a text a guess is made from, bytes.
const guessBytes = 16 << 10

// Guess names the charset that b is most likely in: "utf-8" (also for ASCII), "windows-1256", "iso-8859-6",
// "windows-1252", or "iso-2022-jp" when its escapes are there.
func Guess(b []byte) string {
	b = b[:min(len(b), guessBytes)]
	high, bad := scanUTF8(b)
	switch {
	case high == 0 && looksJapanese(b):
		return "iso-2022-jp"
	case bad*4 <= high-bad: // a few damaged characters do not make UTF-8 something else
		return nameUTF8
	}
	w1256, iso6, latin := score(b, charmap.Windows1256), score(b, charmap.ISO8859_6), score(b, charmap.Windows1252)
	switch {
	case latin >= w1256 && latin >= iso6: // windows-1256 has the French letters too, at the same places
		return "windows-1252"
	case iso6 > w1256:
		return "iso-8859-6"
	}
	return "windows-1256"
}

// scanUTF8 counts the bytes above ASCII, and those of them that are not UTF-8. A character that is cut at
// the end of UTF-8 text is not counted as bad.
func scanUTF8(b []byte) (high, bad int) {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		high += n
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(b[i:]) && high-bad > 1 {
				return high - 1, bad
			}
			bad++
		}
		i += n
	}
	return high, bad
}

// looksJapanese finds the designation of JIS X 0208 (RFC 1468).
func looksJapanese(b []byte) bool {
	for i := 0; i+2 < len(b); i++ {
		if b[i] == escape && b[i+1] == '$' && (b[i+2] == 'B' || b[i+2] == '@') {
			return true
		}
	}
	return false
}

// score sums how likely each byte above ASCII is as a letter of the charset, with respect to its neighbours:
// Arabic letters stand beside each other, accented Latin ones among ASCII letters.
func score(b []byte, c *charmap.Charmap) int {
	sum := 0
	for i, x := range b {
		if x < utf8.RuneSelf {
			continue
		}
		r := c.DecodeByte(x)
		among := beside(b, i)
		switch w, arabic := arabicWeight(r); {
		case arabic && among == 'l':
			sum -= 3
		case arabic:
			sum += w
		case unicode.IsLetter(r) && among == 'l':
			sum += latinWeight(r)
		case unicode.IsLetter(r):
			sum -= 6
		case r == utf8.RuneError, unicode.IsControl(r) && r != 0x85:
			sum -= 20
		default:
			sum -= 1 // signs: quotes, dashes, currency
		}
	}
	return sum
}

// beside tells what stands around b[i]: 'l' only ASCII letters or nothing but at least one of them, 'h'
// otherwise.
func beside(b []byte, i int) byte {
	letters, high := 0, 0
	for _, j := range [2]int{i - 1, i + 1} {
		switch {
		case j < 0 || j >= len(b):
		case b[j] >= utf8.RuneSelf:
			high++
		case 'a' <= b[j]|0x20 && b[j]|0x20 <= 'z':
			letters++
		}
	}
	if letters > 0 && high < 2 {
		return 'l'
	}
	return 'h'
}

// arabicWeight is large for the letters that Arabic and Persian text consists of. Frequencies per hundred
// letters, halved and rounded up, of news text in both languages.
func arabicWeight(r rune) (weight int, arabic bool) {
	switch r {
	case 'ا', 'ل', 'ي', 'م', 'ن', 'و', 'ر':
		return 5, true
	case 'ت', 'ه', 'د', 'ب', 'ع', 'س', 'ی':
		return 4, true
	case 'ف', 'ق', 'ك', 'ة', 'أ', 'ح', 'ش', 'ک':
		return 3, true
	case 'ج', 'خ', 'ص', 'ط', 'ض', 'ى', 'إ', 'ز', 'پ', 'چ', 'گ', 'ذ':
		return 2, true
	case 'ث', 'غ', 'ظ', 'ئ', 'ء', 'ؤ', 'آ', 'ژ':
		return 1, true
	case '،', '؛', '؟', '\u200c', 'ـ':
		return 1, true
	}
	if unicode.Is(unicode.Arabic, r) || 0x064B <= r && r <= 0x0652 {
		return 0, true
	}
	return 0, false
}

// latinWeight prefers the letters of western European languages to letters such as "Ð" and "þ".
func latinWeight(r rune) int {
	switch unicode.ToLower(r) {
	case 'é', 'è', 'à', 'ç', 'ü', 'ö', 'ä', 'ß', 'ñ', 'á', 'í', 'ó', 'ú', 'ê', 'å', 'ø', 'æ', 'ã', 'õ', 'ô', 'î', 'â', 'û', 'ë', 'ï', 'ù', 'œ', 'ò', 'ì':
		return 4
	}
	return 1
}

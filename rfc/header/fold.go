package header

// foldBytes is the line length that RFC 5322 §2.1.1 recommends, without CRLF.
const foldBytes = 78

// AppendField adds "name: value" with CRLF to dst, folded before words (RFC 5322 §2.2.3) so that lines stay
// within 78 octets where there is white space to fold at. The value must be encoded already; CR, LF and NUL
// in it become spaces. A line of only white space is never made.
func AppendField(dst []byte, name, value string) []byte {
	start := len(dst)
	dst = append(dst, name...)
	dst = append(dst, ':')
	value = oneLine(value)
	for i := 0; i < len(value); {
		word := wordFrom(value, i)
		space := value[i:word.begin]
		if space == "" && i == 0 {
			space = " "
		}
		onLine := len(dst) - start
		if i > 0 && space != "" && word.begin < word.end && onLine+len(space)+word.end-word.begin > foldBytes {
			dst = append(dst, '\r', '\n')
			start = len(dst)
		}
		dst = append(dst, space...)
		dst = append(dst, value[word.begin:word.end]...)
		i = word.end
	}
	return append(dst, '\r', '\n')
}

// span is a word in a value: [begin,end).
type span struct{ begin, end int }

// wordFrom finds the first word at or behind i.
func wordFrom(v string, i int) span {
	for i < len(v) && isSpace(v[i]) {
		i++
	}
	s := span{i, i}
	for s.end < len(v) && !isSpace(v[s.end]) {
		s.end++
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

package header

import (
	"bytes"
	"iter"
)

// Next reads the field that begins at section[off:]; ok is false at the empty line or at the end of the
// section. The next field begins at f.Off+f.Len. Lines end with LF, with or without CR before it. A line
// without a colon is given as a field without a name.
func Next(section []byte, off int) (f Field, ok bool) {
	rest := section[off:]
	if len(rest) == 0 || atBlankLine(rest) {
		return Field{}, false
	}
	n := fieldLength(rest)
	raw := rest[:n]
	f = Field{Off: off, Len: n, Value: trimEOL(raw)}
	if colon := nameLength(raw); colon >= 0 {
		f.Name = trimSpace(raw[:colon]) // RFC 5322 §4.5: obsolete white space before the colon
		f.Value = trimEOL(raw[colon+1:])
	}
	return f, true
}

// All walks over the fields of section up to the empty line.
func All(section []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for off := 0; ; {
			f, ok := Next(section, off)
			if !ok || !yield(f) {
				return
			}
			off = f.Off + f.Len
		}
	}
}

// Scan gives the first max fields of section.
func Scan(section []byte, max int) []Field {
	var out []Field
	for f := range All(section) {
		if len(out) >= max {
			break
		}
		out = append(out, f)
	}
	return out
}

// First gives the first field with the name.
func First(section []byte, name string) (Field, bool) {
	for f := range All(section) {
		if f.Is(name) {
			return f, true
		}
	}
	return Field{}, false
}

// Get gives the unfolded text of the first field with the name, still encoded; "" if there is none.
func Get(section []byte, name string) string {
	f, ok := First(section, name)
	if !ok {
		return ""
	}
	return f.Text()
}

// Values gives the unfolded texts of the first max fields with the name.
func Values(section []byte, name string, max int) []string {
	var out []string
	for f := range All(section) {
		if len(out) >= max {
			break
		}
		if f.Is(name) {
			out = append(out, f.Text())
		}
	}
	return out
}

// BodyOffset is where the body begins in a message or part that begins with a header section: behind the
// first empty line, or at the end if there is none.
func BodyOffset(b []byte) int {
	for off := 0; off < len(b); {
		if atBlankLine(b[off:]) {
			return off + bytes.IndexByte(b[off:], '\n') + 1
		}
		i := bytes.IndexByte(b[off:], '\n')
		if i < 0 {
			break
		}
		off += i + 1
	}
	return len(b)
}

func atBlankLine(b []byte) bool {
	return b[0] == '\n' || b[0] == '\r' && len(b) > 1 && b[1] == '\n'
}

// fieldLength counts the bytes of the first field with its continuation lines.
func fieldLength(b []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return len(b)
		}
		n += i + 1
		if n >= len(b) || b[n] != ' ' && b[n] != '\t' {
			return n
		}
	}
}

// nameLength is where the colon of a field is, -1 if the line is no field: names are printable ASCII
// (RFC 5322 §2.2); white space may only stand before the colon, or UTF-8 bytes of a careless mailer.
func nameLength(line []byte) int {
	space := false
	for i, c := range line {
		switch {
		case c == ':':
			if i == 0 {
				return -1
			}
			return i
		case c == ' ' || c == '\t':
			if i == 0 {
				return -1
			}
			space = true
		case c < ' ' || c == 0x7F || space:
			return -1
		}
	}
	return -1
}

// trimSpace removes white space from the end.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// IsField tells whether a line begins like a field: a name and a colon.
func IsField(line []byte) bool { return nameLength(line) > 0 }

func trimEOL(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n > 1 && b[n-2] == '\r' {
			b = b[:n-2]
		}
	}
	return b
}

// Unfold removes the line ends of folds (RFC 5322 §2.2.3), and every other CR, LF and NUL, so that the
// result is safe on a line. It copies only if there is something to remove.
func Unfold(v []byte) []byte {
	i := bytes.IndexByte(v, '\n')
	if i < 0 && bytes.IndexByte(v, '\r') < 0 && bytes.IndexByte(v, 0) < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	for _, c := range v {
		if c != '\r' && c != '\n' && c != 0 {
			out = append(out, c)
		}
	}
	return out
}

// equalFold compares in ASCII without regard to case.
func equalFold(a []byte, b string) bool {
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

package header

import (
	"bytes"
	"slices"
	"strings"
)

// Param is one parameter of a structured MIME field (RFC 2045 §5.1, RFC 2231). A field may have the same name
// plain and extended; see Lookup.
type Param struct {
	Name     string // lower-case, without the marks of RFC 2231
	Value    string // decoded, UTF-8
	Raw      string // as sent: quotes and backslashes removed, continuations joined; "charset'language'%D8" when Extended
	Extended bool   // RFC 2231 §4: on the wire the name is Name+"*" and the value Raw
}

// Lookup gives the decoded value of a parameter, the extended form if both are there (RFC 6266 §4.3 reasons
// the same way for HTTP).
func Lookup(params []Param, name string) (string, bool) {
	found := -1
	for i := range params {
		if params[i].Name == name && (found < 0 || params[i].Extended && !params[found].Extended) {
			found = i
		}
	}
	if found < 0 {
		return "", false
	}
	return params[found].Value, true
}

// Params reads "value; name=value; ..." (RFC 2045 §5.1) with the continuations and charsets of RFC 2231. It
// looks at no more than max parameters, counting each part of a continued one. Comments are skipped; missing
// quotes, semicolons and closing quotes, and encoded words in quotes are tolerated.
func Params(v []byte, max int) (value string, params []Param) {
	p := paramReader{v: Unfold(v)}
	value = p.value()
	marked := false
	var few [4]piece // stays on the stack for usual fields
	pieces := few[:0]
	for len(pieces) < max {
		name, raw, ok := p.next()
		if !ok {
			break
		}
		x := newPiece(name, raw)
		marked = marked || x.marked
		pieces = append(pieces, x)
	}
	if marked {
		return value, joinPieces(slices.Clone(pieces))
	}
	if len(pieces) > 0 {
		params = make([]Param, 0, len(pieces))
	}
	for _, x := range pieces {
		params = append(params, plainParam(x))
	}
	return value, params
}

func plainParam(x piece) Param {
	raw := string(x.raw)
	return Param{Name: x.name, Value: DecodeWords(raw), Raw: raw}
}

// paramReader goes over a field value once.
type paramReader struct {
	v []byte
	i int
}

// value reads what stands before the first semicolon, without comments and white space.
func (p *paramReader) value() string {
	end := bytes.IndexByte(p.v, ';')
	if open := bytes.IndexByte(p.v, '('); open >= 0 && (end < 0 || open < end) {
		return p.valueWithComments()
	}
	if end < 0 {
		end = len(p.v)
	}
	p.i = end
	return string(bytes.TrimSpace(p.v[:end]))
}

func (p *paramReader) valueWithComments() string {
	var out []byte
	for p.i < len(p.v) && p.v[p.i] != ';' {
		if p.v[p.i] == '(' {
			p.skipComment()
			continue
		}
		out = append(out, p.v[p.i])
		p.i++
	}
	return string(bytes.TrimSpace(out))
}

// skipComment skips a comment, which may nest, or one "(" that nothing closes: the rest is then not part of a
// comment, and as nothing behind it can be, this is found out once for the field.
func (p *paramReader) skipComment() {
	depth := 0
	for j := p.i; j < len(p.v); j++ {
		switch p.v[j] {
		case '\\':
			j++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.i = j + 1
				return
			}
		}
	}
	p.v = p.v[:p.i] // no end: the comment is the rest of the field
}

// next reads one parameter; name and raw are parts of the field, or of a copy where quotes were removed.
func (p *paramReader) next() (name, raw []byte, ok bool) {
	for p.i < len(p.v) {
		p.skipSpace()
		start := p.i
		for p.i < len(p.v) && p.v[p.i] != '=' && p.v[p.i] != ';' {
			p.i++
		}
		if p.i >= len(p.v) {
			return nil, nil, false
		}
		name = lastWord(p.v[start:p.i])
		if p.v[p.i] == ';' || len(name) == 0 {
			p.i++
			continue
		}
		p.i++
		return name, p.paramValue(name), true
	}
	return nil, nil, false
}

// skipSpace skips white space, semicolons and comments.
func (p *paramReader) skipSpace() {
	for p.i < len(p.v) {
		switch c := p.v[p.i]; {
		case c == '(':
			p.skipComment()
		case c <= ' ' || c == ';':
			p.i++
		default:
			return
		}
	}
}

// lastWord drops junk before a name: a value that had no quotes, for instance.
func lastWord(b []byte) []byte {
	b = bytes.TrimSpace(b)
	if i := bytes.LastIndexAny(b, " \t"); i >= 0 {
		return b[i+1:]
	}
	return b
}

func (p *paramReader) paramValue(name []byte) []byte {
	for p.i < len(p.v) && isSpace(p.v[p.i]) {
		p.i++
	}
	if p.i < len(p.v) && p.v[p.i] == '"' {
		if v, ok := p.quoted(); ok {
			return v
		}
		p.i++ // nothing closes it: take it as a value without quotes
	}
	return p.unquoted(name)
}

// quoted reads a quoted-string. A backslash is removed only before a character that needs it, so that
// "C:\docs" survives.
func (p *paramReader) quoted() ([]byte, bool) {
	start := p.i + 1
	escaped := false
	for j := start; j < len(p.v); j++ {
		switch p.v[j] {
		case '\\':
			escaped = true
			j++
		case '"':
			p.i = j + 1
			if escaped {
				return unescape(p.v[start:j]), true
			}
			return p.v[start:j], true
		}
	}
	return nil, false
}

func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\') {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// unquoted reads up to white space or a semicolon; file names may hold spaces, since many mailers forget to
// quote them.
func (p *paramReader) unquoted(name []byte) []byte {
	rest := p.v[p.i:]
	end := bytes.IndexByte(rest, ';')
	if end < 0 {
		end = len(rest)
	}
	if !isFileName(name) {
		if i := bytes.IndexAny(rest[:end], " \t"); i >= 0 {
			end = i
		}
	}
	p.i += end
	return bytes.TrimSpace(rest[:end])
}

func isFileName(name []byte) bool {
	return len(name) >= 4 && (len(name) == 4 && equalFold(name, "name") || len(name) >= 8 && equalFold(name[:8], "filename"))
}

// paramName gives a name in lower case; the usual ones cost no allocation.
func paramName(b []byte) string {
	var buf [16]byte
	if len(b) <= len(buf) {
		low := buf[:0]
		for _, c := range b {
			low = append(low, lower(c))
		}
		switch string(low) {
		case "charset":
			return "charset"
		case "boundary":
			return "boundary"
		case "name":
			return "name"
		case "filename":
			return "filename"
		case "format":
			return "format"
		case "type":
			return "type"
		case "size":
			return "size"
		}
	}
	return strings.ToLower(strings.ToValidUTF8(string(b), "\uFFFD"))
}

package intake

import (
	"bytes"
	"strings"
	"unicode"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// claims tells whether an Authentication-Results field says that it is ours, by whatever trick: case, folds,
// comments, quotes, a version, U-labels, a final dot, or white space inside (RFC 8601 §2.2, §5). A field
// whose authserv-id can not be read but that mentions a name of ours is taken for a trick.
func claims(value []byte, names []string) bool {
	bare, ok := withoutComments(value)
	if !ok {
		return mentions(value, names)
	}
	id, _, _ := strings.Cut(bare, ";")
	first := strings.TrimLeft(id, " \t\r\n")
	if i := strings.IndexAny(first, " \t\r\n/"); i >= 0 && first[0] != '"' {
		first = first[:i]
	}
	joined := strings.Map(visible, id)
	return isOurs(first, names) || isOurs(joined, names) || isOurs(strings.TrimRight(joined, "0123456789"), names)
}

// isOurs compares an authserv-id with our names in canonical form.
func isOurs(id string, names []string) bool {
	id = strings.Map(visible, id)
	id = strings.Trim(id, `"`)
	if strings.Contains(id, "=?") {
		id = header.DecodeWords(id)
	}
	id = canonicalName(strings.ReplaceAll(id, `\`, ""))
	for _, n := range names {
		if id == n {
			return true
		}
	}
	return false
}

// visible drops white space, control characters, and the marks that nobody sees: U+200B, U+FEFF and the like.
// The joiners U+200C and U+200D stay: they are letters of Persian and Indic domain names.
func visible(r rune) rune {
	switch {
	case r == 0x200c, r == 0x200d:
		return r
	case r <= ' ', r == 0x7f, r > 0x7f && (unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf)):
		return -1
	}
	return r
}

// withoutComments removes RFC 5322 §3.2.2 comments outside of quoted strings. ok is false if a comment or a
// quoted string has no end.
func withoutComments(v []byte) (s string, ok bool) {
	if bytes.IndexByte(v, '(') < 0 && bytes.IndexByte(v, '"') < 0 {
		return string(v), true
	}
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c == '\\' && i+1 < len(v) && (depth > 0 || quoted):
			if i++; depth == 0 {
				b.WriteByte(v[i])
			}
		case c == '"' && depth == 0:
			quoted = !quoted
			b.WriteByte(c)
		case c == '(' && !quoted:
			depth++
		case c == ')' && !quoted && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String(), depth == 0 && !quoted
}

// mentions tells whether one of names stands in value as a whole domain name.
func mentions(value []byte, names []string) bool {
	for _, n := range names {
		for rest := value; n != ""; {
			i := indexFold(rest, n)
			if i < 0 {
				break
			}
			end := i + len(n)
			if !nameBefore(rest[:i]) && !nameAfter(rest[end:]) {
				return true
			}
			rest = rest[i+1:]
		}
	}
	return false
}

// nameBefore and nameAfter tell whether a longer domain name goes on there.
func nameBefore(b []byte) bool {
	return len(b) > 0 && (inName(b[len(b)-1]) || b[len(b)-1] == '.')
}

func nameAfter(b []byte) bool {
	return len(b) > 0 && inName(b[0]) || len(b) > 1 && b[0] == '.' && inName(b[1])
}

func inName(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// canonicalNames gives our names as isOurs compares them, the host's first.
func canonicalNames(s Settings) []string {
	names := []string{canonicalName(s.Host)}
	for _, n := range s.Names {
		names = append(names, canonicalName(n))
	}
	return names
}

// canonicalName is lower case with A-labels, without a final dot; what is no domain name is only folded.
func canonicalName(n string) string {
	n = strings.TrimSuffix(n, ".")
	if d, err := addr.ParseDomain(n); err == nil {
		return d
	}
	return strings.ToLower(n)
}

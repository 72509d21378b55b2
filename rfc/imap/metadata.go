package imap

import "strings"

// MaxEntryName is how many bytes the name of an annotation may have.
const MaxEntryName = 255

// Entry is one entry and its value in SETMETADATA (RFC 5464 §4.3).
type Entry struct {
	Name  string
	Value string
	Nil   bool // take it away
}

// EntryName reads the name of an annotation (RFC 5464 §3.2, §5) and gives it in lower case: it begins with
// "/private/" or "/shared/", has no empty component, no wildcard, nothing but printable ASCII.
func (p *Parser) EntryName() string {
	s := strings.ToLower(p.AString())
	if p.err == nil && !validEntry(s) {
		p.fail("not the name of an annotation")
	}
	return s
}

func validEntry(s string) bool {
	if len(s) > MaxEntryName || !strings.HasPrefix(s, "/private/") && !strings.HasPrefix(s, "/shared/") {
		return false
	}
	if strings.HasSuffix(s, "/") || strings.Contains(s, "//") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '*' || c == '%' {
			return false
		}
	}
	return true
}

// Entries reads one entry name or a list of them.
func (p *Parser) Entries() (out []string) {
	if p.peek() != '(' {
		return []string{p.EntryName()}
	}
	p.List(func() { out = append(out, p.EntryName()) })
	if len(out) == 0 {
		p.fail("a list of entries can not be empty")
	}
	return out
}

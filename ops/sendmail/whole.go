package sendmail

import "strings"

// isWhole tells whether nothing of a list of addresses is lost when it is read as addr.ParseList reads it. That
// takes what it can of any text, which is right for mail that is there already; here it would leave somebody out,
// or find an address in what a stranger typed into a form.
func isWhole(list string) bool {
	if strings.ContainsFunc(list, isControl) {
		return false
	}
	var m member
	for i := 0; i < len(list); i++ {
		switch c := list[i]; c {
		case '"':
			i += quoted(list[i:])
		case '(':
			i += comment(list[i:])
		default:
			if !m.takes(c) {
				return false
			}
		}
	}
	return m.ends()
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// member is one member of a list while it is read: "name <address>" or an address alone.
type member struct {
	ats       int  // "@" outside of brackets
	inside    bool // of brackets
	bracketed bool // they were there
}

func (m *member) takes(c byte) bool {
	switch {
	case c == '<':
		if m.inside {
			return false
		}
		m.inside, m.bracketed = true, true
	case c == '>':
		if !m.inside {
			return false
		}
		m.inside = false
	case m.inside:
	case c == ',', c == ';', c == ':':
		ok := m.ends()
		*m = member{}
		return ok
	case c == '@':
		if m.ats++; m.bracketed { // an address behind another
			return false
		}
	}
	return true
}

// ends tells whether the member is one address at most. Before brackets anything is a name.
func (m *member) ends() bool { return !m.inside && (m.bracketed || m.ats <= 1) }

// quoted gives the offset of the quote that ends the one at the beginning of s, 0 if there is none.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return 0
}

// comment gives the offset of the parenthesis that ends the one at the beginning of s, 0 if there is none.
func comment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return 0
}

package imap

// Flag is a flag as a client wrote it, system flags in their usual spelling.
type Flag string

// The system flags of RFC 3501 §2.3.2.
const (
	Seen     Flag = `\Seen`
	Answered Flag = `\Answered`
	Flagged  Flag = `\Flagged`
	Deleted  Flag = `\Deleted`
	Draft    Flag = `\Draft`
	Recent   Flag = `\Recent`
)

// Flag reads one flag: a keyword or one of the five system flags that a client may set.
func (p *Parser) Flag() Flag {
	if !p.take('\\') {
		return Flag(p.Atom())
	}
	name := p.Atom()
	for _, f := range []Flag{Seen, Answered, Flagged, Deleted, Draft} {
		if equalFold([]byte(name), string(f[1:])) {
			return f
		}
	}
	p.fail("no such system flag")
	return ""
}

// Flags reads a flag list in parentheses.
func (p *Parser) Flags() (out []Flag) {
	p.List(func() { out = append(out, p.Flag()) })
	return out
}

// FlagsOrList reads a flag list with or without parentheses, as STORE allows.
func (p *Parser) FlagsOrList() (out []Flag) {
	if p.peek() == '(' {
		return p.Flags()
	}
	for n := 0; ; n++ {
		if n == p.lim.Items {
			p.fail("list is too long")
		}
		out = append(out, p.Flag())
		if !p.More() {
			return out
		}
		p.SP()
	}
}

package imap

import "time"

// DateTime reads `"17-Jul-1996 02:44:25 -0700"` (RFC 3501 §9 date-time).
func (p *Parser) DateTime() time.Time {
	s := p.quoted()
	if len(s) > 0 && s[0] == ' ' {
		s = "0" + s[1:]
	}
	t, err := time.Parse("02-Jan-2006 15:04:05 -0700", s)
	if err != nil {
		p.fail("expected a date-time")
	}
	return t
}

// Date reads 1-Feb-1994, quoted or not (RFC 3501 §9 date), as midnight UTC of that day.
func (p *Parser) Date() time.Time {
	var s string
	if p.peek() == '"' {
		s = p.quoted()
	} else {
		s = p.Atom()
	}
	t, err := time.Parse("2-Jan-2006", s)
	if err != nil {
		p.fail("expected a date")
	}
	return t
}

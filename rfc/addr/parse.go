package addr

import (
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// parsePath is ParsePath.
func parsePath(s string, o Options) (Path, string, error) {
	if s == "" || s[0] != '<' {
		return Path{}, "", fail(0, NoBracket)
	}
	if strings.HasPrefix(s, "<>") {
		if !o.Null {
			return Path{}, "", fail(1, NullPath)
		}
		return Path{Null: true}, s[2:], nil
	}
	limits := o.limits()
	i, err := skipRoute(s, 1)
	if err != nil {
		return Path{}, "", err
	}
	m, end, err := limits.mailbox(s, i, o)
	if err != nil {
		return Path{}, "", err
	}
	if end >= len(s) || s[end] != '>' {
		return Path{}, "", fail(min(end, len(s)), NoBracket)
	}
	if end+1 > limits.path {
		return Path{}, "", fail(limits.path, LongPath)
	}
	return Path{Mailbox: m}, s[end+1:], nil
}

// parseMailbox is ParseMailbox.
func parseMailbox(s string, utf8 bool) (Mailbox, error) {
	o := Options{UTF8: utf8}
	m, end, err := o.limits().mailbox(s, 0, o)
	if err != nil {
		return Mailbox{}, err
	}
	if end != len(s) {
		return Mailbox{}, fail(end, BadSyntax)
	}
	return m, nil
}

// bounds are the limits of one path in octets.
type bounds struct{ local, path int }

func (o Options) limits() bounds {
	if o.LongLocal > MaxLocal {
		return bounds{local: o.LongLocal, path: o.LongLocal + 1 + MaxDomain + 2}
	}
	return bounds{local: MaxLocal, path: MaxPath}
}

// skipRoute checks the source route (RFC 5321 §4.1.2, A-d-l) at s[i:], if there is one, and gives the
// offset after its colon.
func skipRoute(s string, i int) (int, error) {
	for i < len(s) && s[i] == '@' {
		start := i + 1
		end := start + domainLen(s[start:])
		if err := checkRouteDomain(s[start:end]); err != nil {
			return 0, shift(err, start)
		}
		if end >= len(s) {
			return 0, fail(end, NoBracket)
		}
		switch s[end] {
		case ':':
			return end + 1, nil
		case ',':
			i = end + 1
			if i >= len(s) || s[i] != '@' {
				return 0, fail(i, BadSyntax)
			}
		default:
			return 0, fail(end, BadSyntax)
		}
	}
	return i, nil
}

func checkRouteDomain(d string) error {
	if d != "" && d[0] == '[' {
		if d[len(d)-1] != ']' {
			return fail(len(d), BadLiteral)
		}
		_, err := canonicalLiteral(d)
		return err
	}
	_, err := canonicalDomain(d)
	return err
}

// mailbox reads a Mailbox of RFC 5321 §4.1.2 at s[i:] and gives the offset after it. A local part
// without domain is taken only if it is the postmaster and o.Postmaster says so.
func (b bounds) mailbox(s string, i int, o Options) (Mailbox, int, error) {
	local, at, err := b.local5321(s, i, o.UTF8)
	if err != nil {
		return Mailbox{}, 0, err
	}
	if at >= len(s) || s[at] != '@' {
		if o.Postmaster && at < len(s) && s[at] == '>' && strings.EqualFold(local, "postmaster") {
			return Mailbox{Local: local}, at, nil
		}
		if at < len(s) && s[at] != '>' {
			return Mailbox{}, 0, misplaced(s, at)
		}
		return Mailbox{}, 0, fail(at, NoDomain)
	}
	start := at + 1
	end := start + domainLen(s[start:])
	domain, err := domain5321(s[start:end], o.UTF8)
	if err != nil {
		return Mailbox{}, 0, shift(err, start)
	}
	if end < len(s) && s[end] != '>' {
		return Mailbox{}, 0, misplaced(s, end)
	}
	m := Mailbox{Local: local, Domain: domain}
	if len(m.String())+2 > b.path {
		return Mailbox{}, 0, fail(min(b.path, len(s)), LongPath)
	}
	return m, end, nil
}

// misplaced names what is wrong with the character at s[i], which can not stand there.
func misplaced(s string, i int) error {
	if isControl(s[i]) {
		return fail(i, BadControl)
	}
	return fail(i, BadSyntax)
}

// local5321 reads a Local-part (RFC 5321 §4.1.2, RFC 6531 §3.3) at s[i:]: its content and the offset after it.
func (b bounds) local5321(s string, i int, utf8 bool) (string, int, error) {
	if i < len(s) && s[i] == '"' {
		return b.quoted(s, i, utf8)
	}
	end := i
	for end < len(s) && (isAtext(s[end]) || s[end] == '.') {
		end++
	}
	raw := s[i:end]
	if raw == "" {
		if i < len(s) && s[i] != '@' && s[i] != '>' {
			return "", 0, misplaced(s, i)
		}
		return "", 0, fail(i, NoLocal)
	}
	if !isDotString(raw) {
		return "", 0, fail(i, BadSyntax)
	}
	local, err := b.content(raw, utf8)
	if err != nil {
		return "", 0, shift(err, i)
	}
	return local, end, nil
}

// quoted reads a Quoted-string at s[i:].
func (b bounds) quoted(s string, i int, utf8 bool) (string, int, error) {
	var buf strings.Builder
	for j := i + 1; j < len(s); j++ {
		switch c := s[j]; {
		case c == '"':
			local, err := b.content(buf.String(), utf8)
			if err != nil {
				return "", 0, shift(err, i+1)
			}
			return local, j + 1, nil
		case isControl(c):
			return "", 0, fail(j, BadControl)
		case c == '\\':
			if j+1 == len(s) || isControl(s[j+1]) || s[j+1] > '~' {
				return "", 0, fail(j, BadQuoting)
			}
			j++
			buf.WriteByte(s[j])
		default:
			buf.WriteByte(c)
		}
		if buf.Len() > 4*b.local {
			return "", 0, fail(j, LongLocal)
		}
	}
	return "", 0, fail(i, BadQuoting)
}

// content checks and normalises what a local part says.
func (b bounds) content(raw string, utf8 bool) (string, error) {
	if err := checkText(raw, utf8); err != nil {
		return "", err
	}
	if !isASCII(raw) {
		raw = norm.NFC.String(raw)
	}
	if len(raw) > b.local {
		return "", fail(b.local, LongLocal)
	}
	return raw, nil
}

// domain5321 reads a Domain or address-literal, all of s.
func domain5321(s string, utf8 bool) (string, error) {
	if s == "" {
		return "", fail(0, NoDomain)
	}
	if s[0] == '[' {
		if s[len(s)-1] != ']' || len(s) < 3 {
			return "", fail(len(s)-1, BadLiteral)
		}
		return canonicalLiteral(s)
	}
	if err := checkText(s, utf8); err != nil {
		return "", err
	}
	return canonicalDomain(s)
}

// domainLen gives the length of the domain or literal that s begins with: as far as its characters go.
// What they spell is judged later.
func domainLen(s string) int {
	if s != "" && s[0] == '[' {
		for i := 1; i < len(s); i++ {
			if s[i] == ']' {
				return i + 1
			}
			if isControl(s[i]) || s[i] == '>' || s[i] == ' ' {
				return i
			}
		}
		return len(s)
	}
	for i := range len(s) {
		if c := s[i]; !isAtext(c) && c != '.' {
			return i
		}
	}
	return len(s)
}

// shift moves the offset of err, which counts from by, to the beginning of the input.
func shift(err error, by int) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{Offset: e.Offset + by, Why: e.Why}
	}
	return err
}

// canonical gives m, whose parts may be as somebody wrote them, in canonical form.
func canonical(m Mailbox) (Mailbox, error) {
	o := Options{UTF8: true}
	b := o.limits()
	if m.Domain == "" {
		return Mailbox{}, fail(0, NoDomain)
	}
	local, err := b.content(m.Local, true)
	if err != nil {
		return Mailbox{}, err
	}
	domain, err := domain5321(m.Domain, true)
	if err != nil {
		return Mailbox{}, err
	}
	c := Mailbox{Local: local, Domain: domain}
	if len(c.String())+2 > b.path {
		return Mailbox{}, fail(b.path, LongPath)
	}
	return c, nil
}

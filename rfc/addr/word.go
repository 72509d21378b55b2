package addr

import "strings"

// word reads '.', '@' or an atom. Whatever else stands here (a stray bracket, an unterminated quote) is
// taken as part of an atom.
func (p *lister) word() {
	start := p.i
	c := p.s[p.i]
	p.i++
	if c == '.' || c == '@' {
		p.emit(start, p.i, false, c)
		return
	}
	for p.i < len(p.s) && isAtext(p.s[p.i]) {
		p.i++
	}
	p.emit(start, p.i, false, 0)
}

// quoted reads a quoted-string (RFC 5322 §3.2.4). It gives false if it has no end.
func (p *lister) quoted() bool {
	if p.noQuote {
		return false
	}
	escaped := false
	for j := p.i + 1; j < len(p.s); j++ {
		switch p.s[j] {
		case '\\':
			escaped = true
			j++
		case '"':
			start := p.i + 1
			p.i = j + 1
			p.emit(start, j, escaped || hasControl(p.s[start:j]), '"')
			return true
		}
	}
	p.noQuote = true
	return false
}

// literal reads a domain-literal (RFC 5322 §3.4.1). It gives false if it has no end.
func (p *lister) literal() bool {
	if p.noLiteral {
		return false
	}
	n := strings.IndexByte(p.s[p.i:], ']')
	if n < 0 {
		p.noLiteral = true
		return false
	}
	start, end := p.i, p.i+n+1
	p.i = end
	p.emit(start, end, hasControl(p.s[start:end]), '[')
	return true
}

// comment reads a comment with all that is nested in it (RFC 5322 §3.2.2), counting, not recursing. It
// gives false if the comment has no end.
func (p *lister) comment() bool {
	if p.noComment {
		return false
	}
	depth := 0
	for j := p.i; j < len(p.s); j++ {
		switch p.s[j] {
		case '\\':
			j++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.commentAt, p.commentEnd = p.i+1, j
				p.i = j + 1
				return true
			}
		}
	}
	p.noComment = true
	return false
}

// emit adds s[a:b] to the phrase and to the addr-spec. special is 0 for an atom, else its first byte;
// dirty text is unescaped.
func (p *lister) emit(a, b int, dirty bool, special byte) {
	glues := special == '.' || special == '@'
	if p.words > 0 && p.gap {
		p.phrase.add(" ")
	}
	// A word apart from the others begins a new addr-spec, or, behind a domain, is not of it.
	if p.gap && !glues && !p.glue {
		if p.at >= 0 {
			p.closed = true
		} else {
			p.spec = text{s: p.s}
			p.mark = p.phrase.len()
		}
	}
	at := p.spec.len()
	if dirty {
		clean := unescape(p.s[a:b])
		p.phrase.add(clean)
		p.addSpec(clean)
	} else {
		p.phrase.span(a, b)
		if !p.closed {
			p.spec.span(a, b)
		}
	}
	if special == '@' && !p.closed {
		p.at = at
	}
	p.words++
	p.gap, p.glue = false, glues
}

func (p *lister) addSpec(s string) {
	if !p.closed {
		p.spec.add(s)
	}
}

// unescape removes the backslashes of quoted pairs, and control characters: line ends are folding, a tab
// is a space.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 && !hasControl(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			c = s[i]
		}
		if c == '\t' {
			c = ' '
		}
		if !isControl(c) {
			b = append(b, c)
		}
	}
	return string(b)
}

func hasControl(s string) bool {
	for i := range len(s) {
		if isControl(s[i]) {
			return true
		}
	}
	return false
}

// text is a string made of pieces of s. While the pieces follow each other in s nothing is copied.
type text struct {
	s    string
	a, b int
	buf  []byte
	own  bool
}

func (t *text) len() int {
	if t.own {
		return len(t.buf)
	}
	return t.b - t.a
}

// span adds s[a:b].
func (t *text) span(a, b int) {
	switch {
	case t.own:
		t.buf = append(t.buf, t.s[a:b]...)
	case t.a == t.b:
		t.a, t.b = a, b
	case t.b == a:
		t.b = b
	default:
		t.add(t.s[a:b])
	}
}

// add adds what does not stand in s.
func (t *text) add(x string) {
	if !t.own && t.b < len(t.s) && strings.HasPrefix(t.s[t.b:], x) && t.a != t.b {
		t.b += len(x)
		return
	}
	if !t.own {
		t.buf, t.own = append(make([]byte, 0, 2*(t.b-t.a+len(x))), t.s[t.a:t.b]...), true
	}
	t.buf = append(t.buf, x...)
}

func (t *text) string() string {
	if t.own {
		return string(t.buf)
	}
	return t.s[t.a:t.b]
}

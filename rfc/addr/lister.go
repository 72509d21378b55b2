package addr

import "strings"

// lister reads one address list. It goes over s once; nothing is looked at twice but for an unterminated
// quote or comment, and the first of those proves that there is no terminated one behind it.
type lister struct {
	s   string
	i   int
	max int

	items   []Item
	group   string
	inGroup bool

	noQuote, noComment, noLiteral bool // no terminated one begins from here on

	// The element being read. phrase is all of its words; spec is the addr-spec that ends the phrase so
	// far; mark is the length of the phrase before spec.
	phrase, spec text
	mark         int
	words        int  // words in phrase
	at           int  // index of the last '@' in spec, or -1
	gap          bool // white space or a comment since the last word
	glue         bool // the last word was '.' or '@'
	closed       bool // spec has its domain; further words are not of it
	commentAt    int  // the last comment's content
	commentEnd   int
}

// run reads all of s.
func (p *lister) run() ([]Item, error) {
	p.reset()
	for p.i < len(p.s) {
		if !p.step() {
			return p.items, fail(p.i, TooManyItems)
		}
	}
	if !p.finish() || p.inGroup && !p.add(Item{Kind: GroupEnd}) {
		return p.items, fail(len(p.s), TooManyItems)
	}
	return p.items, nil
}

// step reads one token. It gives false when there is one item too many.
func (p *lister) step() bool {
	switch c := p.s[p.i]; {
	case c <= ' ' || c == 0x7f:
		p.i++
		p.gap = true
	case c == '(' && p.comment():
		p.gap = true
	case c == '"' && p.quoted():
	case c == '[' && p.literal():
	case c == '<':
		return p.angle()
	case c == ',':
		p.i++
		return p.finish()
	case c == ';':
		p.i++
		return p.finish() && (!p.inGroup || p.endGroup())
	case c == ':' && !p.inGroup && p.at < 0 && p.words > 0:
		p.i++
		return p.startGroup()
	case c == ':' && p.at < 0 || c == '>':
		p.i++ // belongs to nothing
	default:
		p.word()
	}
	return true
}

// reset begins an element.
func (p *lister) reset() {
	p.phrase, p.spec = text{s: p.s}, text{s: p.s}
	p.mark, p.words, p.at = 0, 0, -1
	p.gap, p.glue, p.closed = false, false, false
	p.commentAt, p.commentEnd = 0, 0
}

// add keeps an item, or says that there are too many.
func (p *lister) add(it Item) bool {
	if len(p.items) >= p.max {
		return false
	}
	p.items = append(p.items, it)
	return true
}

func (p *lister) startGroup() bool {
	p.group, p.inGroup = p.name(p.phrase.string()), true
	p.reset()
	return p.add(Item{Kind: GroupStart, Name: p.group})
}

func (p *lister) endGroup() bool {
	p.group, p.inGroup = "", false
	return p.add(Item{Kind: GroupEnd})
}

// finish ends an element that had no angle brackets.
func (p *lister) finish() bool {
	defer p.reset()
	if p.words == 0 && p.commentEnd == 0 {
		return true // RFC 5322 §4.4: empty elements
	}
	it := Item{Group: p.group}
	phrase, spec := p.phrase.string(), p.spec.string()
	switch {
	case p.at >= 0:
		it.Mailbox = Mailbox{Local: spec[:p.at], Domain: spec[p.at+1:]}
		it.Name = p.name(phrase[:p.mark])
	case p.words == 0:
		return true // a comment alone
	case p.mark == 0:
		it.Mailbox.Local = spec
		it.Name = p.name("")
	default:
		it.Name = p.name(phrase)
	}
	return p.add(it)
}

// name gives the display name: words, or else the last comment.
func (p *lister) name(words string) string {
	if words = strings.Trim(words, " "); words != "" || p.commentEnd == 0 {
		return words
	}
	return unescape(p.s[p.commentAt:p.commentEnd])
}

// angle reads an angle-addr (RFC 5322 §3.4, §4.4 obs-angle-addr) and the comments behind it.
func (p *lister) angle() bool {
	it := Item{Group: p.group}
	words := p.phrase.string()
	p.i++
	p.clearSpec()
	if p.skipSpace(); p.i < len(p.s) && p.s[p.i] == '@' {
		it.Route = p.route()
	}
	p.inAngle()
	spec := p.spec.string()
	if p.at >= 0 {
		it.Mailbox = Mailbox{Local: spec[:p.at], Domain: spec[p.at+1:]}
	} else {
		it.Mailbox.Local = spec
	}
	for p.skipSpace(); p.i < len(p.s) && p.s[p.i] == '('; p.skipSpace() {
		if !p.comment() {
			break
		}
	}
	it.Name = p.name(words)
	p.reset()
	return p.add(it)
}

func (p *lister) clearSpec() {
	p.spec = text{s: p.s}
	p.at, p.gap, p.glue, p.closed = -1, false, false, false
}

// inAngle reads the words up to '>', or up to where it should have been.
func (p *lister) inAngle() {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '>':
			p.i++
			return
		case c == ',' || c == ';' || c == '<':
			return
		case c <= ' ' || c == 0x7f:
			p.i++
		case c == '(' && p.comment():
		case c == '"' && p.quoted():
		case c == '[' && p.literal():
		default:
			p.gap = false
			p.word()
		}
	}
}

// route reads an obs-route; p is at its '@'. Without a colon there was none, and p stays.
func (p *lister) route() string {
	var b []byte
	for j := p.i; j < len(p.s) && j-p.i <= MaxPath*4; j++ {
		switch c := p.s[j]; {
		case c == ':':
			p.i = j + 1
			return string(b)
		case c == '>' || c == '<' || c == '"' || c == '(' || c == ';':
			return ""
		case c > ' ' && c != 0x7f:
			b = append(b, c)
		}
	}
	return ""
}

func (p *lister) skipSpace() {
	for p.i < len(p.s) && (p.s[p.i] <= ' ' || p.s[p.i] == 0x7f) {
		p.i++
	}
}

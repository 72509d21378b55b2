package imapmodel

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// value is an atom, a string (quoted or literal), or a list.
type value struct {
	kind byte // 'a', 's', '('
	s    string
	list []value
}

// atom gives the value's text in capitals, "" if it is no atom.
func (v value) atom() string {
	if v.kind != 'a' {
		return ""
	}
	return strings.ToUpper(v.s)
}

func (v value) number() uint64 {
	n, err := strconv.ParseUint(v.s, 10, 64)
	if err != nil || v.kind != 'a' {
		panic(failed("%q is no number", v.s))
	}
	return n
}

// response is one response line with its literals.
type response struct {
	raw  string
	tag  string  // "*", "+" or a tag
	num  uint32  // in front of EXISTS, EXPUNGE, RECENT, FETCH
	word string  // OK, NO, FETCH, ...
	code string  // response code: its name
	args []value // of the code, or of the word
	text string
}

// parser reads values strictly as RFC 9051 §9 writes them: one space, no space before CRLF.
type parser struct {
	b    string
	i    int
	in   bool // inside of a response code: "]" ends atoms
	utf8 bool // strings may hold it
}

var errSyntax = errors.New("not what RFC 9051 §9 allows")

func (p *parser) fail(why string) { panic(fmt.Errorf("%w: %s at %d", errSyntax, why, p.i)) }

func (p *parser) peek() byte {
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() == c && p.i < len(p.b) {
		p.i++
		return true
	}
	return false
}

func (p *parser) want(c byte) {
	if !p.take(c) {
		p.fail(fmt.Sprintf("want %q", c))
	}
}

func (p *parser) value() value {
	switch p.peek() {
	case '(':
		return p.list()
	case '"':
		return p.quoted()
	case '{':
		v := p.literal()
		if strings.Contains(v.s, "\x00") {
			p.fail("NUL in a literal")
		}
		return v
	case '~': // RFC 9051 §9 literal8
		p.i++
		return p.literal()
	}
	return p.atom()
}

// atom reads one; brackets keep what is between them, so that BODY[HEADER.FIELDS (To)] is one.
func (p *parser) atom() value {
	at, depth := p.i, 0
	for ; p.i < len(p.b); p.i++ {
		c := p.b[p.i]
		switch {
		case c == '[':
			depth++
		case c == ']' && depth == 0 && p.in:
			return p.cut(at)
		case c == ']':
			depth--
		case depth > 0 && c != '\r':
		case c == ' ', c == '(', c == ')', c == '"', c == '\r', c == '{':
			return p.cut(at)
		case c < 0x20, c >= 0x7f:
			p.fail("an octet that no atom has")
		}
	}
	return p.cut(at)
}

func (p *parser) cut(at int) value {
	if p.i == at {
		p.fail("a value is missing")
	}
	return value{kind: 'a', s: p.b[at:p.i]}
}

func (p *parser) quoted() value {
	p.want('"')
	var b []byte
	for {
		c := p.peek()
		p.i++
		switch {
		case c == '"':
			return value{kind: 's', s: string(b)}
		case c == '\\':
			c = p.peek()
			p.i++
			if c != '"' && c != '\\' {
				p.fail("an escape of something else")
			}
		case c == 0, c == '\r', c == '\n':
			p.fail("a quoted string does not end")
		case c >= 0x80 && !p.utf8:
			p.fail("UTF-8 in a quoted string")
		}
		b = append(b, c)
	}
}

func (p *parser) literal() value {
	p.want('{')
	at := p.i
	for p.peek() >= '0' && p.peek() <= '9' {
		p.i++
	}
	n, err := strconv.Atoi(p.b[at:p.i])
	p.want('}')
	p.want('\r')
	p.want('\n')
	if err != nil || p.i+n > len(p.b) {
		p.fail("a literal that is not there")
	}
	p.i += n
	return value{kind: 's', s: p.b[p.i-n : p.i]}
}

func (p *parser) list() value {
	p.want('(')
	v := value{kind: '('}
	if p.take(')') {
		return v
	}
	for {
		v.list = append(v.list, p.value())
		if p.take(')') {
			return v
		}
		if p.peek() != '(' { // body structures have lists without a space between them
			p.want(' ')
		}
	}
}

// values reads " " value until the end.
func (p *parser) values() (out []value) {
	for p.take(' ') {
		out = append(out, p.value())
	}
	return out
}

// parse reads a response without its last CRLF.
func parse(raw string, utf8 bool) (r response, err error) {
	p := &parser{b: raw, utf8: utf8}
	defer func() {
		if x := recover(); x != nil {
			e, ok := x.(error)
			if !ok {
				panic(x)
			}
			err = e
		}
	}()
	r.raw = raw
	tag, rest, ok := strings.Cut(raw, " ")
	if !ok {
		p.fail("no tag")
	}
	r.tag = tag
	p.i = len(tag) + 1
	if tag == "+" {
		r.text = rest
		return r, nil
	}
	first := p.atom()
	if c := first.s[0]; c >= '0' && c <= '9' {
		n, err := strconv.ParseUint(first.s, 10, 32)
		if err != nil || tag != "*" {
			p.fail("number")
		}
		r.num = uint32(n)
		p.want(' ')
		first = p.atom()
	}
	r.word = first.s
	if isStatus(r.word) {
		p.status(&r)
		return r, nil
	}
	if tag != "*" {
		p.fail("a tagged response that is no status")
	}
	r.args = p.values()
	for r.word == "THREAD" && p.peek() == '(' { // RFC 5256 §5: no space between threads
		r.args = append(r.args, p.list())
	}
	if p.i != len(p.b) {
		p.fail("the line goes on")
	}
	return r, nil
}

func isStatus(word string) bool {
	switch word {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// status reads [code] and the text, which must not be empty.
func (p *parser) status(r *response) {
	p.want(' ')
	if p.take('[') {
		p.in = true
		r.code = p.atom().s
		r.args = p.values()
		p.in = false
		p.want(']')
		p.want(' ')
	}
	if r.text = p.b[p.i:]; r.text == "" {
		p.fail("a status without a text")
	}
	for i := range len(r.text) {
		if r.text[i] < ' ' || r.text[i] >= 0x7f {
			p.fail("a text that is not ASCII")
		}
	}
}

// set reads 1:3,7 as the numbers in their order. It must be as short as it can be only as far as ranges ascend.
func set(s string) (out []uint32) {
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, ok := strings.Cut(part, ":")
		a, err := strconv.ParseUint(lo, 10, 32)
		b := a
		if ok && err == nil {
			b, err = strconv.ParseUint(hi, 10, 32)
		}
		if err != nil || a == 0 || b < a || b-a > 1<<20 {
			panic(failed("%q is no set", s))
		}
		for n := a; n <= b; n++ {
			out = append(out, uint32(n))
		}
	}
	return out
}

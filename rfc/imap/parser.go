package imap

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parser takes the arguments of one command apart, from left to right. The first error sticks: every
// later call gives a zero value, so a command reads all it wants and asks End once. Strings that it
// gives are copies.
type Parser struct {
	UTF8 bool // mailbox names come in UTF-8 (RFC 9051 §5.1, RFC 9755 §3), not in modified UTF-7

	b     []byte
	i     int
	depth int
	lim   *Limits
	err   error
}

// NewParser reads args under lim.
func NewParser(args []byte, lim *Limits) *Parser { return &Parser{b: args, lim: lim} }

// End reports the first error, or that something follows what was read.
func (p *Parser) End() error {
	if p.err == nil && p.i < len(p.b) {
		p.fail("unexpected " + p.here())
	}
	return p.err
}

// Err is the first error so far.
func (p *Parser) Err() error { return p.err }

// More reports whether anything is left to read.
func (p *Parser) More() bool { return p.err == nil && p.i < len(p.b) }

// Fail makes why the error, unless there is one.
func (p *Parser) Fail(why string) { p.fail(why) }

func (p *Parser) fail(why string) {
	if p.err == nil {
		p.err = &SyntaxError{Why: why + " at byte " + strconv.Itoa(p.i)}
	}
}

// here names the next byte for a message.
func (p *Parser) here() string {
	if p.i >= len(p.b) {
		return "end"
	}
	if c := p.b[p.i]; c > ' ' && c < 0x7f {
		return "'" + string(rune(c)) + "'"
	}
	return "byte"
}

func (p *Parser) peek() byte {
	if p.err != nil || p.i >= len(p.b) {
		return 0
	}
	return p.b[p.i]
}

// take skips c if it is next.
func (p *Parser) take(c byte) bool {
	if p.peek() != c || c == 0 {
		return false
	}
	p.i++
	return true
}

func (p *Parser) want(c byte) {
	if !p.take(c) {
		p.fail("expected '" + string(rune(c)) + "', found " + p.here())
	}
}

// SP skips one space, which must be there.
func (p *Parser) SP() *Parser {
	if !p.take(' ') {
		p.fail("expected a space, found " + p.here())
	}
	return p
}

// SPUnless is SP but for the first of several.
func (p *Parser) SPUnless(first bool) *Parser {
	if first {
		return p
	}
	return p.SP()
}

// TrySP skips a space if one is next.
func (p *Parser) TrySP() bool { return p.take(' ') }

// span takes the longest run of bytes that ok accepts.
func (p *Parser) span(ok func(byte) bool) []byte {
	if p.err != nil {
		return nil
	}
	at := p.i
	for p.i < len(p.b) && ok(p.b[p.i]) {
		p.i++
	}
	return p.b[at:p.i]
}

// Atom reads an atom.
func (p *Parser) Atom() string {
	s := p.span(isAtomChar)
	if len(s) == 0 {
		p.fail("expected an atom, found " + p.here())
	}
	return string(s)
}

// Word reads an atom and gives it in upper case.
func (p *Parser) Word() string { return upper([]byte(p.Atom())) }

// AString reads an atom, quoted string or literal.
func (p *Parser) AString() string {
	switch c := p.peek(); {
	case c == '"' || c == '{':
		return p.String()
	case isAStringChar(c):
		return string(p.span(isAStringChar))
	}
	p.fail("expected a string, found " + p.here())
	return ""
}

// String reads a quoted string or literal. 8-bit is taken in both, as clients send it in both.
func (p *Parser) String() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	p.fail("expected a quoted string or literal, found " + p.here())
	return ""
}

// NString reads a string or NIL.
func (p *Parser) NString() (s string, ok bool) {
	if c := p.peek(); c == 'N' || c == 'n' {
		if p.Word() != "NIL" {
			p.fail("expected a string or NIL")
		}
		return "", false
	}
	return p.String(), p.err == nil
}

func (p *Parser) quoted() string {
	p.want('"')
	rest := p.b[min(p.i, len(p.b)):]
	if end := bytes.IndexByte(rest, '"'); end >= 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
		return p.valid(p.plain(rest[:end]))
	}
	var out []byte
	for p.err == nil {
		switch c := p.peek(); c {
		case 0, '\r', '\n':
			p.fail("quoted string is not closed")
		case '"':
			p.i++
			return p.valid(string(out))
		case '\\':
			if p.i++; p.peek() != '"' && p.peek() != '\\' {
				p.fail("a backslash quotes only \" and \\")
				return ""
			}
			fallthrough
		default:
			out = append(out, p.peek())
			p.i++
		}
	}
	return ""
}

// valid refuses 8-bit that is not UTF-8 from who agreed on UTF-8 in quoted strings (RFC 9755 §3). From others, who are
// not to send 8-bit there at all, it is taken as it comes.
func (p *Parser) valid(s string) string {
	if p.UTF8 && !utf8.ValidString(s) {
		p.fail("a quoted string is UTF-8")
		return ""
	}
	return s
}

// plain ends a quoted string without backslashes.
func (p *Parser) plain(s []byte) string {
	if bytes.ContainsAny(s, "\r\n\x00") {
		p.fail("quoted string is not closed")
		return ""
	}
	p.i += len(s) + 1
	return string(s)
}

// String8 reads a quoted string, a literal or a literal8, which may hold NUL (RFC 3516 §4.4).
func (p *Parser) String8() string {
	if p.take('~') {
		return p.octets()
	}
	return p.String()
}

// literal reads a literal that Reader took into the command.
func (p *Parser) literal() string {
	s := p.octets()
	if strings.IndexByte(s, 0) >= 0 {
		p.fail("NUL is not allowed in a literal")
	}
	return s
}

// octets reads the size of a literal, and its bytes.
func (p *Parser) octets() string {
	p.want('{')
	n := p.Number()
	p.take('+')
	p.want('}')
	p.want('\r')
	p.want('\n')
	if p.err != nil || n > uint64(len(p.b)-p.i) {
		p.fail("literal is cut short")
		return ""
	}
	s := p.b[p.i : p.i+int(n)]
	p.i += int(n)
	return string(s)
}

// Number reads digits as at most 63 bits.
func (p *Parser) Number() uint64 {
	s := p.span(isDigit)
	n, err := strconv.ParseUint(string(s), 10, 63)
	if err != nil {
		p.fail("expected a number")
	}
	return n
}

// Number32 reads a number of RFC 3501, 32 bits.
func (p *Parser) Number32() uint32 {
	n := p.Number()
	if n > 1<<32-1 {
		p.fail("number is over 32 bits")
		return 0
	}
	return uint32(n)
}

// NumberOrStar reads the number of one message, or "*", the last one.
func (p *Parser) NumberOrStar() (n uint32, last bool) {
	if p.take('*') {
		return 0, true
	}
	if n = p.Number32(); n == 0 {
		p.fail("expected the number of a message")
	}
	return n, false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// List reads "(" members ")" and calls member at each. An empty list is taken.
func (p *Parser) List(member func()) {
	p.want('(')
	p.enter()
	for n := 0; p.err == nil && !p.take(')'); n++ {
		if n == p.lim.Items {
			p.fail("list is too long")
		}
		if n > 0 {
			p.SP()
		}
		member()
	}
	p.depth--
}

// Members is List of at least one, as extensions have them (RFC 4466 §3).
func (p *Parser) Members(member func()) {
	n := 0
	p.List(func() { n++; member() })
	if n == 0 {
		p.fail("the list can not be empty")
	}
}

// enter counts one level of nesting.
func (p *Parser) enter() {
	if p.depth++; p.depth > p.lim.Depth {
		p.fail("nested too deep")
	}
}

// NextIs reports whether c is the next byte.
func (p *Parser) NextIs(c byte) bool { return p.peek() == c }

// Raw gives the rest of the arguments as they came.
func (p *Parser) Raw() []byte {
	if p.err != nil {
		return nil
	}
	at := p.i
	p.i = len(p.b)
	return p.b[at:]
}

// Open reads "(", and Close ")", of what List does not fit.
func (p *Parser) Open() { p.want('(') }

// Close reads ")".
func (p *Parser) Close() { p.want(')') }

// Follow gives a parser for the part of the same command that came behind a message.
func (p *Parser) Follow(args []byte) *Parser {
	return &Parser{UTF8: p.UTF8, b: args, depth: p.depth, lim: p.lim, err: p.err}
}

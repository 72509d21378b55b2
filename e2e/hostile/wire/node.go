package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind tells what a Node is.
type Kind uint8

// The kinds.
const (
	Atom   Kind = iota // also numbers and NIL
	String             // quoted or a literal
	List
)

// A Node is a value of a response: RFC 3501 §4.
type Node struct {
	Kind Kind
	Text string
	List []Node
}

// IsNil tells NIL.
func (n Node) IsNil() bool { return n.Kind == Atom && strings.EqualFold(n.Text, "NIL") }

// IsNumber tells a number of 32 bits, or of 64.
func (n Node) IsNumber() bool {
	_, err := strconv.ParseUint(n.Text, 10, 63)
	return n.Kind == Atom && err == nil
}

// nstring is a string or NIL.
func (n Node) nstring() bool { return n.Kind == String || n.IsNil() }

// maxDepth is how deep a response may be nested before it is called endless.
const maxDepth = 10_000

// Parse reads all values of s.
func Parse(s string) ([]Node, error) {
	p := &parser{s: s}
	out, err := p.values(0)
	if err == nil && p.at < len(p.s) {
		err = fmt.Errorf("wire: %.40q is left over", p.s[p.at:])
	}
	return out, err
}

type parser struct {
	s  string
	at int
}

var errShort = errors.New("wire: the response ends in the middle of a value")

func (p *parser) values(depth int) (out []Node, err error) {
	if depth > maxDepth {
		return nil, errors.New("wire: nested too deep")
	}
	for p.at < len(p.s) && p.s[p.at] != ')' {
		n, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		switch {
		case p.at < len(p.s) && p.s[p.at] == ' ':
			if p.at++; p.at == len(p.s) || p.s[p.at] == ')' {
				return nil, errors.New("wire: a blank before the end of a list")
			}
		case p.at < len(p.s) && p.s[p.at] == '(' && n.Kind == List: // multipart: "(...)(...)"
		case p.at < len(p.s) && p.s[p.at] != ')':
			return nil, fmt.Errorf("wire: no blank before %.40q", p.s[p.at:])
		}
	}
	return out, nil
}

func (p *parser) value(depth int) (Node, error) {
	switch p.s[p.at] {
	case '(':
		p.at++
		list, err := p.values(depth + 1)
		if err != nil {
			return Node{}, err
		}
		if p.at == len(p.s) {
			return Node{}, errShort
		}
		p.at++
		return Node{Kind: List, List: list}, nil
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	return p.atom()
}

func (p *parser) quoted() (Node, error) {
	var b strings.Builder
	for p.at++; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; c {
		case '"':
			p.at++
			return Node{Kind: String, Text: b.String()}, nil
		case '\r', '\n', 0:
			return Node{}, fmt.Errorf("wire: octet %d in a quoted string", c)
		case '\\':
			p.at++
			if p.at == len(p.s) || p.s[p.at] != '"' && p.s[p.at] != '\\' {
				return Node{}, errors.New("wire: a wrong escape in a quoted string")
			}
			fallthrough
		default:
			b.WriteByte(p.s[p.at])
		}
	}
	return Node{}, errShort
}

func (p *parser) literal() (Node, error) {
	head, _, ok := strings.Cut(p.s[p.at:], "\r\n")
	if !ok {
		return Node{}, errShort
	}
	n, ok := announced(head)
	start := p.at + len(head) + 2
	if !ok || n > len(p.s)-start {
		return Node{}, errShort
	}
	p.at = start + n
	return Node{Kind: String, Text: p.s[start:p.at]}, nil
}

// atom reads an atom; BODY[HEADER.FIELDS (X)]<0> is one.
func (p *parser) atom() (Node, error) {
	start, inside := p.at, false
	for ; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case inside:
		case c == ' ' || c == '(' || c == ')':
			return p.word(start)
		case c < ' ' || c >= 0x7f || c == '"' || c == '{':
			return Node{}, fmt.Errorf("wire: octet %d in an atom", c)
		}
	}
	return p.word(start)
}

func (p *parser) word(start int) (Node, error) {
	if p.at == start {
		return Node{}, errors.New("wire: an empty atom")
	}
	return Node{Text: p.s[start:p.at]}, nil
}

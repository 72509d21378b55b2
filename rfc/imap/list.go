package imap

import (
	"slices"
	"unicode/utf8"
)

// ListOption is an option of an extended LIST, as bits (RFC 5258 §3.1, §3.2).
type ListOption uint16

// The selection options, the return options, and those that are both.
const (
	ListSubscribed     ListOption = 1 << iota // both
	ListSpecialUse                            // both (RFC 6154 §2)
	ListRemote                                // selection
	ListRecursiveMatch                        // selection
	ListChildren                              // return
	ListStatus                                // return (RFC 5819)
	ListMyRights                              // return (RFC 8440)
	ListMetadata                              // return (RFC 9590)
)

// List is the argument of LIST: as RFC 3501 §6.3.8 has it, or extended (RFC 5258 §3).
type List struct {
	Extended bool       // it has something that RFC 3501 does not
	Select   ListOption // which names are told
	Return   ListOption // what is told of them
	Status   []string   // items of ListStatus
	Entries  []string   // of ListMetadata
	Ref      string
	Patterns []string // at least one; "" is a pattern like others if Extended
}

// maxListPatterns bounds the patterns of one LIST: each is matched with every name.
const maxListPatterns = 64

// ListArguments reads [selection SP] reference SP patterns [SP "RETURN" SP options].
func (p *Parser) ListArguments() (l List) {
	if p.peek() == '(' {
		l.Extended = true
		p.List(func() { l.Select |= p.listSelection() })
		p.SP()
	}
	if l.Ref = p.nameOrNone(p.AString()); equalFold([]byte(l.Ref), "INBOX") {
		l.Ref = "INBOX"
	}
	if p.SP().peek() == '(' {
		l.Extended = true
		p.List(func() {
			if l.Patterns = append(l.Patterns, p.nameOrNone(p.rawPattern())); len(l.Patterns) > maxListPatterns {
				p.fail("too many patterns")
			}
		})
		if len(l.Patterns) == 0 {
			p.fail("a list of patterns can not be empty")
		}
	} else {
		l.Patterns = []string{p.nameOrNone(p.rawPattern())}
	}
	if p.TrySP() {
		l.Extended = true
		if p.Word() != "RETURN" {
			p.fail("expected RETURN")
		}
		p.SP().List(func() { p.listReturn(&l) })
	}
	if l.Select&ListRecursiveMatch != 0 && l.Select&ListSubscribed == 0 {
		p.fail("RECURSIVEMATCH needs another selection option")
	}
	return l
}

// noName stands in a List for a reference or pattern whose syntax is right, but which can not be one of a name: nothing
// matches it, and LIST goes on (RFC 9051 §6.3.9).
const noName = "\x00"

// nameOrNone is decodeName for LIST.
func (p *Parser) nameOrNone(s string) string {
	if _, err := p.decode(s); err != nil && (isASCII(s) || p.UTF8 && utf8.ValidString(s)) {
		return noName
	}
	return p.decodeName(s)
}

func (p *Parser) listSelection() ListOption {
	switch p.Word() {
	case "SUBSCRIBED":
		return ListSubscribed
	case "REMOTE":
		return ListRemote
	case "RECURSIVEMATCH":
		return ListRecursiveMatch
	case "SPECIAL-USE":
		return ListSpecialUse
	}
	p.fail("no such selection option")
	return 0
}

func (p *Parser) listReturn(l *List) {
	switch p.Word() {
	case "SUBSCRIBED":
		l.Return |= ListSubscribed
	case "CHILDREN":
		l.Return |= ListChildren
	case "SPECIAL-USE":
		l.Return |= ListSpecialUse
	case "MYRIGHTS":
		l.Return |= ListMyRights
	case "STATUS":
		l.Return |= ListStatus
		l.Status = p.SP().StatusItems()
	case "METADATA":
		l.Return |= ListMetadata
		l.Entries = p.SP().Entries()
	default:
		p.fail("no such return option")
	}
}

// maxStatusItems bounds a list of STATUS items; there are fewer.
const maxStatusItems = 32

// StatusItems reads the item list of STATUS, in upper case, each once.
func (p *Parser) StatusItems() (items []string) {
	p.List(func() {
		w := p.Word()
		if !slices.Contains(items, w) && len(items) < maxStatusItems {
			items = append(items, w)
		}
	})
	if len(items) == 0 {
		p.fail("a list of STATUS items can not be empty")
	}
	return items
}

// CreateParams are the parameters of CREATE (RFC 4466 §2.2).
type CreateParams struct {
	Given bool
	Use   []string // attributes of RFC 6154 §3, as written
}

// CreateParams reads "(" "USE" SP "(" attributes ")" ")".
func (p *Parser) CreateParams() (out CreateParams) {
	p.Members(func() {
		if p.Word() != "USE" || out.Given {
			p.fail("no such parameter")
		}
		out.Given = true
		p.SP().List(func() {
			p.want('\\')
			if f := p.Atom(); len(out.Use) < maxStatusItems {
				out.Use = append(out.Use, `\`+f)
			}
		})
	})
	return out
}

package imap

import "strconv"

// Item is what one FETCH data item asks for.
type Item uint8

// The data items of RFC 3501 §6.4.5 and of extensions.
const (
	ItemUID Item = iota
	ItemFlags
	ItemInternalDate
	ItemSize
	ItemEnvelope
	ItemBody          // BODY without a section: BODYSTRUCTURE without extension data
	ItemBodyStructure //
	ItemSection       // BODY[...], BODY.PEEK[...], RFC822, RFC822.HEADER, RFC822.TEXT
	ItemModSeq        // RFC 7162 §3.1.4.2
	ItemBinary        // BINARY[...], BINARY.PEEK[...] (RFC 3516 §4.2)
	ItemBinarySize    // BINARY.SIZE[...]
	ItemPreview       // RFC 8970 §3.1
	ItemSaveDate      // RFC 8514 §4.2
	ItemEmailID       // RFC 8474 §5.1
	ItemThreadID      // RFC 8474 §5.2
)

// FetchItem is one data item with what belongs to it.
type FetchItem struct {
	Item    Item
	Section Section // of ItemSection, ItemBinary and ItemBinarySize
	Peek    bool    // does not set \Seen
	Partial bool    // only Count bytes from Offset on
	Offset  int64
	Count   int64
	Lazy    bool   // of ItemPreview: only if it costs little
	Label   string // what the answer is labelled with, e.g. BODY[1.2]<0>, RFC822.SIZE
}

// Specifier says which bytes of a part a section means.
type Specifier uint8

// The section texts of RFC 3501 §6.4.5.
const (
	Whole Specifier = iota // the part's body; of the message, all of it
	Header
	HeaderFields
	HeaderFieldsNot
	Text
	MIME
)

// Section is section-spec: a part number and what of the part is meant.
type Section struct {
	Part   []int // 1.2.3; empty is the message
	What   Specifier
	Fields []string // of HeaderFields and HeaderFieldsNot, as written
}

// maxPartDepth bounds the numbers in one part number; deeper parts do not exist.
const maxPartDepth = 100

// FetchItems reads one item, a macro, or a list of items.
func (p *Parser) FetchItems() (out []FetchItem) {
	if p.peek() == '(' {
		p.List(func() { out = append(out, p.fetchItem()) })
		if len(out) == 0 {
			p.fail("a list of FETCH items can not be empty")
		}
		return out
	}
	at := p.i
	if m := macro(upper(p.span(isAtomChar))); m != nil {
		return m
	}
	p.i = at
	return []FetchItem{p.fetchItem()}
}

func macro(name string) []FetchItem {
	fast := []FetchItem{simple(ItemFlags, "FLAGS"), simple(ItemInternalDate, "INTERNALDATE"), simple(ItemSize, "RFC822.SIZE")}
	switch name {
	case "FAST":
		return fast
	case "ALL":
		return append(fast, simple(ItemEnvelope, "ENVELOPE"))
	case "FULL":
		return append(fast, simple(ItemEnvelope, "ENVELOPE"), simple(ItemBody, "BODY"))
	}
	return nil
}

func simple(i Item, label string) FetchItem { return FetchItem{Item: i, Label: label, Peek: true} }

// isItemChar: letters, digits and dots; "[" ends the name of BODY[...].
func isItemChar(c byte) bool {
	return lower(c) >= 'a' && lower(c) <= 'z' || isDigit(c) || c == '.'
}

func (p *Parser) fetchItem() FetchItem {
	name := upper(p.span(isItemChar))
	switch name {
	case "UID":
		return simple(ItemUID, name)
	case "FLAGS":
		return simple(ItemFlags, name)
	case "INTERNALDATE":
		return simple(ItemInternalDate, name)
	case "RFC822.SIZE":
		return simple(ItemSize, name)
	case "ENVELOPE":
		return simple(ItemEnvelope, name)
	case "BODYSTRUCTURE":
		return simple(ItemBodyStructure, name)
	case "MODSEQ":
		return simple(ItemModSeq, name)
	case "SAVEDATE":
		return simple(ItemSaveDate, name)
	case "EMAILID":
		return simple(ItemEmailID, name)
	case "THREADID":
		return simple(ItemThreadID, name)
	case "PREVIEW":
		it := simple(ItemPreview, name)
		it.Lazy = p.lazy()
		return it
	case "BINARY", "BINARY.PEEK", "BINARY.SIZE":
		return p.binaryItem(name)
	case "RFC822":
		return FetchItem{Item: ItemSection, Label: name}
	case "RFC822.HEADER":
		return FetchItem{Item: ItemSection, Label: name, Peek: true, Section: Section{What: Header}}
	case "RFC822.TEXT":
		return FetchItem{Item: ItemSection, Label: name, Section: Section{What: Text}}
	case "BODY", "BODY.PEEK":
		return p.bodyItem(name)
	}
	p.fail("no such FETCH item")
	return FetchItem{}
}

// lazy reads " (LAZY)" behind PREVIEW, if it is there: modifiers of the FETCH may stand there, too.
func (p *Parser) lazy() bool {
	at := p.i
	if p.take(' ') && p.take('(') && upper(p.span(isAtomChar)) == "LAZY" {
		p.want(')')
		return true
	}
	p.i = at
	return false
}

// binaryItem reads section-binary and partial behind BINARY, BINARY.PEEK or BINARY.SIZE.
func (p *Parser) binaryItem(name string) FetchItem {
	it := FetchItem{Item: ItemBinary, Peek: name != "BINARY"}
	label := []byte("BINARY")
	if name == "BINARY.SIZE" {
		it.Item, label = ItemBinarySize, []byte(name)
	}
	it.Section = p.section()
	if it.Section.What != Whole {
		p.fail("BINARY takes a part number")
	}
	label = it.Section.appendLabel(label)
	if it.Item == ItemBinary {
		label = p.partial(&it, label)
	}
	it.Label = string(label)
	return it
}

// partial reads "<" offset "." count ">" if that is next.
func (p *Parser) partial(it *FetchItem, label []byte) []byte {
	if !p.take('<') {
		return label
	}
	it.Partial = true
	it.Offset = int64(p.Number()) // 63 bits, as RFC 9051 §9 has it
	p.want('.')
	it.Count = int64(p.Number())
	p.want('>')
	if it.Count == 0 {
		p.fail("a partial FETCH asks for at least one byte")
	}
	return append(strconv.AppendUint(append(label, '<'), uint64(it.Offset), 10), '>')
}

// bodyItem reads what follows BODY or BODY.PEEK.
func (p *Parser) bodyItem(name string) FetchItem {
	peek := name == "BODY.PEEK"
	if p.peek() != '[' {
		if peek {
			p.fail("BODY.PEEK needs a section")
		}
		return simple(ItemBody, name)
	}
	it := FetchItem{Item: ItemSection, Peek: peek}
	it.Section = p.section()
	it.Label = string(p.partial(&it, it.Section.appendLabel([]byte("BODY"))))
	return it
}

// section reads "[" section-spec "]".
func (p *Parser) section() (s Section) {
	p.want('[')
	for isDigit(p.peek()) {
		n := p.Number32()
		if n == 0 || n > 1<<31-1 || len(s.Part) == maxPartDepth {
			p.fail("no such part number")
		}
		s.Part = append(s.Part, int(n))
		if !p.take('.') {
			p.want(']')
			return s
		}
	}
	if p.peek() == ']' && len(s.Part) == 0 {
		p.i++
		return s
	}
	s.What = p.specifier(len(s.Part) > 0)
	if s.What == HeaderFields || s.What == HeaderFieldsNot {
		p.SP()
		p.List(func() { s.Fields = append(s.Fields, p.fieldName()) })
		if len(s.Fields) == 0 {
			p.fail("a list of field names can not be empty")
		}
	}
	p.want(']')
	return s
}

func (p *Parser) specifier(inPart bool) Specifier {
	switch upper(p.span(isItemChar)) {
	case "HEADER":
		return Header
	case "HEADER.FIELDS":
		return HeaderFields
	case "HEADER.FIELDS.NOT":
		return HeaderFieldsNot
	case "TEXT":
		return Text
	case "MIME":
		if inPart {
			return MIME
		}
	}
	p.fail("no such section")
	return Whole
}

// fieldName reads a header field name, which RFC 5322 §2.2 limits to printable US-ASCII without ":".
func (p *Parser) fieldName() string {
	s := p.AString()
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			p.fail("not a header field name")
			return ""
		}
	}
	if s == "" {
		p.fail("not a header field name")
	}
	return s
}

var specifierNames = [...]string{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"}

// appendLabel writes the section as the answer repeats it. Field names are atoms or quoted strings.
func (s Section) appendLabel(dst []byte) []byte {
	dst = append(dst, '[')
	for i, n := range s.Part {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	if len(s.Part) > 0 && s.What != Whole {
		dst = append(dst, '.')
	}
	dst = append(dst, specifierNames[s.What]...)
	if len(s.Fields) > 0 {
		dst = append(dst, " ("...)
		for i, f := range s.Fields {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = AppendAString(dst, f)
		}
		dst = append(dst, ')')
	}
	return append(dst, ']')
}

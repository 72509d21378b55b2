package imap

import (
	"bytes"
	"strings"
)

// MaxEntryName is how many bytes the name of an annotation may have.
const MaxEntryName = 255

// Entry is one entry and its value in SETMETADATA (RFC 5464 §4.3).
type Entry struct {
	Name  string
	Value string
	Nil   bool // take it away
}

// EntryName reads the name of an annotation (RFC 5464 §3.2, §5) and gives it in lower case: it begins with
// "/private/" or "/shared/", has no empty component, no wildcard, nothing but printable ASCII.
func (p *Parser) EntryName() string {
	s := strings.ToLower(p.AString())
	if p.err == nil && !validEntry(s) {
		p.fail("not the name of an annotation")
	}
	return s
}

func validEntry(s string) bool {
	if len(s) > MaxEntryName || !strings.HasPrefix(s, "/private/") && !strings.HasPrefix(s, "/shared/") {
		return false
	}
	if strings.HasSuffix(s, "/") || strings.Contains(s, "//") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '*' || c == '%' {
			return false
		}
	}
	return true
}

// maxEntries bounds the entries of one command.
const maxEntries = 256

// Entries reads one entry name or a list of them.
func (p *Parser) Entries() (out []string) {
	if p.peek() != '(' {
		return []string{p.EntryName()}
	}
	p.List(func() {
		if out = append(out, p.EntryName()); len(out) > maxEntries {
			p.fail("too many entries")
		}
	})
	if len(out) == 0 {
		p.fail("a list of entries can not be empty")
	}
	return out
}

// Depth says how far below an entry GETMETADATA looks (RFC 5464 §4.2.2).
type Depth uint8

// The depths.
const (
	DepthZero Depth = iota
	DepthOne
	DepthInfinity
)

// GetMetadata is the argument of GETMETADATA (RFC 5464 §4.2).
type GetMetadata struct {
	Mailbox string // "" is the server
	Entries []string
	MaxSize uint64 // bytes of a value, if Limited
	Limited bool
	Depth   Depth
}

// GetMetadata reads it. Options stand before the mailbox in RFC 5464 §5 and behind it in its examples; both are
// taken, and a bare list of entries as in §4.4.1 too.
func (p *Parser) GetMetadata() (g GetMetadata) {
	if p.peek() == '(' {
		p.metadataOptions(&g)
		p.SP()
	}
	g.Mailbox = p.Name()
	if p.SP().peek() == '(' && p.i+1 < len(p.b) && isLetter(p.b[p.i+1]) {
		p.metadataOptions(&g)
		p.SP()
	}
	for g.Entries = p.Entries(); p.TrySP(); {
		if g.Entries = append(g.Entries, p.EntryName()); len(g.Entries) > maxEntries {
			p.fail("too many entries")
		}
	}
	return g
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (p *Parser) metadataOptions(g *GetMetadata) {
	p.List(func() {
		switch p.Word() {
		case "MAXSIZE":
			g.MaxSize, g.Limited = p.SP().Number(), true
		case "DEPTH":
			switch p.SP().Word() {
			case "0":
				g.Depth = DepthZero
			case "1":
				g.Depth = DepthOne
			case "INFINITY":
				g.Depth = DepthInfinity
			default:
				p.fail("DEPTH is 0, 1 or infinity")
			}
		default:
			p.fail("no such option")
		}
	})
}

// EntryValues reads "(" entry SP value ... ")" of SETMETADATA.
func (p *Parser) EntryValues() (out []Entry) {
	p.List(func() {
		e := Entry{Name: p.EntryName()}
		if c := p.SP().peek(); c == 'N' || c == 'n' {
			_, _ = p.NString()
			e.Nil = true
		} else {
			e.Value = p.String8()
		}
		if out = append(out, e); len(out) > maxEntries {
			p.fail("too many entries")
		}
	})
	if len(out) == 0 {
		p.fail("a list of entries can not be empty")
	}
	return out
}

// Value writes s as a quoted string, a literal, or a literal8 if it holds NUL (RFC 3516 §4.4).
func (w *Writer) Value(s []byte) *Writer {
	if bytes.IndexByte(s, 0) < 0 {
		return w.Str(string(s))
	}
	return w.C('~').Literal(s)
}

// Package mime finds the structure of a message while its bytes go by, and decodes what it holds.
//
// Life: flow/intake writes every message through a Scanner on its way to the blob store, IMAP APPEND does the
// same; mail/mailbox keeps the structure beside the message, so that BODYSTRUCTURE, BODY[2.1] and previews
// need no second look at the bytes.
//
// Promises:
//   - A Scanner takes any bytes in pieces of any size and gives the same result for the same message.
//   - Invariant: children lie inside the body of their parent, in order, without overlap; offsets are inside
//     the message. There are no cycles, so every walk ends.
//   - Invariant: a MULTIPART has at least one child; a MESSAGE/RFC822 or MESSAGE/GLOBAL has exactly one.
//   - It costs a few passes over the bytes and nothing for each line.
//
// Limits: Limits bounds what is kept. Where a limit is met, the rest is one opaque leaf
// (APPLICATION/OCTET-STREAM) and Message.Truncated is set.
// Failure: there is no malformed message; DecodeMessage fails for bytes that AppendBinary did not make.
//
// Standards: RFC 2045, RFC 2046, RFC 2183 (disposition), RFC 2231, RFC 3282 (language), RFC 2557 (location),
// RFC 1864 (MD5), RFC 3676 (flowed text), RFC 6532 (global), RFC 9051 §7.5.2 (what a structure must tell).
package mime

import (
	"barid/rfc/addr"
	"barid/rfc/header"
)

// Param is a parameter of Content-Type or Content-Disposition.
type Param = header.Param

// Part is one node of a message's structure.
type Part struct {
	Type        string  // upper-case, "TEXT"
	Subtype     string  // upper-case, "PLAIN"
	Params      []Param // of Content-Type
	ID          string  // Content-ID, with <>
	Description string  // Content-Description, unfolded, still encoded
	Encoding    string  // upper-case, "7BIT" when the header has none
	MD5         string  // Content-MD5
	Location    string  // Content-Location
	Language    []string
	Disposition string  // lower-case; "" when the header has none
	DispParams  []Param // of Content-Disposition

	// Offsets in the message: the header is [HeaderOff,BodyOff) with its empty line, the body [BodyOff,End)
	// without the line end that belongs to the boundary behind it (RFC 2046 §5.1.1).
	HeaderOff, BodyOff, End int64
	// Lines counts the line ends in the body.
	Lines int64
	// Children are the parts of a MULTIPART, or the one message of a MESSAGE/RFC822 or MESSAGE/GLOBAL.
	Children []*Part
	// Envelope is set for the root and for the message inside a MESSAGE/RFC822.
	Envelope *Envelope
}

// IsMultipart tells whether the part's children are parts of a multipart.
func (p *Part) IsMultipart() bool { return p.Type == typeMultipart }

// IsMessage tells whether the part's one child is a message of its own.
func (p *Part) IsMessage() bool {
	return p.Type == typeMessage && (p.Subtype == "RFC822" || p.Subtype == "GLOBAL")
}

// Param gives the decoded value of a Content-Type parameter, "" if it is not there.
func (p *Part) Param(name string) string {
	v, _ := header.Lookup(p.Params, name)
	return v
}

// FileName gives the decoded name of an attachment: of Content-Disposition, else of Content-Type; "" if it has
// none. It may hold anything, also "/" and bidirectional controls: it is a text, not a path.
func (p *Part) FileName() string {
	if v, ok := header.Lookup(p.DispParams, "filename"); ok && v != "" {
		return v
	}
	return p.Param("name")
}

// Envelope is what RFC 9051 §7.5.2 (ENVELOPE) takes out of a header. Texts are unfolded and still encoded;
// texts are "" and lists nil for fields that are not there; Empty marks texts of fields that are.
type Envelope struct {
	Date, Subject                      string
	From, Sender, ReplyTo, To, Cc, Bcc []addr.Item
	InReplyTo, MessageID               string
	Empty                              EmptyFields // of the texts that are ""
}

// EmptyFields tells which texts of an Envelope are "" though the field is there.
type EmptyFields uint8

// The texts of an Envelope, in the order of its binary form.
const (
	EmptyDate EmptyFields = 1 << iota
	EmptySubject
	EmptyInReplyTo
	EmptyMessageID
)

// Message is the outcome of a scan.
type Message struct {
	Root   *Part
	Header []byte // the root's header section with the empty line, cut at Limits.HeaderBytes; not in the binary form
	Size   int64  // bytes
	Lines  int64  // line ends

	Has8bit   bool // a byte above 127
	HasNUL    bool
	HasBareCR bool // a CR without LF behind it
	HasBareLF bool // a LF without CR before it
	HasLong   bool // a line over the 998 octets of RFC 5322 §2.1.1
	Truncated bool // a limit was met
}

// Find gives the part with the section number path (RFC 9051 §6.4.5.1): {2, 1} is the first part of the
// second part, {1} of a message without a multipart is its body. An empty path is the root. It gives nil if
// there is no such part.
func (m *Message) Find(path []int) *Part {
	p, whole := m.Root, true // whole: p is all of a message, and has no number of its own yet
	for _, n := range path {
		if !whole && p.IsMessage() {
			p, whole = p.Children[0], true
		}
		switch {
		case p.IsMultipart() && n >= 1 && n <= len(p.Children):
			p, whole = p.Children[n-1], false
		case whole && n == 1 && !p.IsMultipart():
			whole = false
		default:
			return nil
		}
	}
	return p
}

// Walk calls f for every part before its children, with its section number path, until f returns false. A
// multipart that is all of a message has no number: it comes with the path of the part that holds the
// message, and at the root with an empty one. The path is only valid during the call.
func (m *Message) Walk(f func(path []int, p *Part) bool) {
	walk(make([]int, 0, 16), m.Root, true, f)
}

func walk(path []int, p *Part, whole bool, f func([]int, *Part) bool) bool {
	if whole && !p.IsMultipart() {
		path = append(path, 1)
	}
	if !f(path, p) {
		return false
	}
	for i, c := range p.Children {
		next := path
		if p.IsMultipart() {
			next = append(path, i+1)
		}
		if !walk(next, c, p.IsMessage(), f) {
			return false
		}
	}
	return true
}

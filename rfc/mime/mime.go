// Package mime finds the structure of a message while its bytes go by.
package mime

import (
	"errors"
	"io"

	"barid/rfc/header"
)

// Param is a parameter of Content-Type or Content-Disposition; see header.Param.
type Param = header.Param

// Part is one node of a message's structure.
//
// Invariants: HeaderOff ≤ BodyOff ≤ End; children lie inside [BodyOff, End), in order, without overlap; Type
// "MULTIPART" has at least one child; Type "MESSAGE" with Subtype "RFC822" or "GLOBAL" has exactly one.
type Part struct {
	Type        string // upper-case, e.g. "TEXT"
	Subtype     string // upper-case, e.g. "PLAIN"
	Params      []Param
	ID          string // Content-ID as written, with <>
	Description string // raw, unfolded
	Encoding    string // upper-case, "7BIT" when not given
	MD5         string
	Location    string
	Language    []string
	Disposition string // lower-case; "" when not given
	DispParams  []Param

	HeaderOff, BodyOff, End int64 // offsets in the message: header [HeaderOff,BodyOff) with the blank line, body [BodyOff,End)
	Lines                   int64 // line ends in the body
	Children                []*Part
	Envelope                *Envelope // of the root, and of the child of a MESSAGE/RFC822; else nil
}

// Envelope is what RFC 9051 §2.3.5 takes out of a header. Texts are unfolded and still encoded.
type Envelope struct {
	Date, Subject                      string
	From, Sender, ReplyTo, To, Cc, Bcc []Item
	InReplyTo, MessageID               string
}

// Message is the outcome of a scan.
type Message struct {
	Root      *Part
	Header    []byte // header section of the root with the blank line, cut at Limits.HeaderBytes
	Size      int64
	Lines     int64
	Has8bit   bool
	HasNUL    bool
	HasBareCR bool
	HasBareLF bool
	Truncated bool // a limit was met; what came after it is in one opaque leaf or was left out
}

// Limits bound what a Scanner keeps.
type Limits struct {
	HeaderBytes int // of one header section, bytes
	Fields      int // looked at in one header section
	Parts       int // in one message
	Depth       int // of nesting
	Params      int // of one field
	Addresses   int // of all envelopes of a message
	TextBytes   int // kept from all header sections of a message
}

// DefaultLimits are right for a mail server.
func DefaultLimits() Limits {
	return Limits{HeaderBytes: 512 << 10, Fields: 20000, Parts: 1000, Depth: 64, Params: 200, Addresses: 8192, TextBytes: 1 << 20}
}

// Scanner finds the structure of one message that is written to it in pieces of any size.
type Scanner struct{ lim Limits }

// NewScanner makes a Scanner.
func NewScanner(l Limits) *Scanner { return &Scanner{lim: l} }

// Reset makes the Scanner ready for another message.
func (s *Scanner) Reset() {}

// Write takes the next bytes of the message. It never fails.
func (s *Scanner) Write(p []byte) (int, error) { return len(p), nil }

// Finish ends the message and gives its structure.
func (s *Scanner) Finish() *Message {
	return &Message{Root: &Part{Type: "TEXT", Subtype: "PLAIN", Encoding: "7BIT"}}
}

// Scan is NewScanner, Write and Finish in one.
func Scan(b []byte, l Limits) *Message {
	s := NewScanner(l)
	s.Write(b)
	return s.Finish()
}

// ErrFormat is what DecodeMessage returns for bytes AppendBinary did not make.
var ErrFormat = errors.New("mime: damaged structure")

// AppendBinary adds the compact form of the structure to dst.
func (m *Message) AppendBinary(dst []byte) []byte { return dst }

// DecodeMessage reads what AppendBinary made.
func DecodeMessage(b []byte) (*Message, error) { return nil, ErrFormat }

// Find gives the part with the section number path (RFC 9051 §6.4.5.1), nil if there is none.
func (m *Message) Find(path []int) *Part { return nil }

// Walk calls f for every part in order with its section number path until f returns false.
func (m *Message) Walk(f func(path []int, p *Part) bool) {}

// Decode undoes a Content-Transfer-Encoding.
func Decode(r io.Reader, encoding string) io.Reader { return r }

// CharsetReader turns text in charset into UTF-8.
func CharsetReader(charset string, r io.Reader) io.Reader { return r }

// Text gives the decoded UTF-8 text of a text part whose raw body is r.
func (p *Part) Text(r io.Reader) io.Reader { return r }

// FileName gives the decoded name of an attachment, "" if it has none.
func (p *Part) FileName() string { return "" }

// Param gives the decoded value of a Content-Type parameter, "" if it is not there.
func (p *Part) Param(name string) string { return "" }

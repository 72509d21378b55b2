package search

import (
	"errors"
	"io"
	"strings"

	"barid/base/text"
	"barid/mail/mailbox"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// Field is a set of places in a message.
type Field uint8

// The places. A text that goes over from one field or part into the next is in none.
const (
	Subject Field = 1 << iota // values of the field
	From
	To
	Cc
	Bcc
	Header // values of all other fields of the message's header
	Body   // text parts, and fields of the headers of parts and of messages inside
	File   // decoded names of attachments

	Any   Field = 0xFF        // IMAP's TEXT
	Parts       = Body | File // IMAP's BODY
)

// Of HTML what a reader sees is searched (text.Visible), of other text parts the text. A header field counts
// with its value, decoded. Its name counts for needles with a colon, as in "X-Spam: yes", which look at the line
// "name: value". The boundary of a multipart and the values of opaque fields are left out: nobody looks for them,
// and they are as big as the text of a short message (RFC 9051 §6.4.4 leaves that to the server). A key for
// the opaque field by name does see it.

// Limits of what is looked at in one message.
const (
	MaxTextBytes   = 1 << 20 // indexed of a message's texts, decoded
	maxHeaderBytes = 256 << 10
	maxPartFields  = 64 << 10 // header of one part
)

// opaque fields hold signatures, keys and tokens.
func opaque(name string) bool {
	switch name {
	case "dkim-signature", "arc-seal", "arc-message-signature", "x-google-dkim-signature", "x-gm-message-state",
		"x-google-smtp-source", "autocrypt", "autocrypt-gossip", "x-face", "face", "domainkey-signature",
		"x-microsoft-antispam-message-info", "x-ms-exchange-antispam-messagedata-0", "x-sg-eid", "x-sg-id",
		"x-ms-exchange-antispam-messagedata-chunkcount", "x-exchange-antispam-report-cfa-test", "feedback-id":
		return true
	}
	return false
}

// place tells where the values of a field of the message's header are.
func place(name string) Field {
	switch name {
	case "subject":
		return Subject
	case "from":
		return From
	case "to":
		return To
	case "cc":
		return Cc
	case "bcc":
		return Bcc
	}
	return Header
}

// sink takes the texts of a message.
type sink interface {
	// field takes a header field: name in lower case, value decoded. It tells whether to go on.
	field(f Field, name, value string) bool
	// text takes a text of Body or File.
	text(f Field, r io.Reader) (more bool, err error)
}

// Message is a message to be looked at.
type Message struct {
	Header []byte        // the header section
	Tree   *mime.Message // its structure
	Body   io.ReaderAt   // all its bytes
}

// walk hands the texts of m to s until it has enough.
func (m *Message) walk(s sink) (err error) {
	if !walkHeader(m.Header, s, place) || m.Tree == nil {
		return nil
	}
	more := true
	m.Tree.Walk(func(_ []int, p *mime.Part) bool {
		more, err = m.part(p, s)
		return more && err == nil
	})
	return err
}

// part hands over one part.
func (m *Message) part(p *mime.Part, s sink) (more bool, err error) {
	if p != m.Tree.Root && p.BodyOff > p.HeaderOff {
		head := make([]byte, min(p.BodyOff-p.HeaderOff, maxPartFields))
		if n, err := m.Body.ReadAt(head, p.HeaderOff); n < len(head) {
			return false, err
		}
		if !walkHeader(head, s, func(string) Field { return Body }) {
			return false, nil
		}
	}
	if name := p.FileName(); name != "" {
		if more, err := s.text(File, strings.NewReader(name)); err != nil || !more {
			return false, err
		}
	}
	if !HasText(p) {
		return true, nil
	}
	r := p.Text(io.NewSectionReader(m.Body, p.BodyOff, p.End-p.BodyOff))
	if p.Subtype == "HTML" {
		r = text.Visible(r)
	}
	return s.text(Body, r)
}

// HasText reports whether the content of a part is looked into by itself: text, and what is in a report on a
// delivery or on reading. A message inside is looked into part by part; only other media types may be left
// out (RFC 3501 §6.4.4).
func HasText(p *mime.Part) bool {
	return p.Type == "TEXT" || p.Type == "" || p.Type == "MESSAGE" && len(p.Children) == 0
}

// walkHeader hands over the fields of a header section.
func walkHeader(section []byte, s sink, where func(name string) Field) bool {
	for off := 0; ; {
		f, ok := header.Next(section, off)
		if !ok {
			return true
		}
		off = f.Off + f.Len
		name := strings.ToLower(string(f.Name))
		value := ""
		switch {
		case opaque(name):
			value = f.Text()
		case name == "content-type":
			value = withoutBoundary(header.DecodeWords(f.Text()))
		default:
			value = Value(f)
		}
		if !s.field(where(name), name, value) {
			return false
		}
	}
}

// withoutBoundary leaves the parameter out.
func withoutBoundary(v string) string {
	for i := 0; i+len("boundary") < len(v); i++ {
		if v[i] != ';' {
			continue
		}
		rest := strings.TrimLeft(v[i+1:], " \t")
		if len(rest) < len("boundary") || !strings.EqualFold(rest[:len("boundary")], "boundary") {
			continue
		}
		end := strings.IndexByte(rest, ';')
		if q := strings.IndexByte(rest, '"'); q >= 0 && (end < 0 || q < end) { // quoted: it may hold a semicolon
			if close := strings.IndexByte(rest[q+1:], '"'); close >= 0 {
				if end = strings.IndexByte(rest[q+close+2:], ';'); end >= 0 {
					end += q + close + 2
				}
			}
		}
		if end < 0 {
			return v[:i]
		}
		return v[:i] + rest[end:]
	}
	return v
}

// open reads what is needed of a stored message. The caller closes what it gets.
func open(c *mailbox.Cold, b body) (*Message, bool, error) {
	head := make([]byte, min(c.HeaderBytes, b.Size(), maxHeaderBytes))
	if n, err := b.ReadAt(head, 0); n < len(head) {
		return nil, false, err
	}
	tree, err := mime.DecodeMessage(c.Tree)
	if err != nil {
		return nil, false, errors.Join(err, errDamaged)
	}
	return &Message{Header: head, Tree: tree, Body: b}, c.HeaderBytes > maxHeaderBytes, nil
}

package dsn

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// Message is a whole notification to be written (RFC 6522 §3).
type Message struct {
	FromName   string       // display name of the mail system, UTF-8
	From       addr.Mailbox // of the mail system; the envelope has the null reverse-path all the same
	To         addr.Mailbox // the reverse-path of the original
	Subject    string       // UTF-8, one line
	Date       time.Time
	MessageID  string   // without <>
	References []string // identifiers of the original, without <>

	Language string // BCP 47 tag of Text and HTML
	Text     string // UTF-8, lines end with LF; a space before it is a soft break (format=flowed, RFC 3676)
	HTML     string // the same as HTML, or "": then Text stands alone

	Report   Report
	Original Original
	// UTF8 tells that the original was sent with SMTPUTF8, so its sender may be told UTF-8 addresses as
	// they are (RFC 6533 §4). A To that needs UTF-8 says the same.
	UTF8 bool
}

// Original is the message that a notification is about.
type Original struct {
	Body    io.ReaderAt // nil: nothing is returned
	Size    int64
	Full    bool  // return all of it and not only its header section
	MaxFull int64 // bytes above which only the header section is returned all the same; 0: no limit
}

// Form tells what a written notification needs of its way.
type Form struct {
	Full    bool // all of the original was returned
	Has8bit bool // it has bytes above 127: 8BITMIME
	UTF8    bool // it uses the types of RFC 6533 or a UTF-8 address: SMTPUTF8
}

// Write writes the notification to w as it goes on the wire (without dot-stuffing). The original is read
// twice and never held in memory.
func (m *Message) Write(w io.Writer) (Form, error) {
	p, err := m.plan()
	if err != nil {
		return Form{}, err
	}
	out := &writer{w: w}
	out.bytes(m.appendHeader(nil, p))
	out.text("This is a report about a mail message, in several parts (MIME).\r\n")
	out.text("\r\n--" + p.boundary + "\r\n")
	m.writeText(out, p)
	out.text("\r\n--" + p.boundary + "\r\n")
	p.writeReport(out)
	if p.returned {
		out.text("\r\n--" + p.boundary + "\r\n")
		p.writeOriginal(out, m.Original.Body)
	}
	out.text("\r\n--" + p.boundary + "--\r\n")
	return Form{Full: p.full, Has8bit: p.has8bit(m), UTF8: p.global || !isASCII(m.to())}, out.err
}

// plan is what Write decided before the first byte.
type plan struct {
	boundary string
	global   bool   // the types of RFC 6533 are used
	returned bool   // something of the original is returned
	full     bool   // all of it is
	length   int64  // bytes of the original that are returned
	facts    survey // about these
	fields   []byte // of the second part
}

// plan looks at the original and at the addresses, and decides about the forms.
func (m *Message) plan() (plan, error) {
	p := plan{returned: m.Original.Body != nil, full: m.Original.Full && (m.Original.MaxFull == 0 || m.Original.Size <= m.Original.MaxFull)}
	const tries = 4 // a boundary that stands in the original by chance does so once
	for n := range tries {
		sum := sha256.Sum256([]byte(strconv.Itoa(n) + m.MessageID))
		p.boundary = "=_" + hex.EncodeToString(sum[:15])
		if err := m.survey(&p); err != nil {
			return p, err
		}
		if !p.facts.boundary {
			break
		}
		if n == tries-1 {
			p.full, p.returned = false, false
		}
	}
	utf8 := m.UTF8 || m.To.NeedsUTF8()
	p.global = utf8 && (m.Report.global() || p.facts.highHeader || m.To.NeedsUTF8())
	p.fields = m.Report.append(nil, p.global)
	return p, nil
}

// survey measures what will be returned. What can not travel as it is, because of long lines or characters
// that nobody may send, is returned as a header section only.
func (m *Message) survey(p *plan) (err error) {
	o := &m.Original
	if o.Body == nil {
		p.full = false
		return nil
	}
	if p.full {
		p.length = o.Size
		if p.facts, err = surveyOriginal(o.Body, o.Size, p.boundary, false); err != nil || !p.facts.unfit {
			return err
		}
		p.full = false
	}
	p.facts, err = surveyOriginal(o.Body, o.Size, p.boundary, true)
	p.length = p.facts.header
	return err
}

// globalHeaders tells whether the header section of the original is returned in UTF-8 (RFC 6533 §6).
func (p *plan) globalHeaders() bool {
	return p.returned && !p.full && p.global && p.facts.highHeader && !p.facts.unfit
}

// has8bit tells whether the written message has bytes above 127.
func (p *plan) has8bit(m *Message) bool {
	return !isASCII(m.to()) || !isASCII(string(p.fields)) || p.globalHeaders() || p.full && (p.facts.highHeader || p.facts.highBody)
}

// to is the address of the To field.
func (m *Message) to() string {
	if s, ok := m.To.ASCII(); ok {
		return s
	}
	return m.To.Unicode()
}

// maxReference is the longest identifier that is repeated, and the room for all of them.
const (
	maxReference  = 250
	maxReferences = 800
)

// appendHeader adds the header section with its empty line.
func (m *Message) appendHeader(b []byte, p plan) []byte {
	from := "<" + m.From.String() + ">"
	if m.FromName != "" {
		from = header.EncodePhrase(Clean(m.FromName, 200)) + " " + from
	}
	b = header.AppendField(b, "From", from)
	b = header.AppendField(b, "To", "<"+m.to()+">")
	b = header.AppendField(b, "Subject", header.EncodeText(Clean(m.Subject, 500)))
	b = header.AppendField(b, "Date", m.Date.Format(dateForm))
	b = header.AppendField(b, "Message-ID", "<"+m.MessageID+">")
	if refs := references(m.References); refs != "" {
		b = header.AppendField(b, "References", refs)
	}
	b = header.AppendField(b, "Auto-Submitted", "auto-replied") // RFC 3834 §5
	b = header.AppendField(b, "MIME-Version", "1.0")
	b = appendField(b, "Content-Language", m.Language)
	b = header.AppendField(b, "Content-Type", `multipart/report; report-type=delivery-status; boundary="`+p.boundary+`"`)
	if p.has8bit(m) {
		b = header.AppendField(b, "Content-Transfer-Encoding", "8bit") // RFC 2045 §6.4
	}
	return append(b, "\r\n"...)
}

// references gives identifiers in <>, without those that could not stand in a field.
func references(ids []string) string {
	var b []byte
	for _, id := range ids {
		if !plainID(id) || len(b)+len(id) > maxReferences {
			continue
		}
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = append(append(append(b, '<'), id...), '>')
	}
	return string(b)
}

func plainID(id string) bool {
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7F || c == '<' || c == '>' {
			return false
		}
	}
	return id != "" && len(id) <= maxReference
}

// writeReport writes the second part (RFC 3464 §2, RFC 6533 §4).
func (p *plan) writeReport(out *writer) {
	kind, encoding := "message/delivery-status", ""
	if p.global {
		kind = "message/global-delivery-status"
	}
	if !isASCII(string(p.fields)) {
		encoding = "Content-Transfer-Encoding: 8bit\r\n"
	}
	out.text("Content-Type: " + kind + "\r\n" + encoding + "\r\n")
	out.bytes(p.fields)
}

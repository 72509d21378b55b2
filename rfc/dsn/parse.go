package dsn

import (
	"io"
	"strings"

	"barid/rfc/addr"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// Bounce is what an incoming notification says. A recipient of one in words that names nobody has no address.
type Bounce struct {
	Report
	Source   string   // how it was read: "rfc3464", or the name of a form of text: "qmail", "exim", "sendmail" ...
	Returned Returned // of the message it is about
}

// Returned is what came back of a message. The zero value is nothing.
type Returned struct {
	Header    []byte // its header section, at most MaxOriginal bytes
	MessageID string // without <>
	From      string // raw, unfolded
	To        string
	Subject   string
}

// Parse reads an incoming message as a notification about delivery. body gives its bytes and m its structure.
// ok is false if it is none: a person's mail, an auto-reply, a read receipt. Whether its reverse-path is null
// is for the caller to know; a notification with another one is forged or broken.
func Parse(body io.ReaderAt, m *mime.Message) (b Bounce, ok bool, err error) {
	p := parser{body: body, head: headOf(body, m)}
	if err := p.sort(m.Root); err != nil {
		return Bounce{}, false, err
	}
	p.b.Returned = returnedOf(p.original)
	if len(p.status) > 0 {
		p.b.Source = "rfc3464"
		p.b.Report = parseFields(p.status)
	}
	if p.other {
		return Bounce{}, false, nil
	}
	p.readText()
	if len(p.b.Recipients) == 0 && p.b.Source == "" {
		return Bounce{}, false, nil
	}
	for i := range p.b.Recipients {
		p.b.Recipients[i].settle()
	}
	return p.b, true, nil
}

// parser gathers what a notification is made of.
type parser struct {
	body     io.ReaderAt
	head     []byte // header section of the notification itself
	status   []byte // its machine-readable part, decoded
	text     string // its human-readable part
	original []byte // header section of what came back
	other    bool   // it is a report about something else: read receipts, complaints
	b        Bounce
}

func headOf(body io.ReaderAt, m *mime.Message) []byte {
	if m.Header != nil {
		return m.Header
	}
	b := make([]byte, min(m.Root.BodyOff-m.Root.HeaderOff, MaxOriginal))
	n, _ := body.ReadAt(b, m.Root.HeaderOff)
	return b[:n]
}

// sort walks over the parts, not into messages, and takes the first of each kind. A report that was sent on
// inside another message is not ours to read.
func (p *parser) sort(part *mime.Part) error {
	var err error
	switch part.Type + "/" + part.Subtype {
	case "MESSAGE/DELIVERY-STATUS", "MESSAGE/GLOBAL-DELIVERY-STATUS":
		p.status, err = p.take(p.status, part, MaxReport)
	case "MESSAGE/RFC822", "MESSAGE/GLOBAL":
		p.original, err = p.take(p.original, part, MaxOriginal)
	case "TEXT/RFC822-HEADERS", "MESSAGE/GLOBAL-HEADERS", "MESSAGE/RFC822-HEADERS":
		p.original, err = p.take(p.original, part, MaxOriginal)
	case "MESSAGE/DISPOSITION-NOTIFICATION", "MESSAGE/GLOBAL-DISPOSITION-NOTIFICATION", "MESSAGE/FEEDBACK-REPORT":
		p.other = true
	case "TEXT/PLAIN", "TEXT/HTML":
		err = p.takeText(part)
	}
	if !part.IsMultipart() {
		return err
	}
	for _, c := range part.Children {
		if err := p.sort(c); err != nil {
			return err
		}
	}
	return nil
}

// take reads the decoded body of a part, at most max bytes, unless have is there already.
func (p *parser) take(have []byte, part *mime.Part, max int64) ([]byte, error) {
	if have != nil {
		return have, nil
	}
	b, err := io.ReadAll(io.LimitReader(mime.Decode(p.section(part), part.Encoding), max))
	if b == nil {
		b = []byte{}
	}
	return b, err
}

func (p *parser) section(part *mime.Part) io.Reader {
	return io.NewSectionReader(p.body, part.BodyOff, part.End-part.BodyOff)
}

// takeText keeps the text that people read. Some hosts put the machine-readable part or the header section
// of the original into a text part of their own, so that all short texts are kept; HTML only if there is
// nothing better.
func (p *parser) takeText(part *mime.Part) error {
	room := MaxText - len(p.text)
	html := part.Subtype == "HTML"
	if room <= 0 || html && p.text != "" {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(part.Text(p.section(part)), int64(room)))
	s := strings.ReplaceAll(strings.ToValidUTF8(string(b), ""), "\r", "")
	if html {
		s = textOfHTML(s)
	}
	p.text += s + "\n"
	return err
}

// returnedOf reads the header section of what came back, without its body.
func returnedOf(h []byte) Returned {
	h = h[:header.BodyOffset(h)]
	r := Returned{Header: h}
	if len(h) == 0 {
		return Returned{}
	}
	for f := range header.All(h) {
		switch {
		case f.Is("Message-ID") && r.MessageID == "":
			if ids := header.MessageIDs(f.Value, 1); len(ids) > 0 {
				r.MessageID = ids[0]
			}
		case f.Is("From") && r.From == "":
			r.From = f.Text()
		case f.Is("To") && r.To == "":
			r.To = f.Text()
		case f.Is("Subject") && r.Subject == "":
			r.Subject = f.Text()
		}
	}
	return r
}

// to gives the addresses of the To field.
func (r *Returned) to(max int) []addr.Mailbox {
	items, _ := addr.ParseList(r.To, max)
	var out []addr.Mailbox
	for _, it := range items {
		if m, err := it.Canonical(); err == nil && it.Kind == addr.Address {
			out = append(out, m)
		}
	}
	return out
}

// settle makes a recipient's fields agree: what a host left out or left vague is taken from what else it said.
func (r *Recipient) settle() {
	said, ok := findStatus(r.Diagnostic)
	sure := ok && (r.Status.Unknown() || said.Class == r.Status.Class)
	if r.Status.Vague() && sure {
		r.Status = said
	}
	if r.Status.Unknown() {
		r.Status = FromReply(findReply(r.Diagnostic))
	}
	if r.Action == 0 {
		r.Action = [...]Action{2: Delivered, 4: Delayed, 5: Failed}[max(min(int(r.Status.Class), 5), 0)]
	}
	if r.Action == 0 {
		r.Action = Failed
	}
	if r.Status.Unknown() {
		r.Status = FromReply([...]int{Failed: 550, Delayed: 400, Delivered: 250, Relayed: 250, Expanded: 250}[r.Action])
	}
	if r.Final.IsZero() {
		r.Final = r.Original
	}
}

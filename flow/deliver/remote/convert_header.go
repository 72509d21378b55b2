package remote

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"barid/rfc/addr"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// header writes the header section of a part: with another Content-Transfer-Encoding unless encoding is "", and
// with ASCII in the place of what is not.
func (c *converter) header(p *mime.Part, encoding string, root bool) error {
	if p.BodyOff-p.HeaderOff > maxHeader {
		return &cannot{"6.3", "it has a header that is too long to be changed"}
	}
	section := make([]byte, p.BodyOff-p.HeaderOff)
	if err := readFull(c.src, section, p.HeaderOff); err != nil {
		return &storeError{err}
	}
	if encoding == "" && (c.want.wide() || !isDirty(section)) {
		_, err := c.w.Write(section)
		return err
	}
	out, err := c.fields(section, encoding)
	if err != nil {
		return err
	}
	if encoding != "" {
		if out, err = c.label(out, p, section, encoding, root); err != nil {
			return err
		}
	}
	_, err = c.w.Write(append(out, '\r', '\n'))
	return err
}

// fields writes the fields, changed where needed; Content-Transfer-Encoding is left out when there is another. A line that is
// no field goes along, but for one in front of all fields, which would be taken for text.
func (c *converter) fields(section []byte, encoding string) ([]byte, error) {
	out := make([]byte, 0, len(section)+len(section)/2)
	for f := range header.All(section) {
		raw := f.Raw(section)
		if encoding != "" && f.Is("Content-Transfer-Encoding") || len(f.Name) == 0 && len(out) == 0 {
			continue
		}
		if (c.want.wide() || !isDirty(raw)) && bytes.HasSuffix(raw, crlf) {
			out = append(out, raw...)
			continue
		}
		var err error
		if out, err = c.field(out, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isSigned tells whether a signature covers the body of a message with this header section: then a long line is
// the smaller evil.
func isSigned(section []byte) bool {
	for _, name := range []string{"DKIM-Signature", "ARC-Seal"} {
		if _, ok := header.First(section, name); ok {
			return true
		}
	}
	return false
}

var crlf = []byte("\r\n")

// isDirty tells whether text holds what can not go over seven bits, or line ends that are none.
func isDirty(p []byte) bool {
	cr := false
	for _, b := range p {
		if b >= 0x80 || b == 0 || cr != (b == '\n') {
			return true
		}
		cr = b == '\r'
	}
	return cr
}

// label adds the fields that tell what was done. A text that does not say what it is in says it now.
func (c *converter) label(out []byte, p *mime.Part, section []byte, encoding string, root bool) ([]byte, error) {
	if _, ok := header.First(section, "MIME-Version"); !ok && root {
		out = append(out, "MIME-Version: 1.0\r\n"...)
	}
	if _, ok := header.First(section, "Content-Type"); !ok && p.Type == "TEXT" && encoding != "7bit" {
		charset, err := c.charset(p)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, "Content-Type: text/plain; charset="...), charset...), "\r\n"...)
	}
	return append(append(append(out, "Content-Transfer-Encoding: "...), encoding...), "\r\n"...), nil
}

// charset names what an unlabelled text is in: UTF-8 if it can be, else "unknown-8bit" (RFC 1428 §3).
func (c *converter) charset(p *mime.Part) (string, error) {
	valid := true
	var rest []byte
	err := c.each(p.BodyOff, p.End, func(b []byte) error {
		b = append(rest, b...)
		whole := lastRune(b)
		valid = valid && utf8.Valid(b[:whole])
		rest = append([]byte(nil), b[whole:]...)
		return nil
	})
	if !valid || len(rest) > 0 {
		return "unknown-8bit", err
	}
	return "utf-8", err
}

// lastRune gives the length of b without a character that is cut off at its end.
func lastRune(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

// field writes one field in ASCII.
func (c *converter) field(out []byte, f header.Field) ([]byte, error) {
	name, text := string(f.Name), f.Text()
	switch fieldKinds[strings.ToLower(name)] {
	case addressField:
		value, err := c.addressList(text)
		if err != nil {
			return nil, err
		}
		return header.AppendField(out, name, value), nil
	case paramField:
		return appendParams(out, name, f.Value), nil
	case receivedField:
		return header.AppendField(out, name, receivedInASCII(text)), nil
	case traceField:
		return out, nil
	case idField:
		if !isASCII(text) {
			return nil, &cannot{"6.9", "its field " + name + " can not be written in ASCII"}
		}
		return header.AppendField(out, name, text), nil
	}
	if name == "" || !isASCII(name) { // a line that is no field
		return out, nil
	}
	return header.AppendField(out, name, header.EncodeText(header.DecodeWords(text))), nil
}

// fieldKind is how the text of a field is made up, and so what can be done with it.
type fieldKind uint8

const (
	freeText      fieldKind = iota // encoded words (RFC 2047 §5)
	addressField                   // names become encoded words, addresses their ASCII twins
	paramField                     // parameters become those of RFC 2231
	idField                        // nothing can be done
	receivedField                  // what is not ASCII becomes "?"
	traceField                     // it is dropped: it says something of our own checks, or is a signature that would not hold
)

var fieldKinds = map[string]fieldKind{
	"from": addressField, "sender": addressField, "reply-to": addressField, "to": addressField, "cc": addressField,
	"bcc": addressField, "resent-from": addressField, "resent-sender": addressField, "resent-to": addressField,
	"resent-cc": addressField, "resent-bcc": addressField, "resent-reply-to": addressField,
	"disposition-notification-to": addressField, "mail-followup-to": addressField,
	"content-type": paramField, "content-disposition": paramField,
	"message-id": idField, "resent-message-id": idField, "in-reply-to": idField, "references": idField, "content-id": idField,
	"date": idField, "resent-date": idField, "mime-version": idField, "content-transfer-encoding": idField,
	"list-id": idField, "list-post": idField, "list-help": idField, "list-unsubscribe": idField,
	"list-subscribe": idField, "list-owner": idField, "list-archive": idField, "list-unsubscribe-post": idField,
	"received":               receivedField,
	"authentication-results": traceField, "received-spf": traceField, "dkim-signature": traceField,
	"arc-seal": traceField, "arc-message-signature": traceField, "arc-authentication-results": traceField,
	"return-path": traceField,
}

// addressList writes a list of addresses in ASCII.
func (c *converter) addressList(text string) (string, error) {
	items, err := addr.ParseList(text, maxListed)
	if err != nil {
		return "", &cannot{"6.9", "it has too many addresses in one field"}
	}
	var b strings.Builder
	sep := ""
	for _, it := range items {
		if it.Kind == addr.GroupEnd {
			b.WriteByte(';')
			sep = ", "
			continue
		}
		b.WriteString(sep)
		sep = ", "
		name := ""
		if it.Name != "" {
			name = header.EncodePhrase(header.DecodeWords(it.Name))
		}
		if it.Kind == addr.GroupStart {
			b.WriteString(name + ":")
			sep = " "
			continue
		}
		address, err := c.address(it)
		if err != nil {
			return "", err
		}
		if name != "" {
			b.WriteString(name + " ")
		}
		b.WriteString("<" + address + ">")
	}
	return b.String(), nil
}

// address gives one address in ASCII.
func (c *converter) address(it addr.Item) (string, error) {
	m, err := it.Canonical()
	if err != nil {
		m = it.Mailbox
	}
	if s, ok := m.ASCII(); ok && isASCII(s) {
		return s, nil
	}
	if twin, ok := c.twin(m); ok {
		return twin, nil
	}
	return "", &cannot{"6.9", "an address in its header has no ASCII form"}
}

// appendParams writes a structured MIME field with parameters of RFC 2231.
func appendParams(out []byte, name string, v []byte) []byte {
	value, params := header.Params(v, maxFieldPar)
	b := []byte(inASCII(value))
	for _, p := range params {
		b = header.AppendParam(b, inASCII(p.Name), p.Value)
	}
	return header.AppendField(out, name, string(b))
}

// receivedInASCII takes the "for" clause off a Received field if it is not ASCII (RFC 5321 §4.4: it is optional).
func receivedInASCII(text string) string {
	text = strings.ReplaceAll(text, "\t", " ")
	date := strings.LastIndexByte(text, ';')
	at := strings.LastIndex(text[:max(date, 0)], " for ")
	if at >= 0 && !isASCII(text[at:date]) {
		text = text[:at] + text[date:]
	}
	return inASCII(text)
}

func inASCII(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

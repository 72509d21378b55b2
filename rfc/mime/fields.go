package mime

import (
	"bytes"
	"strings"

	"barid/rfc/header"
)

const (
	typeMultipart = "MULTIPART"
	typeMessage   = "MESSAGE"
)

// maxLanguages bounds Content-Language.
const maxLanguages = 16

// contentFields are the raw values of a part's Content fields; of each the first counts.
type contentFields struct {
	typ, encoding, disposition, id, description, md5, location, language []byte
}

// interpret reads the header section in s.head into the part of f.
func (s *Scanner) interpret(f *frame, digest bool) {
	var (
		c contentFields
		e envelopeFields
		n int
	)
	for fl := range header.All(s.head) {
		if n++; n > s.lim.Fields {
			s.msg.Truncated = true
			break
		}
		switch {
		case isContent(fl.Name):
			c.take(fl)
		case f.whole:
			e.take(fl)
		}
	}
	s.fill(f.part, &c, digest)
	if f.whole {
		f.part.Envelope = s.envelope(&e)
	}
}

// isContent tells whether a field is of the MIME part (RFC 2045 §9).
func isContent(name []byte) bool {
	return len(name) > 8 && name[7] == '-' && strings.EqualFold(string(name[:8]), "content-")
}

// take keeps the value of a Content field.
func (c *contentFields) take(f header.Field) {
	var to *[]byte
	switch rest := f.Name[8:]; len(rest) {
	case 2:
		to = pick(rest, "id", &c.id)
	case 3:
		to = pick(rest, "md5", &c.md5)
	case 4:
		to = pick(rest, "type", &c.typ)
	case 8:
		if to = pick(rest, "location", &c.location); to == nil {
			to = pick(rest, "language", &c.language)
		}
	case 11:
		if to = pick(rest, "disposition", &c.disposition); to == nil {
			to = pick(rest, "description", &c.description)
		}
	case 17:
		to = pick(rest, "transfer-encoding", &c.encoding)
	}
	if to != nil && *to == nil {
		*to = f.Value
	}
}

func pick(name []byte, want string, to *[]byte) *[]byte {
	if strings.EqualFold(string(name), want) {
		return to
	}
	return nil
}

// fill puts the Content fields into p.
func (s *Scanner) fill(p *Part, c *contentFields, digest bool) {
	p.Type, p.Subtype = "TEXT", "PLAIN" // RFC 2045 §5.2
	if digest {
		p.Type, p.Subtype = typeMessage, "RFC822"
	}
	if c.typ != nil {
		var v string
		v, p.Params = s.structured(c.typ)
		p.setType(v)
	}
	p.Encoding = "7BIT" // RFC 2045 §6.1
	if c.encoding != nil {
		p.Encoding = encodingName(c.encoding)
	}
	if c.disposition != nil {
		var v string
		v, p.DispParams = s.structured(c.disposition)
		p.Disposition = dispositionName(v)
	}
	p.ID = s.textOf(c.id)
	p.Description = s.textOf(c.description)
	p.MD5 = s.textOf(c.md5)
	p.Location = s.textOf(c.location)
	p.Language = languages(s.textOf(c.language))
}

// structured reads a value with parameters. A field whose value was forgotten, and which begins with a
// parameter, has the value "".
func (s *Scanner) structured(v []byte) (string, []Param) {
	if first, _, _ := bytes.Cut(v, []byte(";")); bytes.IndexByte(first, '=') >= 0 && bytes.IndexByte(first, '/') < 0 {
		v = append([]byte(";"), v...)
	}
	value, params := header.Params(v, s.lim.Params)
	for i := range params {
		if !s.pay(len(params[i].Name) + len(params[i].Raw) + len(params[i].Value)) {
			params = params[:i]
			break
		}
	}
	return value, params
}

// pay takes n bytes from what may be kept; false if there are not so many left.
func (s *Scanner) pay(n int) bool {
	if n > s.text {
		s.msg.Truncated = true
		return false
	}
	s.text -= n
	return true
}

// textOf gives a value unfolded and without white space around it.
func (s *Scanner) textOf(v []byte) string {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || !s.pay(len(v)) {
		return ""
	}
	return string(header.Unfold(v))
}

// setType takes "type/subtype". What is no type is left as the default, text/plain (RFC 2045 §5.2).
func (p *Part) setType(v string) {
	typ, sub, ok := strings.Cut(v, "/")
	typ, sub = strings.TrimSpace(typ), strings.TrimSpace(sub)
	if !ok || !isToken(typ) || !isToken(sub) {
		p.Type, p.Subtype = "TEXT", "PLAIN"
		return
	}
	p.Type, p.Subtype = upper(typ), upper(sub)
}

// encodingName gives a Content-Transfer-Encoding in upper case, without comments and what else mailers put
// around it.
func encodingName(v []byte) string {
	s := strings.Trim(string(header.Unfold(v)), " \t\"")
	if i := strings.IndexAny(s, " \t;(,\""); i >= 0 {
		s = s[:i]
	}
	if !isToken(s) {
		return "7BIT"
	}
	return upper(s)
}

// dispositionName gives the disposition in lower case; one that is no token counts as "attachment"
// (RFC 2183 §2.8).
func dispositionName(v string) string {
	if !isToken(v) {
		return "attachment"
	}
	switch v = strings.ToLower(v); v {
	case "attachment":
		return "attachment"
	case "inline":
		return "inline"
	}
	return v
}

func languages(v string) []string {
	var out []string
	for tag := range strings.SplitSeq(v, ",") {
		if len(out) >= maxLanguages {
			break
		}
		if tag, _, _ = strings.Cut(tag, "("); strings.TrimSpace(tag) != "" {
			out = append(out, strings.TrimSpace(tag))
		}
	}
	return out
}

// isToken is the token of RFC 2045 §5.1, not empty.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte("()<>@,;:\\\"/[]?=", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// isIdentity tells whether an encoding leaves the bytes as they are.
func isIdentity(encoding string) bool {
	switch encoding {
	case "7BIT", "8BIT", "BINARY", "7-BIT", "8-BIT", "NONE":
		return true
	}
	return false
}

// boundary gives the boundary parameter as its bytes stand in the body: it is text of the protocol, so neither
// charsets nor encoded words mean anything in it.
func (p *Part) boundary() string {
	for i := range p.Params {
		if q := &p.Params[i]; q.Name == "boundary" {
			if q.Extended {
				return strings.TrimRight(q.Value, " \t")
			}
			return strings.TrimRight(q.Raw, " \t")
		}
	}
	return ""
}

package imap

import (
	"strconv"
	"strings"

	"barid/rfc/mime"
)

// maxStructureDepth bounds the nesting of what is written; deeper parts are shown as opaque bytes.
const maxStructureDepth = 100

// AppendBodyStructure writes p as FETCH answers BODYSTRUCTURE (extended) or BODY (RFC 3501 §7.4.2). It
// is valid syntax whatever p holds.
func AppendBodyStructure(dst []byte, p *mime.Part, extended bool) []byte {
	return structure{extended: extended}.part(dst, p, 0)
}

// AppendGlobalStructure is AppendBodyStructure for IMAP4rev2 and UTF8=ACCEPT, where MESSAGE/GLOBAL has envelope and
// body as MESSAGE/RFC822 does (RFC 9051 §7.5.2). The two differ only for messages that hold such a part.
func AppendGlobalStructure(dst []byte, p *mime.Part, extended bool) []byte {
	return structure{extended: extended, global: true}.part(dst, p, 0)
}

// AppendRev2Structure is AppendGlobalStructure for IMAP4rev2, where parameters of RFC 2231 are decoded: "name*" has its value
// in UTF-8 (RFC 9051 §7.5.2).
func AppendRev2Structure(dst []byte, p *mime.Part, extended bool) []byte {
	return structure{extended: extended, global: true, decoded: true}.part(dst, p, 0)
}

// structure is how a structure is written.
type structure struct {
	extended bool // with extension data
	global   bool // MESSAGE/GLOBAL is a message
	decoded  bool // parameters of RFC 2231 are decoded
}

func (s structure) part(dst []byte, p *mime.Part, depth int) []byte {
	multi := p.Type == "MULTIPART"
	switch {
	case depth >= maxStructureDepth, multi && len(p.Children) == 0:
		return appendOpaque(dst, p)
	case multi:
		return s.multipart(dst, p, depth)
	}
	return s.single(dst, p, depth)
}

// appendOpaque writes a part whose inside can not be shown.
func appendOpaque(dst []byte, p *mime.Part) []byte {
	dst = append(dst, `("APPLICATION" "OCTET-STREAM" NIL NIL NIL `...)
	dst = append(AppendString(dst, encoding(p)), ' ')
	return append(appendOctets(dst, p), ')')
}

func (s structure) multipart(dst []byte, p *mime.Part, depth int) []byte {
	dst = append(dst, '(')
	for _, c := range p.Children {
		dst = s.part(dst, c, depth+1)
	}
	dst = append(dst, ' ')
	dst = AppendString(dst, orElse(p.Subtype, "MIXED"))
	if s.extended {
		dst = append(dst, ' ')
		dst = s.params(dst, p.Params)
		dst = s.extension(dst, p)
	}
	return append(dst, ')')
}

// single writes body-type-basic, -text or -msg.
func (s structure) single(dst []byte, p *mime.Part, depth int) []byte {
	// Only RFC822 has envelope and body here in IMAP4rev1; MESSAGE/GLOBAL is shown as any other part.
	inner := p.Type == "MESSAGE" && (p.Subtype == "RFC822" || s.global && p.Subtype == "GLOBAL" && len(p.Children) == 1)
	if inner && len(p.Children) != 1 {
		return appendOpaque(dst, p)
	}
	dst = append(dst, '(')
	dst = append(AppendString(dst, orElse(p.Type, "TEXT")), ' ')
	dst = append(AppendString(dst, orElse(p.Subtype, "PLAIN")), ' ')
	dst = append(s.params(dst, p.Params), ' ')
	dst = append(AppendNString(dst, p.ID), ' ')
	dst = append(AppendNString(dst, p.Description), ' ')
	dst = append(AppendString(dst, encoding(p)), ' ')
	dst = appendOctets(dst, p)
	if inner {
		dst = append(AppendEnvelope(append(dst, ' '), p.Children[0].Envelope), ' ')
		dst = s.part(dst, p.Children[0], depth+1)
	}
	if inner || p.Type == "TEXT" || p.Type == "" {
		dst = strconv.AppendInt(append(dst, ' '), max(p.Lines, 0), 10)
	}
	if s.extended {
		dst = AppendNString(append(dst, ' '), p.MD5)
		dst = s.extension(dst, p)
	}
	return append(dst, ')')
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func encoding(p *mime.Part) string { return orElse(p.Encoding, "7BIT") }

func appendOctets(dst []byte, p *mime.Part) []byte {
	return strconv.AppendInt(dst, max(p.End-p.BodyOff, 0), 10)
}

// extension writes disposition, language and location, each behind a space.
func (s structure) extension(dst []byte, p *mime.Part) []byte {
	dst = append(dst, ' ')
	if p.Disposition == "" {
		dst = append(dst, "NIL"...)
	} else {
		dst = append(AppendString(append(dst, '('), p.Disposition), ' ')
		dst = append(s.params(dst, p.DispParams), ')')
	}
	dst = appendLanguages(append(dst, ' '), p.Language)
	return AppendNString(append(dst, ' '), p.Location)
}

func appendLanguages(dst []byte, ls []string) []byte {
	switch len(ls) {
	case 0:
		return append(dst, "NIL"...)
	case 1:
		return AppendString(dst, ls[0])
	}
	dst = append(dst, '(')
	for i, l := range ls {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = AppendString(dst, l)
	}
	return append(dst, ')')
}

// params writes parameters as they were sent, an RFC 2231 value with its charset and the "*" of its name, or decoded.
func (s structure) params(dst []byte, ps []mime.Param) []byte {
	if len(ps) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for i, p := range ps {
		if i > 0 {
			dst = append(dst, ' ')
		}
		name, value := strings.ToUpper(p.Name), p.Raw
		if p.Extended {
			name += "*"
			if s.decoded {
				value = p.Value
			}
		}
		dst = append(AppendString(dst, name), ' ')
		dst = AppendString(dst, value)
	}
	return append(dst, ')')
}

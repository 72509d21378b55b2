package imap

import (
	"bytes"

	"barid/rfc/header"
	"barid/rfc/mime"
)

// Range gives the bytes of a section in a message of size bytes whose header section has headerBytes; for header
// fields those of the header section they are in. m is not looked at if there is no part number. ok is false if
// there is no such part (RFC 3501 §6.4.5).
func (s Section) Range(m *mime.Message, headerBytes, size int64) (lo, hi int64, ok bool) {
	if len(s.Part) == 0 {
		switch s.What {
		case Whole:
			return 0, size, true
		case Text:
			return headerBytes, size, true
		}
		return 0, headerBytes, true
	}
	p := m.Find(s.Part)
	switch {
	case p == nil:
		return 0, 0, false
	case s.What == Whole:
		return p.BodyOff, p.End, true
	case s.What == MIME:
		return p.HeaderOff, p.BodyOff, true
	case !p.IsMessage() || len(p.Children) == 0:
		return 0, 0, false // HEADER and TEXT are of messages only
	}
	if p = p.Children[0]; s.What == Text {
		return p.BodyOff, p.End, true
	}
	return p.HeaderOff, p.BodyOff, true
}

// AppendFields adds the chosen fields of a header section, as they stand, and the empty line: every message has one
// but such that end within their header (RFC 3501 §6.4.5), for which blank is false.
func (s Section) AppendFields(dst, section []byte, blank bool) []byte {
	for off := 0; ; {
		f, ok := header.Next(section, off)
		if !ok {
			break
		}
		off = f.Off + f.Len
		if len(f.Name) > 0 && s.names(f) != (s.What == HeaderFieldsNot) {
			dst = append(dst, f.Raw(section)...)
			if n := len(dst); dst[n-1] != '\n' { // the section ends inside the field
				dst = append(dst, "\r\n"...)
			}
		}
	}
	if !blank {
		return dst
	}
	return append(dst, "\r\n"...)
}

// Blank reports whether the header section that the fields are of has its empty line; head is what was read of it,
// and the others are those of Range.
func (s Section) Blank(head []byte, m *mime.Message, headerBytes, size int64) bool {
	lo, hi, _ := s.Range(m, headerBytes, size)
	rest, ended := bytes.CutSuffix(head, []byte("\n"))
	if rest = bytes.TrimSuffix(rest, []byte("\r")); int64(len(head)) < hi-lo || ended && (len(rest) == 0 || rest[len(rest)-1] == '\n') {
		return true
	}
	lo, hi, ok := Section{Part: s.Part, What: Text}.Range(m, headerBytes, size)
	return ok && lo < hi
}

func (s Section) names(f header.Field) bool {
	for _, n := range s.Fields {
		if f.Is(n) {
			return true
		}
	}
	return false
}

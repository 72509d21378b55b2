package intake

import (
	"bytes"

	"barid/rfc/header"
)

// head is what intake knows of a header section after reading it once.
type head struct {
	section []byte // as received, with its blank line; empty when the message begins with its body
	kept    []span // what of it is stored, in order
	fields  int
	hops    int // Received fields
	ownHops int // of these, written by us

	from, date, messageID bool // there is such a field

	id          string // Message-ID of a submission, without <>
	clearIsFine bool   // a submission says "TLS-Required: No"
}

// span is section[lo:hi].
type span struct{ lo, hi int }

// reader tells what to do with fields: it knows our names and whose message this is.
type reader struct {
	names     []string
	maxFields int
	submitted bool // by a login: Bcc goes (RFC 5322 §3.6.3)
}

// read looks at every field of section once. It fails with a status for too many fields.
func (r *reader) read(h *head, section []byte) error {
	*h = head{section: section, kept: h.kept[:0]}
	for off := 0; off < len(section); {
		f, ok := header.Next(section, off)
		if !ok || f.Len <= 0 {
			h.keep(off, len(section)) // the blank line
			break
		}
		off = f.Off + f.Len
		if h.fields++; h.fields > r.maxFields {
			return headerTooBig()
		}
		if r.drop(h, section, f) {
			continue
		}
		h.keep(f.Off, off)
	}
	return nil
}

// keep adds section[lo:hi] to what is stored.
func (h *head) keep(lo, hi int) {
	if n := len(h.kept); n > 0 && h.kept[n-1].hi == lo {
		h.kept[n-1].hi = hi
		return
	}
	h.kept = append(h.kept, span{lo, hi})
}

// drop notes what f is and tells whether it must not be stored.
func (r *reader) drop(h *head, section []byte, f header.Field) bool {
	name, value := f.Name, f.Value
	if len(name) == 0 {
		name, value = oddField(f.Raw(section))
	}
	if !isASCII(name) { // a reader that trims white space as Unicode knows it would see another name than we
		name = bytes.Map(visible, name)
	}
	switch {
	case is(name, "Received"):
		h.hops++
		if r.ours(value) {
			h.ownHops++
		}
	case is(name, "From"):
		h.from = true
	case is(name, "Date"):
		h.date = true
	case is(name, "Message-ID"):
		h.messageID = true
		if r.submitted && h.id == "" {
			h.id = firstID(value)
		}
	case is(name, "TLS-Required"): // RFC 8689 §5: "No" is its only value
		h.clearIsFine = h.clearIsFine || r.submitted && is(bytes.TrimSpace(value), "no")
	case is(name, "Return-Path"):
		return true
	case is(name, "Authentication-Results"):
		return claims(value, r.names)
	case is(name, "Received-SPF"):
		return mentions(value, r.names)
	case is(name, "Bcc"), is(name, "Resent-Bcc"):
		return r.submitted
	}
	return false
}

// firstID gives the identifier of a Message-ID field without <>, "" if there is none.
func firstID(value []byte) string {
	if ids := header.MessageIDs(value, 1); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// ours tells whether a Received field was written by us: "by <one of our names>".
func (r *reader) ours(value []byte) bool {
	for rest := value; ; {
		i := indexFold(rest, "by")
		if i < 0 {
			return false
		}
		word := i > 0 && blank(rest[i-1])
		rest = rest[i+2:]
		if word && len(rest) > 0 && blank(rest[0]) {
			return r.isName(firstWord(rest))
		}
	}
}

func (r *reader) isName(word []byte) bool {
	for _, n := range r.names {
		if is(word, n) {
			return true
		}
	}
	return false
}

// oddField reads a line that is no field, but that a careless reader may take for one: white space or a fold
// inside the name ("Authentication-Results\r\n : ...").
func oddField(raw []byte) (name, value []byte) {
	i := bytes.IndexByte(raw, ':')
	if i < 0 || i > 64 {
		return nil, nil
	}
	return bytes.TrimSpace(raw[:i]), raw[i+1:]
}

// is compares a name that may be anything with one of ours in ASCII, whatever the case.
func is(name []byte, want string) bool {
	return len(name) == len(want) && (string(name) == want || bytes.EqualFold(name, []byte(want)))
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// firstWord is what stands before the first white space, after leading white space.
func firstWord(b []byte) []byte {
	b = bytes.TrimLeft(b, " \t\r\n")
	if i := bytes.IndexAny(b, " \t\r\n;("); i >= 0 {
		b = b[:i]
	}
	return b
}

// indexFold finds want, which is lower-case ASCII of at least one letter, in b, whatever the case.
func indexFold(b []byte, want string) int {
	for i := 0; i+len(want) <= len(b); i++ {
		if b[i]|0x20 == want[0] && bytes.EqualFold(b[i:i+len(want)], []byte(want)) {
			return i
		}
	}
	return -1
}

// refuse tells why a message with this header can not be taken, or nil.
func (h *head) refuse(s *Settings) error {
	if h.hops > s.MaxReceived || h.ownHops > s.MaxOwnHops {
		return loop()
	}
	return nil
}

// beginsWithBody tells whether a message has no header at all: its first line is neither blank nor a field.
// Without a blank line before it, that line would become part of our trace fields. A line that mailbox
// files begin with ("From info@example.test Sat ...") is left in place as the rest is a header.
func beginsWithBody(b []byte) bool {
	if len(b) == 0 || b[0] == '\n' || bytes.HasPrefix(b, []byte("\r\n")) {
		return false
	}
	if bytes.HasPrefix(b, []byte("From ")) || bytes.HasPrefix(b, []byte(">From ")) {
		return false
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return !header.IsField(line)
}

// endOfHeader finds the end of the header section in b, behind its blank line; from is where the search
// begins: nothing before it can be the end. next is where to go on when more bytes are there.
func endOfHeader(b []byte, from int) (end, next int) {
	for i := from; ; {
		// i is the beginning of a line
		rest := b[i:]
		switch {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 1, 0
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 2, 0
		}
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			return -1, i
		}
		i += n + 1
	}
}

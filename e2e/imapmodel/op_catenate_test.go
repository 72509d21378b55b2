package imapmodel

import (
	"fmt"
	"slices"
	"strings"
)

// piece is one part of a CATENATE.
type piece struct {
	wire, text string
	bad        bool // names nothing that this session may read
}

// catenating makes up an APPEND of a message that is put together from texts and other messages (RFC 4469).
func (h *history) catenating(s *session) *command {
	name, n := h.name(), len(h.m.bodies)
	pieces := []piece{textPiece(fmt.Sprintf("Subject: m%d\r\n\r\n", n))}
	for range 1 + h.r.IntN(3) {
		if h.r.IntN(3) == 0 {
			pieces = append(pieces, textPiece(strings.Repeat("y", 1+h.r.IntN(9))+"\r\n"))
		} else if p, ok := h.urlPiece(s); ok {
			pieces = append(pieces, p)
		}
	}
	b := body{parent: -1, root: n, preview: "?"}
	last := piece{}
	h.m.unique(&b, 1, func(pad int) string {
		last = textPiece(strings.Repeat("z", pad))
		return joined(append(slices.Clone(pieces), last))
	})
	pieces = append(pieces, last)
	h.m.bodies = append(h.m.bodies, b)
	wires := make([]string, len(pieces))
	for i, p := range pieces {
		wires[i] = p.wire
	}
	m := message{body: n, object: h.m.object()}
	c := &command{text: "APPEND " + s.wire(name) + " CATENATE (" + strings.Join(wires, " ") + ")"}
	bad := slices.ContainsFunc(pieces, func(p piece) bool { return p.bad })
	var dst *box
	over, first := false, uint32(0)
	c.apply = func(*reply) {
		if dst = s.reach(name, mayInsert); dst == nil {
			return
		}
		if over = !h.m.room(dst.account(), []message{m}); !over && !bad {
			first = dst.insert(m)
		}
	}
	c.check = func(r *reply) {
		switch {
		case dst == nil:
			s.wantRefused(c, r, name, mayInsert)
		case over && bad: // whichever comes first
			s.wantNo(c, r)
		case over:
			s.wantOverQuota(c, r)
		case bad && r.tagged.code != "BADURL":
			s.fail("%q was answered %q, want BADURL", c.text, r.tagged.raw)
		case bad:
		case !r.ok(), h.m.rights(s.account, name)&mayRead != 0 && (r.tagged.code != "APPENDUID" || r.tagged.args[1].number() != uint64(first)):
			s.fail("%q was answered %q, want UID %d", c.text, r.tagged.raw, first)
		}
	}
	return c
}

func joined(ps []piece) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.text)
	}
	return b.String()
}

func textPiece(text string) piece {
	return piece{wire: fmt.Sprintf("TEXT {%d+}\r\n%s", len(text), text), text: text}
}

// urlPiece makes up a URL of a message, or of a part of one; ok is false if there is no message anywhere.
func (h *history) urlPiece(s *session) (p piece, ok bool) {
	var all []string
	for name, b := range h.m.boxes {
		if b != nil && len(b.msgs) > 0 {
			all = append(all, name)
		}
	}
	if slices.Sort(all); len(all) == 0 {
		return p, false
	}
	name := all[h.r.IntN(len(all))]
	b := h.m.boxes[name]
	m := &b.msgs[h.r.IntN(len(b.msgs))]
	uid, validity := m.uid, b.validity
	switch p.bad = s.reach(name, mayRead) == nil; h.r.IntN(16) {
	case 0:
		uid, p.bad = b.next+3, true
	case 1:
		validity, p.bad = validity+1, true
	}
	url := "/" + percent(s.called(name))
	switch {
	case h.r.IntN(3) == 0:
		url = "imap://" + percent(users[s.account]) + "@mail.example.test" + url
	case b == s.box && !s.lost() && h.r.IntN(2) == 0 && validity == b.validity:
		url = ""
	}
	if validity != b.validity || url != "" && h.r.IntN(2) == 0 {
		url += fmt.Sprintf(";UIDVALIDITY=%d", validity)
	}
	if url != "" {
		url += "/"
	}
	url += fmt.Sprintf(";UID=%d", uid)
	section := ""
	section, p.text = h.section(m)
	p.wire = "URL " + quote(url+section)
	return p, true
}

// section makes up one of a message, with its text.
func (h *history) section(m *message) (url, text string) {
	b := &h.m.bodies[m.body]
	head, rest, _ := strings.Cut(b.text, "\r\n\r\n")
	switch h.r.IntN(4) {
	case 0:
		return "/;SECTION=HEADER", head + "\r\n\r\n"
	case 1:
		return "/;SECTION=TEXT", rest
	case 2:
		if len(b.parts) > 0 {
			at := h.r.IntN(len(b.parts))
			return fmt.Sprintf("/;SECTION=%d", at+1), b.parts[at].raw
		}
	}
	return "", b.text
}

// percent encodes what has a meaning in URLs, and what is not ASCII.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '.' || c == '-' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

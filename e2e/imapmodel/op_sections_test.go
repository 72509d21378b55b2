package imapmodel

import (
	"fmt"
	"slices"
	"strings"
)

// header is a message's header with the empty line.
func (b *body) header() string {
	head, _, _ := strings.Cut(b.text, "\r\n\r\n")
	return head + "\r\n\r\n"
}

// rest is what follows the header.
func (b *body) rest() string { return b.text[len(b.header()):] }

// fields gives the lines of a field with that name, or all others.
func (b *body) fields(name string, not bool) (out string) {
	for line := range strings.Lines(b.header()) {
		if line != "\r\n" && strings.HasPrefix(line, name+": ") != not {
			out += line
		}
	}
	return out + "\r\n"
}

// sectionItem makes up an item that cuts something out of a message, or describes it.
func (h *history) sectionItem(s *session) string {
	all := []string{
		"BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[HEADER.FIELDS (SUBJECT X-NONE)]",
		"BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]", "BODY", "BODYSTRUCTURE", "BODY.PEEK[2.MIME]", "BODY.PEEK[9]", "BODY.PEEK[1.1]",
		fmt.Sprintf("BODY.PEEK[]<%d.%d>", h.r.IntN(60), 1+h.r.IntN(60)),
	}
	if !s.rev2 { // RFC 9051 §E.9: gone
		all = append(all, "RFC822", "RFC822.HEADER", "RFC822.TEXT")
	}
	return all[h.r.IntN(len(all))]
}

// cut gives what a section of a message is; ok is false for NIL.
func (b *body) cut(item string) (text string, ok bool) {
	switch item {
	case "BODY.PEEK[HEADER]", "RFC822.HEADER":
		return b.header(), true
	case "BODY.PEEK[TEXT]", "BODY[TEXT]", "RFC822.TEXT":
		return b.rest(), true
	case "RFC822":
		return b.text, true
	case "BODY.PEEK[HEADER.FIELDS (SUBJECT X-NONE)]":
		return b.fields("Subject", false), true
	case "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]":
		return b.fields("Subject", true), true
	case "BODY.PEEK[1]":
		if len(b.parts) > 0 {
			return b.parts[0].raw, true
		}
		return b.rest(), true
	case "BODY.PEEK[2.MIME]":
		return "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", len(b.parts) > 0
	case "BODY.PEEK[9]", "BODY.PEEK[1.1]":
		return "", false
	}
	var at, n int
	_, _ = fmt.Sscanf(item, "BODY.PEEK[]<%d.%d>", &at, &n)
	at = min(at, len(b.text))
	return b.text[at:min(at+n, len(b.text))], true
}

// sections holds what was cut out of a message against its text; ok is false for other items. What describes it
// never changes, and is the same for all copies.
func (f *fetching) sections(l *response, name string, v value, m *message) (ok bool) {
	at := slices.IndexFunc(f.items, func(it string) bool { return label(it) == name })
	b := &f.h.m.bodies[m.body]
	switch {
	case at < 0, name == "BODY[]":
		return false
	case name == "BODY" || name == "BODYSTRUCTURE":
		told := &b.structures[len(name)/8]
		if *told == "" {
			*told = flat(v)
		}
		if flat(v) != *told || !strings.Contains(*told, b.counted()) {
			f.s.fail("%q: %s is %s, it was %s with %s", l.raw, name, flat(v), *told, b.counted())
		}
		return true
	case !strings.HasPrefix(name, "BODY[") && !strings.HasPrefix(name, "RFC822") || name == "RFC822.SIZE":
		return false
	}
	want, there := b.cut(f.items[at])
	if there != (v.kind == 's') || v.s != want && there {
		f.s.fail("%q: %s is %q, want %q", l.raw, name, v.s, want)
	}
	return true
}

// counted are the octets and lines of the text, or of the first part, as BODY has them.
func (b *body) counted() string {
	if len(b.parts) > 0 {
		return fmt.Sprintf("BASE64 %d %d", len(b.parts[0].raw), 0)
	}
	return fmt.Sprintf("7BIT %d %d", len(b.rest()), strings.Count(b.rest(), "\r\n"))
}

// flat writes a value in one line.
func flat(v value) string {
	if v.kind != '(' {
		return v.s
	}
	out := make([]string, len(v.list))
	for i, x := range v.list {
		out[i] = flat(x)
	}
	return "(" + strings.Join(out, " ") + ")"
}

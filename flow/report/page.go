package report

import (
	"html"
	"strings"
)

// page is a text for people, from which both the plain form and the HTML form are made.
type page struct {
	rtl    bool
	lang   string
	blocks []block
}

// block is a paragraph.
type block struct {
	kind  blockKind
	spans []span
}

type blockKind uint8

const (
	plain   blockKind = iota
	heading           // of a recipient or section
	quote             // a stranger's words: from left to right, whatever surrounds them
	entry             // one line of a list; no space before the next
)

// span is a piece of text of one direction.
type span struct {
	text string
	dir  direction
}

type direction uint8

const (
	own     direction = iota // that of the page
	ltr                      // names of hosts, codes
	auto                     // what people wrote: subjects
	address                  // from left to right, but each side of the "@" in its own direction
)

func (p *page) add(kind blockKind, spans ...span) {
	p.blocks = append(p.blocks, block{kind, spans})
}

// fill puts values in the {names} of a text.
func fill(text string, values map[string]span) []span {
	var out []span
	for text != "" {
		open := strings.IndexByte(text, '{')
		end := strings.IndexByte(text[max(open, 0):], '}') + max(open, 0)
		if open < 0 || end < open {
			break
		}
		v, ok := values[text[open+1:end]]
		if !ok {
			v = span{text: text[open : end+1]}
		}
		if open > 0 {
			out = append(out, span{text: text[:open]})
		}
		out = append(out, v)
		text = text[end+1:]
	}
	if text != "" {
		out = append(out, span{text: text})
	}
	return out
}

// The marks that keep a piece of text from disturbing its surroundings (Unicode UAX #9).
const (
	isolateLTR  = "\u2066"
	isolateAuto = "\u2068"
	isolateEnd  = "\u2069"
	markRTL     = "\u200F" // makes a line that begins with foreign words a line from right to left
)

// isolated gives a span for a plain text. On a page from left to right, ASCII needs no marks.
func (p *page) isolated(s span) string {
	switch {
	case s.dir == own, !p.rtl && isASCII(s.text):
		return s.text
	case s.dir == auto:
		return isolateAuto + s.text + isolateEnd
	case s.dir == address && !isASCII(s.text):
		local, domain := sides(s.text)
		return isolateLTR + isolateAuto + local + isolateEnd + "@" + isolateAuto + domain + isolateEnd + isolateEnd
	}
	return isolateLTR + s.text + isolateEnd
}

// sides divides an address at its last "@". Without isolation of both, Arabic letters on both sides would make
// one run from right to left, and the domain would seem to be the local part.
func sides(a string) (local, domain string) {
	at := max(strings.LastIndexByte(a, '@'), 0)
	return a[:at], strings.TrimPrefix(a[at:], "@")
}

// lineWidth is where plain text is broken, in characters (RFC 3676 §4.2).
const lineWidth = 72

// plainText gives the page as format=flowed (RFC 3676) with LF line ends.
func (p *page) plainText() string {
	var b strings.Builder
	for i, bl := range p.blocks {
		var line strings.Builder
		if p.rtl && bl.spans[0].dir != own {
			line.WriteString(markRTL)
		}
		for _, s := range bl.spans {
			line.WriteString(p.isolated(s))
		}
		indent := ""
		if bl.kind == quote {
			indent = "    "
		}
		flow(&b, line.String(), indent)
		if bl.kind != entry || i+1 == len(p.blocks) || p.blocks[i+1].kind != entry {
			b.WriteByte('\n')
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// flow writes one paragraph in lines that end with a space where they go on. Lines that begin with a space, ">"
// or "From " are stuffed with a space (RFC 3676 §4.4).
func flow(b *strings.Builder, text, indent string) {
	width, first := 0, true
	for word := range strings.SplitSeq(text, " ") {
		n := len([]rune(word))
		switch {
		case first:
			if indent != "" || strings.HasPrefix(word, ">") || word == "From" {
				b.WriteString(" " + indent)
			}
			first = false
		case width+1+n > lineWidth:
			b.WriteString(" \n")
			if width = 0; indent != "" || strings.HasPrefix(word, ">") || word == "From" {
				b.WriteString(" " + indent)
			}
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	b.WriteByte('\n')
}

// html gives the page as HTML. It has no links, pictures or scripts.
func (p *page) html() string {
	dir := "ltr"
	if p.rtl {
		dir = "rtl"
	}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"" + html.EscapeString(p.lang) + "\" dir=\"" + dir + "\">\n" +
		"<head><meta charset=\"utf-8\"></head>\n<body dir=\"" + dir + "\" style=\"font-family: sans-serif; line-height: 1.7\">\n")
	for _, bl := range p.blocks {
		open, end := "<p>", "</p>\n"
		switch bl.kind {
		case heading:
			open, end = "<p style=\"font-weight: bold\">", "</p>\n"
		case quote:
			open, end = "<blockquote dir=\"ltr\" style=\"font-family: monospace\">", "</blockquote>\n"
		case entry:
			open, end = "<div>", "</div>\n"
		}
		b.WriteString(open)
		for _, s := range bl.spans {
			b.WriteString(s.html())
		}
		b.WriteString(end)
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

func (s span) html() string {
	text := html.EscapeString(s.text)
	switch s.dir {
	case ltr:
		return "<bdi dir=\"ltr\">" + text + "</bdi>"
	case auto:
		return "<bdi>" + text + "</bdi>"
	case address:
		local, domain := sides(s.text)
		return "<bdi dir=\"ltr\"><bdi>" + html.EscapeString(local) + "</bdi>@<bdi>" + html.EscapeString(domain) + "</bdi></bdi>"
	}
	return text
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

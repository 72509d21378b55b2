package dsn

import (
	"html"
	"strings"

	"barid/rfc/header"
)

// cuts are the beginnings of lines, in lower case and without dashes and blanks, behind which a text has the
// original or its header section.
var cuts = [...]string{
	"below this line is a copy of the message", "this is a copy of the message", "this is a copy of your message", "this is a copy of the headers",
	"original message follows", "original message header", "original message headers", "original message", "unsent message follows", "message header follows",
	"message headers follow", "message header:", "returned message follows", "undelivered message follows", "the body of the message is", "header of the original message",
	"a copy of the original message", "included is a copy of the message header", "the header of the original message", "copy of your message follows",
	"message text follows", "headers of the message",
}

// originalStart gives the line that a text's copy of the original begins behind, -1 if it has none.
func originalStart(lines []string) int {
	for i, l := range lines {
		l = strings.Trim(lowerASCII(l), "-=_* \t")
		for _, c := range cuts {
			if strings.HasPrefix(l, c) {
				return i
			}
		}
	}
	return bareHeader(lines)
}

// bareHeader finds a header section that no line announces: four fields in a row, one of them Received,
// Return-Path, Message-ID or From.
func bareHeader(lines []string) int {
	const least = 4
	run, known := 0, false
	for i, l := range lines {
		switch {
		case l != "" && (l[0] == ' ' || l[0] == '\t') && run > 0:
			continue
		case header.IsField([]byte(l)):
			run++
			for _, n := range []string{"Received:", "Return-Path:", "Message-ID:", "From:"} {
				known = known || hasPrefixFold(l, n)
			}
		default:
			run, known = 0, false
		}
		if run >= least && known {
			return startOfRun(lines, i)
		}
	}
	return -1
}

// startOfRun goes back to the first line of the fields that line i belongs to.
func startOfRun(lines []string, i int) int {
	for i > 0 && lines[i-1] != "" && (lines[i-1][0] == ' ' || lines[i-1][0] == '\t' || header.IsField([]byte(lines[i-1]))) {
		i--
	}
	return i - 1
}

// textHeader gives the header section that stands in lines behind the announcement lines[0]; some mailers
// indent or quote all of it.
func textHeader(lines []string) []byte {
	var b []byte
	begun := false
	for _, l := range lines[1:] {
		l = strings.TrimRight(l, " \t")
		quoted := strings.TrimPrefix(l, "> ")
		switch {
		case begun && l == "":
			return b
		case begun || header.IsField([]byte(quoted)):
			begun = true
			b = append(append(b, quoted...), '\n')
		case header.IsField([]byte(strings.TrimLeft(quoted, " \t"))):
			begun = true
			b = append(append(b, strings.TrimLeft(quoted, " \t")...), '\n')
		}
	}
	return b
}

// textOfHTML gives the words of an HTML text, a line for each block. It is for searching, not for showing.
func textOfHTML(s string) string {
	var b strings.Builder
	for s != "" {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:open])
		end := strings.IndexByte(s[open:], '>')
		if end < 0 {
			break
		}
		tag := lowerASCII(s[open+1 : open+end])
		s = s[open+end+1:]
		if skip := skipTo(tag, s); skip >= 0 {
			s = s[skip:]
		}
		if breaks(tag) {
			b.WriteByte('\n')
		}
	}
	return html.UnescapeString(strings.ReplaceAll(b.String(), "&nbsp;", " "))
}

// skipTo gives where the end of a style or script begins in s, -1 for other tags.
func skipTo(tag, s string) int {
	for _, name := range []string{"style", "script"} {
		if strings.HasPrefix(tag, name) {
			if i := strings.Index(s, "</"+name); i >= 0 {
				return i
			}
			return len(s)
		}
	}
	return -1
}

// breaks tells whether a tag ends a line of text.
func breaks(tag string) bool {
	tag = strings.TrimPrefix(tag, "/")
	for _, t := range []string{"br", "p", "div", "tr", "li", "td", "h1", "h2", "h3", "table", "pre"} {
		if rest, ok := strings.CutPrefix(tag, t); ok && (rest == "" || rest[0] == ' ' || rest[0] == '/') {
			return true
		}
	}
	return false
}

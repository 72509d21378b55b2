package imapmodel

import (
	"fmt"
	"strings"
)

// binaryItem makes up a BINARY, BINARY.PEEK or BINARY.SIZE (RFC 3516 §4.2).
func (h *history) binaryItem() string {
	section := []string{"", "1", "1", "2", "2", "3"}[h.r.IntN(6)]
	switch h.r.IntN(4) {
	case 0:
		return "BINARY.SIZE[" + section + "]"
	case 1:
		return "BINARY[" + section + "]"
	case 2:
		return fmt.Sprintf("BINARY.PEEK[%s]<%d.%d>", section, h.r.IntN(12), 1+h.r.IntN(30))
	}
	return "BINARY.PEEK[" + section + "]"
}

// label is what an item of FETCH is called in the answer.
func label(item string) string {
	item = strings.Replace(strings.TrimSuffix(item, " (LAZY)"), ".PEEK", "", 1)
	if at := strings.LastIndexByte(item, '<'); at >= 0 {
		start, _, _ := strings.Cut(item[at:], ".")
		return item[:at] + start + ">"
	}
	return item
}

// setsSeen reports whether an item sets \Seen.
func setsSeen(item string) bool {
	return strings.HasPrefix(item, "BODY[") || strings.HasPrefix(item, "BINARY[") || item == "RFC822" || item == "RFC822.TEXT"
}

// section gives what a section of BINARY decodes to; ok is false if there is no such part.
func (b *body) section(of string) (text string, ok bool) {
	_, rest, _ := strings.Cut(b.text, "\r\n\r\n")
	switch {
	case of == "":
		return b.text, true
	case len(b.parts) > 0 && int(of[0]-'1') < len(b.parts):
		return b.parts[of[0]-'1'].decoded, true
	case len(b.parts) == 0 && of == "1":
		return rest, true
	}
	return "", false
}

// binaryValue is how the answer to an item must be; kind is that of the value.
func (b *body) binaryValue(item string) (want string, kind byte) {
	of, rest, _ := strings.Cut(item[strings.IndexByte(item, '[')+1:], "]")
	text, ok := b.section(of)
	if strings.HasPrefix(item, "BINARY.SIZE") {
		return fmt.Sprint(len(text)), 'a'
	}
	if !ok {
		return "NIL", 'a'
	}
	if rest != "" {
		at, n := 0, 0
		_, _ = fmt.Sscanf(rest, "<%d.%d>", &at, &n)
		at = min(at, len(text))
		text = text[at:min(at+n, len(text))]
	}
	return text, 's'
}

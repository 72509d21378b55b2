package imap

import (
	"bytes"
	"errors"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"barid/base/kv"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// needle is the folded text of one BODY or TEXT key.
type needle struct {
	text    []byte
	headers bool // TEXT: header fields of the message count too
}

// textScan looks for all needles of a search in one pass over a message: header fields and text parts
// decoded to UTF-8, piece by piece. It is kept for one search to reuse its buffers.
type textScan struct {
	needles []needle
	found   []bool
	left    int // needles not found yet
	piece   []byte
	folded  []byte
}

// scanBytes is how much decoded text is looked at together.
const scanBytes = 32 << 10

// scan gives which needles are in the message.
func (t *textScan) scan(m *message, body kv.BlobReader) ([]bool, error) {
	t.found = make([]bool, len(t.needles))
	t.left = len(t.needles)
	for i := range t.needles {
		if len(t.needles[i].text) == 0 {
			t.hit(i)
		}
	}
	t.header(m.header, true)
	tree, err := mime.DecodeMessage(m.cold.Tree)
	if err != nil {
		return nil, errors.Join(err, kv.ErrCorrupt)
	}
	var failed error
	tree.Walk(func(_ []int, p *mime.Part) bool {
		failed = t.part(p, p == tree.Root, body)
		return failed == nil && t.left > 0
	})
	return t.found, failed
}

func (t *textScan) hit(i int) {
	if !t.found[i] {
		t.found[i] = true
		t.left--
	}
}

// part looks into one part: the text of text parts, the header of parts (of the root it was done).
func (t *textScan) part(p *mime.Part, root bool, body kv.BlobReader) error {
	if !root && p.BodyOff > p.HeaderOff {
		head := make([]byte, min(p.BodyOff-p.HeaderOff, maxHeaderBytes))
		if n, err := body.ReadAt(head, p.HeaderOff); n < len(head) {
			return err
		}
		t.header(head, false)
	}
	if p.Type != "TEXT" && p.Type != "" {
		return nil
	}
	return t.text(p.Text(io.NewSectionReader(body, p.BodyOff, p.End-p.BodyOff)))
}

// header looks for needles in decoded fields. The header of the message itself is for TEXT only, those of
// its parts are of its body.
func (t *textScan) header(section []byte, root bool) {
	for off := 0; t.left > 0; {
		f, ok := header.Next(section, off)
		if !ok {
			return
		}
		off = f.Off + f.Len
		line := []byte(fold(string(f.Name) + ": " + header.DecodeWords(f.Text())))
		for i := range t.needles {
			if (t.needles[i].headers || !root) && !t.found[i] && bytes.Contains(line, t.needles[i].text) {
				t.hit(i)
			}
		}
	}
}

// text looks for needles in r, keeping as much of what went by as the longest needle could need.
func (t *textScan) text(r io.Reader) error {
	if t.piece == nil {
		t.piece = make([]byte, scanBytes)
	}
	longest := 0
	for i := range t.needles {
		longest = max(longest, len(t.needles[i].text))
	}
	t.folded = t.folded[:0]
	rest := 0 // bytes of piece that are the beginning of a rune
	for t.left > 0 {
		n, err := io.ReadFull(r, t.piece[rest:])
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		have := t.piece[:rest+n]
		whole := have
		if !last {
			whole = wholeRunes(have)
		}
		t.folded = appendFold(t.folded, whole)
		t.look(t.folded)
		if last {
			return nil
		}
		rest = copy(t.piece, have[len(whole):])
		if keep := longest + utf8.UTFMax; len(t.folded) > keep {
			t.folded = append(t.folded[:0], t.folded[len(t.folded)-keep:]...)
		}
	}
	return nil
}

func (t *textScan) look(b []byte) {
	for i := range t.needles {
		if !t.found[i] && bytes.Contains(b, t.needles[i].text) {
			t.hit(i)
		}
	}
}

// wholeRunes cuts b before a character that is not all there, or that the next bytes may still combine
// with, so that folding piece by piece is folding the whole.
func wholeRunes(b []byte) []byte {
	if at := norm.NFC.LastBoundary(b); at > len(b)-256 && at > 0 {
		return b[:at]
	}
	for cut := 1; cut < utf8.UTFMax && cut < len(b); cut++ {
		if utf8.RuneStart(b[len(b)-cut]) {
			if !utf8.FullRune(b[len(b)-cut:]) {
				return b[:len(b)-cut]
			}
			break
		}
	}
	return b
}

// fold makes texts comparable: composed and in lower case. "Case-insensitive" is all that RFC 3501
// §6.4.4 asks for.
func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return foldUnicode(s)
		}
	}
	return lowerASCII(s)
}

// appendFold adds folded b to dst, without a copy in between when b is ASCII.
func appendFold(dst, b []byte) []byte {
	at := len(dst)
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return append(dst[:at], foldUnicode(string(b))...)
		}
		if c >= 'A' && c <= 'Z' {
			c += 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

func foldUnicode(s string) string {
	out := make([]byte, 0, len(s)+8)
	for _, r := range norm.NFC.String(s) {
		out = utf8.AppendRune(out, unicode.ToLower(unicode.ToUpper(r)))
	}
	return string(out)
}

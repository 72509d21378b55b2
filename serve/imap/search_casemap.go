package imap

import (
	"bytes"
	"errors"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail/search"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// casemapScan looks for texts by i;unicode-casemap (RFC 5051), for clients that chose it: finer than the usual
// foldings, so what those do not find needs no look. It is kept for one search to reuse its buffers.
type casemapScan struct {
	keys    []search.Key
	needles [][]byte
	found   []bool
	piece   []byte
	folded  []byte
	longest int
}

// casemapBytes is how much decoded text is looked at together.
const casemapBytes = 32 << 10

func newCasemapScan(keys []search.Key, texts []string) *casemapScan {
	t := &casemapScan{keys: keys, found: make([]bool, len(keys))}
	for _, s := range texts {
		t.needles = append(t.needles, casemap(nil, []byte(s)))
		t.longest = max(t.longest, len(t.needles[len(t.needles)-1]))
	}
	return t
}

// casemap adds b as i;unicode-casemap compares it: in title case, decomposed (RFC 5051 §2).
func casemap(dst, b []byte) []byte {
	titled := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		titled = utf8.AppendRune(titled, unicode.ToTitle(r))
		b = b[n:]
	}
	return norm.NFKD.Append(dst, titled...)
}

// scan gives which texts are in a message.
func (t *casemapScan) scan(m *message, body kv.BlobReader) ([]bool, error) {
	clear(t.found)
	for f := range header.All(m.header) {
		t.field(f)
	}
	tree, err := mime.DecodeMessage(m.cold.Tree)
	if err != nil {
		return nil, errors.Join(err, kv.ErrCorrupt)
	}
	tree.Walk(func(_ []int, p *mime.Part) bool {
		err = t.part(p, p == tree.Root, body)
		return err == nil
	})
	return t.found, err
}

// field looks into a field of the message's header.
func (t *casemapScan) field(f header.Field) {
	value := search.Value(f)
	line := casemap(nil, []byte(string(f.Name)+": "+value))
	alone := line[len(line)-len(casemap(nil, []byte(value))):]
	for i, k := range t.keys {
		switch {
		case k.In == search.Any:
			t.find(i, line)
		case k.Name != "" && f.Is(k.Name), k.Name == "" && f.Is(fieldOf(k.In)):
			t.find(i, alone)
		}
	}
}

// fieldOf names the field of a place, "" for none.
func fieldOf(place search.Field) string {
	for name, p := range fieldPlaces {
		if p == place {
			return name
		}
	}
	return ""
}

func (t *casemapScan) find(i int, in []byte) {
	t.found[i] = t.found[i] || bytes.Contains(in, t.needles[i])
}

// part looks into one part for what is looked for in bodies.
func (t *casemapScan) part(p *mime.Part, root bool, body kv.BlobReader) error {
	if !root && p.BodyOff > p.HeaderOff {
		head := make([]byte, min(p.BodyOff-p.HeaderOff, maxHeaderBytes))
		if n, err := body.ReadAt(head, p.HeaderOff); n < len(head) {
			return err
		}
		for f := range header.All(head) {
			t.look(casemap(nil, []byte(string(f.Name)+": "+header.DecodeWords(f.Text()))))
		}
	}
	if name := p.FileName(); name != "" {
		t.look(casemap(nil, []byte(name)))
	}
	if !search.HasText(p) {
		return nil
	}
	r := p.Text(io.NewSectionReader(body, p.BodyOff, p.End-p.BodyOff))
	if p.Subtype == "HTML" {
		r = text.Visible(r)
	}
	return t.text(r)
}

func (t *casemapScan) look(b []byte) {
	for i, k := range t.keys {
		if k.In == search.Any || k.In == search.Parts {
			t.find(i, b)
		}
	}
}

// text looks into r, keeping as much of what went by as the longest text could need.
func (t *casemapScan) text(r io.Reader) error {
	if t.piece == nil {
		t.piece = make([]byte, casemapBytes)
	}
	t.folded = t.folded[:0]
	for rest := 0; ; {
		n, err := io.ReadFull(r, t.piece[rest:])
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		have := t.piece[:rest+n]
		whole := have
		if !last {
			whole = wholeCharacters(have)
		}
		t.folded = casemap(t.folded, whole)
		t.look(t.folded)
		if last {
			return nil
		}
		rest = copy(t.piece, have[len(whole):])
		if keep := t.longest + utf8.UTFMax; len(t.folded) > keep {
			t.folded = append(t.folded[:0], t.folded[len(t.folded)-keep:]...)
		}
	}
}

// wholeCharacters cuts b before a character that is not all there, or that the next bytes may still combine
// with, so that piece by piece gives what the whole gives.
func wholeCharacters(b []byte) []byte {
	if at := norm.NFKD.LastBoundary(b); at > len(b)-256 && at > 0 {
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

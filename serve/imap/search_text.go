package imap

import (
	"errors"
	"io"

	"barid/base/kv"
	"barid/base/text"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// textScan looks for the needles of all BODY and TEXT keys of a search in one pass over a message: header
// fields and text parts decoded to UTF-8, piece by piece. It is kept for one search to reuse its buffers.
type textScan struct {
	match   *text.Matcher
	headers []bool // by needle: TEXT, for which header fields of the message count too
}

// scan gives which needles are in the message.
func (t *textScan) scan(m *message, body kv.BlobReader) ([]bool, error) {
	t.match.Reset()
	t.header(m.header, t.headers)
	tree, err := mime.DecodeMessage(m.cold.Tree)
	if err != nil {
		return nil, errors.Join(err, kv.ErrCorrupt)
	}
	var failed error
	tree.Walk(func(_ []int, p *mime.Part) bool {
		failed = t.part(p, p == tree.Root, body)
		return failed == nil && t.match.Left() > 0
	})
	found := make([]bool, len(t.headers))
	for i := range found {
		found[i] = t.match.Found(i)
	}
	return found, failed
}

// part looks into one part: the text of text parts, the header of parts (of the root it was done). Of HTML
// both what a reader sees and what stands there counts.
func (t *textScan) part(p *mime.Part, root bool, body kv.BlobReader) error {
	if !root && p.BodyOff > p.HeaderOff {
		head := make([]byte, min(p.BodyOff-p.HeaderOff, maxHeaderBytes))
		if n, err := body.ReadAt(head, p.HeaderOff); n < len(head) {
			return err
		}
		t.header(head, nil)
	}
	if p.Type != "TEXT" && p.Type != "" {
		return nil
	}
	decoded := func() io.Reader { return p.Text(io.NewSectionReader(body, p.BodyOff, p.End-p.BodyOff)) }
	if p.Subtype == "HTML" {
		if err := t.match.Read(text.Visible(decoded()), nil); err != nil {
			return err
		}
	}
	return t.match.Read(decoded(), nil)
}

// header looks for needles in decoded fields, for those that only says so if that is not nil: the header of
// the message itself is for TEXT only, those of its parts are of its body.
func (t *textScan) header(section []byte, only []bool) {
	for off := 0; t.match.Left() > 0; {
		f, ok := header.Next(section, off)
		if !ok {
			return
		}
		off = f.Off + f.Len
		t.match.Look(string(f.Name)+": "+header.DecodeWords(f.Text()), only)
	}
}

package mime

import (
	"encoding/binary"

	"barid/rfc/addr"
)

// The binary form, version 1. All numbers are uvarints, a string is its length and its bytes.
//
//	version (a byte), marks, size, lines, number of parts, number of parameters, parts in preorder
//	part: fields present, type, subtype, encoding, gap before the header, header length, body length, lines,
//	      number of children, then the fields that are present
//	type, subtype, encoding, parameter name: 2n for the n-th of a fixed list, or 2*length+1 and the bytes
//
// A text of an envelope that is there and empty is one space. The envelope of the root and Message.Header are not part of it: they are kept elsewhere.
const binaryVersion = 1

// Bits of "marks".
const (
	mark8bit = 1 << iota
	markNUL
	markBareCR
	markBareLF
	markTruncated
	markLong
)

// Bits of "fields present".
const (
	hasParams = 1 << iota
	hasID
	hasDescription
	hasMD5
	hasLocation
	hasLanguage
	hasDisposition
	hasDispParams
	hasEnvelope
)

// AppendBinary adds the compact form of the structure to dst, about 100 bytes for usual mail.
func (m *Message) AppendBinary(dst []byte) []byte {
	parts, params := count(m.Root)
	w := writer{dst}
	w.b = append(w.b, binaryVersion)
	w.uint(m.marks())
	w.int(m.Size)
	w.int(m.Lines)
	w.int(int64(parts))
	w.int(int64(params))
	w.part(m.Root, 0, true)
	return w.b
}

func (m *Message) marks() uint64 {
	return bit(m.Has8bit, mark8bit) | bit(m.HasNUL, markNUL) | bit(m.HasBareCR, markBareCR) |
		bit(m.HasBareLF, markBareLF) | bit(m.Truncated, markTruncated) | bit(m.HasLong, markLong)
}

// BinaryHasNUL tells HasNUL of the compact form of a structure without decoding the rest.
func BinaryHasNUL(b []byte) bool { return len(b) > 1 && b[0] == binaryVersion && b[1]&markNUL != 0 }

func bit(on bool, b uint64) uint64 {
	if on {
		return b
	}
	return 0
}

// count gives the number of parts and parameters below and with p.
func count(p *Part) (parts, params int) {
	parts, params = 1, len(p.Params)+len(p.DispParams)
	for _, c := range p.Children {
		a, b := count(c)
		parts, params = parts+a, params+b
	}
	return parts, params
}

type writer struct{ b []byte }

func (w *writer) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) int(n int64)   { w.uint(uint64(n)) }

func (w *writer) string(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// name writes a string that may be in list.
func (w *writer) name(list []string, s string) {
	for i, n := range list {
		if n == s {
			w.uint(uint64(i) * 2)
			return
		}
	}
	w.uint(uint64(len(s))*2 + 1)
	w.b = append(w.b, s...)
}

// part writes p; from is where its header may begin at the earliest.
func (w *writer) part(p *Part, from int64, root bool) {
	present := p.present()
	if root {
		present &^= hasEnvelope
	}
	w.uint(present)
	w.name(names[:], p.Type)
	w.name(names[:], p.Subtype)
	w.name(names[:], p.Encoding)
	w.int(p.HeaderOff - from)
	w.int(p.BodyOff - p.HeaderOff)
	w.int(p.End - p.BodyOff)
	w.int(p.Lines)
	w.int(int64(len(p.Children)))
	w.fields(p, present)
	from = p.BodyOff
	for _, c := range p.Children {
		w.part(c, from, false)
		from = c.End
	}
}

func (p *Part) present() uint64 {
	return bit(len(p.Params) > 0, hasParams) | bit(p.ID != "", hasID) | bit(p.Description != "", hasDescription) |
		bit(p.MD5 != "", hasMD5) | bit(p.Location != "", hasLocation) | bit(len(p.Language) > 0, hasLanguage) |
		bit(p.Disposition != "", hasDisposition) | bit(len(p.DispParams) > 0, hasDispParams) |
		bit(p.Envelope != nil, hasEnvelope)
}

func (w *writer) fields(p *Part, present uint64) {
	w.params(p.Params)
	for _, s := range [...]string{p.ID, p.Description, p.MD5, p.Location} {
		if s != "" {
			w.string(s)
		}
	}
	if len(p.Language) > 0 {
		w.strings(p.Language)
	}
	if p.Disposition != "" {
		w.string(p.Disposition)
	}
	w.params(p.DispParams)
	if present&hasEnvelope != 0 {
		w.envelope(p.Envelope)
	}
}

func (w *writer) strings(l []string) {
	w.uint(uint64(len(l)))
	for _, s := range l {
		w.string(s)
	}
}

// Bits before a parameter's value.
const (
	paramExtended = 1 << iota
	paramDecoded  // the decoded value is not the raw one, and follows it
)

func (w *writer) params(l []Param) {
	if len(l) == 0 {
		return
	}
	w.uint(uint64(len(l)))
	for i := range l {
		p := &l[i]
		w.name(paramNames[:], p.Name)
		w.uint(bit(p.Extended, paramExtended) | bit(p.Value != p.Raw, paramDecoded))
		w.string(p.Raw)
		if p.Value != p.Raw {
			w.string(p.Value)
		}
	}
}

// emptyText stands for a text that is there and "": no text of a field begins or ends with a space.
const emptyText = " "

func (w *writer) envelope(e *Envelope) {
	for i := range envelopeTexts {
		if s := *e.text(i); s != "" || e.Empty&(1<<i) == 0 {
			w.string(s)
		} else {
			w.string(emptyText)
		}
	}
	for _, l := range [...][]addr.Item{e.From, e.Sender, e.ReplyTo, e.To, e.Cc, e.Bcc} {
		w.uint(uint64(len(l)))
		for i := range l {
			it := &l[i]
			w.uint(uint64(it.Kind))
			for _, s := range [...]string{it.Name, it.Route, it.Mailbox.Local, it.Mailbox.Domain, it.Group} {
				w.string(s)
			}
		}
	}
}

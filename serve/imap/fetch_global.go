package imap

import (
	"bytes"
	"io"

	"barid/base/kv"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// A stored BODYSTRUCTURE is that of IMAP4rev1, where MESSAGE/GLOBAL is a part like others and a parameter of RFC 2231 is shown
// as it was sent. Clients that switched on IMAP4rev2 or UTF8=ACCEPT see into the one (RFC 9051 §7.5.2, RFC 9755 §6), those
// with IMAP4rev2 have the other decoded.

var (
	globalPart    = []byte(`"MESSAGE" "GLOBAL"`)
	extendedParam = []byte(`*" `)
)

// rewrites reports whether a stored structure is to be written anew.
func (f *fetch) rewrites(structure []byte) bool {
	return f.s.has(extRev2|extUTF8) && bytes.Contains(structure, globalPart) || f.s.has(extRev2) && bytes.Contains(structure, extendedParam)
}

// structure gives BODYSTRUCTURE of a message.
func (f *fetch) structure(r *row) []byte {
	if !f.rewrites(r.structure) {
		return r.structure
	}
	f.scratch = f.appendStructure(f.scratch[:0], r.tree.Root, true)
	return f.scratch
}

func (f *fetch) appendStructure(dst []byte, p *mime.Part, extended bool) []byte {
	switch {
	case f.s.has(extRev2):
		return imap.AppendRev2Structure(dst, p, extended)
	case f.s.has(extUTF8):
		return imap.AppendGlobalStructure(dst, p, extended)
	}
	return imap.AppendBodyStructure(dst, p, extended)
}

// noNUL shows a message with NUL that no encoding of a part could hide, to a client that did not ask for BINARY: no literal
// may hold NUL (RFC 3501 §4.3), and sizes must stay, so 0x80 stands for it.
type noNUL struct{ kv.BlobReader }

// ReadAt implements io.ReaderAt.
func (n noNUL) ReadAt(p []byte, off int64) (int, error) {
	got, err := n.BlobReader.ReadAt(p, off)
	for i, c := range p[:got] {
		if c == 0 {
			p[i] = 0x80
		}
	}
	return got, err
}

var _ io.ReaderAt = noNUL{}

package imap

import (
	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// maxHeaderBytes is how much of one header section is searched for fields.
const maxHeaderBytes = 1 << 20

// fieldSelection is a HEADER.FIELDS or HEADER.FIELDS.NOT, prepared once for a FETCH.
type fieldSelection struct {
	imap.Section
	listed bool // mailbox.Cold.Headers may answer it
}

// known reports whether the cold row answers it: the fields are there, and a body tells that an empty line is.
func (sel *fieldSelection) known(r *row) bool { return sel.listed && r.complete && r.header < r.size }

// prepareSection notes what a section needs.
func (f *fetch) prepareSection(i int, sec imap.Section) {
	f.needs.tree = f.needs.tree || len(sec.Part) > 0
	if len(sec.Fields) == 0 {
		return
	}
	sel := &fieldSelection{Section: sec, listed: sec.What == imap.HeaderFields && len(sec.Part) == 0}
	for _, n := range sec.Fields {
		sel.listed = sel.listed && mailbox.Listed(n)
	}
	if f.fields == nil {
		f.fields = make(map[int]*fieldSelection)
	}
	f.fields[i] = sel
}

// needsBody reports whether some item needs the message's bytes.
func (f *fetch) needsBody(r *row) bool {
	for n, it := range f.items {
		switch it.Item {
		case imap.ItemBinary, imap.ItemBinarySize:
			return true
		case imap.ItemPreview:
			if r.preview == nil && f.makesPreview(it) {
				return true
			}
			continue
		case imap.ItemSection:
		default:
			continue
		}
		if sel := f.fields[n]; sel == nil || !sel.known(r) {
			return true
		}
	}
	return false
}

// section writes the bytes that a section means: straight from the body, or chosen header fields.
func (f *fetch) section(n int, it imap.FetchItem, r *row, body kv.BlobReader) error {
	sel := f.fields[n]
	if sel != nil && sel.known(r) {
		f.scratch = sel.AppendFields(f.scratch[:0], r.headers, true)
		f.slice(it, f.scratch)
		return nil
	}
	lo, hi, ok := r.find(it.Section)
	if !ok {
		f.s.out.S("NIL")
		return nil
	}
	hi = min(hi, body.Size())
	lo = min(lo, hi)
	if sel == nil {
		if r.nul {
			body = noNUL{body}
		}
		return f.stream(it, lo, hi, body)
	}
	head := make([]byte, min(hi-lo, maxHeaderBytes))
	if n, err := body.ReadAt(head, lo); n < len(head) {
		f.damaged(err)
		f.s.out.S("NIL")
		return nil
	}
	f.scratch = sel.AppendFields(f.scratch[:0], head, sel.Blank(head, r.tree, r.header, r.size))
	f.slice(it, f.scratch)
	return nil
}

// stream writes the bytes of a body, or NIL if they are damaged and that shows at once: then the other
// messages are served, and the command ends with NO.
func (f *fetch) stream(it imap.FetchItem, lo, hi int64, body kv.BlobReader) error {
	lo, hi = partial(it, lo, hi)
	began, err := f.s.out.LiteralFrom(body, lo, hi-lo)
	if err == nil || began {
		return err
	}
	f.damaged(err)
	f.s.out.S("NIL")
	return nil
}

// damaged notes a message that can not be read.
func (f *fetch) damaged(err error) {
	if f.failed == nil {
		f.failed = err
	}
}

// slice writes b, or the part of it that a partial FETCH wants.
func (f *fetch) slice(it imap.FetchItem, b []byte) {
	lo, hi := partial(it, 0, int64(len(b)))
	f.s.out.Literal(b[lo:hi])
}

// partial narrows [lo,hi) to what a partial FETCH wants.
func partial(it imap.FetchItem, lo, hi int64) (int64, int64) {
	if !it.Partial {
		return lo, hi
	}
	lo += min(it.Offset, hi-lo)
	return lo, lo + min(it.Count, hi-lo)
}

// find gives the bytes of a section; see imap.Section.Range.
func (r *row) find(sec imap.Section) (lo, hi int64, ok bool) {
	return sec.Range(r.tree, r.header, r.size)
}

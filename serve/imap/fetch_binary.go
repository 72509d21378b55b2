package imap

import (
	"bytes"
	"errors"
	"io"

	"barid/base/kv"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// errCTE: RFC 3516 §4.3.
var errCTE = no("UNKNOWN-CTE", "a part is in an encoding that is not known here")

// binary writes BINARY or BINARY.SIZE of a part: its bytes with the transfer encoding undone (RFC 3516 §4.2). What is
// decoded is read twice if it is large, as its size comes first; nothing is held whole.
func (f *fetch) binary(it imap.FetchItem, r *row, body kv.BlobReader) error {
	lo, hi, ok := r.find(it.Section)
	if !ok {
		return f.noBinary(it, nil)
	}
	hi = min(hi, body.Size())
	p := r.tree.Find(it.Section.Part)
	encoding := ""
	if len(it.Section.Part) > 0 && len(p.Children) == 0 {
		encoding = p.Encoding
	}
	if !mime.Decodes(encoding) {
		return f.noBinary(it, errCTE)
	}
	open := func() io.Reader {
		return partialReader(it, mime.Decode(io.NewSectionReader(body, lo, hi-lo), encoding))
	}
	if it.Item == imap.ItemBinarySize {
		n, _, err := measure(open())
		if err != nil {
			return f.noBinary(it, err)
		}
		f.s.out.N(uint64(n))
		return nil
	}
	return f.writeDecoded(it, open)
}

// writeDecoded writes what open gives as a literal, as a literal8 if it holds NUL.
func (f *fetch) writeDecoded(it imap.FetchItem, open func() io.Reader) error {
	buf := f.s.srv.buffers.Get()
	defer f.s.srv.buffers.Put(buf)
	first := open()
	n, err := io.ReadFull(first, buf[:cap(buf)])
	switch {
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		f.s.out.Literal8(buf[:n])
		return nil
	case err != nil:
		return f.noBinary(it, err)
	}
	rest, nul, err := measure(first)
	if err != nil {
		return f.noBinary(it, err)
	}
	nul = nul || bytes.IndexByte(buf[:n], 0) >= 0
	return f.s.out.LiteralOf(open(), int64(n)+rest, nul)
}

// noBinary answers for a part that is not there or can not be decoded; the command then ends with NO.
func (f *fetch) noBinary(it imap.FetchItem, err error) error {
	if err != nil {
		f.damaged(err)
	}
	if it.Item == imap.ItemBinarySize {
		f.s.out.S("0")
	} else {
		f.s.out.S("NIL")
	}
	return nil
}

// partialReader gives what a partial FETCH wants of r.
func partialReader(it imap.FetchItem, r io.Reader) io.Reader {
	if !it.Partial {
		return r
	}
	return io.LimitReader(&skipReader{r: r, skip: it.Offset}, it.Count)
}

// skipReader leaves out the first bytes of r.
type skipReader struct {
	r    io.Reader
	skip int64
}

// Read implements io.Reader.
func (s *skipReader) Read(p []byte) (int, error) {
	if s.skip > 0 {
		n, err := io.CopyN(io.Discard, s.r, s.skip)
		if s.skip -= n; err != nil {
			return 0, err
		}
	}
	return s.r.Read(p)
}

// measure reads r to its end: how many bytes, and whether there is NUL among them.
func measure(r io.Reader) (n int64, nul bool, err error) {
	var buf [16 << 10]byte
	for {
		k, err := r.Read(buf[:])
		n += int64(k)
		nul = nul || bytes.IndexByte(buf[:k], 0) >= 0
		if err == io.EOF {
			return n, nul, nil
		}
		if err != nil {
			return n, nul, err
		}
	}
}

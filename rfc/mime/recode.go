package mime

import (
	"encoding/base64"
	"errors"
	"io"

	"barid/rfc/header"
)

// ErrNUL is a message with NUL where no transfer encoding can hide it: in a header section, between parts, or behind what
// was looked at.
var ErrNUL = errors.New("mime: NUL outside of the parts of a message")

// maxRecodedHeader bounds the header section of a part that is written anew, bytes.
const maxRecodedHeader = 256 << 10

// Recode writes the message m, whose bytes src has, with the parts that hold NUL in base64 (RFC 3516 §4.4: nothing is lost), as
// those have to be shown who do not ask for BINARY (RFC 3516 §6, RFC 3501 §4.3.1). ErrNUL: that can not be done. What was
// written may still have NUL between the parts.
func Recode(w io.Writer, src io.ReaderAt, m *Message) error {
	if m.Truncated {
		return ErrNUL
	}
	r := &recoder{src: src, w: w}
	if err := r.part(m.Root, true); err != nil {
		return err
	}
	return r.copy(m.Root.End, m.Size)
}

// recoder writes a message with parts that hold NUL in base64.
type recoder struct {
	src io.ReaderAt
	w   io.Writer
	buf [4 << 10]byte
}

func (r *recoder) part(p *Part, root bool) error {
	if len(p.Children) > 0 {
		return r.container(p)
	}
	nul, err := r.hasNUL(p.BodyOff, p.End)
	if err != nil {
		return err
	}
	if !nul && p.Encoding != "BINARY" {
		return r.copy(p.HeaderOff, p.End)
	}
	if err := r.header(p, "base64"); err != nil {
		return err
	}
	return r.encode(p, root)
}

// container copies what stands between the parts and passes the parts on.
func (r *recoder) container(p *Part) error {
	encoding := ""
	if p.Encoding == "BINARY" {
		encoding = "8bit"
	}
	if err := r.header(p, encoding); err != nil {
		return err
	}
	at := p.BodyOff
	for _, c := range p.Children {
		if err := r.copy(at, c.HeaderOff); err != nil {
			return err
		}
		if err := r.part(c, false); err != nil {
			return err
		}
		at = c.End
	}
	return r.copy(at, p.End)
}

// header writes the header section of a part with another encoding; "" leaves it.
func (r *recoder) header(p *Part, encoding string) error {
	if encoding == "" {
		return r.copy(p.HeaderOff, p.BodyOff)
	}
	if p.BodyOff-p.HeaderOff > maxRecodedHeader {
		return ErrNUL
	}
	section := make([]byte, p.BodyOff-p.HeaderOff)
	if _, err := r.src.ReadAt(section, p.HeaderOff); err != nil && err != io.EOF {
		return err
	}
	out := append(withEncoding(section, encoding), "\r\n"...)
	_, err := r.w.Write(out)
	return err
}

// withEncoding gives the fields of a header section with another Content-Transfer-Encoding, in the place of the first that
// is there: a section may begin with it and go on with what no section can begin with.
func withEncoding(section []byte, encoding string) []byte {
	const name = "Content-Transfer-Encoding"
	out := make([]byte, 0, len(section)+64)
	done := false
	for f := range header.All(section) {
		switch {
		case !f.Is(name):
			out = append(out, f.Raw(section)...)
		case !done:
			out, done = header.AppendField(out, name, encoding), true
		}
	}
	if n := len(out); n > 0 && out[n-1] != '\n' { // its line end belongs to the boundary behind it
		out = append(out, "\r\n"...)
	}
	if !done {
		out = header.AppendField(out, name, encoding)
	}
	return out
}

// encode writes a body in lines of base64 (RFC 2045 §6.8).
func (r *recoder) encode(p *Part, root bool) error {
	lines := &lineWriter{w: r.w}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(enc, Decode(io.NewSectionReader(r.src, p.BodyOff, p.End-p.BodyOff), p.Encoding)); err != nil {
		return err
	}
	if err := enc.Close(); err != nil || !root {
		return err
	}
	_, err := r.w.Write([]byte("\r\n"))
	return err
}

// hasNUL looks into a stretch of the message.
func (r *recoder) hasNUL(off, end int64) (bool, error) {
	found := false
	err := r.each(off, end, func(b []byte) error {
		for _, c := range b {
			found = found || c == 0
		}
		return nil
	})
	return found, err
}

func (r *recoder) copy(off, end int64) error {
	return r.each(off, end, func(b []byte) error {
		_, err := r.w.Write(b)
		return err
	})
}

func (r *recoder) each(off, end int64, f func([]byte) error) error {
	for off < end {
		b := r.buf[:min(int64(len(r.buf)), end-off)]
		if n, err := r.src.ReadAt(b, off); n < len(b) {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

// lineWriter breaks what it is given into lines of 76.
type lineWriter struct {
	w  io.Writer
	at int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	const width = 76
	n := len(p)
	for len(p) > 0 {
		if l.at == width {
			if _, err := l.w.Write([]byte("\r\n")); err != nil {
				return 0, err
			}
			l.at = 0
		}
		k := min(width-l.at, len(p))
		if _, err := l.w.Write(p[:k]); err != nil {
			return 0, err
		}
		l.at, p = l.at+k, p[k:]
	}
	return n, nil
}

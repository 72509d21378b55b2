package remote

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"

	"barid/rfc/mime"
)

// encode writes the body of a leaf in an encoding.
func (c *converter) encode(p *mime.Part, encoding string, root bool) error {
	var r io.Reader = io.NewSectionReader(sectionOf{c.src}, p.BodyOff, p.End-p.BodyOff)
	if p.Encoding == "BASE64" || p.Encoding == "QUOTED-PRINTABLE" {
		r = mime.Decode(r, p.Encoding)
	}
	if encoding == "quoted-printable" {
		w := quotedprintable.NewWriter(c.w)
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
		return w.Close()
	}
	lines := &wrapper{w: c.w}
	w := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	if err := w.Close(); err != nil || !root {
		return err
	}
	return lines.end()
}

// sectionOf marks errors of the store.
type sectionOf struct{ r io.ReaderAt }

// ReadAt implements io.ReaderAt.
func (s sectionOf) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = &storeError{err}
	}
	return n, err
}

// base64Line is the length of a line of base64 (RFC 2045 §6.8).
const base64Line = 76

// wrapper breaks a stream into lines; there is none after the last until end.
type wrapper struct {
	w  io.Writer
	at int
}

// Write implements io.Writer.
func (l *wrapper) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if l.at == base64Line {
			if err := l.end(); err != nil {
				return 0, err
			}
		}
		k := min(base64Line-l.at, len(p))
		if _, err := l.w.Write(p[:k]); err != nil {
			return 0, err
		}
		l.at, p = l.at+k, p[k:]
	}
	return n, nil
}

// end ends a line that has something in it.
func (l *wrapper) end() error {
	if l.at == 0 {
		return nil
	}
	l.at = 0
	_, err := io.WriteString(l.w, "\r\n")
	return err
}

// gap writes what stands around parts: boundary lines as they are, and the text before, between and after that
// nobody is shown (RFC 2046 §5.1.1), with "?" for what can not go.
func (c *converter) gap(off, end int64) error {
	if !c.want.sevenBit {
		return c.copy(off, end)
	}
	g := gapCleaner{line: newLine}
	return c.each(off, end, func(p []byte) error {
		out, err := g.clean(make([]byte, 0, len(p)+len(p)/8), p)
		if err == nil {
			_, err = c.w.Write(out)
		}
		return err
	})
}

// Where in a line a gapCleaner is.
const (
	newLine  = iota // at its beginning
	oneDash         // behind one dash
	boundary        // in a line that begins with two
	text
)

type gapCleaner struct {
	line int
	cr   bool // the last octet was CR
}

func (g *gapCleaner) clean(out, p []byte) ([]byte, error) {
	if !g.cr && isClean(p) && bytes.IndexByte(p, '\r') < 0 && g.line == text {
		return append(out, p...), nil
	}
	for _, b := range p {
		switch {
		case b == '\n':
			if !g.cr {
				out = append(out, '\r')
			}
			out = append(out, '\n')
			g.line, g.cr = newLine, false
			continue
		case g.cr: // a bare CR was written: make a line end of it
			out = append(out, '\n')
			g.line = newLine
		}
		if g.cr = b == '\r'; g.cr {
			out = append(out, b)
			continue
		}
		if g.line = next(g.line, b); b >= 0x80 || b == 0 {
			if g.line == boundary {
				return nil, &cannot{"6.3", "a boundary of its parts is not made of seven-bit text"}
			}
			b = '?'
		}
		out = append(out, b)
	}
	return out, nil
}

func next(line int, b byte) int {
	switch {
	case line == newLine && b == '-':
		return oneDash
	case line == oneDash && b == '-', line == boundary:
		return boundary
	}
	return text
}

// isClean tells whether p is seven-bit text without line feeds.
func isClean(p []byte) bool {
	for _, b := range p {
		if b >= 0x80 || b == 0 || b == '\n' {
			return false
		}
	}
	return true
}

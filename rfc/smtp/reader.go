package smtp

import (
	"bytes"
	"errors"
	"io"
)

// What a line or a message body can be wrong about. A line reader has consumed the whole line when it
// returns one of these, a DataReader has not: see DataReader.Drain.
var (
	ErrBareCR   = errors.New("smtp: bare CR")
	ErrBareLF   = errors.New("smtp: bare LF")
	ErrNUL      = errors.New("smtp: NUL")
	ErrTooLong  = errors.New("smtp: line too long")
	ErrEndless  = errors.New("smtp: line without end")
	ErrTooBig   = errors.New("smtp: message too big")
	errNoBuffer = errors.New("smtp: read returned no bytes and no error")
)

// maxLineDrain is how much of an overlong line is thrown away in search of its end, in octets.
const maxLineDrain = 64 << 10

// A Reader reads lines, DATA and BDAT from one connection through one buffer. It blocks in the
// underlying Read only when the buffer has nothing left to work on, so the underlying reader is the
// place to flush replies (RFC 2920 §3.2) and to set deadlines.
type Reader struct {
	src      io.Reader
	buf      []byte
	pos, end int // buf[pos:end] is unread
	data     DataReader
}

// NewReader reads from src through buf, whose length is the buffer size.
func NewReader(src io.Reader, buf []byte) *Reader { return &Reader{src: src, buf: buf} }

// Buffered gives the number of octets that were read from the connection and not yet consumed.
func (r *Reader) Buffered() int { return r.end - r.pos }

// Peek shows what is buffered, without reading. The slice is valid until the next read.
func (r *Reader) Peek() []byte { return r.buf[r.pos:r.end] }

// Discard forgets what is buffered: what a peer sent in clear before TLS began (RFC 3207 §4.2).
func (r *Reader) Discard() { r.pos, r.end = 0, 0 }

// Swap gives the reader another buffer and returns the old one; it does nothing and returns nil when
// the unread octets would not fit. Slices returned earlier are no longer valid.
func (r *Reader) Swap(buf []byte) []byte {
	if len(buf) < r.Buffered() || len(buf) == 0 {
		return nil
	}
	old := r.buf
	r.end = copy(buf, r.buf[r.pos:r.end])
	r.pos, r.buf = 0, buf
	return old
}

// Size gives the size of the buffer in octets.
func (r *Reader) Size() int { return len(r.buf) }

// Fill reads once from the connection, adding to what is buffered. It returns an error only if nothing came.
func (r *Reader) Fill() error {
	if r.Buffered() == len(r.buf) {
		return nil
	}
	return r.fill()
}

// fill reads once, making room first. It returns an error only if nothing was read.
func (r *Reader) fill() error {
	if r.pos > 0 {
		r.end = copy(r.buf, r.buf[r.pos:r.end])
		r.pos = 0
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errNoBuffer
}

// Line reads one line and returns it without its CRLF; the slice is valid until the next read. limit is
// in octets with CRLF. At the end of input the error is io.EOF, within a line
// io.ErrUnexpectedEOF. ErrTooLong, ErrBareCR, ErrBareLF and ErrNUL mean that the whole line, up to the
// CRLF that really ends it, was thrown away; after ErrEndless its end was not found and the connection
// is of no more use.
func (r *Reader) Line(limit int) ([]byte, error) {
	scanned := 0
	for {
		i := bytes.IndexByte(r.buf[r.pos+scanned:r.end], '\n')
		switch {
		case i >= 0:
			scanned += i + 1
			if line := r.buf[r.pos : r.pos+scanned]; scanned >= 2 && line[scanned-2] == '\r' {
				r.pos += scanned
				if scanned > limit {
					return nil, ErrTooLong
				}
				return line[:scanned-2], checkLine(line[:scanned-2])
			}
			continue // a bare LF ends nothing
		case r.Buffered() >= limit:
			return nil, r.drainLine()
		}
		scanned = r.Buffered()
		if err := r.more(min(limit, 16<<10)); err != nil {
			return nil, err
		}
	}
}

// ReplyLine is Line for what a server says: an LF alone ends a line too. Some servers end their lines so, and waiting
// for a CRLF that never comes helps nobody; what a client sends as mail is never read with it.
func (r *Reader) ReplyLine(limit int) ([]byte, error) {
	for scanned := 0; ; {
		if i := bytes.IndexByte(r.buf[r.pos+scanned:r.end], '\n'); i >= 0 {
			line := r.buf[r.pos : r.pos+scanned+i]
			r.pos += scanned + i + 1
			if len(line) >= limit {
				return nil, ErrTooLong
			}
			line = bytes.TrimSuffix(line, []byte("\r"))
			return line, checkLine(line)
		}
		if scanned = r.Buffered(); scanned >= limit {
			return nil, r.drainLine()
		}
		if err := r.more(limit); err != nil {
			return nil, err
		}
	}
}

// more reads once within a line of which all that is buffered is a part; a full buffer grows, to size at least.
func (r *Reader) more(size int) error {
	part := r.Buffered()
	if part == len(r.buf) {
		r.Swap(make([]byte, max(part*2, size)))
	}
	err := r.fill()
	if err == io.EOF && part > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// checkLine refuses what may not stand inside a line.
func checkLine(line []byte) error {
	switch {
	case bytes.IndexByte(line, '\n') >= 0:
		return ErrBareLF
	case bytes.IndexByte(line, '\r') >= 0:
		return ErrBareCR
	case bytes.IndexByte(line, 0) >= 0:
		return ErrNUL
	}
	return nil
}

// drainLine throws the rest of an overlong line away.
func (r *Reader) drainLine() error {
	var last byte
	for dropped := 0; dropped <= maxLineDrain; {
		window := r.buf[r.pos:r.end]
		for i := 0; i < len(window); {
			j := bytes.IndexByte(window[i:], '\n')
			if j < 0 {
				break
			}
			i += j + 1
			if i >= 2 && window[i-2] == '\r' || i == 1 && last == '\r' {
				r.pos += i
				return ErrTooLong
			}
		}
		if len(window) > 0 {
			last = window[len(window)-1]
		}
		dropped += len(window)
		r.Discard()
		if err := r.fill(); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
	}
	return ErrEndless
}

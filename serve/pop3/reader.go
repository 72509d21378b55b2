package pop3

import (
	"bytes"
	"errors"
	"io"
)

// Limits of what a client sends.
const (
	readBytes = 4 << 10  // octets read ahead, and so the longest line
	skipBytes = 64 << 10 // octets of a line that is too long, before we give up
)

// What can be wrong with a line. After the first two the next line can be read.
var (
	errLong  = errors.New("line is too long")
	errBare  = errors.New("lines end with CRLF")
	errFlood = errors.New("endless line")
)

// reader takes lines out of what comes. before is called before each wait for the network.
type reader struct {
	src    io.Reader
	before func() error
	buf    [readBytes]byte
	r, w   int
}

// line gives the next line without its CRLF. It is valid until the next call.
func (b *reader) line() ([]byte, error) {
	skipped, from := 0, b.r
	for {
		if i := bytes.IndexByte(b.buf[from:b.w], '\n'); i >= 0 {
			line := b.buf[b.r : from+i]
			b.r = from + i + 1
			return strict(line, skipped > 0)
		}
		from = b.w
		if b.w-b.r == len(b.buf) {
			skipped += b.w - b.r
			b.r, b.w, from = 0, 0, 0
			if skipped > skipBytes {
				return nil, errFlood
			}
		}
		n, err := b.fill()
		if err != nil {
			return nil, err
		}
		from -= n
	}
}

func strict(line []byte, long bool) ([]byte, error) {
	n := len(line) - 1
	switch {
	case long:
		return nil, errLong
	case n < 0 || line[n] != '\r':
		return nil, errBare
	}
	return line[:n], nil
}

// fill waits for more and tells by how much it moved what was there already.
func (b *reader) fill() (moved int, err error) {
	if b.r > 0 {
		moved = b.r
		b.w = copy(b.buf[:], b.buf[b.r:b.w])
		b.r = 0
	}
	if err := b.before(); err != nil {
		return moved, err
	}
	n, err := b.src.Read(b.buf[b.w:])
	b.w += n
	if n > 0 {
		err = nil
	} else if err == nil {
		err = io.ErrNoProgress
	}
	return moved, err
}

// forget drops what was read ahead (RFC 2595 §4: nothing from before TLS counts).
func (b *reader) forget() { b.r, b.w = 0, 0 }

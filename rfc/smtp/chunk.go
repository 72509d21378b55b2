package smtp

import (
	"bytes"
	"io"
	"math"
	"strings"
)

// ParseBDAT reads the argument of BDAT, "chunk-size [SP LAST]" (RFC 3030 §2): a size of 0 to 2^63-1.
// After an error nobody knows where the chunk ends, so the connection is of no more use.
func ParseBDAT(args string) (size int64, last bool, err error) {
	digits, word, more := strings.Cut(args, " ")
	if more && !strings.EqualFold(word, "LAST") {
		return 0, false, malformed("BDAT", "not chunk-size [LAST]")
	}
	if digits == "" || len(digits) > 19 {
		return 0, false, malformed("BDAT", "not a size")
	}
	var n uint64
	for i := 0; i < len(digits); i++ {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false, malformed("BDAT", "not a size")
		}
		n = n*10 + uint64(d)
	}
	if n > math.MaxInt64 {
		return 0, false, malformed("BDAT", "not a size")
	}
	return int64(n), more, nil
}

// ReadChunk reads part of a BDAT chunk of which left octets are to come, big reads past the buffer. The
// end of input within the chunk is io.ErrUnexpectedEOF; left of 0 or less gives io.EOF.
func (r *Reader) ReadChunk(p []byte, left int64) (int, error) {
	switch {
	case left <= 0:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case int64(len(p)) > left:
		p = p[:left]
	}
	if r.Buffered() == 0 {
		if len(p) >= len(r.buf) {
			n, err := r.src.Read(p)
			return n, within(err)
		}
		if err := r.fill(); err != nil {
			return 0, within(err)
		}
	}
	n := copy(p, r.buf[r.pos:r.end])
	r.pos += n
	return n, nil
}

// Skip throws n octets away: the rest of a chunk that is refused.
func (r *Reader) Skip(n int64) error {
	for n > 0 {
		if r.Buffered() == 0 {
			if err := r.fill(); err != nil {
				return within(err)
			}
		}
		k := min(n, int64(r.Buffered()))
		r.pos += int(k)
		n -= k
	}
	return nil
}

// within turns the end of input into the one that is an error.
func within(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A Checker finds bare CR, bare LF and NUL in a message that comes in pieces. The zero value checks
// everything; HeaderOnly stops after the header section, which is text even in a BINARYMIME message.
type Checker struct {
	HeaderOnly bool
	body       bool // the blank line was seen
	cr         bool // the last piece ended with CR
	inLine     bool // the line has octets before this piece
}

// Check looks at the next piece.
func (c *Checker) Check(p []byte) error {
	for len(p) > 0 && !(c.body && c.HeaderOnly) {
		if c.cr {
			if p[0] != '\n' {
				return ErrBareCR
			}
			c.body = c.body || !c.inLine
			c.cr, c.inLine, p = false, false, p[1:]
			continue
		}
		line, found := p, false
		if i := bytes.IndexByte(p, '\r'); i >= 0 {
			line, found = p[:i], true
		}
		if bytes.IndexByte(line, '\n') >= 0 {
			return ErrBareLF
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return ErrNUL
		}
		c.inLine = c.inLine || len(line) > 0
		p = p[len(line):]
		if found {
			c.cr, p = true, p[1:]
		}
	}
	return nil
}

// End looks at what the end of the message makes illegal: a CR without its LF.
func (c *Checker) End() error {
	if c.cr {
		return ErrBareCR
	}
	return nil
}

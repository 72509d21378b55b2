// Package deflate reads a compressed stream as it comes: everything that the octets at hand say is given out before
// more of them are waited for.
//
// Life: below serve/imap, for COMPRESS. Promise: no octet is waited for while one that is decoded is held back, so a
// dialogue goes on however its writer flushes. The libraries at hand wait for up to ten bits behind the end of a
// block, which zlib's Z_PARTIAL_FLUSH (RFC 4978 §4 allows it; mbsync does it) does not send.
// Limits: 32 KiB of window and two tables of codes; how much comes out is the caller's to bound.
// Failure: a *CorruptError, or io.ErrUnexpectedEOF when the stream ends inside of a block. Standards: RFC 1951.
package deflate

import (
	"fmt"
	"io"
)

// Input is what a Reader reads: a *bufio.Reader.
type Input interface {
	io.ByteReader
	Buffered() int // octets that can be read without waiting
}

// CorruptError is a stream that breaks RFC 1951.
type CorruptError struct {
	Why string
}

// Error implements error.
func (e *CorruptError) Error() string { return "deflate: " + e.Why }

func corrupt(format string, args ...any) error { return &CorruptError{fmt.Sprintf(format, args...)} }

const (
	windowBytes = 32 << 10 // how far back a copy may reach, RFC 1951 §2
	copyBytes   = 258      // the longest copy
	endOfBlock  = 256
)

// state is where in the stream a Reader is.
type state uint8

const (
	beforeBlock state = iota
	inStored
	inCodes
)

// Reader decompresses. It is not for use by several goroutines at once.
type Reader struct {
	in   Input
	bits uint32 // taken from in and not used yet, the next one lowest
	n    uint   // how many

	window  [windowBytes]byte
	end     int // where the next octet goes
	waiting int // octets before end that nobody has read yet
	past    int // octets that a copy may reach, at most windowBytes

	state         state
	final         bool
	stored        int // octets left of a stored block
	literal, dist codes
	err           error
}

// NewReader makes a Reader.
func NewReader(in Input) *Reader { return &Reader{in: in} }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.err == nil && r.waiting+copyBytes <= windowBytes && (r.waiting == 0 || r.in.Buffered() > 0) {
		r.err = r.step()
	}
	if r.waiting == 0 {
		return 0, r.err
	}
	n := 0
	for n < len(p) && r.waiting > 0 {
		from := (r.end - r.waiting) & (windowBytes - 1)
		k := copy(p[n:], r.window[from:min(from+r.waiting, windowBytes)])
		n += k
		r.waiting -= k
	}
	return n, nil
}

// step goes on by one element of the stream.
func (r *Reader) step() error {
	switch r.state {
	case inStored:
		return r.storedOctet()
	case inCodes:
		return r.element()
	default:
		return r.begin()
	}
}

// begin reads the head of a block, RFC 1951 §3.2.3.
func (r *Reader) begin() error {
	if r.final {
		return io.EOF
	}
	head, err := r.take(3)
	if err != nil {
		if err == io.ErrUnexpectedEOF {
			return io.EOF // between two blocks
		}
		return err
	}
	r.final = head&1 == 1
	switch head >> 1 {
	case 0:
		return r.beginStored()
	case 1:
		r.state = inCodes
		return r.fixed()
	case 2:
		r.state = inCodes
		return r.dynamic()
	}
	return corrupt("block of type 3")
}

// beginStored reads the head of a block without compression, RFC 1951 §3.2.4.
func (r *Reader) beginStored() error {
	r.bits >>= r.n % 8
	r.n -= r.n % 8
	size, err := r.take(16)
	if err != nil {
		return err
	}
	check, err := r.take(16)
	if err != nil {
		return err
	}
	if size^check != 0xffff {
		return corrupt("stored block of %d octets with the check %d", size, check)
	}
	r.stored = int(size)
	if r.stored > 0 {
		r.state = inStored
	}
	return nil
}

func (r *Reader) storedOctet() error {
	b, err := r.take(8)
	if err != nil {
		return err
	}
	r.put(byte(b))
	if r.stored--; r.stored == 0 {
		r.state = beforeBlock
	}
	return nil
}

// element reads a literal, a copy, or the end of a block, RFC 1951 §3.2.5.
func (r *Reader) element() error {
	s, err := r.symbol(&r.literal)
	switch {
	case err != nil:
		return err
	case s < endOfBlock:
		r.put(byte(s))
		return nil
	case s == endOfBlock:
		r.state = beforeBlock
		return nil
	case s-257 >= len(lengths):
		return corrupt("length code %d", s)
	}
	length, err := r.extended(lengths[s-257])
	if err != nil {
		return err
	}
	if s, err = r.symbol(&r.dist); err != nil {
		return err
	}
	if s >= len(distances) {
		return corrupt("distance code %d", s)
	}
	distance, err := r.extended(distances[s])
	if err != nil {
		return err
	}
	if distance > r.past {
		return corrupt("copy from %d octets back, there are %d", distance, r.past)
	}
	for range length {
		r.put(r.window[(r.end-distance)&(windowBytes-1)])
	}
	return nil
}

// put gives out an octet.
func (r *Reader) put(b byte) {
	r.window[r.end] = b
	r.end = (r.end + 1) & (windowBytes - 1)
	r.waiting++
	r.past = min(r.past+1, windowBytes)
}

// extended reads the extra bits of a code.
func (r *Reader) extended(e extra) (int, error) {
	b, err := r.take(uint(e.bits))
	return int(e.base) + int(b), err
}

// take takes n bits, at most 16.
func (r *Reader) take(n uint) (uint32, error) {
	for r.n < n {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	b := r.bits & (1<<n - 1)
	r.bits >>= n
	r.n -= n
	return b, nil
}

// more takes an octet in.
func (r *Reader) more() error {
	b, err := r.in.ReadByte()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	r.bits |= uint32(b) << r.n
	r.n += 8
	return nil
}

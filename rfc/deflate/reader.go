// Package deflate reads a compressed stream as it comes: everything that the octets at hand say is given out before
// more of them are waited for.
//
// Life: below serve/imap, for COMPRESS=DEFLATE: what a client compressed passes here before it is cut into commands.
//
// Promises:
//   - Invariant: while an octet is decoded and not given out, no input is waited for. A dialogue goes on however its
//     writer flushes: zlib's Z_PARTIAL_FLUSH (RFC 4978 §4 leaves the choice; mbsync takes it) ends in the middle of an
//     octet, without the empty stored block at which the libraries at hand give out what they decoded.
//   - Every stream that zlib inflates is inflated to the same octets, and what zlib refuses is refused: sets of codes
//     with too many of them or with bits that stand for none, but for a single code of one bit (RFC 1951 §3.2.7).
//   - An error of the input loses nothing: reading goes on where it stopped, e.g. after a deadline.
//
// Limits: the window grows with what came out, from 1 KiB up to 32 KiB, and the codes of a block take 4 KiB; nothing
// else is kept. How much comes out, at most 1032 octets for one, is the caller's to bound; Taken is what went in.
//
// Failure: a *CorruptError, for good, after what came before it; io.ErrUnexpectedEOF when the input ends inside of a
// block. A dialogue is never finished, so an input that ends between two blocks is io.EOF, as the end of the last is.
//
// Standards: RFC 1951.
package deflate

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// CorruptError is a stream that breaks RFC 1951.
type CorruptError struct {
	Why string
}

// Error implements error.
func (e *CorruptError) Error() string { return "deflate: " + e.Why }

func corrupt(format string, args ...any) error { return &CorruptError{fmt.Sprintf(format, args...)} }

// errShort: the octets at hand do not hold the whole of what comes next. Nothing of it was taken.
var errShort = errors.New("deflate: more octets are needed")

// Reader decompresses. It is not for use by several goroutines at once.
type Reader struct {
	in    *bufio.Reader
	chunk []byte // of in's buffer: octets at hand
	taken int64
	bits  uint64 // of octets before chunk, not used yet, the next one lowest; above n they are 0
	n     uint   // how many

	window
	state         state
	final         bool    // the block is the last
	stored        int     // octets left of a stored block
	literal, dist *codes  // of the block
	own           *tables // for blocks that bring their codes; nil: none came, or Detach since
	err           error   // the end, of one kind or the other
}

// NewReader makes a Reader of what comes from in, which is its own from now on.
func NewReader(in *bufio.Reader) *Reader { return &Reader{in: in} }

// Detach gives up the input, of which everything at hand was read, as it was when Read waited for more, and returns it. What is
// rebuilt with each block goes too. Attach must be called before Read is.
func (r *Reader) Detach() *bufio.Reader {
	in := r.in
	r.in, r.chunk = nil, nil
	if r.state == beforeBlock {
		r.literal, r.dist, r.own = nil, nil, nil
	}
	return in
}

// Attach goes on with what comes from in.
func (r *Reader) Attach(in *bufio.Reader) { r.in = in }

// Taken is how many octets of the input have been taken.
func (r *Reader) Taken() int64 { return r.taken }

// Read implements io.Reader. It decodes no more than p takes and one copy.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for most := min(len(p), windowBytes-copyBytes); r.err == nil && r.waiting < most; {
		err := r.step(most)
		if err == nil {
			continue
		}
		if err != errShort {
			r.err = err
			break
		}
		if r.waiting > 0 {
			break
		}
		if err := r.wait(); err != nil {
			return 0, err
		}
	}
	if r.waiting == 0 {
		return 0, r.err
	}
	return r.give(p), nil
}

// wait waits for more input.
func (r *Reader) wait() error {
	_, err := r.in.Peek(1)
	if err == io.EOF && r.state != beforeBlock {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fill takes octets at hand into bits, until there are 56 at least or no octet is left.
func (r *Reader) fill() {
	if len(r.chunk) >= 8 {
		k := (63 - r.n) / 8
		r.bits |= binary.LittleEndian.Uint64(r.chunk) << r.n
		r.n += 8 * k
		r.bits &= 1<<r.n - 1
		r.chunk = r.chunk[k:]
		return
	}
	for r.n < 56 && r.hand() {
		r.bits |= uint64(r.chunk[0]) << r.n
		r.n += 8
		r.chunk = r.chunk[1:]
	}
}

// hand makes sure that chunk has what came, and reports whether that is anything. The octets stay where they are until
// the input is read again, which only wait does, when chunk is empty.
func (r *Reader) hand() bool {
	if len(r.chunk) > 0 {
		return true
	}
	k := r.in.Buffered()
	r.chunk, _ = r.in.Peek(k)
	_, _ = r.in.Discard(k)
	r.taken += int64(k)
	return k > 0
}

// take takes k bits, at most 48, or none.
func (r *Reader) take(k uint) (int, error) {
	if r.n < k {
		if r.fill(); r.n < k {
			return 0, errShort
		}
	}
	b := r.bits & (1<<k - 1)
	r.drop(k)
	return int(b), nil
}

// drop is done with k bits.
func (r *Reader) drop(k uint) {
	r.bits >>= k
	r.n -= k
}

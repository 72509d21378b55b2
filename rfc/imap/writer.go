package imap

import (
	"bytes"
	"io"
	"strconv"
	"time"
)

// Writer puts responses into one buffer and sends it when it is full or flushed: many responses are one
// write. The first error of the connection sticks; later calls do nothing. It is for one goroutine.
//
// Memory: the buffer comes from pool when there is something to say and goes back when it was sent.
type Writer struct {
	UTF8 bool // mailbox names go out in UTF-8 (RFC 9051 §5.1, RFC 9755 §3), not in modified UTF-7

	w    io.Writer
	pool Pool
	buf  []byte
	err  error
	sent int64
}

// Pool lends buffers of one size to Writers.
type Pool interface {
	Get() []byte // length 0, the capacity is the size of a write
	Put([]byte)
}

// NewWriter writes to w with buffers of pool.
func NewWriter(w io.Writer, pool Pool) *Writer { return &Writer{w: w, pool: pool} }

// Reset sends later responses to w, e.g. after STARTTLS.
func (w *Writer) Reset(to io.Writer) { w.w = to }

// Err is the first error.
func (w *Writer) Err() error { return w.err }

// Sent is how many bytes went out.
func (w *Writer) Sent() int64 { return w.sent }

// room makes sure that n bytes fit if n is below the size of the buffer.
func (w *Writer) room(n int) {
	if w.buf == nil {
		w.buf = w.pool.Get()
	}
	if len(w.buf)+n > cap(w.buf) {
		w.send()
	}
}

// send writes out what is in the buffer and keeps the buffer.
func (w *Writer) send() {
	if w.err == nil && len(w.buf) > 0 {
		var n int
		n, w.err = w.w.Write(w.buf)
		w.sent += int64(n)
	}
	w.buf = w.buf[:0]
}

// Flush sends everything and gives the buffer back.
func (w *Writer) Flush() error {
	if w.buf != nil {
		w.send()
		w.pool.Put(w.buf)
		w.buf = nil
	}
	return w.err
}

// S writes s as it is.
func (w *Writer) S(s string) *Writer {
	w.room(len(s))
	for len(s) > cap(w.buf) {
		n := cap(w.buf) - len(w.buf)
		w.buf = append(w.buf, s[:n]...)
		s = s[n:]
		w.send()
	}
	w.buf = append(w.buf, s...)
	return w
}

// B writes b as it is.
func (w *Writer) B(b []byte) *Writer {
	w.room(len(b))
	if len(b) > cap(w.buf) { // what was before it is sent already
		if w.err == nil {
			var n int
			n, w.err = w.w.Write(b)
			w.sent += int64(n)
		}
		return w
	}
	w.buf = append(w.buf, b...)
	return w
}

// C writes one byte.
func (w *Writer) C(c byte) *Writer {
	w.room(1)
	w.buf = append(w.buf, c)
	return w
}

// N writes a number.
func (w *Writer) N(n uint64) *Writer {
	w.room(20)
	w.buf = strconv.AppendUint(w.buf, n, 10)
	return w
}

// Str writes s as a quoted string or, if it can not be one, as a literal.
func (w *Writer) Str(s string) *Writer {
	if len(s) <= maxQuoted {
		w.room(2*len(s) + 16)
		w.buf = AppendString(w.buf, s)
		return w
	}
	return w.B(AppendString(nil, s))
}

// AStr writes s as an atom where that is possible, else as Str does.
func (w *Writer) AStr(s string) *Writer {
	if len(s) <= maxQuoted {
		w.room(2*len(s) + 16)
		w.buf = AppendAString(w.buf, s)
		return w
	}
	return w.Str(s)
}

// Name writes a mailbox name, in modified UTF-7 unless UTF8 is set.
func (w *Writer) Name(name string) *Writer {
	w.room(4*len(name) + 16) // modified UTF-7 takes at most 8/3 of UTF-8 and what shifts
	w.buf = AppendName(w.buf, name, w.UTF8)
	return w
}

// AppendName writes a mailbox name as an atom, a quoted string or, if it must, a literal.
func AppendName(dst []byte, name string, utf8 bool) []byte {
	if !utf8 {
		return AppendAString(dst, EncodeName(name))
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c < 0x20 || c == 0x7f: // never in a name; a literal keeps the answer valid all the same
			return AppendString(dst, name)
		case c >= 0x80:
			return appendQuoted(dst, name)
		}
	}
	return AppendAString(dst, name)
}

// Date writes an internal date as a date-time in UTC, e.g. "17-Jul-1996 02:44:25 +0000".
func (w *Writer) Date(t time.Time) *Writer {
	w.room(32)
	w.buf = append(w.buf, '"')
	w.buf = t.UTC().AppendFormat(w.buf, "_2-Jan-2006 15:04:05 -0700")
	w.buf = append(w.buf, '"')
	return w
}

// Set writes ranges as a set.
func (w *Writer) Set(rs []Range) *Writer {
	for i, r := range rs {
		if i > 0 {
			w.C(',')
		}
		w.N(uint64(r.Lo))
		if r.Hi != r.Lo {
			w.C(':').N(uint64(r.Hi))
		}
	}
	return w
}

// Flags writes a flag list in parentheses.
func (w *Writer) Flags(fs []Flag) *Writer {
	w.C('(')
	for i, f := range fs {
		if i > 0 {
			w.C(' ')
		}
		w.S(string(f))
	}
	return w.C(')')
}

// CRLF ends a response.
func (w *Writer) CRLF() *Writer { return w.S("\r\n") }

// Literal writes b as a literal; b must not hold NUL.
func (w *Writer) Literal(b []byte) *Writer {
	return w.C('{').N(uint64(len(b))).S("}\r\n").B(b)
}

// Literal8 writes b as a literal, as a literal8 if it holds NUL (RFC 3516 §4.3).
func (w *Writer) Literal8(b []byte) *Writer {
	if bytes.IndexByte(b, 0) >= 0 {
		w.C('~')
	}
	return w.Literal(b)
}

// LiteralOf writes the next n bytes of r as a literal, or as a literal8, without holding them all. After an error
// the response is broken off inside the literal, so the connection must end.
func (w *Writer) LiteralOf(r io.Reader, n int64, binary bool) error {
	if binary {
		w.C('~')
	}
	w.C('{').N(uint64(n)).S("}\r\n")
	for n > 0 && w.err == nil {
		w.room(1)
		at := len(w.buf)
		got, err := io.ReadFull(r, w.buf[at:min(int64(cap(w.buf)), int64(at)+n)])
		w.buf = w.buf[:at+got]
		if n -= int64(got); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// LiteralFrom writes the n bytes of r from off on as a literal without holding them all. If r fails before
// a byte is out, nothing was written and began is false: something else may stand there. After a later
// error the response is broken off inside the literal, so the connection must end.
func (w *Writer) LiteralFrom(r io.ReaderAt, off, n int64) (began bool, err error) {
	const head = 24 // "{9223372036854775807}" CRLF
	w.room(int(min(n+head, writerRoom)))
	mark := len(w.buf)
	w.C('{').N(uint64(n)).S("}\r\n")
	for first := true; n > 0 && w.err == nil; first = false {
		w.room(1)
		at := len(w.buf)
		piece := w.buf[at:min(int64(cap(w.buf)), int64(at)+n)]
		got, err := r.ReadAt(piece, off)
		if got < len(piece) {
			if first {
				w.buf = w.buf[:mark]
			}
			return !first, unexpected(err)
		}
		w.buf = w.buf[:at+got]
		off, n = off+int64(got), n-int64(got)
	}
	return true, nil
}

// writerRoom is what LiteralFrom wants free for its first piece.
const writerRoom = 32 << 10

func unexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

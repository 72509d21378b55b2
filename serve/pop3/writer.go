package pop3

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// bufferBytes is what one write to the network and one read of a message carry.
const bufferBytes = 64 << 10

// directBytes is the size from which a piece of a message is written from where it is, without being copied.
const directBytes = 16 << 10

// writer gathers responses until they are flushed. It holds a buffer only in between. After an error it
// drops everything and keeps the error.
type writer struct {
	conn  net.Conn
	limit time.Duration // for one write
	pool  *sync.Pool
	buf   *[bufferBytes]byte
	n     int
	sent  int64
	err   error
}

// room makes sure that n octets fit.
func (w *writer) room(n int) {
	if w.buf != nil && w.n+n > bufferBytes {
		_ = w.flush() // kept in w.err
	}
	if w.buf == nil {
		w.buf, w.n = w.pool.Get().(*[bufferBytes]byte), 0
	}
}

// text writes s, which is short.
func (w *writer) text(s string) {
	w.room(len(s))
	w.n += copy(w.buf[w.n:], s)
}

// number writes n in decimal.
func (w *writer) number(n int64) {
	w.room(20)
	w.n = len(strconv.AppendInt(w.buf[:w.n], n, 10))
}

// hex writes n as 8 hexadecimal digits.
func (w *writer) hex(n uint32) {
	w.room(8)
	for shift := 28; shift >= 0; shift -= 4 {
		w.buf[w.n] = "0123456789abcdef"[n>>shift&15]
		w.n++
	}
}

// piece writes a piece of a message.
func (w *writer) piece(p []byte) error {
	if len(p) >= directBytes {
		if err := w.flush(); err != nil {
			return err
		}
		return w.write(p)
	}
	w.room(len(p))
	w.n += copy(w.buf[w.n:], p)
	return w.err
}

// flush writes what was gathered and gives the buffer back.
func (w *writer) flush() error {
	if w.buf == nil {
		return w.err
	}
	err := w.write(w.buf[:w.n])
	w.pool.Put(w.buf)
	w.buf, w.n = nil, 0
	return err
}

func (w *writer) write(p []byte) error {
	if w.err != nil || len(p) == 0 {
		return w.err
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.limit)) // if it fails, so does Write
	n, err := w.conn.Write(p)
	w.sent += int64(n)
	w.err = err
	return err
}

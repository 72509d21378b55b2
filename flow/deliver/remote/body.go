package remote

import (
	"bytes"
	"context"
	"errors"
	"io"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/header"
	"barid/rfc/smtp"
)

// letter is the stored message as it goes out: without the Return-Path field that intake prepends for final
// delivery (RFC 5321 §4.4 has only the last server write it). A small one is held in memory.
type letter struct {
	r      kv.BlobReader
	off    int64
	size   int64
	small  []byte // all of it, checked
	buf    *[writeBuffer]byte
	binary bool // declared so: only the header section is text
}

// readLetter opens the message. Bytes that must never go out are found here, or for a big message on the way.
func (a *attempt) readLetter(ctx context.Context) *trouble {
	r, err := a.d.Blobs.Open(ctx, a.e.Blob)
	if err != nil {
		return a.unreadable(err)
	}
	l := &letter{r: r, binary: a.e.Body == smtp.BodyBinaryMIME && a.e.Binary, buf: buffers.Get().(*[writeBuffer]byte)}
	a.letter = l
	head := l.buf[:min(r.Size(), writeBuffer)]
	if err := readFull(r, head, 0); err != nil {
		return a.unreadable(err)
	}
	l.off = int64(returnPath(head))
	l.size = r.Size() - l.off
	if r.Size() > writeBuffer {
		return nil
	}
	l.small = head[l.off:]
	check := smtp.Checker{HeaderOnly: l.binary}
	if err := errors.Join(check.Check(l.small), check.End()); err != nil {
		return illegal(err)
	}
	return nil
}

// returnPath gives the length of a Return-Path field at the beginning of a message.
func returnPath(head []byte) int {
	f, ok := header.Next(head, 0)
	if !ok || !f.Is("Return-Path") || f.Len == len(head) {
		return 0
	}
	return f.Len
}

// readFull reads all of p.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// writeTo gives the letter's octets to w in blocks.
func (l *letter) writeTo(w io.Writer) error {
	if l.small != nil {
		_, err := w.Write(l.small)
		return err
	}
	for off, end := l.off, l.off+l.size; off < end; {
		p := l.buf[:min(int64(len(l.buf)), end-off)]
		if err := readFull(l.r, p, off); err != nil {
			return &storeError{err}
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}

// reader reads the letter from its beginning.
func (l *letter) section() *io.SectionReader { return io.NewSectionReader(l.r, l.off, l.size) }

func (l *letter) close() {
	_ = l.r.Close()
	buffers.Put(l.buf)
}

// storeError tells an error of the store from one of the connection.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// unreadable is a message that the store does not give. It is always worth another try.
func (a *attempt) unreadable(err error) *trouble {
	a.d.Log.Error("a queued message can not be read", "tx", a.e.ID, "blob", a.e.Blob, "err", err)
	return ours(queue.Deferred, spool.StageLocal, "4.3.0", "the message can not be read from our storage now").because(err)
}

// illegal is a message that must not go out (checklist 3 of robustness.md).
func illegal(err error) *trouble {
	return ours(queue.Failed, spool.StageLocal, "5.6.11", "the message holds line ends or octets that mail must not hold: "+err.Error()).because(err)
}

// outlet carries a message to the connection in blocks of writeBuffer, with dots doubled for DATA. The last block
// stays until finish.
type outlet struct {
	s       *session
	ctx     context.Context
	a       *attempt
	buf     []byte
	stuffed bool // DATA: dots at the beginning of lines are doubled (RFC 5321 §4.5.2)
	strict  bool // check what goes by
	check   smtp.Checker
	inLine  bool // the last octet was not the end of a line
	wrote   int64
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	n := len(p)
	if o.strict {
		if err := o.check.Check(p); err != nil {
			return 0, err
		}
	}
	o.wrote += int64(n)
	if n == 0 || !o.stuffed {
		return n, o.put(p)
	}
	if !o.inLine && p[0] == '.' {
		if err := o.put(dot); err != nil {
			return 0, err
		}
	}
	o.inLine = p[n-1] != '\n'
	for {
		i := bytes.Index(p, newDot)
		if i < 0 {
			return n, o.put(p)
		}
		if err := o.put(p[:i+2]); err != nil {
			return 0, err
		}
		p = p[i+1:]
	}
}

var (
	dot    = []byte(".")
	newDot = []byte("\n.")
)

// put fills the block, and sends it when more comes than it holds.
func (o *outlet) put(p []byte) error {
	for len(p) > 0 {
		if len(o.buf) == cap(o.buf) {
			if err := o.flush(); err != nil {
				return err
			}
		}
		n := min(len(p), cap(o.buf)-len(o.buf))
		o.buf = append(o.buf, p[:n]...)
		p = p[n:]
	}
	return nil
}

func (o *outlet) flush() error {
	o.s.wire.within(o.a.d.set.Timeouts.DataBlock)
	_, err := o.s.wire.nc.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

// finish ends the message and sends what is left of it: from then on it may be the server's.
func (o *outlet) finish() error {
	if o.strict {
		if err := o.check.End(); err != nil {
			return err
		}
	}
	if o.stuffed {
		end := ".\r\n"
		if o.inLine {
			end = "\r\n.\r\n"
		}
		if err := o.put([]byte(end)); err != nil {
			return err
		}
	}
	if ready := o.a.d.Ready; ready != nil {
		if err := ready(o.ctx, o.a.e); err != nil {
			return &notReady{err}
		}
	}
	return o.flush()
}

// notReady is a Ready that said no.
type notReady struct{ err error }

func (e *notReady) Error() string { return e.err.Error() }
func (e *notReady) Unwrap() error { return e.err }

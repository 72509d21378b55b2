package intake

import (
	"bytes"
	"io"

	"barid/base/kv"
	"barid/rfc/mime"
)

// bufferBytes is what is read from the peer at a time. The usual header section fits as a whole.
const bufferBytes = 64 << 10

// firstLine is how much of a first line without an end is read to tell a header from a body.
const firstLine = 1024

// maxEmptyReads is how often a reader may give neither bytes nor an error.
const maxEmptyReads = 100

// keptHeader is the largest buffer for header sections that is kept for the next message.
const keptHeader = 256 << 10

// incoming is the work space of one message while it is received: taken from a pool and given back.
type incoming struct {
	buf     []byte // at least bufferBytes; grows while a header section does not fit
	spare   []byte // nil until a header section leaves too little of buf
	head    head
	fields  []byte // what is put between the trace fields and the header as received
	prefix  []byte // the trace fields
	scanner *mime.Scanner

	w     kv.BlobWriter
	limit int64 // bytes of message
	got   int64 // bytes received
}

func newIncoming() *incoming {
	return &incoming{buf: make([]byte, bufferBytes), scanner: mime.NewScanner(mime.DefaultLimits())}
}

// release makes m ready for the pool.
func (m *incoming) release(in *Intake) {
	if len(m.buf) > keptHeader {
		m.buf = make([]byte, bufferBytes)
	}
	m.head = head{kept: m.head.kept[:0]}
	m.w, m.got = nil, 0
	m.scanner.Reset()
	in.work.Put(m)
}

// readHeader reads until the header section is complete or body ends. It gives the section, nil if the
// message begins with its body, and what was read behind it. At most maxHeader bytes of header are taken.
func (m *incoming) readHeader(body io.Reader, maxHeader int) (section, rest []byte, eof bool, err error) {
	judged, next := false, 0
	for n := 0; ; {
		if n == len(m.buf) {
			m.buf = append(m.buf, make([]byte, len(m.buf))...)
		}
		k, eof, err := m.read(body, m.buf[n:])
		if err != nil {
			return nil, nil, false, err
		}
		n += k
		got := m.buf[:n]
		if !judged && (eof || n > firstLine || bytes.IndexByte(got, '\n') >= 0) {
			if judged = true; beginsWithBody(got) {
				return nil, got, eof, nil
			}
		}
		var end int
		end, next = endOfHeader(got, next)
		switch {
		case end > maxHeader || end < 0 && n > maxHeader:
			return nil, nil, false, headerTooBig()
		case end >= 0:
			return got[:end], got[end:], eof, nil
		case eof:
			return got, nil, true, nil
		}
	}
}

// read is one Read with the limits of the message: its size, and readers that make no progress.
func (m *incoming) read(body io.Reader, p []byte) (n int, eof bool, err error) {
	for range maxEmptyReads {
		n, err = body.Read(p)
		if n > 0 || err != nil {
			break
		}
	}
	if n == 0 && err == nil {
		return 0, false, io.ErrNoProgress
	}
	if m.got += int64(n); m.got > m.limit {
		return 0, false, tooBig()
	}
	if err == io.EOF {
		return n, true, nil
	}
	return n, false, err
}

// take passes the rest of the message on, as it comes. The header section stays in buf for the checks.
func (m *incoming) take(body io.Reader, rest []byte, eof bool) error {
	err := m.pass(rest)
	buf := m.buf[len(m.head.section):]
	if len(buf) < bufferBytes/2 && !eof {
		if m.spare == nil {
			m.spare = make([]byte, bufferBytes)
		}
		buf = m.spare
	}
	for err == nil && !eof {
		var n int
		if n, eof, err = m.read(body, buf); err == nil {
			err = m.pass(buf[:n])
		}
	}
	return err
}

// pass gives bytes to the parser and to the store.
func (m *incoming) pass(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, _ = m.scanner.Write(p) // never fails
	if _, err := m.w.Write(p); err != nil {
		return storeError{err}
	}
	return nil
}

// storeError tells an error of ours from one of the reader of the body.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// parsed ends the scan and moves all offsets behind prefix, which is stored in front.
func (m *incoming) parsed(prefix []byte) *mime.Message {
	msg := m.scanner.Finish()
	n := int64(len(prefix))
	shift(msg.Root, n)
	msg.Root.HeaderOff = 0 // the trace fields belong to the root's header section
	msg.Header = append(append(make([]byte, 0, len(prefix)+len(msg.Header)), prefix...), msg.Header...)
	msg.Size += n
	msg.Lines += int64(bytes.Count(prefix, []byte("\n")))
	return msg
}

// shift moves a part and those in it by n bytes. The parser bounds the depth.
func shift(p *mime.Part, n int64) {
	p.HeaderOff += n
	p.BodyOff += n
	p.End += n
	for _, c := range p.Children {
		shift(c, n)
	}
}

package remote

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"barid/rfc/smtp"
)

// Sizes of buffers in octets.
const (
	readBuffer  = 4 << 10  // of a connection; longer lines make the reader grow to maxReply
	writeBuffer = 64 << 10 // of a message on its way, shared by all connections
	maxKept     = 16 << 10 // of queued commands that an idle connection keeps room for
)

// wire is the octets of a connection: command lines out, replies in. Commands are sent when a reply is awaited,
// so several before one are a pipelined group (RFC 2920). After an error it is of no more use.
type wire struct {
	nc  net.Conn
	in  *smtp.Reader
	out []byte
	ctx context.Context // of the attempt that uses it

	heard  func(Exchange) // is told of every command asked with ask, and of the greeting; nil: nobody listens
	secret bool           // commands hold secrets: they are not told
}

func newWire(nc net.Conn) *wire {
	return &wire{nc: nc, in: smtp.NewReader(nc, make([]byte, readBuffer)), out: make([]byte, 0, 512)}
}

// within gives the next stage its time. What the peer does can not make it longer.
func (w *wire) within(d time.Duration) {
	_ = w.nc.SetDeadline(time.Now().Add(d))
	if w.ctx.Err() != nil { // the context ended while we set it
		_ = w.nc.SetDeadline(past)
	}
}

var past = time.Unix(1, 0)

// use ties the connection to a context until the function it returns is called: the end of the context ends
// whatever waits.
func (w *wire) use(ctx context.Context) (release func() bool) {
	w.ctx = ctx
	return context.AfterFunc(ctx, func() { _ = w.nc.SetDeadline(past) })
}

// line queues a command line made of parts.
func (w *wire) line(parts ...string) error {
	at := len(w.out)
	for _, p := range parts {
		w.out = append(w.out, p...)
	}
	if bytes.IndexByte(w.out[at:], '\r') >= 0 || bytes.IndexByte(w.out[at:], '\n') >= 0 || bytes.IndexByte(w.out[at:], 0) >= 0 {
		w.out = w.out[:at]
		return smtp.ErrInjection
	}
	w.out = append(w.out, '\r', '\n')
	return nil
}

// flush sends what is queued.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.nc.Write(w.out)
	if w.out = w.out[:0]; cap(w.out) > maxKept {
		w.out = nil
	}
	return err
}

// reply sends what is queued and reads one reply.
func (w *wire) reply() (smtp.Reply, error) {
	if len(w.out) > 0 {
		if r, err := w.inStep(); err != nil || r.Code != 0 {
			return r, err
		}
	}
	if err := w.flush(); err != nil {
		return smtp.Reply{}, err
	}
	return smtp.ReadReply(w.in)
}

// errAhead is a server that answered what it was not asked: whatever it says next may answer something else.
var errAhead = errors.New("an answer to no command")

// inStep tells whether every answer that came was asked for, before more is said. Only 421 may come by itself (RFC 5321
// §3.8): it is given, and is the answer to what would be said. Anything else would be taken for the answer to the
// next command, and a 250 that belongs to nothing for that to a message.
func (w *wire) inStep() (smtp.Reply, error) {
	if w.in.Buffered() == 0 {
		return smtp.Reply{}, nil
	}
	r, err := smtp.ReadReply(w.in)
	if err == nil && r.Code != 421 {
		err = errAhead
	}
	return r, err
}

// ask sends a command and reads its reply.
func (w *wire) ask(d time.Duration, parts ...string) (smtp.Reply, error) {
	if err := w.line(parts...); err != nil {
		return smtp.Reply{}, err
	}
	w.within(d)
	if w.heard == nil {
		return w.reply()
	}
	begin := time.Now()
	reply, err := w.reply()
	w.tell(begin, reply, err, parts)
	return reply, err
}

// upgrade goes on over TLS. What the server said in clear behind its answer to STARTTLS would be taken for an
// answer inside TLS: then it is smtp.ErrLeftover (RFC 3207 §6).
func (w *wire) upgrade(nc net.Conn) error {
	if w.in.Buffered() > 0 {
		return smtp.ErrLeftover
	}
	w.nc, w.in = nc, smtp.NewReader(nc, make([]byte, readBuffer))
	return nil
}

// buffers are for messages on their way.
var buffers = sync.Pool{New: func() any { return new([writeBuffer]byte) }}

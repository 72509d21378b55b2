package imapmodel

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"barid/serve/listen"
)

// half is one direction of a connection in memory. It takes everything that is written.
type half struct {
	mu      sync.Mutex
	more    sync.Cond
	buf     []byte
	closed  bool
	expired bool // a deadline in the past was set
}

func newHalf() *half {
	h := &half{}
	h.more.L = &h.mu
	return h
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, net.ErrClosed
	}
	h.buf = append(h.buf, p...)
	h.more.Broadcast()
	return len(p), nil
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.buf) == 0 {
		switch {
		case h.expired:
			return 0, os.ErrDeadlineExceeded
		case h.closed:
			return 0, io.EOF
		}
		h.more.Wait()
	}
	n := copy(p, h.buf)
	h.buf = h.buf[:copy(h.buf, h.buf[n:])]
	return n, nil
}

// await waits until there is something to read, or never will be.
func (h *half) await() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.buf) == 0 && !h.closed {
		if h.expired {
			return os.ErrDeadlineExceeded
		}
		h.more.Wait()
	}
	return nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.more.Broadcast()
}

func (h *half) expire(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expired = on
	h.more.Broadcast()
}

// pipe is one end of a connection. Only deadlines that have passed when they are set count.
type pipe struct {
	in, out *half
	done    <-chan struct{} // at the client's end: the server's session ended
}

func (p pipe) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p pipe) Write(b []byte) (int, error) { return p.out.write(b) }
func (p pipe) LocalAddr() net.Addr         { return &net.TCPAddr{} }
func (p pipe) RemoteAddr() net.Addr        { return &net.TCPAddr{} }

func (p pipe) Close() error {
	p.in.close()
	p.out.close()
	return nil
}

func (p pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

func (p pipe) SetReadDeadline(t time.Time) error {
	p.in.expire(!t.IsZero() && !t.After(time.Now()))
	return nil
}

func (pipe) SetWriteDeadline(time.Time) error { return nil }

func (pipe) TLS() (tls.ConnectionState, bool) { return tls.ConnectionState{}, false }
func (pipe) CanStartTLS() bool                { return false }
func (pipe) StartTLS(context.Context) error   { return listen.ErrNoTLS }
func (pipe) Interruptible(bool)               {}
func (pipe) IsStopping() bool                 { return false }
func (pipe) Linger()                          {}
func (pipe) CanAwait() bool                   { return true }
func (p pipe) Await() error                   { return p.in.await() }
func (pipe) peer() netip.AddrPort             { return netip.MustParseAddrPort("127.0.0.1:1") }

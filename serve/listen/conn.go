package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrStopping is what an interruptible Read returns when the server stops.
var ErrStopping = errors.New("listen: server is stopping")

// ErrNoTLS is StartTLS on a listener without a certificate, or on a connection that has TLS already.
var ErrNoTLS = errors.New("listen: no TLS to start")

// A Conn is one accepted connection. Read and Write are for one goroutine each.
type Conn struct {
	net.Conn                // in clear, or TLS after a handshake
	Remote   netip.AddrPort // the real peer, after PROXY; the zero value for a socket without addresses
	Local    netip.AddrPort // where the peer connected to, after PROXY

	srv     *Server
	sock    net.Conn // as accepted: deadlines and closing, from any goroutine
	raw     net.Conn // below TLS: sock, or what was read ahead of it
	tls     *tls.Conn
	ready   syscall.RawConn // of sock; nil: it is none that can tell
	cancel  context.CancelFunc
	sniffed bool
	wrong   bool        // what came first belongs to another protocol
	counted bool        // in the number of its network
	passive atomic.Bool // waiting for a command: a stop interrupts Read
	mu      sync.Mutex  // orders deadlines with a stop
}

// TLS gives the state of TLS; ok is false in clear.
func (c *Conn) TLS() (state tls.ConnectionState, ok bool) {
	if c.tls == nil {
		return tls.ConnectionState{}, false
	}
	return c.tls.ConnectionState(), true
}

// CanStartTLS tells whether StartTLS may succeed: the listener has a certificate and TLS is not on.
func (c *Conn) CanStartTLS() bool { return c.tls == nil && c.srv.cfg.TLS != nil }

// StartTLS does the server's handshake, within Limits.HandshakeTimeout, and reads and writes through TLS
// from then on. The caller must have written its go-ahead, and must forget every octet it has buffered
// (RFC 3207 §4.2). After an error the connection is of no more use.
func (c *Conn) StartTLS(ctx context.Context) error {
	if !c.CanStartTLS() {
		return ErrNoTLS
	}
	if p, ok := c.raw.(*prefixConn); ok {
		p.prefix = nil
	}
	return c.handshake(ctx)
}

func (c *Conn) handshake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.srv.cfg.Limits.HandshakeTimeout)
	defer cancel()
	if err := c.sock.SetDeadline(time.Time{}); err != nil {
		return err
	}
	t := tls.Server(c.raw, c.srv.cfg.TLS)
	err := t.HandshakeContext(ctx)
	c.srv.metrics.handshake(c.srv.cfg.Name, err)
	if err != nil {
		return err
	}
	c.Conn, c.tls = t, t
	return nil
}

// IsStopping tells whether the server stops.
func (c *Conn) IsStopping() bool { return c.srv.stopped.Load() }

// Interruptible says whether a stop of the server ends a blocked or later Read with ErrStopping. Sessions
// switch it on while they wait for a command and off while a message comes in.
func (c *Conn) Interruptible(on bool) {
	if c.passive.Swap(on) == on {
		return
	}
	if on {
		c.interrupt()
	}
}

// interrupt makes a blocked Read return, if it is interruptible and the server stops.
func (c *Conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.passive.Load() && c.IsStopping() {
		_ = c.sock.SetReadDeadline(time.Unix(1, 0)) // a closed connection needs no interruption
	}
}

// SetReadDeadline is net.Conn's, except that a stop of the server keeps the upper hand.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.passive.Load() && c.IsStopping() {
		t = time.Unix(1, 0)
	}
	return c.sock.SetReadDeadline(t)
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.Conn.SetWriteDeadline(t)
}

// Read reads from the peer. The first octets in clear are looked at: a peer that speaks TLS, HTTP or PROXY
// where we expect a mail protocol gets ErrWrongProtocol, now and from every later Read, and the log says so.
func (c *Conn) Read(p []byte) (int, error) {
	if c.wrong {
		return 0, ErrWrongProtocol
	}
	n, err := c.Conn.Read(p)
	if n > 0 && !c.sniffed {
		c.sniffed = true
		if what := Sniff(p[:n]); what != "" && c.tls == nil {
			c.wrong = true
			c.srv.wrongProtocol(c, what)
			return 0, ErrWrongProtocol
		}
	}
	return n, c.readError(err)
}

// What Linger reads at most, in octets and time.
const (
	lingerOctets = 256 << 10
	lingerTime   = time.Second
)

// Linger ends the connection so that the peer can read our last words though it is still sending: it
// closes our direction, throws away what comes for a while, then closes. Closing at once would make the
// kernel send a reset, which destroys what the peer has not read yet.
func (c *Conn) Linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil {
		c.Interruptible(false)
		_ = c.sock.SetReadDeadline(time.Now().Add(lingerTime)) // failing, the copy below fails at once
		_, _ = io.CopyN(io.Discard, c.raw, lingerOctets)
	}
	_ = c.Close()
}

// prefixConn is a connection of which some octets were read already.
type prefixConn struct {
	net.Conn
	prefix []byte
}

func (p *prefixConn) Read(b []byte) (int, error) {
	if len(p.prefix) > 0 {
		n := copy(b, p.prefix)
		p.prefix = p.prefix[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// CloseWrite closes our direction of the connection below.
func (p *prefixConn) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

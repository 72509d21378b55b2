// Package listen accepts connections for the front ends and hands each one over when it is known who speaks
// and whether TLS is on.
//
// Life: the first thing of ours a peer meets. app makes one Server for each listener; smtp, pop3, imap and
// managesieve are its Handlers.
// Promises: a PROXY header is believed from Config.ProxyTrusted only, required there, and ends the
// connection from elsewhere; bytes sent in clear before TLS never reach a handler after it; a stop gives
// running sessions a notice, then Limits.Grace, then closes them; a panic of a handler ends its connection only.
// Limits: Limits, by number and by time. A connection past them gets Config.Refusal and is closed.
// Failure: Accept errors (no file descriptors left) are refused with a descriptor kept in reserve, then waited
// out; Serve returns an error only when it can not listen.
// Standards: RFC 8314 §3.3 (implicit TLS), RFC 3207 §4.2, the PROXY protocol versions 1 and 2 of haproxy.org.
package listen

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Mode says what TLS means on a listener.
type Mode uint8

// The modes. StartTLS is Plain with a Config.TLS that a session may switch to.
const (
	Plain Mode = iota
	StartTLS
	Implicit
)

// String gives the mode's name in logs.
func (m Mode) String() string { return [...]string{"plain", "starttls", "implicit"}[m] }

// Limits bound what one listener spends. A zero field means its default.
type Limits struct {
	MaxConns         int           // connections at once; default 10000
	MaxPerNetwork    int           // connections at once of one IPv4 address or IPv6 /64; default 200
	HandshakeTimeout time.Duration // for a TLS handshake; default 30 s
	ProxyTimeout     time.Duration // for a PROXY header; default 5 s
	Grace            time.Duration // for running sessions after a stop; default 5 s
}

// WithDefaults fills in the zero fields.
func (l Limits) WithDefaults() Limits {
	def := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	after := func(t *time.Duration, d time.Duration) {
		if *t == 0 {
			*t = d
		}
	}
	def(&l.MaxConns, 10000)
	def(&l.MaxPerNetwork, 200)
	after(&l.HandshakeTimeout, 30*time.Second)
	after(&l.ProxyTimeout, 5*time.Second)
	after(&l.Grace, 5*time.Second)
	return l
}

// Config is one listener. Name and Addr (or Listener) are needed, the rest may be zero.
type Config struct {
	Name         string         // "mx", "imaps": log key and metric label
	Network      string         // "tcp" (the default), "tcp4", "tcp6" or "unix"
	Addr         string         // "127.0.0.1:25", ":0"
	Listener     net.Listener   // used in place of Network and Addr when set
	Mode         Mode           //
	TLS          *tls.Config    // needed for Implicit and StartTLS
	ProxyTrusted []netip.Prefix // who must send a PROXY header; everybody else may not
	Limits       Limits         //
	Refusal      []byte         // written in clear to a connection past the limits, with its line end
	Logger       *slog.Logger   // nil: silent
	Metrics      *Metrics       // nil: none
}

// A Handler speaks a protocol on one connection until it ends. The connection is closed after Serve
// returns. ctx is cancelled when the grace after a stop is over; the notice before is Conn.Stopping.
type Handler interface {
	Serve(ctx context.Context, c *Conn)
}

// HandlerFunc makes a function a Handler.
type HandlerFunc func(ctx context.Context, c *Conn)

// Serve calls f.
func (f HandlerFunc) Serve(ctx context.Context, c *Conn) { f(ctx, c) }

package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	basetls "barid/base/tls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait is how long a test waits for something that must come.
const wait = time.Minute

// echo greets with the peer's address and repeats lines; STARTTLS switches, "panic" panics, "busy" is not
// interruptible, and a stop is told.
type echo struct{}

func (echo) Serve(ctx context.Context, c *Conn) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(c, format+"\r\n", args...) }
	_, secure := c.TLS()
	say("hello %s to %s tls=%v", c.Remote, c.Local, secure)
	buf := make([]byte, 512)
	c.Interruptible(true)
	for {
		n, err := c.Read(buf)
		switch {
		case errors.Is(err, ErrStopping):
			say("stopping")
			return
		case err != nil:
			return
		}
		switch line := strings.TrimSpace(string(buf[:n])); line {
		case "STARTTLS":
			say("go")
			if err := c.StartTLS(ctx); err != nil {
				return
			}
			say("tls")
		case "panic":
			panic("handler is broken")
		case "busy":
			c.Interruptible(false)
			say("busy")
		case "last words":
			say("last words")
			c.Linger()
			return
		default:
			say("%s", line)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a server under test.
type running struct {
	t    *testing.T
	s    *Server
	log  *lockedBuffer
	stop context.CancelFunc
	done chan error
	reg  *prometheus.Registry
}

func run(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{t: t, log: &lockedBuffer{}, done: make(chan error, 1), reg: prometheus.NewRegistry()}
	cfg.Name, cfg.Refusal = "test", []byte("421 full\r\n")
	cfg.Logger, cfg.Metrics = slog.New(slog.NewTextHandler(r.log, nil)), NewMetrics(r.reg)
	if cfg.Listener == nil {
		cfg.Addr = "127.0.0.1:0"
	}
	r.s = NewServer(cfg, echo{})
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	if err := r.s.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- r.s.Serve(ctx) }()
	t.Cleanup(r.end)
	return r
}

func (r *running) end() {
	r.stop()
	select {
	case err := <-r.done:
		r.done <- err // for a second call
		if err != nil {
			r.t.Error(err)
		}
	case <-time.After(wait):
		r.t.Error("server did not stop")
	}
}

// client reads lines.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (r *running) dial() *client {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.s.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(wait))
	return &client{nc, r.t, bufio.NewReader(nc)}
}

func (c *client) want(prefix string) string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	var ne net.Error
	if err != nil && !(errors.As(err, &ne) && ne.Timeout()) {
		line = "closed"
	}
	if !strings.HasPrefix(line, prefix) {
		c.t.Fatalf("got %q %v, want %q", line, err, prefix)
	}
	return strings.TrimSpace(line)
}

func (c *client) say(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

func certificates(t *testing.T) (server, cl *tls.Config) {
	t.Helper()
	p := basetls.Pair{Cert: filepath.Join(t.TempDir(), "c"), Key: filepath.Join(t.TempDir(), "k")}
	s := basetls.SelfSigned{Names: []string{"mail.example.org"}, From: time.Now().Add(-time.Hour), For: 24 * time.Hour}
	if err := s.Write(p); err != nil {
		t.Fatal(err)
	}
	store, err := basetls.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(store.Leaves()[0])
	return store.Server(), &tls.Config{ServerName: "mail.example.org", RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func TestImplicitTLS(t *testing.T) {
	server, cl := certificates(t)
	r := run(t, Config{Mode: Implicit, TLS: server})
	raw := r.dial()
	c := tls.Client(raw, cl)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.HasSuffix(line, "tls=true\r\n") {
		t.Fatalf("%q, %v", line, err)
	}
}

// Plaintext on a TLS port and TLS on a plaintext port are closed with a clear line in the log (duty D41).
func TestWrongProtocols(t *testing.T) {
	server, _ := certificates(t)
	for _, c := range []struct {
		mode Mode
		say  string
		log  string
	}{
		{Implicit, "EHLO client.example\r\n", "got=plaintext"},
		{Implicit, "GET / HTTP/1.1\r\n\r\n", "got=plaintext"},
		{Plain, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "got=tls"},
		{Plain, "GET / HTTP/1.1\r\n\r\n", "got=http"},
		{Plain, "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "got=proxy"},
		{Plain, "\x00\x01\x02", "got=binary"},
	} {
		r := run(t, Config{Mode: c.mode, TLS: server})
		p := r.dial()
		if c.mode == Plain {
			p.want("hello")
		}
		p.say(c.say)
		if rest, _ := io.ReadAll(p.r); c.mode == Plain && len(rest) > 0 {
			t.Errorf("%q: answered %q", c.say, rest)
		}
		r.end()
		if !strings.Contains(r.log.String(), c.log) || !strings.Contains(r.log.String(), "hint=") {
			t.Errorf("%q: log %s", c.say, r.log)
		}
	}
}

func TestSniff(t *testing.T) {
	for in, want := range map[string]string{
		"EHLO a\r\n": "", "a1 LOGIN x y\r\n": "", "USER x\r\n": "", "\r\n": "", "": "", "GET x\r\n": "", "HEAD NOOP\r\n": "", "NO\x00OP\r\n": "",
		"CONNECT a:25 HTTP/1.1\r\n": "http", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "http", "POST / HTTP/1.0": "http",
		"get / HTTP/1.1\r\n": "", "\x16\x03\x03": "tls", "\xff": "binary", "abc\x01": "binary", "PROXY UNKNOWN\r\n": "proxy",
	} {
		if got := Sniff([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestStartTLSDropsWhatCameBefore(t *testing.T) {
	server, cl := certificates(t)
	r := run(t, Config{Mode: StartTLS, TLS: server, ProxyTrusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	p := r.dial()
	p.say("PROXY TCP4 192.0.2.7 192.0.2.8 1000 587\r\nSTARTTLS") // the command waits behind the header
	p.want("hello 192.0.2.7:1000 to 192.0.2.8:587 tls=false")
	p.want("go")
	c := tls.Client(p, cl)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "tls\r\n" || err != nil {
		t.Fatal(line, err)
	}
}

func TestStartTLSWithoutCertificate(t *testing.T) {
	r := run(t, Config{})
	p := r.dial()
	p.want("hello")
	p.say("STARTTLS")
	p.want("go")
	p.want("closed")
}

func TestProxy(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x10\x00\x00\x19"
	for in, want := range map[string]string{
		"PROXY TCP4 192.0.2.1 192.0.2.2 4096 25\r\n":     "hello 192.0.2.1:4096 to 192.0.2.2:25",
		"PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\n":    "hello [2001:db8::1]:1 to [2001:db8::2]:25",
		"PROXY UNKNOWN\r\n":                              "hello 127.0.0.1:",
		v2:                                               "hello 192.0.2.1:4096 to 192.0.2.2:25",
		"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00":         "hello 127.0.0.1:",
		"EHLO client.example\r\n":                        "closed",
		"PROXY TCP4 example.org 192.0.2.2 1 25\r\n":      "closed",
		"PROXY TCP4 192.0.2.1 192.0.2.2 99999 25\r\n":    "closed",
		"PROXY " + strings.Repeat("x", 200) + "\r\n":     "closed",
		"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c" + "abc": "closed",
	} {
		r := run(t, Config{ProxyTrusted: trusted, Limits: Limits{ProxyTimeout: time.Second}})
		p := r.dial()
		p.say(in)
		line, _ := p.r.ReadString('\n')
		if want == "closed" {
			if line != "" { // not the refusal, which speaks of limits
				t.Errorf("%q: %q", in, line)
			}
		} else if !strings.HasPrefix(line, want) {
			t.Errorf("%q: %q, want %q", in, line, want)
		}
		r.end()
	}
}

func TestProxyHeaderHasATimeLimit(t *testing.T) {
	r := run(t, Config{ProxyTrusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Limits: Limits{ProxyTimeout: 20 * time.Millisecond}})
	p := r.dial()
	p.want("closed")
	r.end()
	if !strings.Contains(r.log.String(), "PROXY header refused") {
		t.Error(r.log)
	}
}

// 300 silent connections: those past the limit of the network get the refusal, others are served (checklist 22).
func TestLimitOfANetwork(t *testing.T) {
	const limit, conns = 20, 60
	r := run(t, Config{Limits: Limits{MaxPerNetwork: limit}, ProxyTrusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	served := 0
	for i := range conns {
		p := r.dial()
		p.say(fmt.Sprintf("PROXY TCP6 2001:db8:0:1::%x 2001:db8::2 1 25\r\n", i+1))
		line, _ := p.r.ReadString('\n')
		switch {
		case strings.HasPrefix(line, "hello"):
			served++
		case line != "421 full\r\n":
			t.Fatalf("got %q", line)
		}
	}
	if served != limit {
		t.Errorf("%d served", served)
	}
	p := r.dial()
	p.say("PROXY TCP6 2001:db8:0:2::1 2001:db8::2 1 25\r\n")
	p.want("hello")
	var m dto.Metric
	if err := r.s.metrics.refused.WithLabelValues("test", "network").Write(&m); err != nil || m.Counter.GetValue() != conns-limit {
		t.Errorf("%v refusals counted, %v", m.Counter.GetValue(), err)
	}
}

func TestLimitInAll(t *testing.T) {
	r := run(t, Config{Limits: Limits{MaxConns: 2}})
	a, b := r.dial(), r.dial()
	a.want("hello")
	b.want("hello")
	c := r.dial()
	c.want("421 full")
	c.want("closed")
	_ = a.Close()
	for { // a's place is free when its session has ended
		d := r.dial()
		if line, _ := d.r.ReadString('\n'); strings.HasPrefix(line, "hello") {
			break
		}
	}
	b.say("still here")
	b.want("still here")
}

func TestCountForgetsNetworks(t *testing.T) {
	var c count
	if !c.enter(netip.MustParseAddr("192.0.2.1"), 1) {
		t.Fatal("refused")
	}
	if c.enter(netip.MustParseAddr("::ffff:192.0.2.1"), 1) {
		t.Error("one address counted as two")
	}
	c.leave(netip.MustParseAddr("192.0.2.1"))
	if len(c.nets) != 0 {
		t.Error("network is kept")
	}
	if !c.enter(netip.Addr{}, 0) {
		t.Error("a socket without addresses was refused")
	}
}

func TestStop(t *testing.T) {
	r := run(t, Config{Limits: Limits{Grace: wait}})
	idle, busy := r.dial(), r.dial()
	idle.want("hello")
	busy.want("hello")
	busy.say("busy")
	busy.want("busy")
	r.stop()
	idle.want("stopping")
	idle.want("closed")
	busy.say("finishing")
	busy.want("finishing")
	if _, err := net.Dial("tcp", r.s.Addr().String()); err == nil {
		t.Error("new connections are taken")
	}
	_ = busy.Close()
	r.end()
}

func TestGraceEnds(t *testing.T) {
	r := run(t, Config{Limits: Limits{Grace: 20 * time.Millisecond}})
	p := r.dial()
	p.want("hello")
	p.say("busy")
	p.want("busy")
	r.end()
	p.want("closed")
	if !strings.Contains(r.log.String(), "sessions closed at the end of the grace") {
		t.Error(r.log)
	}
}

func TestPanicEndsOneConnection(t *testing.T) {
	r := run(t, Config{})
	a, b := r.dial(), r.dial()
	a.want("hello")
	b.want("hello")
	a.say("panic")
	a.want("closed")
	b.say("alive")
	b.want("alive")
	if !strings.Contains(r.log.String(), "handler is broken") {
		t.Error(r.log)
	}
}

// What the peer is still sending must not destroy our last words.
func TestLinger(t *testing.T) {
	r := run(t, Config{})
	p := r.dial()
	p.want("hello")
	p.say("last words")
	p.want("last words")
	if _, err := io.WriteString(p, strings.Repeat("x", 64<<10)); err != nil {
		t.Error(err)
	}
	_ = p.Conn.(*net.TCPConn).CloseWrite()
	p.want("closed")
}

// exhausted is a listener that has no descriptors for its first calls.
type exhausted struct {
	net.Listener
	mu    sync.Mutex
	fails int
}

func (e *exhausted) Accept() (net.Conn, error) {
	e.mu.Lock()
	fail := e.fails > 0 && e.fails%2 == 0 // every second call works: the descriptor in reserve was given up
	if e.fails > 0 {
		e.fails--
	}
	e.mu.Unlock()
	if fail {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return e.Listener.Accept()
}

// Out of file descriptors, new peers get the refusal, and service comes back by itself (checklist 65).
func TestNoDescriptorsLeft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, Config{Listener: &exhausted{Listener: l, fails: 4}})
	for range 2 {
		p := r.dial()
		p.want("421 full")
		p.want("closed")
	}
	r.dial().want("hello")
	if !strings.Contains(r.log.String(), "accept failed") {
		t.Error(r.log)
	}
}

func TestListenNamesTheListener(t *testing.T) {
	r := run(t, Config{})
	s := NewServer(Config{Name: "mx", Addr: r.s.Addr().String()}, echo{})
	if err := s.Serve(context.Background()); err == nil || !strings.Contains(err.Error(), "mx") {
		t.Error(err)
	}
	s = NewServer(Config{Name: "imaps", Addr: "127.0.0.1:0", Mode: Implicit}, echo{})
	if err := s.Listen(context.Background()); err == nil || !strings.Contains(err.Error(), "imaps") {
		t.Error(err)
	}
}

package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is one listener. Use NewServer; Listen and Serve may each be called once.
type Server struct {
	cfg      Config
	handler  Handler
	log      *slog.Logger
	metrics  *Metrics
	listener net.Listener
	count    count
	stopping chan struct{}
	stopped  atomic.Bool
	mu       sync.Mutex
	conns    map[*Conn]struct{}
	wg       sync.WaitGroup
}

// NewServer makes a listener that is not open yet.
func NewServer(cfg Config, h Handler) *Server {
	cfg.Limits = cfg.Limits.WithDefaults()
	if cfg.Network == "" {
		cfg.Network = "tcp"
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg: cfg, handler: h, log: log.With("listener", cfg.Name), metrics: cfg.Metrics,
		listener: cfg.Listener, stopping: make(chan struct{}), conns: make(map[*Conn]struct{}),
	}
}

// Listen opens the socket, so that errors show before anything else is started.
func (s *Server) Listen(ctx context.Context) error {
	if s.cfg.Mode == Implicit && s.cfg.TLS == nil {
		return fmt.Errorf("listener %s: TLS without a certificate", s.cfg.Name)
	}
	if s.listener != nil {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, s.cfg.Network, s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listener %s: %w", s.cfg.Name, err)
	}
	s.listener = l
	return nil
}

// Addr gives the address that Listen opened; nil before.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Serve accepts connections until ctx is done, then stops: no new connections, a notice to the running
// sessions, Limits.Grace, then it closes them. It calls Listen if that was not done.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		return err
	}
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, s.Stop)
	defer stop()
	s.accept(hard)
	s.Stop()
	s.drain(cancel)
	return nil
}

// Stop begins to stop: no new connections, a notice to sessions. It does not wait.
func (s *Server) Stop() {
	if s.stopped.Swap(true) {
		return
	}
	close(s.stopping)
	if s.listener != nil {
		_ = s.listener.Close() // nobody is left to tell
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.interrupt()
	}
}

// closeWait is how long a session may take to end after its connection was closed under it.
const closeWait = 2 * time.Second

// drain waits for the sessions, then cancels and closes those that are left after the grace.
func (s *Server) drain(cancel context.CancelFunc) {
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	if isDone(done, s.cfg.Limits.Grace) {
		return
	}
	cancel()
	s.mu.Lock()
	left := len(s.conns)
	for c := range s.conns {
		_ = c.sock.Close() // the session sees the error
	}
	s.mu.Unlock()
	s.log.Warn("sessions closed at the end of the grace", "sessions", left)
	if !isDone(done, closeWait) {
		s.log.Error("sessions did not end after their connections were closed")
	}
}

// isDone waits for done, at most for d.
func isDone(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// The wait after an Accept that failed, doubling from the first to the second.
const (
	minAcceptWait = 5 * time.Millisecond
	maxAcceptWait = time.Second
)

// accept runs the accept loop until the listener is closed.
func (s *Server) accept(ctx context.Context) {
	reserve := newReserve()
	defer reserve.close()
	wait := minAcceptWait
	for {
		nc, err := s.listener.Accept()
		switch {
		case err == nil:
			wait = minAcceptWait
			if reserve.spare() {
				s.admit(ctx, nc)
			} else {
				s.refuse(nc, "descriptors")
			}
			continue
		case s.stopped.Load() || errors.Is(err, net.ErrClosed):
			return
		case isExhausted(err) && s.refuseNext(reserve):
			wait = minAcceptWait // who comes now is to be told at once, too
		}
		s.log.Error("accept failed", "error", err, "wait", wait)
		s.metrics.refuse(s.cfg.Name, "accept")
		if !s.pause(wait) {
			return
		}
		wait = min(wait*2, maxAcceptWait)
	}
}

// pause waits unless the server stops meanwhile.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stopping:
		return false
	}
}

// refuseNext spends the reserved descriptor on telling one waiting peer that we are full.
func (s *Server) refuseNext(r *reserve) bool {
	r.close()
	defer r.open()
	nc, err := s.listener.Accept()
	if err != nil {
		return false
	}
	s.refuse(nc, "descriptors")
	return true
}

// admit starts a session, or refuses it when there are too many.
func (s *Server) admit(ctx context.Context, nc net.Conn) {
	if !s.count.add(s.cfg.Limits.MaxConns) {
		s.refuse(nc, "total")
		return
	}
	s.wg.Add(1)
	go func() {
		defer s.leave()
		s.ServeConn(ctx, nc)
	}()
}

func (s *Server) leave() {
	s.count.done()
	s.wg.Done()
}

// refusalTimeout bounds the writing of a refusal.
const refusalTimeout = time.Second

// refuse tells the peer, in clear if that is what the port speaks, and closes.
func (s *Server) refuse(nc net.Conn, reason string) {
	s.metrics.refuse(s.cfg.Name, reason)
	s.log.Info("connection refused", "reason", "listen-limit-"+reason, "remote", nc.RemoteAddr().String())
	if s.cfg.Mode != Implicit && len(s.cfg.Refusal) > 0 {
		_ = nc.SetWriteDeadline(time.Now().Add(refusalTimeout)) // best effort, as is the rest
		_, _ = nc.Write(s.cfg.Refusal)
	}
	_ = nc.Close()
}

// ServeConn runs one session on nc and closes it: PROXY header, limit of the network, TLS, handler.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	c := &Conn{Conn: nc, sock: nc, raw: nc, srv: s}
	defer s.release(c)
	in := false
	if Aside(func() { ctx, in = s.begin(ctx, c) }); in {
		s.handler.Serve(ctx, c)
	}
}

// begin does what comes before the handler, which gets the context: it reports whether the connection may go on.
func (s *Server) begin(ctx context.Context, c *Conn) (context.Context, bool) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.Remote, c.Local = addrPort(c.sock.RemoteAddr()), addrPort(c.sock.LocalAddr())
	c.readiness()
	s.metrics.accept(s.cfg.Name)
	s.track(c)
	return ctx, s.isWelcome(ctx, c)
}

// isWelcome settles who the peer is, and TLS if the connection begins with it.
func (s *Server) isWelcome(ctx context.Context, c *Conn) bool {
	if s.trusted(c.Remote.Addr()) {
		if err := s.readProxy(c); err != nil {
			s.metrics.refuse(s.cfg.Name, "proxy") // in silence: Refusal speaks of limits
			s.log.Warn("PROXY header refused", "remote", c.Remote.String(), "error", err)
			return false
		}
	}
	if c.counted = s.count.enter(c.Remote.Addr(), s.cfg.Limits.MaxPerNetwork); !c.counted {
		s.refuse(c.sock, "network")
		return false
	}
	if s.cfg.Mode == Implicit {
		if err := c.handshake(ctx); err != nil {
			s.failedHandshake(c, err)
			return false
		}
	}
	return true
}

func (s *Server) track(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

// release ends a connection, also one that panicked: a broken invariant of one session does not end all of them.
func (s *Server) release(c *Conn) {
	if v := recover(); v != nil {
		s.panicked(c, v)
	}
	_ = c.Close() // the handler may have closed it
	c.cancel()
	if c.counted {
		s.count.leave(c.Remote.Addr())
	}
	s.metrics.closed(s.cfg.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) panicked(c *Conn, v any) {
	s.metrics.refuse(s.cfg.Name, "panic")
	stack := debug.Stack()
	if b, ok := v.(*brokenAside); ok {
		v, stack = b.value, b.stack
	}
	s.log.Error("session panicked", "remote", c.Remote.String(), "panic", v, "stack", string(stack))
}

// failedHandshake says why TLS did not begin; a plaintext client is named as such.
func (s *Server) failedHandshake(c *Conn, err error) {
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		what := Sniff(record.RecordHeader[:])
		if what == "" {
			what = "plaintext"
		}
		s.wrongProtocol(c, what)
		return
	}
	s.metrics.refuse(s.cfg.Name, "tls")
	s.log.Info("TLS handshake failed", "remote", c.Remote.String(), "error", err)
}

func (s *Server) wrongProtocol(c *Conn, what string) {
	s.metrics.refuse(s.cfg.Name, "protocol-"+what)
	s.log.Warn("wrong protocol", "reason", "listen-wrong-protocol", "remote", c.Remote.String(),
		"got", what, "mode", s.cfg.Mode.String(), "hint", hint(what, s.cfg.Mode))
}

// reserve is a descriptor that is kept to be given up when there are no others left.
type reserve struct{ f *os.File }

func newReserve() *reserve {
	r := &reserve{}
	r.open()
	return r
}

func (r *reserve) open() {
	if f, err := os.Open(os.DevNull); err == nil {
		r.f = f
	}
}

// spare tells whether a descriptor is left besides the reserve, so that the next peer can be told and the store can
// work for those who are in. Without this the listeners would take each other's reserves for sessions.
func (r *reserve) spare() bool {
	if r.f == nil {
		r.open()
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		return false
	}
	_ = f.Close() // opened for reading: nothing can be lost
	return r.f != nil
}

func (r *reserve) close() {
	if r.f != nil {
		_ = r.f.Close() // opened for reading: nothing can be lost
		r.f = nil
	}
}

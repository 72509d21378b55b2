// Package sink is a fake SMTP server for tests and benchmarks of what Barid sends: one that takes everything, or
// one that is slow, rude, forgetful, broken or hostile where a test wants it to be.
//
// Life: started by a test (or by an e2e program) in the place of another domain's server; e2e/world leads there.
// Promises: nothing leaves loopback; it is a correct server where it is not told otherwise; every message and
// every command line is kept, unless Options.Discard; Stop ends every goroutine.
// Limits: a line of 64 KiB, a message of Options.MaxBytes. Failure: an address that can not be listened on is an
// error of Run. Standards: RFC 5321, RFC 1870, RFC 2920, RFC 3030, RFC 3207, RFC 3461, RFC 4954, RFC 6531.
package sink

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Stage is a point of the dialogue at which a Behaviour can be set.
type Stage string

// The stages: commands by their verb, and these.
const (
	Greeting  Stage = "greeting"  // the banner
	EHLO      Stage = "ehlo"      //
	HELO      Stage = "helo"      //
	StartTLS  Stage = "starttls"  // the answer to the command
	Handshake Stage = "handshake" // Close or Silent in the place of the handshake
	Auth      Stage = "auth"      // the final answer
	Mail      Stage = "mail"      //
	Rcpt      Stage = "rcpt"      // see also Options.Rcpts
	Data      Stage = "data"      // the answer to DATA
	Body      Stage = "body"      // in the middle of the message, after Behaviour.After octets
	End       Stage = "end"       // the answer to the message, after the final dot or the last chunk
	Rset      Stage = "rset"      //
	Quit      Stage = "quit"      //
)

// Behaviour is what happens at a stage. The zero value is the usual answer.
type Behaviour struct {
	Reply   string        // "451 4.3.0 busy" in the place of the usual one; lines are divided by "\n"
	Delay   time.Duration // before the answer
	Close   bool          // the connection is closed in the place of an answer
	Reset   bool          // the same, with a RST
	Hang    bool          // no answer ever
	Leave   bool          // the connection is closed after the answer
	Raw     string        // these octets in the place of an answer
	Inject  string        // these octets behind the answer, in one segment with it
	Pad     int           // so many octets of one line in the place of an answer, without its end
	Endless bool          // lines of a reply without a last one
	Drip    time.Duration // the answer comes octet by octet, so much time apart
	After   int           // of Body: octets read before it happens
	Times   int           // only so many times; 0: always
	Skip    int           // not the first so many times
}

// Options shape a Sink. The zero value takes all mail on a free port, with all extensions but STARTTLS.
type Options struct {
	Addr     string               // "127.0.0.1:0" if ""
	Name     string               // what it calls itself; "sink.test" if ""
	TLS      *tls.Config          // STARTTLS is offered with it
	Implicit bool                 // TLS from the first octet
	Without  []string             // EHLO keywords that are not offered
	With     []string             // EHLO lines more: "LIMITS RCPTMAX=2"; one with a keyword of ours replaces it
	Users    map[string]string    // name -> password or token: AUTH is offered, and needed before MAIL
	Auth     string               // mechanisms; "PLAIN LOGIN XOAUTH2 OAUTHBEARER" if ""
	Behave   map[Stage]Behaviour  //
	Rcpts    map[string]Behaviour // by forward-path without brackets, before Behave[Rcpt]
	Discard  bool                 // messages are counted and thrown away: for benchmarks
	MaxBytes int64                // of a message; 0: 64 MiB
}

// Message is one that was taken, or refused after its end.
type Message struct {
	Conn     int    // number of the connection, from 1
	Peer     string // address of the client
	Helo     string
	TLS      string // "" in clear, else the server name that the client asked for, or "-"
	User     string
	Mail     string // argument of MAIL
	From     string // without brackets
	Params   map[string]string
	Rcpts    []Recipient // accepted ones
	Body     string
	BDAT     bool
	Chunks   int
	Answer   string // the first line of ours
	Received time.Time
}

// Recipient is an accepted RCPT.
type Recipient struct {
	To     string // without brackets
	Params map[string]string
}

// Sink is a running server. It is for many goroutines.
type Sink struct {
	o  Options
	ln net.Listener

	running sync.WaitGroup
	ended   chan struct{}
	once    sync.Once

	messages atomic.Int64
	octets   atomic.Int64
	conns    atomic.Int64
	active   atomic.Int64
	most     atomic.Int64
	rounds   atomic.Int64

	mu      sync.Mutex
	arrival *sync.Cond
	behave  map[Stage]*Behaviour
	reached map[Stage]int
	kept    []Message
	lines   []string
	open    map[net.Conn]bool
	stopped bool
}

// TB is what Start needs of a test.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Start runs a sink for the length of a test.
func Start(t TB, o Options) *Sink {
	t.Helper()
	s, err := Run(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Run starts a sink.
func Run(o Options) (*Sink, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Name == "" {
		o.Name = "sink.test"
	}
	if o.Auth == "" {
		o.Auth = "PLAIN LOGIN XOAUTH2 OAUTHBEARER"
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	ln, err := listen(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	s := &Sink{o: o, ln: ln, ended: make(chan struct{}), behave: map[Stage]*Behaviour{}, reached: map[Stage]int{}, open: map[net.Conn]bool{}}
	s.arrival = sync.NewCond(&s.mu)
	for stage, b := range o.Behave {
		s.Set(stage, b)
	}
	s.running.Go(s.accept)
	return s, nil
}

// Addr is where it listens: "127.0.0.1:40213".
func (s *Sink) Addr() string { return s.ln.Addr().String() }

// Port is its port.
func (s *Sink) Port() uint16 { return uint16(s.ln.Addr().(*net.TCPAddr).Port) }

// Set makes a stage behave from now on.
func (s *Sink) Set(stage Stage, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behave[stage] = &b
}

// Messages gives what was kept so far.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.kept...)
}

// Count tells how many messages were answered 2xx.
func (s *Sink) Count() int { return int(s.messages.Load()) }

// Octets tells how many octets those had.
func (s *Sink) Octets() int64 { return s.octets.Load() }

// Conns tells how many connections were made.
func (s *Sink) Conns() int { return int(s.conns.Load()) }

// Active tells how many connections are open, and how many there ever were at once.
func (s *Sink) Active() (now, most int) { return int(s.active.Load()), int(s.most.Load()) }

// Rounds counts the times that the sink had to wait for the client: round trips.
func (s *Sink) Rounds() int { return int(s.rounds.Load()) }

// Lines gives the dialogue of all connections: "1 C: EHLO x", "1 S: 250 sink.test".
func (s *Sink) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// Await returns when n messages were taken or refused at their end, or the sink was stopped.
func (s *Sink) Await(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.kept) < n && !s.stopped {
		s.arrival.Wait()
	}
}

// AwaitStage returns when a stage was reached n times, or the sink was stopped.
func (s *Sink) AwaitStage(stage Stage, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.reached[stage] < n && !s.stopped {
		s.arrival.Wait()
	}
}

// listen waits a little for an address in use: a program that is being started holds the sockets of this process, also one
// that was just closed, until it runs.
func listen(addr string) (ln net.Listener, err error) {
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		ln, err = net.Listen("tcp", addr)
		if !errors.Is(err, syscall.EADDRINUSE) || time.Since(begun) > 2*time.Second {
			return ln, err
		}
	}
}

// Stop ends the sink and all its connections.
func (s *Sink) Stop() {
	s.once.Do(func() {
		close(s.ended)
		_ = s.ln.Close()
		s.mu.Lock()
		s.stopped = true
		s.arrival.Broadcast()
		for c := range s.open {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.running.Wait()
	})
}

// Drop closes the connections that are open now, as a server that restarts does.
func (s *Sink) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		_ = c.Close()
	}
}

func (s *Sink) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.stopped {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		s.open[c] = true
		s.mu.Unlock()
		n := int(s.conns.Add(1))
		if now := s.active.Add(1); now > s.most.Load() {
			s.most.Store(now)
		}
		s.running.Go(func() {
			newSession(s, c, n).serve()
			s.active.Add(-1)
			_ = c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		})
	}
}

// at gives the behaviour of a stage, counting its times down.
func (s *Sink) at(stage Stage) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached[stage]++
	s.arrival.Broadcast()
	b := s.behave[stage]
	if b == nil {
		return Behaviour{}
	}
	if b.Skip > 0 {
		b.Skip--
		return Behaviour{}
	}
	got := *b
	if b.Times > 0 {
		if b.Times--; b.Times == 0 {
			delete(s.behave, stage)
		}
	}
	return got
}

func (s *Sink) line(conn int, side byte, text string) {
	if s.o.Discard {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%d %c: %s", conn, side, text))
}

func (s *Sink) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, m)
	s.arrival.Broadcast()
}

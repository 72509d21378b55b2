package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/id"
	"barid/flow/intake"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/sasl"
	"barid/rfc/smtp"
	"barid/rfc/status"
	"barid/serve/listen"
)

// scripted is a connection whose client said everything beforehand, and that remembers each Write.
type scripted struct {
	in     io.Reader
	writes []string
}

func (s *scripted) Read(p []byte) (int, error) { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error) {
	s.writes = append(s.writes, string(p))
	return len(p), nil
}
func (s *scripted) Close() error                     { return nil }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// quietWorld runs one scripted session without sockets.
type quietWorld struct {
	in   *fakeIntake
	conn *scripted
}

func newQuietWorld(in string) *quietWorld {
	return &quietWorld{&fakeIntake{}, &scripted{in: strings.NewReader(in)}}
}

func (w *quietWorld) run() string {
	srv := NewServer(Deps{Settings: Settings{Hostname: "mail.example.org"}, Intake: w.in, IDs: id.NewSource(time.Now)})
	listen.NewServer(listen.Config{Name: "test"}, srv).ServeConn(context.Background(), w.conn)
	return strings.Join(w.conn.writes, "")
}

// Replies of a pipelined group go out in one Write (RFC 2920 §3.2).
func TestRepliesAreBatched(t *testing.T) {
	w := newQuietWorld("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<info@example.org>\r\nDATA\r\na\r\n.\r\nNOOP\r\nNOOP\r\nQUIT\r\n")
	w.run()
	if len(w.conn.writes) != 2 { // the banner before the first Read, everything else after it
		t.Errorf("%d writes: %q", len(w.conn.writes), w.conn.writes)
	}
	if len(w.in.stored()) != 1 {
		t.Error("nothing stored")
	}
}

// A peer that sends without reading is answered in pieces of bounded size.
func TestPendingRepliesAreBounded(t *testing.T) {
	srv := Settings{MaxIdleCommands: 1 << 20}
	conn := &scripted{in: strings.NewReader("HELO a\r\n" + strings.Repeat("NOOP\r\n", 20000))}
	s := NewServer(Deps{Settings: srv, Intake: &fakeIntake{}, IDs: id.NewSource(time.Now)})
	listen.NewServer(listen.Config{Name: "test"}, s).ServeConn(context.Background(), conn)
	for _, w := range conn.writes {
		if len(w) > 2*maxPending {
			t.Fatalf("%d octets in one write", len(w))
		}
	}
}

// The rest of checklist 16 to 22: what is too big for a transcript. After each, a message from another
// connection is taken.
func TestFloods(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		want string // some line of the answers
	}{
		"command line of 1 MB":       {"NOOP " + strings.Repeat("x", 1<<20) + "\r\n", "500 5.5.2 *"},
		"address of 20 kB":           {"MAIL FROM:<" + strings.Repeat("a", 20<<10) + "@example.net>\r\n", "500 5.5.2 *"},
		"20,000 NOOPs":               {strings.Repeat("NOOP\r\n", 20000), "421 4.7.0 *"},
		"2000 unknown commands":      {strings.Repeat("FOO\r\n", 2000), "421 4.7.0 *"},
		"2000 wrong recipients":      {"MAIL FROM:<>\r\n" + strings.Repeat("RCPT TO:<nobody@example.org>\r\n", 2000), "421 4.7.0 *"},
		"50,000 tiny chunks":         {"MAIL FROM:<>\r\nRCPT TO:<info@example.org>\r\n" + strings.Repeat("BDAT 1\r\na", 50000), "554 5.5.0 *"},
		"30,000 recipients":          {"MAIL FROM:<>\r\n" + strings.Repeat("RCPT TO:<info@example.org>\r\n", 30000) + "RSET\r\n", "452 4.5.3 *"},
		"megabytes without line end": {strings.Repeat("y", 2<<20), "500 5.5.2 *"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Settings{}, listen.Config{})
			p := w.dial(listen.Plain)
			p.want("220 *")
			p.ask("HELO client.example", "250 *")
			p.send(c.send)
			for {
				line := p.line()
				if matches(c.want, line) {
					break
				}
				if strings.HasPrefix(line, "closed") {
					t.Fatalf("%s without %q", line, c.want)
				}
			}
			w.alive()
		})
	}
}

// alive sends a message over another connection.
func (w *world) alive() {
	w.t.Helper()
	before := len(w.in.stored())
	p := w.dial(listen.Plain)
	p.want("220 *")
	p.ask("HELO client.example", "250 *", "MAIL FROM:<>", "250 *", "RCPT TO:<info@example.org>", "250 *", "DATA", "354 *")
	p.ask("Subject: alive\r\n\r\ntext\r\n.", "250 2.0.0 *", "QUIT", "221 *")
	if len(w.in.stored()) != before+1 {
		w.t.Error("not alive")
	}
}

// 100 recipients must work (RFC 5321 §4.5.3.1.8).
func TestHundredRecipients(t *testing.T) {
	w := newWorld(t, Settings{}, listen.Config{})
	p := w.dial(listen.Plain)
	p.want("220 *")
	p.ask("HELO a", "250 *", "MAIL FROM:<>", "250 *")
	for i := range 100 {
		p.ask(fmt.Sprintf("RCPT TO:<user%d@example.org>", i), "250 *")
	}
	p.ask("RCPT TO:<info@example.org>", "452 4.5.3 *", "DATA", "354 *")
	p.ask(".", "250 *")
	if got := len(w.in.stored()[0].to); got != 100 {
		t.Errorf("%d recipients", got)
	}
}

// A reset in the middle of DATA delivers nothing (checklist 15).
func TestResetWithinData(t *testing.T) {
	w := newWorld(t, Settings{}, listen.Config{})
	p := w.dial(listen.Plain)
	p.want("220 *")
	p.ask("HELO a", "250 *", "MAIL FROM:<>", "250 *", "RCPT TO:<info@example.org>", "250 *", "DATA", "354 *")
	p.send("half\r\n.")
	<-p.writing
	if err := p.nc.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = p.nc.Close()
	w.alive()
	if n := len(w.in.stored()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// A stop lets a message that is coming in be finished, and tells sessions that wait 421 4.3.2.
func TestStop(t *testing.T) {
	w := newWorld(t, Settings{}, listen.Config{Limits: listen.Limits{Grace: wait}})
	idle, busy, chunked := w.dial(listen.Plain), w.dial(listen.Plain), w.dial(listen.Plain)
	for _, p := range []*peer{idle, busy, chunked} {
		p.want("220 *")
		p.ask("HELO a", "250 *")
	}
	busy.ask("MAIL FROM:<>", "250 *", "RCPT TO:<info@example.org>", "250 *", "DATA", "354 *")
	chunked.ask("MAIL FROM:<>", "250 *", "RCPT TO:<info@example.org>", "250 *", "BDAT 0", "250 *")
	w.stop()
	idle.want("421 4.3.2 *")
	idle.want("closed")
	busy.ask("text\r\n.", "250 2.0.0 *")
	busy.want("421 4.3.2 *")
	chunked.ask("BDAT 2 LAST\r\n", "250 2.0.0 *")
	chunked.want("421 4.3.2 *")
	if n := len(w.in.stored()); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// pipeWorld serves one session on a pipe inside a synctest bubble, where time is ours.
func pipeWorld(set Settings) (*fakeIntake, *peer, func() bool) {
	in := &fakeIntake{}
	set.Hostname = "mail.example.org"
	srv := NewServer(Deps{Settings: set, Intake: in, IDs: id.NewSource(time.Now)})
	l := listen.NewServer(listen.Config{Name: "test"}, srv)
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ServeConn(context.Background(), b)
	}()
	p := &peer{nc: a, r: smtp.NewReader(a, make([]byte, 4096))}
	return in, p, func() bool {
		synctest.Wait()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// A slow but steady sender is served: the time limit of DATA is for each read (libraries.md §2, fault 1),
// and the one for the whole message ends it without its rest becoming commands.
func TestSlowSteadySender(t *testing.T) {
	for _, c := range []struct {
		lines int
		want  string
	}{{50, "250 2.0.0 *"}, {70, "421 4.4.2 *"}} {
		synctest.Test(t, func(t *testing.T) {
			in, p, ended := pipeWorld(Settings{DataTimeout: 5 * time.Minute, MessageTimeout: time.Hour})
			p.t = t
			p.want("220 *")
			p.ask("HELO a", "250 *", "MAIL FROM:<>", "250 *", "RCPT TO:<info@example.org>", "250 *", "DATA", "354 *")
			sender := make(chan struct{})
			go func() {
				defer close(sender)
				for range c.lines {
					time.Sleep(time.Minute)
					if _, err := io.WriteString(p.nc, "QUIT\r\n"); err != nil {
						return
					}
				}
				_, _ = io.WriteString(p.nc, ".\r\n") // the session may be over
			}()
			p.want(c.want)
			taken := c.want[0] == '2'
			if got := len(in.stored()) == 1; got != taken {
				t.Errorf("%d lines: stored %v", c.lines, got)
			}
			_ = p.nc.Close()
			<-sender
			if !ended() {
				t.Error("session did not end")
			}
		})
	}
}

// A command that comes one octet a minute has the time of one command.
func TestSlowCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, ended := pipeWorld(Settings{})
		p.t = t
		p.want("220 *")
		begin := time.Now()
		sender := make(chan struct{})
		go func() {
			defer close(sender)
			for {
				if _, err := io.WriteString(p.nc, "N"); err != nil {
					return
				}
				time.Sleep(time.Minute)
			}
		}()
		p.want("421 4.4.2 *")
		if d := time.Since(begin); d != DefaultCommandTimeout {
			t.Errorf("after %v", d)
		}
		_ = p.nc.Close()
		<-sender
		if !ended() {
			t.Error("session did not end")
		}
	})
}

// A peer that does not take our replies is given up (checklist 21).
func TestPeerThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, ended := pipeWorld(Settings{})
		time.Sleep(DefaultWriteTimeout + time.Second)
		if !ended() {
			t.Error("session did not end")
		}
		_ = p.nc.Close()
	})
}

// Sessions that last too long are ended between two commands.
func TestSessionTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, ended := pipeWorld(Settings{SessionTimeout: 10 * time.Minute})
		p.t = t
		p.want("220 *")
		for range 3 {
			time.Sleep(4 * time.Minute)
			p.send("NOOP\r\n")
			if line := p.line(); matches("421 4.4.2 *", line) {
				break
			} else if !matches("250 *", line) {
				t.Fatal(line)
			}
		}
		p.want("421 4.4.2 *")
		_ = p.nc.Close()
		if !ended() {
			t.Error("session did not end")
		}
	})
}

// Policy at Connect answers in place of the banner, with 554 or 421 only (RFC 5321 §3.1).
func TestBannerRefusals(t *testing.T) {
	s := &session{client: &mail.Client{Session: "x"}}
	for _, c := range []struct {
		err  error
		want int
	}{
		{status.Perm(7, 1, "listed"), 554}, {status.Temp(7, 0, "later"), 421}, {errors.New("disk"), 421},
	} {
		if e := s.bannerError(c.err); e.Code() != c.want {
			t.Errorf("%v: %d", c.err, e.Code())
		}
	}
}

// Every kind of error has its answer, and none but status.Error shows its text.
func TestErrorsHaveAnswers(t *testing.T) {
	s := &session{client: &mail.Client{Session: "the-session"}}
	badParam := func(p string) error {
		_, err := smtp.ParseMailParams(p, smtp.ExtSize)
		return paramError(err)
	}
	badPath := func(p string) error {
		_, _, err := addr.ParsePath(p, addr.Options{})
		return pathError(err, 3)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("open /var/lib: denied"), "451 4.3.0"},
		{fmt.Errorf("wrapped: %w", status.Perm(1, 1, "no")), "550 5.1.1"},
		{unknownCommand(), "500 5.5.2"},
		{notImplemented(), "502 5.5.1"},
		{needTLS(), "530 5.7.0"},
		{loginInClear(), "538 5.7.11"},
		{stopping(), "421 4.3.2"},
		{lineError(smtp.ErrTooLong), "500 5.5.2"},
		{lineError(smtp.ErrBareCR), "500 5.5.2"},
		{lineError(smtp.ErrBareLF), "500 5.5.2"},
		{lineError(smtp.ErrNUL), "500 5.5.2"},
		{bodyError(smtp.ErrBareCR), "550 5.6.11"},
		{bodyError(smtp.ErrBareLF), "550 5.6.11"},
		{bodyError(smtp.ErrNUL), "550 5.6.11"},
		{bodyError(smtp.ErrTooBig), "552 5.3.4"},
		{bodyError(io.ErrUnexpectedEOF), "421 4.4.2"},
		{badParam("FOO=1"), "555 5.5.4"},
		{badParam("SIZE=x"), "501 5.5.4"},
		{badPath("<a>"), "501 5.1.3"},
		{badPath("<فروش@example.org>"), "553 5.6.7"},
		{s.loginError(sasl.ErrCancelled), "501 5.7.0"},
		{s.loginError(sasl.ErrEncoding), "501 5.5.2"},
		{s.loginError(sasl.ErrSyntax), "501 5.5.2"},
		{s.loginError(sasl.ErrTooLong), "500 5.5.6"},
		{s.loginError(errors.New("directory")), "454 4.7.0"},
		{s.loginError(status.Perm(7, 8, "no").WithReply(535)), "535 5.7.8"},
	} {
		e := s.answer(c.err)
		if got := fmt.Sprintf("%d %s", e.Code(), enhanced(e)); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
		if strings.Contains(e.Public, "/var") || e.Reason == "internal" && !strings.Contains(e.Public, "the-session") {
			t.Errorf("%v: says %q", c.err, e.Public)
		}
	}
	for _, why := range []error{
		smtp.ErrBareCR, smtp.ErrBareLF, smtp.ErrNUL, smtp.ErrTooBig, io.ErrUnexpectedEOF,
	} {
		if !errors.Is(bodyError(why), why) {
			t.Errorf("%v is lost", why)
		}
	}
}

// An internal error tells the peer an id, and the log repeats it with the cause.
func TestInternalErrorIsInTheLog(t *testing.T) {
	w := newWorld(t, Settings{}, listen.Config{})
	p := w.dial(listen.Plain)
	p.want("220 *")
	p.ask("HELO a", "250 *", "MAIL FROM:<>", "250 *")
	p.send("RCPT TO:<broken@example.org>\r\n")
	p.want("451 4.3.0 *(id session.1)")
	if log := w.log.String(); !strings.Contains(log, "id=session.1") || !strings.Contains(log, "row 17 is damaged") {
		t.Errorf("log: %s", log)
	}
}

// discard is an intake that takes everything and keeps nothing.
type discard struct {
	buf []byte
	tx  discardTx
}

type discardTx struct{ d *discard }

func newDiscard() *discard {
	d := &discard{buf: make([]byte, 64<<10)}
	d.tx.d = d
	return d
}

func (d *discard) Connect(context.Context, *mail.Client) error { return nil }
func (d *discard) Helo(context.Context, *mail.Client) error    { return nil }
func (d *discard) Begin(context.Context, *mail.Client, addr.Path, smtp.MailParams) (Tx, error) {
	return &d.tx, nil
}
func (tx *discardTx) ID() string                                             { return "id" }
func (tx *discardTx) Priority() int8                                         { return 0 }
func (tx *discardTx) Rcpt(context.Context, addr.Path, smtp.RcptParams) error { return nil }
func (tx *discardTx) Abort()                                                 {}

func (tx *discardTx) Data(_ context.Context, body io.Reader) (intake.Receipt, error) {
	for {
		if _, err := body.Read(tx.d.buf); err == io.EOF {
			return intake.Receipt{ID: "01jd4xk8t0003f7q2m.1"}, nil
		} else if err != nil {
			return intake.Receipt{}, err
		}
	}
}

// BenchmarkPipelined is one connection over loopback that sends 4 KiB messages, each as two segments:
// envelope and DATA, message. The client's share is in the figures.
func BenchmarkPipelined(b *testing.B) {
	srv := NewServer(Deps{
		Settings: Settings{MaxTransactions: 1 << 40}, Intake: newDiscard(), IDs: id.NewSource(time.Now), Log: slog.New(slog.DiscardHandler),
	})
	l := listen.NewServer(listen.Config{Name: "bench", Addr: "127.0.0.1:0"}, srv)
	ctx, cancel := context.WithCancel(context.Background())
	if err := l.Listen(ctx); err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Serve(ctx) })
	defer wg.Wait()
	defer cancel()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	r := smtp.NewReader(nc, make([]byte, 4096))
	line := func(code string) {
		if got, err := r.Line(512); err != nil || string(got[:3]) != code {
			b.Fatalf("%q %v", got, err)
		}
	}
	line("220")
	fmt.Fprint(nc, "HELO a\r\n")
	line("250")
	envelope := []byte("MAIL FROM:<sender@example.net>\r\nRCPT TO:<info@example.org>\r\nDATA\r\n")
	message := []byte(strings.Repeat(strings.Repeat("x", 74)+"\r\n", 54) + ".\r\n")
	b.ReportAllocs()
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		_, _ = nc.Write(envelope)
		line("250")
		line("250")
		line("354")
		_, _ = nc.Write(message)
		line("250")
	}
}

// repeat is an input of n times the same text.
type repeat struct {
	text []byte
	n    int
	r    bytes.Reader
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.r.Len() == 0 {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.r.Reset(r.text)
	}
	return r.r.Read(p)
}

// BenchmarkSession is the server's work alone: no sockets, what the client says is there.
func BenchmarkSession(b *testing.B) {
	srv := NewServer(Deps{
		Settings: Settings{MaxTransactions: 1 << 40}, Intake: newDiscard(), IDs: id.NewSource(time.Now), Log: slog.New(slog.DiscardHandler),
	})
	text := "MAIL FROM:<sender@example.net>\r\nRCPT TO:<info@example.org>\r\nDATA\r\n" + strings.Repeat(strings.Repeat("x", 74)+"\r\n", 54) + ".\r\n"
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	conn := &forgetful{scripted{in: io.MultiReader(strings.NewReader("HELO a\r\n"), &repeat{text: []byte(text), n: b.N})}}
	b.ResetTimer()
	listen.NewServer(listen.Config{Name: "bench"}, srv).ServeConn(context.Background(), conn)
}

// forgetful does not keep what is written.
type forgetful struct{ scripted }

func (f *forgetful) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkIdle reports the memory of a connection that was greeted and waits.
func BenchmarkIdle(b *testing.B) {
	const conns = 1000
	srv := NewServer(Deps{Intake: &fakeIntake{}, IDs: id.NewSource(time.Now)})
	l := listen.NewServer(listen.Config{Name: "bench"}, srv)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var wg sync.WaitGroup
		peers := make([]net.Conn, conns)
		for i := range peers {
			a, c := net.Pipe()
			peers[i] = a
			wg.Go(func() { l.ServeConn(context.Background(), c) })
			r := make([]byte, 100)
			_, _ = a.Read(r)
			_, _ = a.Write([]byte("EHLO a\r\n"))
			_, _ = io.ReadAtLeast(a, make([]byte, 400), 100)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/conns, "B/conn")
		for _, p := range peers {
			_ = p.Close()
		}
		wg.Wait()
	}
}

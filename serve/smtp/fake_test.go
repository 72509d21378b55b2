package smtp

import (
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
	"testing"
	"time"

	basetls "barid/base/tls"

	"barid/base/id"
	"barid/flow/intake"
	"barid/mail"
	"barid/mail/account"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/rfc/status"
	"barid/serve/listen"
)

// fakeIntake takes mail for example.org and remembers it. Names of addresses say what goes wrong:
// nobody@ is unknown, full@ over quota, broken@ an internal error at RCPT; a reverse-path disk-full@ fails
// before the message is read, io-error@ within it, lazy@ takes a message without reading it all, deaf@ takes
// one whatever its reader says, and late@ as a recipient is refused after the end of data (LMTP).
type fakeIntake struct {
	mu       sync.Mutex
	messages []stored
	began    int
	open     int // transactions that were neither aborted nor ended
	misuse   []string
}

type stored struct {
	from   string
	to     []string
	body   string
	params smtp.MailParams
	client mail.Client
}

func (f *fakeIntake) Connect(_ context.Context, c *mail.Client) error {
	if c.Remote.Addr() == netip.MustParseAddr("127.0.0.9") {
		return status.Perm(7, 1, "listed").Because("connect-listed")
	}
	return nil
}

func (f *fakeIntake) Helo(_ context.Context, c *mail.Client) error {
	if c.Helo == "refused.example" {
		return status.Perm(7, 1, "not with that name").Because("helo-name")
	}
	return nil
}

func (f *fakeIntake) Begin(_ context.Context, c *mail.Client, from addr.Path, p smtp.MailParams) (Tx, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from.Local == "refused" {
		return nil, status.Perm(7, 1, "sender refused").Because("sender-refused")
	}
	f.began++
	f.open++
	return &fakeTx{f: f, c: c, id: id.Tx("session", f.began), m: stored{from: from.String(), params: p}, from: from.Local}, nil
}

func (f *fakeIntake) stored() []stored {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]stored(nil), f.messages...)
}

// check tells whether the session used its transactions as it must.
func (f *fakeIntake) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open != 0 || len(f.misuse) > 0 {
		t.Errorf("%d transactions left open, misuse: %v", f.open, f.misuse)
	}
}

type fakeTx struct {
	f     *fakeIntake
	c     *mail.Client
	id    string
	from  string
	m     stored
	ended bool
	late  []error
}

func (tx *fakeTx) ID() string { return tx.id }

// Priority is at most 4 here.
func (tx *fakeTx) Priority() int8 { return min(tx.m.params.Priority, 4) }

func (tx *fakeTx) complain(what string) {
	tx.f.mu.Lock()
	defer tx.f.mu.Unlock()
	tx.f.misuse = append(tx.f.misuse, what)
}

func (tx *fakeTx) Rcpt(_ context.Context, to addr.Path, _ smtp.RcptParams) error {
	if tx.ended {
		tx.complain("RCPT after the end")
	}
	switch {
	case to.Domain != "example.org" && to.Domain != "" && tx.c.Login == 0:
		return status.Perm(7, 1, "relaying denied").Because("relay-denied")
	case to.Local == "nobody":
		return status.Perm(1, 1, "no such user").Because("rcpt-unknown")
	case to.Local == "full":
		return status.Temp(2, 2, "mailbox full").Because("over-quota")
	case to.Local == "broken":
		return errors.New("row 17 is damaged")
	}
	var late error
	if to.Local == "late" {
		late = status.Temp(2, 2, "mailbox full").Because("over-quota")
	}
	tx.late = append(tx.late, late)
	tx.m.to = append(tx.m.to, to.String())
	return nil
}

func (tx *fakeTx) Data(_ context.Context, body io.Reader) (intake.Receipt, error) {
	if tx.ended || len(tx.m.to) == 0 {
		tx.complain("Data without a transaction")
	}
	defer tx.Abort()
	receipt := intake.Receipt{ID: tx.id, PerRcpt: tx.late}
	switch tx.from {
	case "disk-full":
		return intake.Receipt{}, status.Temp(3, 1, "not enough storage").Because("storage-full")
	case "io-error":
		_, _ = io.CopyN(io.Discard, body, 5)
		return intake.Receipt{}, errors.New("write /secret/path: input/output error")
	case "lazy":
		_, _ = io.CopyN(io.Discard, body, 5)
		return receipt, nil
	}
	b, err := io.ReadAll(body)
	if err != nil && tx.from != "deaf" {
		return intake.Receipt{}, err
	}
	tx.m.body, tx.m.client = string(b), *tx.c
	tx.f.mu.Lock()
	defer tx.f.mu.Unlock()
	tx.f.messages = append(tx.f.messages, tx.m)
	return receipt, nil
}

func (tx *fakeTx) Abort() {
	if tx.ended {
		return
	}
	tx.ended = true
	tx.f.mu.Lock()
	defer tx.f.mu.Unlock()
	tx.f.open--
}

// fakeAuth knows info@example.org with the password "secret phrase".
type fakeAuth struct{}

func (fakeAuth) Authenticate(_ context.Context, a account.Attempt) (account.Account, error) {
	switch {
	case a.User == "info@example.org" && a.Password == "secret phrase":
		return account.Account{ID: 7, Name: a.User}, nil
	case a.User == "broken@example.org":
		return account.Account{}, errors.New("directory is damaged")
	}
	return account.Account{}, status.Perm(7, 8, "authentication failed").WithReply(535).Because("auth-wrong")
}

// world is one server on loopback.
type world struct {
	t      *testing.T
	in     *fakeIntake
	log    *lockedBuffer
	addr   string
	client *tls.Config
	stop   context.CancelFunc
	done   chan error
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

// wait is how long a test waits for something that must come.
const wait = time.Minute

func newWorld(t *testing.T, set Settings, cfg listen.Config) *world {
	t.Helper()
	w := &world{t: t, in: &fakeIntake{}, log: &lockedBuffer{}, done: make(chan error, 1)}
	set.Hostname = "mail.example.org"
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	srv := NewServer(Deps{
		Settings: set, Intake: w.in, Auth: fakeAuth{}, IDs: id.NewSource(time.Now), Log: logger,
	})
	if cfg.Mode != listen.Plain {
		cfg.TLS, w.client = certificates(t)
	}
	cfg.Name, cfg.Addr, cfg.Refusal, cfg.Logger = "test", "127.0.0.1:0", srv.Refusal(), logger
	l := listen.NewServer(cfg, srv)
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	if err := l.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	go func() { w.done <- l.Serve(ctx) }()
	t.Cleanup(w.close)
	return w
}

// close stops the server and checks what must hold at the end of every test.
func (w *world) close() {
	w.stop()
	select {
	case err := <-w.done:
		if err != nil {
			w.t.Error(err)
		}
	case <-time.After(wait):
		w.t.Error("server did not stop")
	}
	w.in.check(w.t)
	for _, secret := range []string{"secret", "U2VjcmV0", "c2VjcmV0", "private subject"} {
		if strings.Contains(strings.ReplaceAll(w.log.String(), "write /secret/path", ""), secret) {
			w.t.Errorf("%q is in the log:\n%s", secret, w.log)
		}
	}
}

// certificates makes a server's and a client's configuration.
func certificates(t *testing.T) (server, client *tls.Config) {
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

// peer is a client that sends octets and wants lines.
type peer struct {
	t  *testing.T
	nc net.Conn
	r  *smtp.Reader
	// rest of an exchange of big input, written beside the reading
	writing chan error
}

// dial connects; the banner is still to be read. With implicit TLS it does the handshake.
func (w *world) dial(mode listen.Mode) *peer {
	w.t.Helper()
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = nc.Close() })
	if mode == listen.Implicit {
		nc = tls.Client(nc, w.client)
	}
	return newPeer(w.t, nc)
}

func newPeer(t *testing.T, nc net.Conn) *peer {
	_ = nc.SetDeadline(time.Now().Add(wait))
	return &peer{t: t, nc: nc, r: smtp.NewReader(nc, make([]byte, 4096))}
}

// send writes without waiting for the other side to read.
func (p *peer) send(octets string) {
	before := p.writing
	done := make(chan error, 1)
	p.writing = done
	go func() {
		if before != nil {
			<-before
		}
		_, err := io.WriteString(p.nc, octets)
		done <- err
	}()
}

// line reads a line; at the end of the connection it is "closed".
func (p *peer) line() string {
	b, err := p.r.Line(4096)
	if err != nil {
		return "closed" + timeoutNote(err)
	}
	return string(b)
}

func timeoutNote(err error) string {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return " by us, after waiting too long"
	}
	return ""
}

// want reads a line and compares.
func (p *peer) want(pattern string) string {
	p.t.Helper()
	line := p.line()
	if !matches(pattern, line) {
		p.t.Fatalf("got %q, want %q", line, pattern)
	}
	return line
}

// ask sends commands as one segment and reads an answer, all its lines, for each.
func (p *peer) ask(want ...string) {
	p.t.Helper()
	var all strings.Builder
	for i := 0; i < len(want); i += 2 {
		all.WriteString(want[i] + "\r\n")
	}
	p.send(all.String())
	for i := 1; i < len(want); i += 2 {
		p.reply(want[i])
	}
}

// reply reads a whole reply and compares its last line.
func (p *peer) reply(pattern string) {
	p.t.Helper()
	line := p.line()
	for len(line) > 3 && line[3] == '-' {
		line = p.line()
	}
	if !matches(pattern, line) {
		p.t.Fatalf("got %q, want %q", line, pattern)
	}
}

// startTLS does the client's handshake.
func (p *peer) startTLS(cfg *tls.Config) {
	p.t.Helper()
	if p.writing != nil {
		<-p.writing
		p.writing = nil
	}
	t := tls.Client(p.nc, cfg)
	if err := t.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	p.nc, p.r = t, smtp.NewReader(t, make([]byte, 4096))
}

// matches compares with * for any octets.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

func (s stored) String() string { return fmt.Sprintf("%s -> %v: %q", s.from, s.to, s.body) }

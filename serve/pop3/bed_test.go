package pop3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/base/id"
	"barid/base/kv"
	basetls "barid/base/tls"
	"barid/locales"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/mime"
	"barid/serve/listen"
	"barid/store/embedded"
	"barid/store/memory"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "correct horse battery"

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// bed is a POP3 server on loopback with one account, demo@barid.test.
type bed struct {
	t     testing.TB
	mem   *memory.Store // nil on another engine
	blobs kv.Blobs
	mail  *mailbox.Store
	dir   *account.Directory
	srv   *Server
	who   account.Account
	addr  string
	log   *logBuffer
	reg   *prometheus.Registry
	stop  func()
}

type logBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testSettings wait for nobody.
func testSettings() Settings {
	set := DefaultSettings("pop.barid.test")
	set.AllowPlain = true
	set.LockTime = 0
	return set
}

// newBed is a bed over the memory store.
func newBed(t testing.TB, set Settings, policy string, mode listen.Mode) *bed {
	t.Helper()
	mem := memory.New()
	b := newBedOn(t, mem, set, policy, mode)
	b.mem = mem
	return b
}

// engine is a store.
type engine interface {
	kv.KV
	kv.Blobs
}

// engines are the stores that dialogs and benchmarks run on.
func engines(t testing.TB) map[string]func() engine {
	return map[string]func() engine{
		"memory": func() engine { return memory.New() },
		"embedded": func() engine {
			e, err := embedded.Open(t.TempDir(), embedded.Options{GCInterval: -1})
			must(t, err)
			t.Cleanup(func() { must(t, e.Close()) })
			return e
		},
	}
}

func newBedOn(t testing.TB, db engine, set Settings, policy string, mode listen.Mode) *bed {
	t.Helper()
	b := &bed{t: t, blobs: db, reg: prometheus.NewRegistry(), log: &logBuffer{}}
	b.mail = mailbox.Open(db, db, mailbox.Options{Now: func() time.Time { return epoch }})
	var err error
	b.dir, err = account.Open(db, account.Options{Hash: account.HashCost{Memory: 64, Time: 1, Threads: 1}})
	must(t, err)
	_, err = b.dir.AddDomain(t.Context(), account.Domain{Name: "barid.test"})
	must(t, err)
	b.who, err = b.dir.AddAccount(t.Context(), account.Account{Name: "demo@barid.test", POP3Delete: policy}, password)
	must(t, err)
	must(t, b.mail.Account(b.who.ID).Init(t.Context(), mailbox.Quota{}))
	texts, err := locales.Answers()
	must(t, err)
	b.srv = New(Deps{
		Texts: texts, Mail: b.mail, Accounts: b.dir, IDs: id.NewSource(time.Now), Log: slog.New(slog.NewTextHandler(b.log, nil)),
		Metrics: NewMetrics(b.reg),
	}, set)
	b.listen(mode)
	return b
}

func (b *bed) listen(mode listen.Mode) {
	cert, key, err := basetls.SelfSigned{Names: []string{"pop.barid.test"}, From: time.Now().Add(-time.Hour), For: 24 * time.Hour}.Generate()
	must(b.t, err)
	pair, err := tls.X509KeyPair(cert, key)
	must(b.t, err)
	cfg := listen.Config{Name: "pop3", Addr: "127.0.0.1:0", Mode: mode}
	if mode != listen.Plain {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	l := listen.NewServer(cfg, b.srv)
	must(b.t, l.Listen(b.t.Context()))
	b.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
		b.mail.Close()
	})
	b.t.Cleanup(b.stop)
}

// put appends messages to INBOX.
func (b *bed) put(bodies ...string) {
	b.t.Helper()
	for len(bodies) > 0 {
		n := min(len(bodies), 1000)
		b.append(bodies[:n])
		bodies = bodies[n:]
	}
}

func (b *bed) append(bodies []string) {
	b.t.Helper()
	ms := make([]mailbox.AppendMessage, len(bodies))
	for i, body := range bodies {
		w, err := b.blobs.Create(b.t.Context())
		must(b.t, err)
		defer w.Close()
		_, err = io.WriteString(w, body)
		must(b.t, err)
		blob, err := w.Commit(nil, nil)
		must(b.t, err)
		ms[i].Message = mailbox.Message{
			Blob: blob, Size: int64(len(body)), Parsed: mime.Scan([]byte(body), mime.DefaultLimits()), Received: epoch,
		}
	}
	_, err := b.mail.Account(b.who.ID).Append(b.t.Context(), "INBOX", ms)
	must(b.t, err)
}

// subjects lists what is in a mailbox: subject and flags of each message.
func (b *bed) subjects(name string) (out []string) {
	b.t.Helper()
	box, err := b.mail.Account(b.who.ID).Open(b.t.Context(), name)
	must(b.t, err)
	defer box.Close()
	v := box.View()
	must(b.t, box.Cold(b.t.Context(), v, mailbox.All(), func(_ int, e mailbox.Entry, c *mailbox.Cold) error {
		line := ""
		for h := range strings.SplitSeq(string(c.Headers), "\r\n") {
			if s, ok := strings.CutPrefix(h, "Subject: "); ok {
				line = s
			}
		}
		for _, f := range []struct {
			bit  mailbox.Flags
			name string
		}{{mailbox.Seen, `\Seen`}, {mailbox.Deleted, `\Deleted`}, {keywordOf(v, HiddenKeyword), HiddenKeyword}} {
			if e.Flags&f.bit != 0 {
				line += " " + f.name
			}
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// message makes a message of a subject and lines.
func message(subject string, lines ...string) string {
	return "From: sender@example.test\r\nTo: demo@barid.test\r\nSubject: " + subject + "\r\n\r\n" + strings.Join(append(lines, ""), "\r\n")
}

// client is a connection to the server, with a time limit so that a test can not hang.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func (b *bed) dial() *client {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	must(b.t, err)
	must(b.t, c.SetDeadline(time.Now().Add(time.Minute)))
	cl := &client{Conn: c, t: b.t, r: bufio.NewReaderSize(c, 128<<10)}
	b.t.Cleanup(func() { _ = c.Close() })
	return cl
}

// secure makes TLS of the connection.
func (c *client) secure() {
	c.t.Helper()
	t := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
	must(c.t, t.Handshake())
	c.Conn, c.r = t, bufio.NewReaderSize(t, 128<<10)
}

func (c *client) say(lines ...string) {
	c.t.Helper()
	_, err := io.WriteString(c.Conn, strings.Join(lines, "\r\n")+"\r\n")
	must(c.t, err)
}

// line reads one line without its CRLF; "EOF" at the end of the connection.
func (c *client) line() string {
	c.t.Helper()
	s, err := c.r.ReadString('\n')
	if err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			c.t.Fatal("the server says nothing")
		}
		return "EOF"
	}
	return strings.TrimSuffix(s, "\r\n")
}

// want reads a line and wants it to begin so.
func (c *client) want(prefix string) string {
	c.t.Helper()
	s := c.line()
	if !strings.HasPrefix(s, prefix) {
		c.t.Fatalf("got %q, want %q...", s, prefix)
	}
	return s
}

// multi reads a multi-line response after its first line, unstuffed.
func (c *client) multi() string {
	c.t.Helper()
	var b strings.Builder
	for {
		s, err := c.r.ReadString('\n')
		must(c.t, err)
		if s == ".\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(s, "."))
	}
}

func (b *bed) login() *client {
	b.t.Helper()
	c := b.dial()
	c.want("+OK")
	c.say("USER demo@barid.test", "PASS "+password)
	c.want("+OK")
	c.want("+OK")
	return c
}

// done ends a session and waits until the server has given the lock back.
func (b *bed) done(c *client) {
	_ = c.Close()
	b.unlocked(b.who.ID)
}

func (b *bed) unlocked(a mail.AccountID) {
	b.srv.mu.Lock()
	held := b.srv.locked[a]
	b.srv.mu.Unlock()
	if held != nil {
		<-held
	}
}

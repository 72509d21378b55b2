package imap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"barid/base/id"
	"barid/base/kv"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/mime"
	"barid/serve/listen"
	"barid/store/memory"
)

const (
	testUser     = "info@example.test"
	testPassword = "correct horse"
)

// engine is a store of rows and bodies.
type engine interface {
	kv.KV
	kv.Blobs
	Close() error
}

// world is a server on loopback over a store, with one account.
type world struct {
	t      testing.TB
	store  engine
	mail   *mailbox.Store
	acct   *mailbox.Account
	id     mail.AccountID
	server *listen.Server
	imap   *Server
	log    *bytes.Buffer
	logMu  sync.Mutex
	slow   atomic.Int64 // by how much each look at the clock is later than the one before
	late   atomic.Int64
	saved  atomic.Int64 // when messages are saved, Unix seconds; 0: now
}

// savedAt is the clock of mailboxes.
func (w *world) savedAt() time.Time {
	if at := w.saved.Load(); at != 0 {
		return time.Unix(at, 0)
	}
	return time.Now()
}

// now is the clock that the server tells progress by.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.late.Add(w.slow.Load()))) }

func (w *world) Write(p []byte) (int, error) {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.log.Write(p)
}

// newWorld is a world in memory.
func newWorld(t testing.TB, change func(*Settings)) *world {
	t.Helper()
	return newWorldOn(t, memory.New(), slog.LevelDebug, change)
}

func newWorldOn(t testing.TB, store engine, level slog.Level, change func(*Settings)) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, store: store, log: &bytes.Buffer{}}
	w.mail = mailbox.Open(w.store, w.store, mailbox.Options{Now: w.savedAt})
	dir, err := account.Open(w.store, account.Options{Hash: account.HashCost{Memory: 8, Time: 1, Threads: 1}})
	must(t, err)
	_, err = dir.AddDomain(ctx, account.Domain{Name: "example.test"})
	must(t, err)
	a, err := dir.AddAccount(ctx, account.Account{Name: testUser, Addresses: []string{testUser}}, testPassword)
	must(t, err)
	w.id, w.acct = a.ID, w.mail.Account(a.ID)
	must(t, w.acct.Init(ctx, mailbox.Quota{}))
	set := DefaultSettings("mail.example.test")
	set.PlainLogin = true
	if change != nil {
		change(&set)
	}
	srv := New(Deps{
		Mail: w.mail, Blobs: w.store, Accounts: dir, IDs: id.NewSource(time.Now),
		Log: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})),
		Now: w.now,
	}, set)
	w.imap = srv
	w.server = listen.NewServer(listen.Config{Name: "imap", Addr: "127.0.0.1:0", Limits: listen.Limits{MaxPerNetwork: 2000}, Mode: listen.StartTLS, TLS: selfSigned(t)}, srv)
	must(t, w.server.Listen(ctx))
	serving, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = w.server.Serve(serving) }()
	t.Cleanup(func() { stop(); <-done; w.mail.Close(); _ = w.store.Close() })
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func selfSigned(t testing.TB) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.test"},
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// deliver puts a message into a mailbox the way local delivery does.
func (w *world) deliver(box string, raw []byte) {
	w.t.Helper()
	ctx := context.Background()
	b, err := w.store.Create(ctx)
	must(w.t, err)
	defer b.Close()
	_, err = b.Write(raw)
	must(w.t, err)
	blob, err := b.Commit(nil, nil)
	must(w.t, err)
	_, err = w.mail.Deliver(ctx, &mailbox.Message{
		Blob: blob, Size: int64(len(raw)), Parsed: mime.Scan(raw, mime.DefaultLimits()),
		Received: time.Date(1996, 7, 17, 9, 44, 25, 0, time.UTC),
	}, []mailbox.Destination{{Account: w.id, Mailbox: box, Create: true}})
	must(w.t, err)
}

// client is one connection.
type client struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
	tag  int
	at   string // where in a dialog
}

// dial connects and reads the greeting.
func (w *world) dial() *client {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.server.Addr().String())
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	c := &client{t: w.t, conn: conn, br: bufio.NewReaderSize(conn, 64<<10)}
	c.expect("* OK ...")
	return c
}

// login connects and logs in.
func (w *world) login() *client {
	w.t.Helper()
	c := w.dial()
	c.do(`LOGIN %s "%s"`, testUser, testPassword)
	return c
}

func (c *client) send(s string) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	_, err := c.conn.Write([]byte(s))
	must(c.t, err)
}

// line reads one line without its end.
func (c *client) line() string {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	s, err := c.br.ReadString('\n')
	if err != nil {
		c.t.Fatalf("%sconnection ended: %v, %q", c.at, err, s)
	}
	return strings.TrimRight(s, "\r\n")
}

// expect reads one line, which must be like pattern: "..." is anything.
func (c *client) expect(pattern string) string {
	c.t.Helper()
	got := c.line()
	if !like(pattern, got) {
		c.t.Fatalf("got  %q\nwant %q", got, pattern)
	}
	return got
}

// closed expects that the server closed the connection.
func (c *client) closed() {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	if b, err := c.br.ReadByte(); err == nil || isTimeout(err) {
		c.t.Fatalf("connection is open, next byte %q, %v", b, err)
	}
}

// do sends a command and gives all lines up to the tagged one, which must be OK.
func (c *client) do(format string, args ...any) []string {
	c.t.Helper()
	lines := c.try(format, args...)
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "OK") {
		c.t.Fatalf("%s: %q", fmt.Sprintf(format, args...), lines)
	}
	return lines
}

// try sends a command and gives all lines up to the tagged one, without its tag.
func (c *client) try(format string, args ...any) (lines []string) {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	c.send(tag + fmt.Sprintf(format, args...) + "\r\n")
	for {
		l := c.line()
		if rest, ok := strings.CutPrefix(l, tag); ok {
			return append(lines, rest)
		}
		lines = append(lines, l)
	}
}

// like compares a line with a pattern in which "..." is anything.
func like(pattern, s string) bool {
	first, rest, any := strings.Cut(pattern, "...")
	if !any {
		return pattern == s
	}
	if !strings.HasPrefix(s, first) {
		return false
	}
	for s = s[len(first):]; ; s = s[1:] {
		if like(rest, s) {
			return true
		}
		if s == "" {
			return false
		}
	}
}

package intake

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/policy"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/rfc/status"
	"barid/store/memory"
)

const host = "mail.example.test"

// world is an intake with everything around it faked but the store.
type world struct {
	t      *testing.T
	in     *Intake
	store  *memory.Store
	blobs  *blobs
	box    *box
	log    *bytes.Buffer
	events *events
}

func newWorld(t *testing.T, s Settings, checks ...policy.Check) *world {
	t.Helper()
	w := &world{t: t, store: memory.New(), log: new(bytes.Buffer), events: new(events)}
	w.blobs = &blobs{Blobs: w.store}
	w.box = &box{blobs: w.store}
	if s.Host == "" {
		s.Host = host
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	w.in = New(Deps{
		Settings: s, Blobs: w.blobs, Router: town{}, Local: w.box, Events: w.events,
		Policy: policy.NewRunner(checks, policy.DefaultSettings(), nil),
		Log:    slog.New(slog.NewTextHandler(w.log, nil)),
		Now:    func() time.Time { return now },
	})
	return w
}

// town routes: one@, two@ to an account each, team@ to both, everybody else is unknown.
type town struct{}

func (town) Route(_ context.Context, _ *mail.Client, to addr.Path) (route.Route, error) {
	switch to.Local {
	case "one", "واحد":
		return route.Route{Accounts: []mail.AccountID{1}}, nil
	case "two":
		return route.Route{Accounts: []mail.AccountID{2}}, nil
	case "team":
		return route.Route{Accounts: []mail.AccountID{1, 2}, Alias: true}, nil
	case "down":
		return route.Route{}, kv.ErrUnavailable
	}
	return route.Route{}, status.Perm(1, 1, "no such mailbox here").Because("rcpt-unknown")
}

// box keeps what was delivered.
type box struct {
	mu    sync.Mutex
	blobs kv.Blobs
	err   error
	full  map[mail.AccountID]bool
	got   []stored
}

type stored struct {
	text string
	msg  *mailbox.Message
	to   []local.Recipient
}

func (b *box) Deliver(ctx context.Context, m *mailbox.Message, to []local.Recipient, also ...mailbox.Also) ([]mailbox.Delivered, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	var over []mail.AccountID
	ds := make([]mailbox.Delivered, len(to))
	for i, r := range to {
		ds[i].Account = r.Account
		if b.full[r.Account] {
			over = append(over, r.Account)
		}
	}
	if over != nil {
		return nil, &mailbox.OverQuota{Accounts: over}
	}
	r, err := b.blobs.Open(ctx, m.Blob)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	b.got = append(b.got, stored{string(text), m, to})
	return ds, err
}

// blobs is a body store that fails at will and counts the writers that are open.
type blobs struct {
	kv.Blobs
	create, write, commit error
	note                  []byte // of the last commit
	mu                    sync.Mutex
	open                  int
}

func (b *blobs) Create(ctx context.Context) (kv.BlobWriter, error) {
	if b.create != nil {
		return nil, b.create
	}
	w, err := b.Blobs.Create(ctx)
	b.mu.Lock()
	b.open++
	b.mu.Unlock()
	return &writer{w, b}, err
}

type writer struct {
	kv.BlobWriter
	b *blobs
}

func (w *writer) Write(p []byte) (int, error) {
	if w.b.write != nil {
		return 0, w.b.write
	}
	return w.BlobWriter.Write(p)
}

func (w *writer) Commit(prefix, note []byte) (kv.BlobID, error) {
	if w.b.commit != nil {
		return kv.BlobID{}, w.b.commit
	}
	w.b.mu.Lock()
	w.b.note = note
	w.b.mu.Unlock()
	return w.BlobWriter.Commit(prefix, note)
}

func (w *writer) Close() error {
	w.b.mu.Lock()
	w.b.open--
	w.b.mu.Unlock()
	return w.BlobWriter.Close()
}

// events keeps what was recorded.
type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (e *events) Record(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// stranger is a peer from the world.
func stranger() *mail.Client {
	return &mail.Client{
		Session: "sess", Role: mail.RoleMX, Remote: netip.MustParseAddrPort("192.0.2.1:4711"),
		Local: netip.MustParseAddrPort("192.0.2.25:25"), Helo: "relay.other.test", ESMTP: true,
	}
}

// login is somebody of ours on a submission port.
func login() *mail.Client {
	c := stranger()
	c.Role, c.Login, c.User, c.Helo, c.TLS = mail.RoleSubmission, 1, "one@example.test", "laptop", "TLS1.3 TLS_AES_128_GCM_SHA256"
	return c
}

func lmtp() *mail.Client {
	c := stranger()
	c.Role = mail.RoleLMTP
	return c
}

func path(t *testing.T, s string) addr.Path {
	t.Helper()
	p, rest, err := addr.ParsePath(s, addr.Options{UTF8: true, Postmaster: true, Null: true})
	if err != nil || rest != "" {
		t.Fatalf("%q: %v, rest %q", s, err, rest)
	}
	return p
}

// begin is MAIL and RCPT.
func (w *world) begin(c *mail.Client, p smtp.MailParams, rcpts ...string) *Tx {
	w.t.Helper()
	tx, err := w.in.Begin(w.t.Context(), c, path(w.t, "<sender@other.test>"), p)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rcpts {
		if err := tx.Rcpt(w.t.Context(), path(w.t, "<"+r+"@example.test>"), smtp.RcptParams{}); err != nil {
			w.t.Fatal(err)
		}
	}
	return tx
}

// send is a whole transaction.
func (w *world) send(c *mail.Client, text string, rcpts ...string) (Receipt, error) {
	w.t.Helper()
	return w.begin(c, smtp.MailParams{}, rcpts...).Data(w.t.Context(), strings.NewReader(text))
}

// last is the newest delivered message.
func (w *world) last() stored {
	w.t.Helper()
	if len(w.box.got) == 0 {
		w.t.Fatal("nothing was delivered")
	}
	return w.box.got[len(w.box.got)-1]
}

// closed fails the test if a body writer was left open or something was delivered.
func (w *world) nothingStored() {
	w.t.Helper()
	if w.blobs.open != 0 || len(w.box.got) != 0 {
		w.t.Fatalf("%d open writers, %d messages", w.blobs.open, len(w.box.got))
	}
}

// code gives "550 5.1.1", or the plain text of an error without a status.
func code(err error) string {
	e, ok := status.Of(err)
	if !ok {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	n := e.Code()
	return string([]byte{'0' + byte(n/100), '0' + byte(n/10%10), '0' + byte(n%10), ' '}) + e.Enhanced()
}

// trace text of the usual peers, for comparison.
const (
	mxTrace = "Return-Path: <sender@other.test>\r\n" +
		"Authentication-Results: mail.example.test; none\r\n" +
		"Received: from relay.other.test ([192.0.2.1])\r\n" +
		"\tby mail.example.test with ESMTP id sess.1\r\n" +
		"\tfor <one@example.test>;\r\n" +
		"\tSun, 22 Nov 2026 10:00:00 +0000\r\n"
	loginTrace = "Return-Path: <sender@other.test>\r\n" +
		"Authentication-Results: mail.example.test;\r\n" +
		"\tauth=pass smtp.mailfrom=sender@other.test\r\n" +
		"Received: from laptop ([192.0.2.1])\r\n" +
		"\tby mail.example.test with ESMTPSA (TLS1.3 TLS_AES_128_GCM_SHA256) id sess.1\r\n" +
		"\tfor <one@example.test>;\r\n" +
		"\tSun, 22 Nov 2026 10:00:00 +0000\r\n"
)

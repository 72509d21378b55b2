package report

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/locales"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/store/memory"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// tehran is UTC+03:30 all year.
var tehran = time.FixedZone("+0330", 3*3600+1800)

// town resolves: sender@ours.test and فرستنده@ours.test are account 1, team@ours.test is account 1 and an
// address elsewhere, gone@ours.test is nobody.
type town struct{ err error }

func (t town) Resolve(_ context.Context, m addr.Mailbox) (account.Target, error) {
	switch {
	case t.err != nil:
		return account.Target{}, t.err
	case m.Domain != "ours.test":
		return account.Target{Kind: account.NotHosted}, nil
	case m.Local == "gone":
		return account.Target{Kind: account.Unknown}, nil
	case m.Local == "team":
		return account.Target{Kind: account.ToAlias, Accounts: []mail.AccountID{1}, Forward: []addr.Mailbox{{Local: "desk", Domain: "example.net"}}}, nil
	}
	return account.Target{Kind: account.ToAccount, Accounts: []mail.AccountID{1}}, nil
}

// events keeps what was recorded.
type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (l *events) Record(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

func (l *events) Find(_ context.Context, q event.Query) (found []event.Event, err error) {
	for i := len(l.all) - 1; i >= 0; i-- {
		if l.all[i].ID == q.ID {
			found = append(found, l.all[i])
		}
	}
	return found, nil
}

// world is a Reporter over the memory store.
type world struct {
	t      *testing.T
	r      *Reporter
	db     *memory.Store
	boxes  *mailbox.Store
	events *events
	log    *bytes.Buffer
	woken  []*spool.Entry
}

func newWorld(t *testing.T, change ...func(*Deps)) *world {
	t.Helper()
	texts, err := locales.Report()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: memory.New(), events: &events{}, log: &bytes.Buffer{}}
	w.boxes = mailbox.Open(w.db, w.db, mailbox.Options{Now: func() time.Time { return noon }})
	t.Cleanup(w.boxes.Close)
	d := Deps{
		Settings: Settings{Host: "mail.ours.test", Postmaster: addr.Mailbox{Local: "postmaster", Domain: "ours.test"}, Zone: tehran},
		Blobs:    w.db, Directory: town{}, Store: w.boxes, Texts: texts, Events: w.events, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Submitted: func(es ...*spool.Entry) { w.woken = append(w.woken, es...) },
		Now:       func() time.Time { return noon },
	}
	for _, c := range change {
		c(&d)
	}
	w.r = New(d)
	return w
}

const originalHeader = "Received: from [192.0.2.7] by mail.ours.test with ESMTPSA id 01jd4xk8t0003f7q2m.1;\r\n\tFri, 20 Nov 2026 06:30:00 +0000\r\n" +
	"From: <sender@ours.test>\r\nTo: <info@example.org>\r\nSubject: =?UTF-8?B?2q/Ystin2LHYtA==?= Q3\r\nMessage-ID: <q1@ours.test>\r\n\r\n"

// blob stores a message and keeps it with a link.
func (w *world) blob(text string) kv.BlobID {
	w.t.Helper()
	b, err := w.db.Create(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer b.Close()
	_, _ = io.WriteString(b, text)
	id, err := b.Commit(nil, nil)
	if err == nil {
		err = w.db.Update(w.t.Context(), kv.Part{Kind: kv.Global}, func(t kv.Txn) error { t.Link(id, 1); return nil })
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func path(s string) addr.Path {
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		panic(err)
	}
	return addr.Path{Mailbox: m}
}

// entry is a message of account 1 for info@example.org that was refused with 550 5.1.1.
func (w *world) entry() *spool.Entry {
	text := originalHeader + "Hello.\r\n"
	return &spool.Entry{
		Shard: 3, ID: 7, Destination: "example.org",
		Message: spool.Message{
			ID: "01jd4xk8t0003f7q2m.1", Blob: w.blob(text), Size: int64(len(text)), HeaderLen: int64(len(originalHeader)),
			From: path("sender@ours.test"), Account: 1, Locale: "en", EnvID: "QQ314159",
			Arrived: noon.Add(-30 * time.Hour), Expires: noon.Add(90 * time.Hour),
		},
		Rcpts: []spool.Rcpt{{
			To: path("info@example.org"), ORcpt: "rfc822;info@example.org", State: spool.Failed,
			Last: spool.Answer{Time: noon, Code: 550, Enhanced: "5.1.1", Text: "550 5.1.1 <info@example.org>: no such user", Remote: "mx1.example.org [192.0.2.25]", Stage: spool.StageRcpt},
		}},
	}
}

// inbox gives the texts of the messages in account 1's INBOX.
func (w *world) inbox() (texts []string) {
	w.t.Helper()
	m, err := w.boxes.Account(1).Open(w.t.Context(), "INBOX")
	if err != nil {
		w.t.Fatal(err)
	}
	defer m.Close()
	v := m.View()
	for i := range v.Len() {
		b, err := m.Body(w.t.Context(), v.At(i))
		if err != nil {
			w.t.Fatal(err)
		}
		texts = append(texts, readAll(w.t, b))
	}
	return texts
}

func readAll(t *testing.T, b kv.BlobReader) string {
	t.Helper()
	defer b.Close()
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// queued gives the one entry for a destination, nil if there is none.
func (w *world) queued(destination string) (e *spool.Entry) {
	w.t.Helper()
	shard := spool.ShardOf(destination, "")
	err := w.db.View(w.t.Context(), shard.Part(), func(r kv.Reader) (err error) {
		e, err = spool.Load(r, shard, 1)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// mark is a queue's note that writes a row.
type mark struct {
	w     *world
	part  kv.Part
	err   error
	alone int
}

var noted = []byte("noted")

func (m *mark) mark() queue.Mark {
	do := func(t kv.Txn) error {
		t.Put(mail.TableMeta, noted, noted)
		return m.err
	}
	return queue.Mark{Part: m.part, Do: do, Alone: func(ctx context.Context) error {
		m.alone++
		return m.w.db.Update(ctx, m.part, do)
	}}
}

func (m *mark) made() (ok bool) {
	_ = m.w.db.View(m.w.t.Context(), m.part, func(r kv.Reader) (err error) {
		_, ok, err = r.Get(mail.TableMeta, noted)
		return err
	})
	return ok
}

func (w *world) mark() *mark { return &mark{w: w, part: spool.Shard(3).Part()} }

// report calls ReportWith for all recipients.
func (w *world) report(e *spool.Entry, kind queue.Kind) *mark {
	w.t.Helper()
	m := w.mark()
	if err := w.r.ReportWith(w.t.Context(), e, kind, all(e), m.mark()); err != nil {
		w.t.Fatal(err)
	}
	if !m.made() {
		w.t.Error("the queue's note was not made")
	}
	return m
}

func all(e *spool.Entry) []int {
	is := make([]int, len(e.Rcpts))
	for i := range is {
		is[i] = i
	}
	return is
}

func (w *world) reasons() string {
	var out []string
	for _, e := range w.events.all {
		out = append(out, e.Kind.String()+" "+e.Reason)
	}
	return strings.Join(out, ", ")
}

var notifyAll = smtp.NotifySuccess | smtp.NotifyFailure | smtp.NotifyDelay

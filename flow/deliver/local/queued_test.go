package local_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/intake"
	"barid/flow/policy"
	"barid/flow/queue"
	"barid/flow/report"
	"barid/flow/route"
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

// town knows info@ and demo@example.test (accounts 1 and 2), team@ for both, out@ for info and somebody elsewhere.
// What else there is can be changed.
type town struct{ gone sync.Map } // local parts

func (t *town) Resolve(_ context.Context, m addr.Mailbox) (account.Target, error) {
	_, gone := t.gone.Load(m.Local)
	elsewhere := addr.Mailbox{Local: "member", Domain: "x.test"}
	switch {
	case m.Domain != "example.test":
		return account.Target{Kind: account.NotHosted}, nil
	case gone:
		return account.Target{Kind: account.Unknown}, nil
	case m.Local == "info":
		return account.Target{Kind: account.ToAccount, Accounts: []mail.AccountID{1}}, nil
	case m.Local == "demo":
		return account.Target{Kind: account.ToAccount, Accounts: []mail.AccountID{2}}, nil
	case m.Local == "team":
		return account.Target{Kind: account.ToAlias, Accounts: []mail.AccountID{1, 2}}, nil
	case m.Local == "out":
		return account.Target{Kind: account.ToAlias, Accounts: []mail.AccountID{1}, Forward: []addr.Mailbox{elsewhere}}, nil
	}
	return account.Target{Kind: account.Unknown}, nil
}

// far relays everything and remembers it.
type far struct {
	mu  sync.Mutex
	all []string
}

// got gives what was relayed, sorted.
func (f *far) got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(slices.Values(f.all))
}

func (f *far) Deliver(_ context.Context, e *spool.Entry) (out []queue.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range e.WaitingRcpts() {
		f.all = append(f.all, e.Rcpts[i].To.Mailbox.String()+" "+e.Rcpts[i].ORcpt+" "+e.Rcpts[i].Notify.String())
		out = append(out, queue.Outcome{Rcpt: i, Kind: queue.Relayed, Answer: spool.Answer{Code: 250, Enhanced: "2.0.0"}})
	}
	return out
}

type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (e *events) Record(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) recorded() []event.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// house is intake, queue, deliverers and reporter over one store in memory, in a bubble of testing/synctest.
type house struct {
	t      *testing.T
	db     *memory.Store
	boxes  *mailbox.Store
	town   *town
	far    *far
	queue  *queue.Queue
	in     *intake.Intake
	events *events
}

func newHouse(t *testing.T) *house {
	t.Helper()
	texts, err := locales.Report()
	if err != nil {
		t.Fatal(err)
	}
	db := memory.New()
	h := &house{t: t, db: db, boxes: mailbox.Open(db, db, mailbox.Options{}), town: &town{}, far: &far{}, events: &events{}}
	submitted := func(es ...*spool.Entry) { h.queue.Submitted(es...) }
	h.queue = queue.New(queue.Deps{
		KV: db, Events: h.events,
		Deliver: local.NewQueued(local.QueuedDeps{Directory: h.town, Store: h.boxes, Blobs: db, Elsewhere: h.far, Submitted: submitted}),
		Report: report.New(report.Deps{
			Settings: report.Settings{Host: "mail.example.test"}, Blobs: db, Directory: h.town, Store: h.boxes, Texts: texts, Submitted: submitted,
		}),
	})
	h.in = intake.New(intake.Deps{
		Settings: intake.Settings{Host: "mail.example.test"}, Blobs: db, Router: route.New(h.town, true), Local: local.New(h.boxes),
		Queue: h.queue, Events: h.events, Policy: policy.NewRunner(nil, policy.DefaultSettings(), nil),
	})
	if err := h.queue.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.queue.Stop(context.Background()); h.boxes.Close() })
	return h
}

// send submits as info@ with NOTIFY n.
func (h *house) send(p smtp.MailParams, n smtp.Notify, to ...string) {
	h.t.Helper()
	c := &mail.Client{Session: "s", Role: mail.RoleSubmission, Login: 1, ESMTP: true, Helo: "c"}
	tx, err := h.in.Begin(h.t.Context(), c, addr.Path{Mailbox: addr.Mailbox{Local: "info", Domain: "example.test"}}, p)
	for _, s := range to {
		m, _ := addr.ParseMailbox(s, false)
		err = errors.Join(err, tx.Rcpt(h.t.Context(), addr.Path{Mailbox: m}, smtp.RcptParams{Notify: n}))
	}
	if err == nil {
		_, err = tx.Data(h.t.Context(), strings.NewReader("Subject: later\r\nMessage-ID: <m@example.test>\r\n\r\nx\r\n"))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

// inbox gives the messages of an account.
func (h *house) inbox(id mail.AccountID) (all []string) {
	h.t.Helper()
	b, err := h.boxes.Account(id).Open(h.t.Context(), "INBOX")
	if err != nil {
		h.t.Fatal(err)
	}
	v := b.View()
	for i := range v.Len() {
		r, err := b.Body(h.t.Context(), v.At(i))
		if err != nil {
			h.t.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
		_ = r.Close()
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// actions gives "recipient action" of the reports in the inbox of the sender.
func (h *house) actions() (all []string) {
	for _, text := range h.inbox(1) {
		if !strings.Contains(text, "report-type=delivery-status") {
			continue
		}
		for _, group := range strings.Split(text, "\r\nFinal-Recipient: rfc822;")[1:] {
			to, rest, _ := strings.Cut(group, "\r\n")
			_, action, _ := strings.Cut(rest, "Action: ")
			action, _, _ = strings.Cut(action, "\r\n")
			all = append(all, strings.TrimSpace(to)+" "+action)
		}
	}
	slices.Sort(all)
	return all
}

func (h *house) empty() {
	h.t.Helper()
	if c, err := h.queue.Counts(h.t.Context()); err != nil || c.Entries != 0 {
		h.t.Errorf("the queue holds %+v, %v", c, err)
	}
}

func TestHeldMailIsDeliveredWhenItsTimeHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.send(smtp.MailParams{HoldFor: 30 * time.Hour}, 0, "demo@example.test", "out@example.test", "a@x.test")
		time.Sleep(30*time.Hour - time.Second)
		synctest.Wait()
		if n := len(h.inbox(1)) + len(h.inbox(2)) + len(h.far.got()); n != 0 {
			t.Fatalf("%d were delivered before their time", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := strings.Join(h.far.got(), "|"); got != "a@x.test  |member@x.test rfc822;out@example.test " {
			t.Errorf("elsewhere: %s", got)
		}
		if a, b := h.inbox(1), h.inbox(2); len(a) != 1 || len(b) != 1 || !strings.Contains(b[0], "Subject: later") || !strings.HasPrefix(b[0], "Return-Path: <info@example.test>\r\n") {
			t.Errorf("%q, %q", a, b)
		}
		h.empty()
		delivered := 0
		for _, e := range h.events.recorded() {
			if e.Kind == event.Delivered {
				delivered++
				if e.Hop == nil || e.Hop.Attempt != 1 || e.ID != "s.1" {
					t.Errorf("%+v", e)
				}
			}
		}
		if delivered != 2 { // a mailbox, an alias
			t.Errorf("%d events tell of the deliveries", delivered)
		}
	})
}

func TestSuccessIsReportedOnce(t *testing.T) {
	success := smtp.NotifySuccess | smtp.NotifyFailure
	for name, c := range map[string]struct {
		p    smtp.MailParams
		to   string
		want string
	}{
		"at once":             {smtp.MailParams{}, "demo@example.test", "demo@example.test delivered"},
		"alias":               {smtp.MailParams{}, "team@example.test", "team@example.test expanded"},
		"alias that goes out": {smtp.MailParams{}, "out@example.test", "out@example.test expanded"},
		"held":                {smtp.MailParams{HoldFor: time.Hour}, "demo@example.test", "demo@example.test delivered"},
		"held alias":          {smtp.MailParams{HoldFor: time.Hour}, "out@example.test", "out@example.test expanded"},
		"elsewhere":           {smtp.MailParams{}, "a@x.test", "a@x.test relayed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.send(c.p, success, c.to)
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				if got := strings.Join(h.actions(), "|"); got != c.want {
					t.Errorf("told %q, want %q", got, c.want)
				}
				h.empty()
			})
		})
	}
}

func TestHeldMailForSomebodyWhoIsGoneComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.send(smtp.MailParams{HoldFor: time.Hour}, 0, "demo@example.test", "team@example.test")
		h.town.gone.Store("demo", true)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := strings.Join(h.actions(), "|"); got != "demo@example.test failed" {
			t.Errorf("told %q", got)
		}
		if len(h.inbox(2)) != 1 {
			t.Errorf("the others have it %d times", len(h.inbox(2)))
		}
		h.empty()
	})
}

func TestAFullMailboxIsTriedUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		if err := h.boxes.Account(2).Init(t.Context(), mailbox.Quota{Bytes: 10}); err != nil {
			t.Fatal(err)
		}
		h.send(smtp.MailParams{HoldFor: time.Hour}, 0, "demo@example.test", "info@example.test")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if a, b := len(h.inbox(1)), len(h.inbox(2)); a != 1 || b != 0 {
			t.Errorf("%d and %d", a, b)
		}
		if err := h.boxes.Account(2).SetQuota(t.Context(), mailbox.Quota{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		if len(h.inbox(2)) != 1 {
			t.Errorf("not delivered when there was room: %q", h.actions())
		}
		h.empty()
	})
}

// A commit that fails has done nothing of what it should: nobody has the message, and it is tried again.
func TestAFailedCommitDeliversNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.send(smtp.MailParams{HoldFor: time.Hour}, smtp.NotifySuccess, "team@example.test")
		time.Sleep(time.Hour - time.Second)
		h.db.Fail(func() error { return kv.ErrUnavailable })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.db.Fail(nil)
		if a, b := len(h.inbox(1)), len(h.inbox(2)); a+b != 0 {
			t.Errorf("%d and %d", a, b)
		}
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		if len(h.inbox(2)) != 1 || strings.Join(h.actions(), "|") != "team@example.test expanded" {
			t.Errorf("%d, %q", len(h.inbox(2)), h.actions())
		}
		h.empty()
	})
}

// waiting puts a message for demo@ into the queue of a store.
func waiting(t *testing.T, db *memory.Store) *spool.Entry {
	t.Helper()
	w, err := db.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, _ = io.WriteString(w, "Subject: x\r\n\r\n.\r\n")
	blob, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	to := addr.Path{Mailbox: addr.Mailbox{Local: "demo", Domain: "example.test"}}
	e := &spool.Entry{
		Message:     spool.Message{ID: "s.1", Blob: blob, Size: 17, From: addr.Path{Null: true}, Arrived: time.Now()},
		Destination: "example.test", Next: time.Now(), Rcpts: []spool.Rcpt{{To: to}},
	}
	if err := db.Update(t.Context(), spool.ShardOf("example.test", "").Part(), func(x kv.Txn) error { return spool.Enqueue(x, e) }); err != nil {
		t.Fatal(err)
	}
	return e
}

// A process that dies between the delivery and the queue's own note has lost nothing, and doubles nothing when the
// entry, as it was read before, is tried again: the delivery has settled it.
func TestADeliveryIsNotedInItsOwnCommit(t *testing.T) {
	db := memory.New()
	boxes := mailbox.Open(db, db, mailbox.Options{})
	defer boxes.Close()
	e := waiting(t, db)
	q := local.NewQueued(local.QueuedDeps{Directory: &town{}, Store: boxes, Blobs: db})
	if out := q.Deliver(t.Context(), e); len(out) != 1 || out[0].Kind != queue.Delivered {
		t.Fatalf("%+v", out)
	}
	err := db.View(t.Context(), e.Shard.Part(), func(r kv.Reader) error {
		got, err := spool.Load(r, e.Shard, e.ID)
		if got != nil {
			t.Errorf("still there: %+v", got.Rcpts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := q.Deliver(t.Context(), e); len(out) != 1 || out[0].Kind != queue.Deferred {
		t.Errorf("a second time: %+v", out)
	}
	if u, err := boxes.Account(2).Usage(t.Context()); err != nil || u.Messages != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

// Somebody may end a message between its being read and its delivery.
func TestAnEntryThatIsGoneIsNotDelivered(t *testing.T) {
	db := memory.New()
	boxes := mailbox.Open(db, db, mailbox.Options{})
	defer boxes.Close()
	e := waiting(t, db)
	e.ID += 7
	out := local.NewQueued(local.QueuedDeps{Directory: &town{}, Store: boxes, Blobs: db}).Deliver(t.Context(), e)
	if len(out) != 1 || out[0].Kind != queue.Deferred {
		t.Errorf("%+v", out)
	}
	if u, err := boxes.Account(2).Usage(t.Context()); err != nil || u.Messages != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

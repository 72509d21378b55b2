package intake_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/intake"
	"barid/flow/policy"
	"barid/flow/policy/allowance"
	"barid/flow/policy/quota"
	"barid/flow/policy/sender"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/account"
	counted "barid/mail/allowance"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/rfc/status"
	"barid/store/memory"
)

// house is the whole inside of the server, from the calls of a front end to the rows: only the disk and the
// clock are missing.
type house struct {
	*testing.T
	store  *memory.Store
	dir    *account.Directory
	boxes  *mailbox.Store
	events *event.Log
	in     *intake.Intake
	log    bytes.Buffer
	reg    *prometheus.Registry
	info   mail.AccountID
	demo   mail.AccountID
}

const password = "correct horse battery s3cr3t"

func newHouse(t *testing.T, demoQuota int64) *house {
	h := &house{T: t, store: memory.New(), reg: prometheus.NewRegistry()}
	log := slog.New(slog.NewJSONHandler(&h.log, nil))
	h.boxes = mailbox.Open(h.store, h.store, mailbox.Options{})
	h.must(func() (err error) {
		h.dir, err = account.Open(h.store, account.Options{Log: log, Hash: account.HashCost{Memory: 64, Time: 1, Threads: 1}})
		return err
	})
	h.must(func() (err error) { h.events, err = event.Open(h.store, event.Options{}); return err })
	t.Cleanup(func() { _ = h.events.Close(); h.boxes.Close() })
	perHour := int64(5)
	h.must(func() error {
		_, err := h.dir.AddDomain(t.Context(), account.Domain{Name: "example.test", EachAccount: account.Limits{Messages: &perHour}})
		return err
	})
	h.info = h.add("info@example.test", mailbox.Quota{})
	h.demo = h.add("demo@example.test", mailbox.Quota{Bytes: demoQuota})
	h.alias("team@example.test", "info@example.test", "demo@example.test")
	h.alias("out@example.test", "info@example.test", "somebody@other.test")
	book := counted.Open(h.store, counted.Options{})
	t.Cleanup(func() { _ = book.Close() })
	h.in = intake.New(intake.Deps{
		Settings: intake.Settings{Host: "mail.example.test"}, Blobs: h.store, Router: route.New(h.dir, false),
		Local: local.New(h.boxes), Events: h.events, Log: log, Metrics: intake.NewMetrics(h.reg),
		Policy: policy.NewRunner(policy.Order(policy.Links{
			Sender:    sender.Checks(h.dir),
			Quota:     quota.New(h.boxes),
			Allowance: allowance.Checks(h.dir, book, nil),
		}), policy.DefaultSettings(), policy.NewMetrics(h.reg)),
	})
	return h
}

func (h *house) must(f func() error) {
	h.Helper()
	if err := f(); err != nil {
		h.Fatal(err)
	}
}

func (h *house) add(name string, q mailbox.Quota) mail.AccountID {
	h.Helper()
	a, err := h.dir.AddAccount(h.Context(), account.Account{Name: name}, password)
	if err != nil {
		h.Fatal(err)
	}
	h.must(func() error { return h.boxes.Account(a.ID).Init(h.Context(), q) })
	return a.ID
}

func (h *house) alias(address string, members ...string) {
	h.Helper()
	h.must(func() error {
		_, err := h.dir.AddAlias(h.Context(), account.Alias{Address: address, Members: members})
		return err
	})
}

func (h *house) path(s string) addr.Path {
	h.Helper()
	p, _, err := addr.ParsePath("<"+s+">", addr.Options{Null: true, Postmaster: true, UTF8: true})
	if err != nil {
		h.Fatal(err)
	}
	return p
}

func mx() *mail.Client {
	return &mail.Client{Session: "mx", Role: mail.RoleMX, Remote: netip.MustParseAddrPort("192.0.2.1:4711"), Helo: "a.other.test", ESMTP: true}
}

func (h *house) login() *mail.Client {
	return &mail.Client{Session: "sub", Role: mail.RoleSubmission, Remote: netip.MustParseAddrPort("192.0.2.2:4711"), Helo: "laptop", ESMTP: true, TLS: "TLS1.3", Login: h.info, User: "info@example.test"}
}

// send is a transaction; the error is the first refusal.
func (h *house) send(c *mail.Client, from string, p smtp.MailParams, body io.Reader, to ...string) error {
	tx, err := h.in.Begin(h.Context(), c, h.path(from), p)
	if err != nil {
		return err
	}
	defer tx.Abort()
	for _, r := range to {
		if err := tx.Rcpt(h.Context(), h.path(r), smtp.RcptParams{}); err != nil {
			return err
		}
	}
	_, err = tx.Data(h.Context(), body)
	return err
}

// inbox reads the bodies in somebody's INBOX.
func (h *house) inbox(id mail.AccountID) (texts []string) {
	h.Helper()
	box, err := h.boxes.Account(id).Open(h.Context(), "INBOX")
	if err != nil {
		h.Fatal(err)
	}
	defer box.Close()
	for _, e := range box.View().All() {
		b, err := box.Body(h.Context(), e)
		if err != nil {
			h.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if err != nil || int64(len(text)) != e.Size {
			h.Fatalf("%d bytes, entry says %d: %v", len(text), e.Size, err)
		}
		_ = b.Close()
		texts = append(texts, string(text))
	}
	return texts
}

func answerOf(err error) string {
	e, ok := status.Of(err)
	if !ok {
		return ""
	}
	n := e.Code()
	return string([]byte{'0' + byte(n/100), '0' + byte(n/10%10), '0' + byte(n%10), ' '}) + e.Enhanced()
}

const letter = "From: <info@example.test>\r\nSubject: s3cr3t subject\r\nDate: Sun, 22 Nov 2026 09:59:00 +0000\r\nMessage-ID: <1@example.test>\r\n\r\nHello, s3cr3t body.\r\n"

func TestJourneyFromTheWorldToTheMailbox(t *testing.T) {
	h := newHouse(t, 0)
	h.must(func() error {
		return h.send(mx(), "a@other.test", smtp.MailParams{Size: 200}, strings.NewReader(letter), "team@example.test", "INFO+news@Example.Test", "Postmaster")
	})
	for _, id := range []mail.AccountID{h.info, h.demo} {
		got := h.inbox(id)
		if len(got) != 1 || !strings.HasPrefix(got[0], "Return-Path: <a@other.test>\r\n") || !strings.HasSuffix(got[0], "+0000\r\n"+letter) {
			t.Errorf("account %v has %q", id, got)
		}
	}
	h.must(func() error { return h.events.Flush(t.Context()) })
	es, err := h.events.Find(t.Context(), event.Query{ID: "mx.1"})
	if err != nil || len(es) != 1 || es[0].Kind != event.Delivered || es[0].Rcpts != 3 || es[0].From != "a@other.test" {
		t.Errorf("events %+v, %v", es, err)
	}
	if es, _ := h.events.Find(t.Context(), event.Query{Account: h.demo}); len(es) != 1 {
		t.Errorf("events of an account: %+v", es)
	}
}

func TestJourneyIsRefused(t *testing.T) {
	h := newHouse(t, 10_000)
	for _, c := range []struct {
		name string
		err  func() error
		want string
	}{
		{"relay", func() error { return h.send(mx(), "a@other.test", smtp.MailParams{}, nil, "b@third.test") }, "550 5.7.1"},
		{"percent hack", func() error { return h.send(mx(), "a@other.test", smtp.MailParams{}, nil, "b%third.test@example.test") }, "550 5.7.1"},
		{"unknown", func() error { return h.send(mx(), "a@other.test", smtp.MailParams{}, nil, "nobody@example.test") }, "550 5.1.1"},
		{"alias that leads out", func() error { return h.send(mx(), "a@other.test", smtp.MailParams{}, nil, "out@example.test") }, "550 5.7.1"},
		{"over quota by SIZE", func() error {
			return h.send(mx(), "a@other.test", smtp.MailParams{Size: 20_000}, nil, "demo@example.test")
		}, "452 4.2.2"},
		{"over quota, size not declared", func() error {
			return h.send(mx(), "a@other.test", smtp.MailParams{}, strings.NewReader(letter+strings.Repeat("x", 20_000)), "demo@example.test", "info@example.test")
		}, "452 4.2.2"},
		{"foreign envelope", func() error {
			return h.send(h.login(), "demo@example.test", smtp.MailParams{}, nil, "info@example.test")
		}, "553 5.7.1"},
		{"foreign author", func() error {
			return h.send(h.login(), "info@example.test", smtp.MailParams{}, strings.NewReader("From: demo@example.test\r\n\r\n"), "info@example.test")
		}, "550 5.7.1"},
		{"no outbound yet", func() error { return h.send(h.login(), "info@example.test", smtp.MailParams{}, nil, "b@third.test") }, "550 5.7.1"},
		{"broken off", func() error {
			return h.send(mx(), "a@other.test", smtp.MailParams{}, &brokenOff{strings.NewReader(letter)}, "info@example.test")
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.err()
			if err == nil || answerOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if a, b := h.inbox(h.info), h.inbox(h.demo); len(a) != 0 || len(b) != 0 {
		t.Errorf("delivered %q %q", a, b)
	}
}

// brokenOff is a peer that goes away before the final dot.
type brokenOff struct{ r io.Reader }

func (b *brokenOff) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestJourneyOfALogin(t *testing.T) {
	h := newHouse(t, 0)
	for range 5 {
		h.must(func() error {
			return h.send(h.login(), "info+shop@example.test", smtp.MailParams{}, strings.NewReader("Bcc: demo@example.test\r\nSubject: s3cr3t\r\n\r\nb\r\n"), "demo@example.test")
		})
	}
	got := h.inbox(h.demo)
	if len(got) != 5 || strings.Contains(got[0], "Bcc") || !strings.Contains(got[0], "auth=pass smtp.mailfrom=info+shop@example.test\r\n") ||
		!strings.Contains(got[0], "\r\nFrom: <info+shop@example.test>\r\n") || !strings.Contains(got[0], "\r\nMessage-ID: <sub.1@mail.example.test>\r\n") {
		t.Errorf("got %d: %s", len(got), got[0])
	}
	err := h.send(h.login(), "info@example.test", smtp.MailParams{}, strings.NewReader(letter), "demo@example.test")
	if e, ok := status.Of(err); !ok || e.Code() != 452 || !strings.Contains(e.Public, "try again after ") {
		t.Errorf("the sixth of five an hour: %v", err)
	}
}

func TestJourneyWhenTheStoreFails(t *testing.T) {
	h := newHouse(t, 0)
	for err, want := range map[error]string{kv.ErrFull: "452 4.3.1", kv.ErrUnavailable: "451 4.3.0", errors.New("s3cr3t-free"): "451 4.3.0"} {
		h.store.Fail(func() error { return err })
		if got := h.send(mx(), "a@other.test", smtp.MailParams{}, strings.NewReader(letter), "info@example.test", "demo@example.test"); answerOf(got) != want {
			t.Errorf("%v: %v, want %s", err, got, want)
		}
		h.store.Fail(nil)
	}
	h.must(func() error {
		return h.send(mx(), "a@other.test", smtp.MailParams{}, strings.NewReader(letter), "info@example.test", "demo@example.test")
	})
	if a, b := h.inbox(h.info), h.inbox(h.demo); len(a) != 1 || len(b) != 1 {
		t.Errorf("%d and %d messages", len(a), len(b))
	}
}

func TestJourneyLeavesNoSecretsInTheLog(t *testing.T) {
	h := newHouse(t, 0)
	at := account.Attempt{User: "info@example.test", Password: password, Remote: netip.MustParseAddr("192.0.2.2"), Protocol: "smtp"}
	h.must(func() error { _, err := h.dir.Authenticate(t.Context(), at); return err })
	at.Password += "wrong"
	if _, err := h.dir.Authenticate(t.Context(), at); err == nil {
		t.Fatal("wrong password taken")
	}
	h.must(func() error {
		return h.send(h.login(), "info@example.test", smtp.MailParams{}, strings.NewReader(letter), "demo@example.test")
	})
	_ = h.send(h.login(), "info@example.test", smtp.MailParams{}, strings.NewReader("From: x@y.test\r\n"+letter), "demo@example.test")
	h.must(func() error { return h.events.Flush(t.Context()) })
	out := h.log.String()
	if strings.Contains(out, "s3cr3t") || strings.Contains(out, "battery") {
		t.Errorf("log: %s", out)
	}
	if !strings.Contains(out, `"id":"sub.1"`) || !strings.Contains(out, `"session":"sub"`) {
		t.Errorf("no correlation id in %s", out)
	}
	var rows bytes.Buffer
	h.must(func() error {
		return h.store.View(context.Background(), kv.Part{Kind: kv.Global}, func(r kv.Reader) error {
			return r.Scan(mail.TableEvent, nil, nil, kv.ScanOpt{}, func(_, v []byte) error { rows.Write(v); return nil })
		})
	})
	if rows.Len() == 0 || strings.Contains(rows.String(), "s3cr3t") {
		t.Errorf("%d bytes of events: %q", rows.Len(), rows.String())
	}
}

func TestJourneyIsCounted(t *testing.T) {
	h := newHouse(t, 0)
	h.must(func() error {
		return h.send(mx(), "a@other.test", smtp.MailParams{}, strings.NewReader(letter), "info@example.test")
	})
	_ = h.send(mx(), "a@other.test", smtp.MailParams{}, strings.NewReader(strings.Repeat("Received: x\r\n", 200)), "info@example.test")
	_ = h.send(h.login(), "demo@example.test", smtp.MailParams{}, nil, "info@example.test")
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"barid_intake_messages_total delivered mx": 1,
		"barid_intake_messages_total refused mx":   1,
		"barid_intake_stage_seconds deliver":       1,
		"barid_policy_findings_total sender fail":  1,
		"barid_policy_decisions_total reject mail": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["barid_intake_message_bytes_total mx"] <= float64(len(letter)) {
		t.Errorf("bytes: %v", got)
	}
}

package intake

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"barid/flow/policy"
	"barid/mail"
	"barid/mail/event"
	"barid/rfc/smtp"
)

func TestFanOutIsOneCommit(t *testing.T) {
	w := newWorld(t, Settings{})
	r, err := w.send(stranger(), plain, "team", "one", "one")
	if err != nil || len(w.box.got) != 1 {
		t.Fatalf("%+v, %v, %d commits", r, err, len(w.box.got))
	}
	if ev := w.events.all[0]; ev.Kind != event.Delivered || ev.Rcpts != 3 || len(ev.To) != 3 || ev.Size != w.last().msg.Size || ev.Code != 250 {
		t.Errorf("event %+v", ev)
	}
}

func TestOverQuota(t *testing.T) {
	w := newWorld(t, Settings{})
	w.box.full = map[mail.AccountID]bool{2: true}
	if _, err := w.send(stranger(), plain, "one", "two"); code(err) != "452 4.2.2" {
		t.Errorf("SMTP answers once for all: %v", err)
	}
	w.nothingStored()
	r, err := w.send(lmtp(), plain, "one", "two", "team")
	if err != nil || len(r.PerRcpt) != 3 || r.PerRcpt[0] != nil || code(r.PerRcpt[1]) != "452 4.2.2" || code(r.PerRcpt[2]) != "452 4.2.2" {
		t.Errorf("LMTP, RFC 2033 §4.2: %+v, %v", r, err)
	}
	if got := w.last().to; len(got) != 1 || got[0].Account != 1 {
		t.Errorf("delivered to %+v", got)
	}
	last := w.events.all[len(w.events.all)-1]
	if last.Kind != event.Deferred || last.Stage != "deliver" || last.To[0] != "team@example.test" || last.Reason != "over-quota" {
		t.Errorf("event %+v", last)
	}
	w = newWorld(t, Settings{})
	w.box.full = map[mail.AccountID]bool{2: true}
	if _, err := w.send(lmtp(), plain, "two"); code(err) != "452 4.2.2" {
		t.Errorf("LMTP, the only one: %v", err)
	}
	w.nothingStored()
}

// finder reports one finding at a stage.
type finder struct {
	name  string
	stage policy.Stage
	f     policy.Finding
}

func (c finder) Name() string        { return c.name }
func (c finder) Stage() policy.Stage { return c.stage }
func (c finder) Quick() bool         { return true }
func (c finder) Run(_ context.Context, _ *policy.Tx) ([]policy.Finding, error) {
	return []policy.Finding{c.f}, nil
}

func TestFindingsAreToldToTheReader(t *testing.T) {
	w := newWorld(t, Settings{},
		finder{"iprev", policy.Connect, policy.Finding{Result: policy.Pass, Note: "relay.other.test", Props: []policy.Prop{{Name: "policy.iprev", Value: "192.0.2.1"}}}},
		finder{"spf", policy.Mail, policy.Finding{Result: policy.Fail, Props: []policy.Prop{{Name: "smtp.mailfrom", Value: `odd "value"` + "\r\n"}}}},
		finder{"silent", policy.Data, policy.Finding{Result: policy.Pass}},
	)
	c := stranger()
	if err := w.in.Connect(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := "Authentication-Results: mail.example.test;\r\n\tiprev=pass policy.iprev=192.0.2.1;\r\n\tspf=fail smtp.mailfrom=\"odd \\\"value\\\"\"\r\n" +
		"Received: from relay.other.test (relay.other.test [192.0.2.1])\r\n"
	for range 2 { // what was found at connect holds for every message of the session
		if _, err := w.send(c, plain, "one"); err != nil {
			t.Fatal(err)
		}
		if got := w.last().text; !strings.Contains(got, want) {
			t.Errorf("stored\n%s\nwant\n%s", got, want)
		}
	}
}

func TestPolicyRefuses(t *testing.T) {
	fail := policy.Finding{Result: policy.Fail, Reason: "sender-envelope"}
	for stage, want := range map[policy.Stage]string{
		policy.Connect: "554 5.7.1", policy.Helo: "553 5.7.1", policy.Mail: "553 5.7.1", policy.Rcpt: "553 5.7.1", policy.Data: "553 5.7.1",
	} {
		w := newWorld(t, Settings{}, finder{"sender", stage, fail})
		got := map[policy.Stage]error{}
		c := stranger()
		got[policy.Connect] = w.in.Connect(t.Context(), c)
		got[policy.Helo] = w.in.Helo(t.Context(), c)
		tx, err := w.in.Begin(t.Context(), c, path(t, "<a@b.test>"), smtp.MailParams{})
		if got[policy.Mail] = err; err == nil {
			if got[policy.Rcpt] = tx.Rcpt(t.Context(), path(t, "<one@example.test>"), smtp.RcptParams{}); got[policy.Rcpt] == nil {
				_, got[policy.Data] = tx.Data(t.Context(), strings.NewReader(plain))
			}
		}
		for s, err := range got {
			if s == stage && code(err) != want || s < stage && err != nil {
				t.Errorf("check at %v: stage %v answers %v", stage, s, err)
			}
		}
		if stage >= policy.Mail { // before that the front end hangs up
			w.nothingStored()
		}
		refused := slices.DeleteFunc(w.events.all, func(e event.Event) bool { return e.Kind == event.Delivered })
		if len(refused) != 1 || refused[0].Stage != stage.String() || refused[0].Reason != "sender-envelope" {
			t.Errorf("events %+v", refused)
		}
	}
}

func TestNothingOfTheMessageIsLoggedOrRecorded(t *testing.T) {
	const secret = "s3cr3t-marker"
	text := "From: " + secret + "@other.test\r\nSubject: " + secret + "\r\nX-" + secret + ": x\r\n\r\n" + secret + "\r\n"
	w := newWorld(t, Settings{})
	for _, c := range []*mail.Client{stranger(), login(), lmtp()} {
		if _, err := w.send(c, text, "one"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.send(c, strings.Repeat("Received: x\r\n", 200)+text, "one"); err == nil {
			t.Fatal("no loop")
		}
		w.box.err = errors.New("store broken")
		if _, err := w.send(c, text, "one"); err == nil {
			t.Fatal("no error")
		}
		w.box.err = nil
	}
	if out := w.log.String(); strings.Contains(out, secret) || !strings.Contains(out, "id=sess.1") || !strings.Contains(out, "store broken") {
		t.Errorf("log:\n%s", out)
	}
	if out := fmt.Sprintf("%+v", w.events.all); strings.Contains(out, secret) {
		t.Errorf("events: %s", out)
	}
}

func TestManySessionsAtOnce(t *testing.T) {
	w := newWorld(t, Settings{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c := stranger()
			c.Session = fmt.Sprintf("s%d", i)
			for j := range 20 {
				tx, err := w.in.Begin(t.Context(), c, path(t, "<a@b.test>"), smtp.MailParams{})
				if err != nil {
					t.Error(err)
					return
				}
				_ = tx.Rcpt(t.Context(), path(t, "<one@example.test>"), smtp.RcptParams{})
				text := strings.Replace(plain, "hi", fmt.Sprintf("%d/%d", i, j), 1) + strings.Repeat(fmt.Sprintf("%d.", i), j*2000)
				if _, err := tx.Data(t.Context(), strings.NewReader(text)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, s := range w.box.got {
		checkMessage(t, s)
		ids[s.msg.Session] = true
	}
	if len(ids) != 160 || len(w.box.got) != 160 {
		t.Errorf("%d messages with %d ids", len(w.box.got), len(ids))
	}
}

func TestSessionsGoWithTheirClients(t *testing.T) {
	w := newWorld(t, Settings{})
	for range 10 {
		_ = w.in.Connect(t.Context(), stranger())
	}
	left := func() (n int) {
		w.in.sessions.m.Range(func(_, _ any) bool { n++; return true })
		return n
	}
	for range 10_000 {
		if left() == 0 {
			return
		}
		runtime.GC()
		runtime.Gosched()
	}
	t.Errorf("%d sessions are remembered", left())
}

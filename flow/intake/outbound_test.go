package intake

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/policy"
	"barid/flow/report"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/store/memory"
)

// abroad routes one@example.test to account 1 and everything else elsewhere; team@ is an alias of both kinds.
type abroad struct{}

func (abroad) Route(_ context.Context, _ *mail.Client, to addr.Path) (route.Route, error) {
	switch to.Local {
	case "one":
		return route.Route{Accounts: []mail.AccountID{1}}, nil
	case "team":
		return route.Route{Accounts: []mail.AccountID{1}, Remote: []addr.Mailbox{{Local: "a", Domain: "x.test"}}, Alias: true}, nil
	}
	return route.Route{Remote: []addr.Mailbox{to.Mailbox}}, nil
}

// line is a queue that remembers what it was told.
type line struct{ told []*spool.Entry }

func (l *line) Submitted(es ...*spool.Entry) { l.told = append(l.told, es...) }

func outboundWorld(t *testing.T) (*Intake, *memory.Store, *mailbox.Store, *line) {
	t.Helper()
	db := memory.New()
	boxes := mailbox.Open(db, db, mailbox.Options{})
	t.Cleanup(func() { boxes.Close() })
	q := &line{}
	ev := new(events)
	t.Cleanup(func() {
		for _, e := range ev.all {
			if e.Kind == event.Delivered {
				t.Errorf("mail that is still to be carried on is recorded as delivered: %+v", e)
			}
		}
	})
	return New(Deps{
		Settings: Settings{Host: host}, Blobs: db, Router: abroad{}, Local: local.New(boxes), Queue: q, Events: ev,
		Locale: func(context.Context, mail.AccountID) string { return "fa" },
		Policy: policy.NewRunner(nil, policy.DefaultSettings(), nil),
	}), db, boxes, q
}

func sendOut(t *testing.T, in *Intake, body string, to ...string) error {
	t.Helper()
	ctx := t.Context()
	c := &mail.Client{Session: "s", Role: mail.RoleSubmission, Login: 1, ESMTP: true, Helo: "c.example"}
	from := addr.Path{Mailbox: addr.Mailbox{Local: "one", Domain: "example.test"}}
	tx, err := in.Begin(ctx, c, from, smtp.MailParams{EnvID: "e1", Ret: "HDRS", Body: smtp.Body8BitMIME})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Abort()
	for _, s := range to {
		m, err := addr.ParseMailbox(s, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rcpt(ctx, addr.Path{Mailbox: m}, smtp.RcptParams{Notify: smtp.NotifyFailure}); err != nil {
			return err
		}
	}
	_, err = tx.Data(ctx, strings.NewReader(body))
	return err
}

// spooledIn reads every entry of the queue.
func spooledIn(t *testing.T, db *memory.Store) (all []*spool.Entry) {
	t.Helper()
	err := db.Parts(t.Context(), kv.Queue, func(p kv.Part) error {
		return db.View(t.Context(), p, func(r kv.Reader) error {
			return spool.Scan(r, spool.Shard(p.ID), 0, 0, func(_ spool.ID, err error) { t.Error(err) }, func(e *spool.Entry) error {
				all = append(all, e)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRecipientsElsewhereAreSpooledInTheSameCommit(t *testing.T) {
	in, db, boxes, q := outboundWorld(t)
	body := "From: one@example.test\r\nSubject: x\r\n\r\nمتن\r\n"
	if err := sendOut(t, in, body, "one@example.test", "a@x.test", "b@x.test", "a@x.test", "c@y.test", "team@example.test"); err != nil {
		t.Fatal(err)
	}
	if u, err := boxes.Account(1).Usage(t.Context()); err != nil || u.Messages != 1 {
		t.Errorf("local: %+v %v", u, err)
	}
	rcpts := map[string]int{}
	for _, e := range spooledIn(t, db) {
		rcpts[e.Destination] = len(e.Rcpts)
		if e.EnvID != "e1" || e.Ret != "HDRS" || e.Locale != "fa" || e.Account != 1 || !e.Has8bit || e.HasUTF8Header ||
			e.Rcpts[0].Notify != smtp.NotifyFailure || e.Expires.Sub(e.Arrived) != DefaultExpire {
			t.Errorf("%+v", e)
		}
		r, err := db.Open(t.Context(), e.Blob)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
		_ = r.Close()
		if err != nil || !strings.HasSuffix(string(text), "\r\nمتن\r\n") || !strings.Contains(string(text[e.HeaderLen-30:e.HeaderLen]), "\r\n\r\n") {
			t.Errorf("%v, header of %d in\n%s", err, e.HeaderLen, text)
		}
	}
	if len(rcpts) != 2 || rcpts["x.test"] != 2 || rcpts["y.test"] != 1 {
		t.Errorf("spooled %v", rcpts)
	}
	if len(q.told) != 2 {
		t.Errorf("the queue heard of %d entries", len(q.told))
	}
}

func TestNothingIsSpooledWhenTheCommitFails(t *testing.T) {
	in, db, boxes, q := outboundWorld(t)
	broken := errors.New("disk")
	db.Fail(func() error { return broken })
	if err := sendOut(t, in, "Subject: x\r\n\r\n.\r\n", "one@example.test", "a@x.test"); err == nil {
		t.Fatal("accepted")
	}
	db.Fail(nil)
	if u, err := boxes.Account(1).Usage(t.Context()); err != nil || u.Messages != 0 {
		t.Errorf("local: %+v %v", u, err)
	}
	if n := len(spooledIn(t, db)); n != 0 || len(q.told) != 0 {
		t.Errorf("%d spooled, %d told", n, len(q.told))
	}
}

func TestOnlyElsewhere(t *testing.T) {
	in, db, _, q := outboundWorld(t)
	begin := time.Now()
	if err := sendOut(t, in, "Subject: x\r\n\r\n.\r\n", "a@x.test"); err != nil {
		t.Fatal(err)
	}
	es := spooledIn(t, db)
	if len(es) != 1 || len(q.told) != 1 || es[0].Next.Before(begin.Add(-time.Second)) {
		t.Errorf("%d spooled, %d told", len(es), len(q.told))
	}
}

// An alias that leads to a full mailbox and elsewhere is refused as a whole over LMTP, and comes again: what is
// elsewhere must not have it already.
func TestARefusedAliasSendsNothingElsewhere(t *testing.T) {
	in, db, boxes, _ := outboundWorld(t)
	if err := boxes.Account(1).Init(t.Context(), mailbox.Quota{Bytes: 10}); err != nil {
		t.Fatal(err)
	}
	c := &mail.Client{Session: "s", Role: mail.RoleLMTP, ESMTP: true, Helo: "c.example"}
	tx, err := in.Begin(t.Context(), c, addr.Path{Null: true}, smtp.MailParams{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []addr.Mailbox{{Local: "team", Domain: "example.test"}, {Local: "b", Domain: "y.test"}} {
		if err := tx.Rcpt(t.Context(), addr.Path{Mailbox: m}, smtp.RcptParams{}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := tx.Data(t.Context(), strings.NewReader(plain))
	if err != nil || len(r.PerRcpt) != 2 || r.PerRcpt[0] == nil || r.PerRcpt[1] != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if all := spooledIn(t, db); len(all) != 1 || all[0].Destination != "y.test" {
		t.Errorf("spooled %+v", all)
	}
}

// TestVERPIsAskedOfThePolicy marks the mail of logins that have it, and no other.
func TestVERPIsAskedOfThePolicy(t *testing.T) {
	for _, on := range []bool{false, true} {
		in, db, _, _ := outboundWorld(t)
		in.d.VERP = func(_ context.Context, c *mail.Client) bool { return on && c.Login == 1 }
		if err := sendOut(t, in, "From: one@example.test\r\n\r\nx\r\n", "a@x.test"); err != nil {
			t.Fatal(err)
		}
		if es := spooledIn(t, db); len(es) != 1 || es[0].VERP != on {
			t.Errorf("%v: %+v", on, es)
		}
	}
}

// inbox keeps what was handed on.
type inbox struct{ got []report.Arrival }

func (x *inbox) Arrived(a report.Arrival) { x.got = append(x.got, a) }

// returning routes bounces@ to account 1 as a reverse-path of ours.
type returning struct{ abroad }

func (r returning) Route(ctx context.Context, c *mail.Client, to addr.Path) (route.Route, error) {
	if to.Local == "bounces" {
		return route.Route{Accounts: []mail.AccountID{1}, Bounce: true}, nil
	}
	return r.abroad.Route(ctx, c, to)
}

// TestReportsAreHandedOn takes mail with and without a reverse-path, for a person and for a reverse-path of ours.
func TestReportsAreHandedOn(t *testing.T) {
	for _, c := range []struct {
		null bool
		to   string
		want bool
	}{{true, "one", true}, {true, "bounces", true}, {false, "bounces", true}, {false, "one", false}} {
		in, _, _, _ := outboundWorld(t)
		in.d.Events, in.d.Queue = nil, nil
		x := &inbox{}
		in.d.Reports, in.d.Router = x, returning{}
		from := addr.Path{Null: c.null}
		if !c.null {
			from.Mailbox = addr.Mailbox{Local: "mailer-daemon", Domain: "x.test"}
		}
		tx, err := in.Begin(t.Context(), &mail.Client{Session: "s", Role: mail.RoleMX, Helo: "x.test"}, from, smtp.MailParams{})
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rcpt(t.Context(), addr.Path{Mailbox: addr.Mailbox{Local: c.to, Domain: "example.test"}}, smtp.RcptParams{}); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Data(t.Context(), strings.NewReader("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
		if (len(x.got) == 1) != c.want || c.want && x.got[0].From != from {
			t.Errorf("%+v: %+v", c, x.got)
		}
	}
}

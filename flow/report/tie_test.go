package report

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/flow/queue"
	"barid/mail/event"
	"barid/rfc/addr"
	"barid/rfc/dsn"
	"barid/rfc/mime"
	"barid/rfc/smtp"
)

const txID = "01jd4xk8t0003f7q2m.1"

// history is what the events say of the message of entry().
func history() *events {
	return &events{all: []event.Event{
		{Kind: event.Refused, ID: txID, From: "sender@ours.test", To: []string{"wrong@ours.test"}, Stage: "rcpt"},
		{Kind: event.Accepted, ID: txID, Login: 1, From: "sender@ours.test", To: []string{"info@example.org", "box@example.net"}, Rcpts: 2},
		{Kind: event.Relayed, ID: txID, From: "sender@ours.test", To: []string{"info@example.org"}},
		{Kind: event.Delivered, ID: txID, From: "", To: []string{"info@example.org"}, Stage: "report"},
	}}
}

// bounce is a report of another host; what is "" is left out.
type bounce struct{ final, envid, original string }

func (b bounce) text() string {
	s := "From: mailer-daemon@mx.example.org\r\nTo: <sender@ours.test>\r\nSubject: failure\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n"
	if b.envid != "" {
		s += "Original-Envelope-Id: " + b.envid + "\r\n"
	}
	s += "\r\nFinal-Recipient: rfc822; " + b.final + "\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
	if b.original != "" {
		s += "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + b.original + "\r\n"
	}
	return s + "--b--\r\n"
}

func incoming(text string, to ...string) Incoming {
	in := Incoming{From: addr.Path{Null: true}, Body: strings.NewReader(text), Parsed: mime.Scan([]byte(text), mime.DefaultLimits())}
	for _, a := range to {
		in.To = append(in.To, path(a).Mailbox)
	}
	return in
}

// index knows what senders called the message.
type index struct{ err error }

func (x index) ByEnvelope(_ context.Context, envid string) ([]string, error) {
	if envid == "QQ314159" {
		return []string{"another", txID}, x.err
	}
	return nil, x.err
}

func (x index) ByMessageID(_ context.Context, id string) ([]string, error) {
	if id == "q1@ours.test" {
		return []string{txID}, x.err
	}
	return nil, x.err
}

// keyed reads reverse-paths as bounce.Book does.
type keyed struct{ dsn.VERP }

func (k keyed) Read(_ context.Context, m addr.Mailbox) (dsn.Token, bool, error) {
	t, ok := k.Decode(m)
	return t, ok, nil
}

var ours = keyed{dsn.VERP{Key: []byte("secret")}}

// verpOf gives the reverse-path of the message to box@example.net.
func verpOf(v dsn.VERP) addr.Mailbox {
	m, _ := v.Encode("ours.test", dsn.Token{ID: txID, Rcpt: dsn.RcptTag(path("box@example.net").Mailbox), Login: 1})
	return m
}

// TestAReportThatReturnsNothing is tied by what it answers, as that of Exchange.
func TestAReportThatReturnsNothing(t *testing.T) {
	const words = "From: postmaster@mx.example.org\r\nTo: <sender@ours.test>\r\nSubject: Undeliverable\r\nIn-Reply-To: <q1@ours.test>\r\n\r\n" +
		"Your message did not reach some or all of the intended recipients.\r\n\r\ninfo@example.org\r\n  <mx.example.org #5.1.1 smtp;550 5.1.1 unknown>\r\n"
	for to, want := range map[string]string{"sender@ours.test": "message-id info@example.org", "other@ours.test": ""} {
		m := &Matcher{Events: history(), Index: index{}}
		r, ok, err := m.Tie(t.Context(), incoming(words, to))
		got := ""
		if ok {
			got = r.By + " " + r.Rcpts[0].To
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", to, got, err, want)
		}
	}
}

// TestAReportInWordsThatNamesNobody is what VERP is for: the address that it came to says whom it is about.
func TestAReportInWordsThatNamesNobody(t *testing.T) {
	const words = "From: mailer-daemon@mx.example.org\r\nTo: <x@ours.test>\r\nSubject: failure notice\r\n\r\n" +
		"Sorry, your letter could not be delivered.\r\n550 5.1.1 user unknown\r\n"
	for name, c := range map[string]struct{ text, to, want string }{
		"to a VERP address":               {words, verpOf(ours.VERP).String(), "[{box@example.net hard 5.1.1}]"},
		"with our id, of two recipients":  {words + "\r\n--- Original message follows.\r\n\r\nMessage-ID: <" + txID + "@mail.ours.test>\r\nFrom: a@ours.test\r\nSubject: x\r\n", "sender@ours.test", "[]"},
		"a person's words are no report":  {"From: box@example.net\r\nSubject: Re: prices\r\n\r\nYour letter made me smile.\r\n", verpOf(ours.VERP).String(), "[]"},
		"an answer while nobody is there": {"From: box@example.net\r\nSubject: away\r\n\r\nI am on leave until Monday.\r\n", verpOf(ours.VERP).String(), "[]"},
	} {
		m := &Matcher{Events: history(), Names: []string{"mail.ours.test"}, Addresses: ours}
		r, _, err := m.Tie(t.Context(), incoming(c.text, c.to))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, x := range r.Rcpts {
			got = append(got, "{"+x.To+" "+x.Class.String()+" "+x.Status.String()+"}")
		}
		if "["+strings.Join(got, " ")+"]" != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestTie(t *testing.T) {
	verp, forged := verpOf(ours.VERP), verpOf(dsn.VERP{Key: []byte("guess")})
	received := "Received: from a by MAIL.ours.test with ESMTPSA\r\n id " + txID + "\r\n for <info@example.org>; Fri, 20 Nov 2026 06:30:00 +0000\r\n"
	for name, c := range map[string]struct {
		b    bounce
		to   string
		x    Index
		want string // by, forward-path and class
	}{
		"our Received field":               {bounce{"info@example.org", "", received}, "sender@ours.test", nil, "received info@example.org hard"},
		"our Received below others":        {bounce{"info@example.org", "", "Received: from x by mx.example.org id 01aaaaaaaaaaaaaaaa; now\r\n" + received}, "sender@ours.test", nil, "received info@example.org hard"},
		"our id as ENVID":                  {bounce{"info@example.org", txID, ""}, "sender@ours.test", nil, "envid info@example.org hard"},
		"our Message-ID":                   {bounce{"info@example.org", "", "Message-ID: <" + txID + "@mail.ours.test>\r\n"}, "sender@ours.test", nil, "message-id info@example.org hard"},
		"the sender's ENVID":               {bounce{"INFO@example.org", "QQ314159", ""}, "sender@ours.test", index{}, "envid info@example.org hard"},
		"the sender's Message-ID":          {bounce{"info@example.org", "", "Message-ID: <q1@ours.test>\r\n"}, "Sender@ours.test", index{}, "message-id info@example.org hard"},
		"forwarded there, two recipients":  {bounce{"other@example.com", txID, ""}, "sender@ours.test", nil, "envid  hard"},
		"VERP names the recipient":         {bounce{"other@example.com", "", ""}, verp.String(), nil, "verp box@example.net hard"},
		"VERP with a wrong code":           {bounce{"info@example.org", "", ""}, forged.String(), nil, ""},
		"another's Received field":         {bounce{"info@example.org", "", strings.Replace(received, "MAIL.ours.test", "mail.example.org", 1)}, "sender@ours.test", nil, ""},
		"another's Message-ID":             {bounce{"info@example.org", "", "Message-ID: <" + txID + "@mail.example.org>\r\n"}, "sender@ours.test", nil, ""},
		"it came to somebody else":         {bounce{"info@example.org", txID, received}, "other@ours.test", nil, ""},
		"a transaction that never was":     {bounce{"info@example.org", "01jd4xk8t0003f7q2m.9", ""}, "sender@ours.test", nil, ""},
		"nothing ties it":                  {bounce{"info@example.org", "", "Message-ID: <q1@ours.test>\r\n"}, "sender@ours.test", nil, ""},
		"an ENVID that is no id, no index": {bounce{"info@example.org", "QQ314159", ""}, "sender@ours.test", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Matcher{Events: history(), Index: c.x, Names: []string{"mail.ours.test"}, Addresses: ours}
			r, ok, err := m.Tie(t.Context(), incoming(c.b.text(), c.to))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if ok {
				got = r.By + " " + r.Rcpts[0].To + " " + r.Rcpts[0].Class.String()
				if r.ID != txID || r.Login != 1 || r.Sender != "sender@ours.test" || r.Rcpts[0].Status.String() != "5.1.1" {
					t.Errorf("%+v", r)
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestTieLeavesOtherMailAlone(t *testing.T) {
	m := &Matcher{Events: history(), Names: []string{"mail.ours.test"}}
	text := bounce{"info@example.org", txID, ""}.text()
	in := incoming(text, "sender@ours.test")
	in.From = path("somebody@example.org")
	if _, ok, err := m.Tie(t.Context(), in); ok || err != nil {
		t.Errorf("with a reverse-path: %v, %v", ok, err)
	}
	in.To = append(in.To, verpOf(ours.VERP))
	if _, ok, err := m.Tie(t.Context(), in); ok || err != nil {
		t.Errorf("with a reverse-path, to an address that nobody gave out: %v, %v", ok, err)
	}
	m.Addresses = ours
	if r, ok, err := m.Tie(t.Context(), in); !ok || err != nil || r.By != byVERP {
		t.Errorf("with a reverse-path, to an address of ours: %+v %v, %v", r, ok, err)
	}
	if _, ok, err := m.Tie(t.Context(), incoming("Subject: hello\r\n\r\n"+txID+"\r\n", "sender@ours.test")); ok || err != nil {
		t.Errorf("a letter: %v, %v", ok, err)
	}
}

func TestTieTellsErrors(t *testing.T) {
	m := &Matcher{Events: history(), Index: index{errTest}, Names: []string{"mail.ours.test"}}
	for _, b := range []bounce{{"info@example.org", "QQ1", ""}, {"info@example.org", "", "Message-ID: <q1@ours.test>\r\n"}} {
		if _, ok, err := m.Tie(t.Context(), incoming(b.text(), "sender@ours.test")); ok || !errors.Is(err, errTest) {
			t.Errorf("%v, %v", ok, err)
		}
	}
}

// TestForeignBouncesAreTied ties the bounces of rfc/dsn that return a header section with a Received field of ours.
func TestForeignBouncesAreTied(t *testing.T) {
	files, _ := filepath.Glob("../../rfc/dsn/testdata/bounces/*.eml.txt")
	tied := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "\n", "\r\n")
		for strings.HasPrefix(text, "# ") {
			_, text, _ = strings.Cut(text, "\r\n")
		}
		m := &Matcher{Events: history(), Names: []string{"mail.ours.test"}}
		r, ok, err := m.Tie(t.Context(), incoming(text, "sender@ours.test"))
		if want := strings.Contains(text, "id "+txID); ok != want || err != nil {
			t.Errorf("%s: %v, %v", filepath.Base(name), ok, err)
		}
		if ok && r.By == byReceived {
			tied++
		}
	}
	if tied < 25 {
		t.Errorf("%d tied", tied)
	}
}

// TestOurOwnReportIsTied sends a report elsewhere and ties it there, as another Barid would.
func TestOurOwnReportIsTied(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	e.From, e.EnvID, e.Rcpts[0].Notify = path("sender@example.net"), "QQ314159", smtp.NotifyFailure
	w.report(e, queue.Failed)
	b, err := w.db.Open(t.Context(), w.queued("example.net").Blob)
	if err != nil {
		t.Fatal(err)
	}
	h := &events{all: []event.Event{{Kind: event.Accepted, ID: txID, Login: 5, From: "sender@example.net", To: []string{"info@example.org"}}}}
	m := &Matcher{Events: h, Index: index{}, Names: []string{"mx.example.net"}}
	r, ok, err := m.Tie(t.Context(), incoming(readAll(t, b), "sender@example.net"))
	if err != nil || !ok || r.By != byEnvID || r.Rcpts[0].To != "info@example.org" || r.Rcpts[0].Class != dsn.Hard || r.Login != 5 {
		t.Errorf("%+v, %v, %v", r, ok, err)
	}
}

package manage_test

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"barid/locales"
	"barid/mail"
	"barid/mail/event"
	"barid/ops/manage"
)

const tx = "01jd4xk8t0003f7q2m.1"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func session() *event.Facts {
	return &event.Facts{Started: at(-1), Helo: "client.example", TLS: "TLS1.3", Protocol: "ESMTPSA", MessageID: "m@b.test", EnvID: "QQ", Findings: []string{"sender=pass"}}
}

func taken(k event.Kind, f func(*event.Event)) event.Event {
	e := event.Event{
		Time: at(0), Kind: k, Session: "01jd4xk8t0003f7q2m", ID: tx, Role: mail.RoleSubmission, Login: 1, Remote: netip.MustParseAddr("192.0.2.9"),
		From: "info@example.test", To: []string{"sales@example.net"}, Rcpts: 1, Size: 2048, Code: 250, Enhanced: "2.0.0", Facts: session(),
	}
	if f != nil {
		f(&e)
	}
	return e
}

func hop(s float64, k event.Kind, f func(*event.Event)) event.Event {
	e := event.Event{
		Time: at(s), Kind: k, ID: tx, From: "info@example.test", To: []string{"sales@example.net"}, Rcpts: 1, Accounts: []mail.AccountID{1},
		Hop: &event.Hop{Entry: "3311", Destination: "example.net", Host: "mx.example.net [192.0.2.1]", Attempt: 1},
	}
	if f != nil {
		f(&e)
	}
	return e
}

func answer(code int, enhanced, text, stage string) func(*event.Event) {
	return func(e *event.Event) { e.Code, e.Enhanced, e.Stage, e.Hop.Text = code, enhanced, stage, text }
}

func report(s float64, f func(*event.Event)) event.Event {
	e := event.Event{
		Time: at(s), Kind: event.Delivered, ID: tx, Login: 1, Stage: "report", Reason: "report-failed", To: []string{"sales@example.net"}, Rcpts: 1,
		Accounts: []mail.AccountID{1}, Other: tx + ".abcdefghij",
	}
	if f != nil {
		f(&e)
	}
	return e
}

// TestTraceTellsEverySort: the code and the words of every kind of event.
func TestTraceTellsEverySort(t *testing.T) {
	const connected = `connected: client.example [192.0.2.9] connected to submission, TLS1.3, logged in as info@example.test`
	for name, c := range map[string]struct {
		events []event.Event
		want   string
	}{
		"relayed after a deferral": {
			[]event.Event{
				taken(event.Accepted, nil),
				hop(0, event.Queued, func(e *event.Event) { e.Hop.Host, e.Hop.Attempt = "", 0 }),
				hop(1, event.Delayed, func(e *event.Event) {
					answer(451, "4.7.1", "later", "rcpt")(e)
					e.Hop.Next = at(300)
				}),
				hop(301, event.Relayed, func(e *event.Event) {
					answer(250, "2.0.0", "Ok: queued", "data")(e)
					e.Hop.TLS, e.Hop.Attempt = "TLS1.3", 2
				}),
			},
			connected + `
accepted: taken with 250 2.0.0: 2.0 KiB from info@example.test to sales@example.net
queued: queued as 3311 for example.net: sales@example.net
delayed: attempt 1 for sales@example.net: mx.example.net [192.0.2.1] (in clear) said at RCPT "451 4.7.1 later"; next attempt at 2026-11-22 12:05:00Z
relayed: mx.example.net [192.0.2.1] (TLS1.3) took it for sales@example.net: "250 2.0.0 Ok: queued"
settled: done; nothing of it is in the queue`,
		},
		"bounced by us": {
			[]event.Event{hop(1, event.Bounced, func(e *event.Event) {
				answer(0, "5.1.10", "the domain takes no mail", "dns")(e)
				e.Hop.Host = ""
			})},
			`missing: how it came here is not on record: it is too long ago, or the server was killed right behind the answer
bounced: given up for sales@example.net: 5.1.10 the domain takes no mail
settled: done; nothing of it is in the queue`,
		},
		"our words about a server": {
			[]event.Event{hop(1, event.Expired, answer(0, "4.4.2", "no answer in time", "greeting"))},
			`missing: how it came here is not on record: it is too long ago, or the server was killed right behind the answer
expired: given up for sales@example.net: its time is over; the last answer: mx.example.net [192.0.2.1] (in clear) at the greeting: 4.4.2 no answer in time
settled: done; nothing of it is in the queue`,
		},
		"bounced with a report": {
			[]event.Event{
				hop(1, event.Bounced, answer(550, "5.1.1", "no such user", "rcpt")),
				report(2, nil),
				report(2, func(e *event.Event) {
					e.ID, e.Other, e.To = e.Other, e.ID, []string{"info@example.test"}
					e.Places = []event.Place{{Account: 1, Mailbox: 1, UID: 7}}
				}),
			},
			`bounced: given up for sales@example.net: mx.example.net [192.0.2.1] (in clear) said at RCPT "550 5.1.1 no such user"
reported: the sender is told about sales@example.net: failed report 01jd4xk8t0003f7q2m.1.abcdefghij
stored: stored in INBOX of info@example.test
settled: done; nothing of it is in the queue`,
		},
		"a kill right behind the answer": {
			[]event.Event{hop(1, event.Delayed, func(e *event.Event) { answer(451, "4.7.1", "later", "rcpt")(e); e.Hop.Attempt = 2 })},
			`missing: how it came here is not on record: it is too long ago, or the server was killed right behind the answer
delayed: attempt 2 for sales@example.net: mx.example.net [192.0.2.1] (in clear) said at RCPT "451 4.7.1 later"
missing: what became of it for sales@example.net is not on record: it is not in the queue any more, and the server was killed before that was written down`,
		},
		"a kill behind the relaying of some": {
			[]event.Event{
				taken(event.Accepted, func(e *event.Event) {
					e.To, e.Rcpts = []string{"sales@example.net", "فروش@xn--mgbh0fb.xn--kgbechtv", "demo@example.test"}, 3
					e.Places = []event.Place{{Account: 2, Mailbox: 1, UID: 3}}
					e.Accounts = []mail.AccountID{2}
				}),
				hop(0, event.Queued, func(e *event.Event) { e.Hop.Host, e.Hop.Attempt = "", 0 }),
				hop(0, event.Queued, func(e *event.Event) {
					e.To, e.Hop = []string{"فروش@xn--mgbh0fb.xn--kgbechtv"}, &event.Hop{Entry: "3312", Destination: "xn--mgbh0fb.xn--kgbechtv"}
				}),
				hop(1, event.Relayed, answer(250, "2.0.0", "Ok", "data")),
			},
			connected + `
accepted: taken with 250 2.0.0: 2.0 KiB from info@example.test to sales@example.net, فروش@مثال.إختبار, demo@example.test
stored: stored in INBOX of demo@example.test
queued: queued as 3311 for example.net: sales@example.net
queued: queued as 3312 for xn--mgbh0fb.xn--kgbechtv: فروش@مثال.إختبار
relayed: mx.example.net [192.0.2.1] (in clear) took it for sales@example.net: "250 2.0.0 Ok"
missing: what became of it for فروش@مثال.إختبار is not on record: it is not in the queue any more, and the server was killed before that was written down`,
		},
		"nothing but that it was taken": {
			[]event.Event{taken(event.Accepted, nil)},
			connected + `
accepted: taken with 250 2.0.0: 2.0 KiB from info@example.test to sales@example.net
missing: what became of it for sales@example.net is not on record: it is not in the queue any more, and the server was killed before that was written down`,
		},
		"nobody is told": {
			[]event.Event{report(2, func(e *event.Event) {
				e.Kind, e.Reason, e.Accounts, e.Other = event.Discarded, "report-of-report", nil, ""
			})},
			`not-reported: the sender is not told about sales@example.net (report-of-report)`,
		},
		"a report of another server came in": {
			[]event.Event{report(2, func(e *event.Event) {
				e.Kind, e.Reason, e.Accounts, e.Other = event.Bounced, "bounce-mailbox-full", nil, "06h02pkyb800bz5hz0.3"
				e.Enhanced, e.Hop = "5.2.2", &event.Hop{Host: "mx.example.net", Text: "552 mailbox full"}
			})},
			`told: mx.example.net reports about sales@example.net: failed: "5.2.2 552 mailbox full" (message 06h02pkyb800bz5hz0.3)`,
		},
		"local": {
			[]event.Event{taken(event.Delivered, func(e *event.Event) {
				e.To, e.Rcpts = []string{"demo@example.test", "info@example.test"}, 2
				e.Accounts, e.Places = []mail.AccountID{2, 1}, []event.Place{{Account: 2, Mailbox: 1, UID: 3}, {Account: 1, Mailbox: 99, UID: 1}}
			})},
			connected + `
accepted: taken with 250 2.0.0: 2.0 KiB from info@example.test to demo@example.test, info@example.test
stored: stored in INBOX of demo@example.test, mailbox 99 of info@example.test
local: done; no other server was contacted`,
		},
		"refused": {
			[]event.Event{taken(event.Refused, func(e *event.Event) {
				e.Role, e.Login, e.Stage, e.Code, e.Enhanced, e.Reason = mail.RoleMX, 0, "rcpt", 550, "5.1.1", "rcpt-unknown"
				e.Facts.TLS, e.Facts.Protocol = "", "ESMTP"
			})},
			`connected: client.example [192.0.2.9] connected to port 25 (mx), in clear
refused: answered 550 5.1.1 at RCPT for sales@example.net (rcpt-unknown)`,
		},
		"deferred": {
			[]event.Event{taken(event.Deferred, func(e *event.Event) {
				e.Stage, e.Code, e.Enhanced, e.Reason, e.Facts = "data", 452, "4.3.1", "", nil
			})},
			`deferred: answered 452 4.3.1 at the end of data; the sender may try again`,
		},
		"an operator removed it": {
			[]event.Event{hop(3, event.Discarded, func(e *event.Event) { e.Hop.Attempt = 0 })},
			`missing: how it came here is not on record: it is too long ago, or the server was killed right behind the answer
discarded: an operator removed it from the queue for sales@example.net`,
		},
		"many recipients, odd letters": {
			[]event.Event{hop(1, event.Relayed, func(e *event.Event) {
				e.To, e.Rcpts = []string{"a@xn--mgbh0fb.xn--kgbechtv", "b@example.net", "c@example.net", "d@example.net"}, 250
			})},
			`missing: how it came here is not on record: it is too long ago, or the server was killed right behind the answer
relayed: mx.example.net [192.0.2.1] (in clear) took it for a@مثال.إختبار, b@example.net and 248 more
settled: done; nothing of it is in the queue`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := seeded(t)
			for _, e := range c.events {
				m.Events.Record(e)
			}
			out, f := call[manage.Trace](t, m, "trace.message", manage.TraceQuery{ID: tx})
			if f != nil {
				t.Fatal(f)
			}
			var got []string
			for _, s := range out.Messages[0].Steps {
				got = append(got, s.Code+": "+s.Text)
			}
			if s := strings.Join(got, "\n"); s != c.want {
				t.Errorf("got\n%s\nwant\n%s", s, c.want)
			}
		})
	}
}

// seeded is a manager with info@ and demo@ of example.test, accounts 1 and 2.
func seeded(t *testing.T) *manage.Manager {
	t.Helper()
	m := newManager(t)
	if _, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: "example.test"}); f != nil {
		t.Fatal(f)
	}
	for _, a := range []string{"info@example.test", "demo@example.test"} {
		if _, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: a, Password: "correct-horse-battery", Weak: true}); f != nil {
			t.Fatal(f)
		}
	}
	return m
}

// TestTraceTakesEveryName: and tells of all messages that have it.
func TestTraceTakesEveryName(t *testing.T) {
	m := seeded(t)
	m.Events.Record(taken(event.Accepted, nil))
	m.Events.Record(hop(1, event.Queued, nil))
	m.Events.Record(taken(event.Accepted, func(e *event.Event) { e.Time, e.ID = at(9), "01jd4xk8t0003f7q2m.2" }))
	for name, want := range map[string][]string{
		tx: {tx}, "01jd4xk8t0003f7q2m": {"01jd4xk8t0003f7q2m.2", tx}, "<m@b.test>": {"01jd4xk8t0003f7q2m.2", tx}, "QQ": {"01jd4xk8t0003f7q2m.2", tx},
		"3311": {tx}, " " + tx + "\n": {tx},
	} {
		out, f := call[manage.Trace](t, m, "trace.message", manage.TraceQuery{ID: name})
		var got []string
		for _, j := range out.Messages {
			got = append(got, j.ID)
		}
		if f != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", name, got, f)
		}
	}
	for _, name := range []string{"", "nothing", "3312", "01jd4xk8t0003f7q2m.3"} {
		if _, f := call[manage.Trace](t, m, "trace.message", manage.TraceQuery{ID: name}); f == nil || f.Code != "B4006" {
			t.Errorf("%q: %v", name, f)
		}
	}
}

// TestWhatWaitsIsFoundWithoutARecord: the events of a message are lost, and it is in the queue.
func TestWhatWaitsIsFoundWithoutARecord(t *testing.T) {
	m, db := newQueue(t)
	name := enqueue(t, db, tx, "info@ours.test", "demo@there.test", 1, nil)
	enqueue(t, db, "01jd4xk8t0003f7q2m.2", "info@ours.test", "demo@there.test", 1, nil)
	for _, by := range []string{tx, name} {
		out, f := call[manage.Trace](t, m, "trace.message", manage.TraceQuery{ID: by})
		if f != nil || len(out.Messages) != 1 {
			t.Fatalf("%+v %v", out, f)
		}
		steps := out.Messages[0].Steps
		if len(steps) != 2 || steps[0].Code != manage.StepMissing || steps[0].Reason != manage.MissingBeginning || steps[1].Code != manage.StepWaiting || steps[1].Entry != name {
			t.Errorf("by %s: %+v", by, steps)
		}
	}
}

// TestTraceIsBounded: thousands of events and of messages make a screen, not a flood.
func TestTraceIsBounded(t *testing.T) {
	m := seeded(t)
	const events = 3000
	for i := range events {
		m.Events.Record(hop(float64(i), event.Delayed, func(e *event.Event) { e.Hop.Attempt = i + 1 }))
		if i%1000 == 0 {
			_ = m.Events.Flush(t.Context())
		}
	}
	out, f := call[manage.Trace](t, m, "trace.message", manage.TraceQuery{ID: tx})
	if f != nil {
		t.Fatal(f)
	}
	steps := out.Messages[0].Steps
	if n := len(steps); n > 1200 || steps[0].Attempt != 1 {
		t.Errorf("%d steps from %+v", n, steps[0])
	}
	last := steps[len(steps)-3]
	if o := steps[len(steps)-2]; o.Code != manage.StepOmitted || o.Count == 0 || last.Attempt != events {
		t.Errorf("%+v\n%+v", o, last)
	}
	for i := range 50 {
		m.Events.Record(taken(event.Accepted, func(e *event.Event) { e.ID = fmt.Sprintf("01jd4xk8t0003f7q2m.%d", i+5) }))
	}
	if out, f := call[manage.Trace](t, m, "trace.message", manage.TraceQuery{ID: "<m@b.test>"}); f != nil || len(out.Messages) != 20 || out.More != 30 {
		t.Errorf("%d messages, %d more, %v", len(out.Messages), out.More, f)
	}
}

// TestEveryCodeIsExplained: docs/develop/trace.md has a row for every code and names every member.
func TestEveryCodeIsExplained(t *testing.T) {
	source, err := os.ReadFile("watch_trace.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/develop/trace.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`\tStep[A-Z]\w+ += "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 15 {
		t.Fatalf("found %d codes only", len(codes))
	}
	for _, c := range codes {
		if !strings.Contains(string(page), "\n| `"+c[1]+"` |") {
			t.Errorf("no row for %q", c[1])
		}
		if _, ok := locales.Step("fa", c[1]); !ok {
			t.Errorf("no words for %q in the catalogue", c[1])
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[manage.Step](), reflect.TypeFor[manage.StepTook](), reflect.TypeFor[manage.StepPlace]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("member %q is not explained", name)
			}
		}
	}
}

package remote

import (
	"strings"
	"testing"

	"barid/e2e/sink"
	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

func TestAMessageArrivesAsItIs(t *testing.T) {
	for _, c := range []struct {
		name    string
		without []string
		bdat    bool
	}{
		{"with all extensions", nil, true},
		{"by DATA", []string{"CHUNKING"}, false},
		{"one command at a time", []string{"PIPELINING"}, true},
		{"one command at a time by DATA", []string{"CHUNKING", "PIPELINING"}, false},
		{"to a server of 1982", []string{"CHUNKING", "PIPELINING", "8BITMIME", "BINARYMIME", "SMTPUTF8", "DSN", "SIZE", "ENHANCEDSTATUSCODES"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, nil)
			k := s.sink(1, sink.Options{Without: c.without})
			for _, text := range []string{
				letterText,
				".\r\n",
				"a: b\r\n\r\nno end of line",
				"a: b\r\n\r\n.",
				"a: b\r\n\r\n" + strings.Repeat(".x\r\n", 40_000),
				"a: b\r\n\r\n" + strings.Repeat("y", writeBuffer-10) + "\r\n..\r\n" + strings.Repeat("z", 3*writeBuffer),
			} {
				out := s.expect(s.entry(text), relayed)
				ms := k.Messages()
				got := ms[len(ms)-1]
				want := text
				if !c.bdat && !strings.HasSuffix(text, "\r\n") {
					want += "\r\n"
				}
				if got.Body != want || got.BDAT != c.bdat || got.From != "sender@here.test" || got.Rcpts[0].To != "info@there.test" || got.Helo != "out.test" {
					t.Errorf("%q... arrived as %q... %+v", cutAt(text), cutAt(got.Body), got.Rcpts)
				}
				if out[0].Answer.Remote != "mx1.there.test [127.0.0.1]" || out[0].Answer.Code != 250 || out[0].TLS != "" {
					t.Errorf("%+v", out[0])
				}
			}
			if k.Conns() != 1 {
				t.Errorf("%d connections", k.Conns())
			}
		})
	}
}

func cutAt(s string) string { return s[:min(len(s), 40)] }

func TestOnlyWaitingRecipientsAreTried(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{})
	e := s.entry(letterText, "a@there.test", "b@there.test", "c@there.test")
	e.Rcpts[1].State = spool.Failed
	s.expect(e, relayed)
	if m := k.Messages()[0]; len(m.Rcpts) != 2 || m.Rcpts[1].To != "c@there.test" {
		t.Errorf("%+v", m.Rcpts)
	}
	e.Rcpts[0].State, e.Rcpts[2].State = spool.Relayed, spool.Relayed
	if out := s.send(e); len(out) != 0 || k.Count() != 1 {
		t.Errorf("%v", out)
	}
}

func TestOurReturnPathStaysHere(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{})
	s.expect(s.entry("Return-Path: <sender@here.test>\r\nReceived: by here.test;\r\n\tnow\r\n\r\nx\r\n"), relayed)
	s.expect(s.entry("return-PATH:\r\n <sender@here.test>\r\n\r\nx\r\n"), relayed)
	s.expect(s.entry("Received: x\r\nReturn-Path: <theirs@else.test>\r\n\r\nx\r\n"), relayed)
	big := strings.Repeat("long line\r\n", 20_000)
	s.expect(s.entry("Return-Path: <sender@here.test>\r\nA: b\r\n\r\n"+big), relayed)
	var got []string
	for _, m := range k.Messages() {
		got = append(got, m.Body)
		if size := m.Params["SIZE"]; size != itoa(len(m.Body)) {
			t.Errorf("SIZE=%s of %d", size, len(m.Body))
		}
	}
	for i, want := range []string{"Received: by here.test;\r\n\tnow\r\n\r\nx\r\n", "\r\nx\r\n", "Received: x\r\nReturn-Path: <theirs@else.test>\r\n\r\nx\r\n", "A: b\r\n\r\n" + big} {
		if got[i] != want {
			t.Errorf("%d: %q", i, cutAt(got[i]))
		}
	}
}

func TestRoundTrips(t *testing.T) {
	for _, c := range []struct {
		without        string
		first, further int // of a connection's first message, and of one more
	}{
		{"", 4, 2},           // greeting, EHLO, MAIL+RCPT*3, BDAT with the message
		{"CHUNKING", 4, 2},   // the same with DATA in the group
		{"PIPELINING", 7, 5}, // each RCPT for itself
	} {
		s := newScene(t, zone, nil)
		k := s.sink(1, sink.Options{Without: []string{c.without}})
		to := []string{"a@there.test", "b@there.test", "c@there.test"}
		s.expect(s.entry(letterText, to...), relayed)
		first := k.Rounds()
		s.expect(s.entry(letterText, to...), relayed)
		if further := k.Rounds() - first; first != c.first || further != c.further {
			t.Errorf("without %s: %d and %d round trips", c.without, first, further)
		}
	}
}

func TestEachRecipientHasItsOwnAnswer(t *testing.T) {
	for _, without := range []string{"", "PIPELINING"} {
		s := newScene(t, zone, nil)
		k := s.sink(1, sink.Options{Without: []string{without}, Rcpts: map[string]sink.Behaviour{
			"gone@there.test": {Reply: "550 5.1.1 no such user"},
			"full@there.test": {Reply: "452 4.2.2 mailbox full"},
			"grey@there.test": {Reply: "450 4.7.1 greylisted, come back in 7 minutes"},
			"old@there.test":  {Reply: "551-user not local\nplease try <new@else.test>"},
		}})
		out := s.expect(s.entry(letterText, "a@there.test", "gone@there.test", "full@there.test", "b@there.test", "grey@there.test", "old@there.test"),
			relayed, "failed 5.1.1 rcpt", "deferred 4.2.2 rcpt", relayed, "deferred 4.7.1 rcpt", "failed 5.1.6 rcpt")
		if out[4].RetryAfter.Minutes() != 7 || out[5].Answer.Text != "user not local please try <new@else.test>" {
			t.Errorf("%+v %q", out[4].RetryAfter, out[5].Answer.Text)
		}
		if m := k.Messages(); len(m) != 1 || len(m[0].Rcpts) != 2 {
			t.Errorf("%+v", m)
		}
	}
}

func TestNobodyIsLeftAndNothingIsSent(t *testing.T) {
	for _, without := range [][]string{nil, {"CHUNKING"}, {"PIPELINING", "CHUNKING"}} {
		s := newScene(t, zone, nil)
		k := s.sink(1, sink.Options{Without: without, Behave: map[sink.Stage]sink.Behaviour{sink.Rcpt: {Reply: "550 5.1.1 no", Times: 2}}})
		s.expect(s.entry(letterText, "a@there.test", "b@there.test"), "failed 5.1.1 rcpt")
		s.expect(s.entry(letterText), relayed)
		if k.Count() != 1 || k.Conns() != 1 || k.Octets() != int64(len(letterText)) {
			t.Errorf("%v: %d messages with %d octets over %d connections:\n%s", without, k.Count(), k.Octets(), k.Conns(), commands(k))
		}
		if !strings.Contains(commands(k), "RSET") {
			t.Errorf("the open transaction was not ended:\n%s", commands(k))
		}
	}
}

func TestManyRecipientsGoInSeveralTransactions(t *testing.T) {
	var to []string
	for i := range 7 {
		to = append(to, "u"+itoa(i)+"@there.test")
	}
	for _, c := range []struct {
		name  string
		with  []string
		set   func(*Deps)
		rcpts map[string]sink.Behaviour
		sizes []int
		conns int
	}{
		{name: "our limit", set: func(d *Deps) { d.Settings.MaxRcpts = 3 }, sizes: []int{3, 3, 1}, conns: 1},
		{name: "LIMITS RCPTMAX", with: []string{"LIMITS RCPTMAX=2"}, sizes: []int{2, 2, 2, 1}, conns: 1},
		{name: "LIMITS MAILMAX", with: []string{"LIMITS RCPTMAX=4 MAILMAX=1 OTHER=9"}, sizes: []int{4, 3}, conns: 2},
		{name: "452 too many recipients", rcpts: map[string]sink.Behaviour{
			"u5@there.test": {Reply: "452 4.5.3 too many"}, "u6@there.test": {Reply: "552 too many"},
		}, sizes: []int{5}, conns: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, c.set)
			k := s.sink(1, sink.Options{With: c.with, Rcpts: c.rcpts})
			out := s.send(s.entry(letterText, to...))
			var sizes []int
			for _, m := range k.Messages() {
				sizes = append(sizes, len(m.Rcpts))
			}
			if !equal(sizes, c.sizes) || k.Conns() != c.conns {
				t.Errorf("%v over %d connections:\n%s", sizes, k.Conns(), commands(k))
			}
			if c.rcpts == nil {
				for _, o := range out {
					if o.Kind != queue.Relayed {
						t.Errorf("%+v", o)
					}
				}
			} else if tell(out[5]) != "deferred 4.5.3 rcpt" { // alone it is still too many: then it must wait
				t.Errorf("%+v", out[5])
			}
		})
	}
}

func TestRecipientDomainsAreLimited(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) {
		d.Routes = &Table{Rules: []Rule{{Route: &Route{Relays: []Relay{{Host: "127.0.0.1", TLS: NoTLS}}}}}}
	})
	s.d.Routes.(*Table).Rules[0].Route.Relays[0].Port = s.port
	k := s.sink(1, sink.Options{With: []string{"LIMITS RCPTDOMAINMAX=1"}})
	s.expect(s.entry(letterText, "a@one.test", "b@one.test", "c@two.test"), relayed)
	if m := k.Messages(); len(m) != 2 || len(m[0].Rcpts) != 2 {
		t.Errorf("%+v", m)
	}
}

func TestEnvelopeIsPassedOn(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{With: []string{"MT-PRIORITY MIXER", "DELIVERBY 60"}})
	e := s.entry(letterText, "a@there.test", "b@there.test")
	e.EnvID, e.Ret, e.Priority = "id+1=x y", smtp.RetHeaders, 4
	e.DeliverBy, e.ByMode, e.ByTrace = e.Arrived.Add(3600e9), 'R', true
	e.Rcpts[0].Notify, e.Rcpts[0].ORcpt = smtp.NotifySuccess|smtp.NotifyDelay, "rfc822;first+tag@else.test"
	e.Rcpts[1].Notify, e.Rcpts[1].ORcpt = smtp.NotifyNever, "utf-8;فروش+a@else.test"
	out := s.expect(e, relayed)
	if out[0].Passed != spool.PassedReport|spool.PassedDeadline {
		t.Error("a duty stayed here")
	}
	lines := strings.Split(commands(k), "\n")
	want := []string{
		"MAIL FROM:<sender@here.test> SIZE=" + itoa(len(letterText)) + " RET=HDRS ENVID=id+2B1+3Dx+20y BY=3599;RT MT-PRIORITY=4",
		"RCPT TO:<a@there.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first+2Btag@else.test",
		`RCPT TO:<b@there.test> NOTIFY=NEVER ORCPT=utf-8;\x{641}\x{631}\x{648}\x{634}\x{2B}a@else.test`,
	}
	lines[0] = strings.Replace(lines[0], "BY=3600;", "BY=3599;", 1)
	for i, w := range want {
		if lines[i] != w {
			t.Errorf("%s\nwant %s", lines[i], w)
		}
	}
	if _, err := smtp.ParseRcptParams(strings.TrimPrefix(lines[2], "RCPT TO:<b@there.test>"), smtp.ExtDSN|smtp.ExtUTF8); err != nil {
		t.Error(err)
	}
}

func TestAServerWithoutDSNLeavesTheReportToUs(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{Without: []string{"DSN"}})
	e := s.entry(letterText)
	e.EnvID, e.Rcpts[0].Notify, e.Priority = "x", smtp.NotifySuccess, 3
	e.DeliverBy, e.ByMode = e.Arrived.Add(1e12), 'N' // neither does it take over the deadline
	out := s.expect(e, relayed)
	if out[0].Passed != 0 || strings.Contains(commands(k), "NOTIFY") || strings.Contains(commands(k), "ENVID") || strings.Contains(commands(k), "PRIORITY") {
		t.Errorf("%+v\n%s", out[0], commands(k))
	}
}

func TestWhatAServerCanNotTakeIsNotSent(t *testing.T) {
	for _, c := range []struct {
		name string
		o    sink.Options
		mod  func(*spool.Entry)
		want string
	}{
		{"bigger than SIZE", sink.Options{With: []string{"SIZE 10"}}, nil, "failed 5.3.4 mail"},
		{"SIZE 0 is no limit", sink.Options{With: []string{"SIZE 0"}}, nil, relayed},
		{"DELIVERBY with return", sink.Options{}, func(e *spool.Entry) { e.DeliverBy, e.ByMode = e.Arrived.Add(1e12), 'R' }, "failed 5.3.3 mail"},
		{"DELIVERBY with notice", sink.Options{}, func(e *spool.Entry) { e.DeliverBy, e.ByMode = e.Arrived.Add(1e12), 'N' }, relayed},
		{"DELIVERBY faster than it can", sink.Options{With: []string{"DELIVERBY 5000"}}, func(e *spool.Entry) { e.DeliverBy, e.ByMode = e.Arrived.Add(1e12), 'R' }, "failed 5.4.7 mail"},
		{"DELIVERBY too late", sink.Options{With: []string{"DELIVERBY"}}, func(e *spool.Entry) { e.DeliverBy, e.ByMode = e.Arrived.Add(-1e9), 'R' }, "failed 5.4.7 local"},
		{"too many hops", sink.Options{}, func(e *spool.Entry) { e.Hops = 101 }, "failed 5.4.6 dns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, nil)
			k := s.sink(1, c.o)
			e := s.entry(letterText)
			if c.mod != nil {
				c.mod(e)
			}
			s.expect(e, c.want)
			if c.want != relayed && (k.Octets() > 0 || strings.Contains(commands(k), "MAIL")) {
				t.Errorf("sent:\n%s", commands(k))
			}
		})
	}
}

func TestARetryGoesByDATA(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{})
	for attempts := range 3 {
		e := s.entry(letterText)
		e.Attempts = attempts
		s.expect(e, relayed)
	}
	for i, want := range []bool{true, false, true} {
		if k.Messages()[i].BDAT != want {
			t.Errorf("attempt %d: BDAT %v", i, !want)
		}
	}
}

func TestTimingsAreTold(t *testing.T) {
	s := newScene(t, zone, nil)
	s.dns.Set("there.test", behaviourDelay)
	id := certify(t, yesterday(), "mx1.there.test")
	s.sink(1, sink.Options{TLS: id.server, Behave: map[sink.Stage]sink.Behaviour{
		sink.Greeting: {Delay: delay}, sink.StartTLS: {Delay: delay}, sink.End: {Delay: delay},
	}})
	got := s.expect(s.entry(letterText), relayed)[0].Timing
	if got.DNS < delay*2/3 || got.TLS < delay*2/3 || got.Dialogue < delay*2/3 || got.Data < delay*2/3 || got.Connect <= 0 || got.TLS > 10*delay {
		t.Errorf("%+v", got)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

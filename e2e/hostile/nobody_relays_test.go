package hostile

import (
	"fmt"
	"strings"
	"testing"

	"barid/e2e/server"
)

// TestNobodyRelaysWithoutLogin is row 32: forms that have made some server pass mail on.
func TestNobodyRelaysWithoutLogin(t *testing.T) {
	b := begin(t, server.Options{})
	const (
		foreign = "550 5.7.1 "
		unknown = "550 5.1.1 "
		syntax  = "501 5.1.3 "
	)
	forms := []struct{ from, to, hear string }{
		{stranger, "victim@elsewhere.example", foreign},
		{"", "victim@elsewhere.example", foreign},
		{info, "victim@elsewhere.example", foreign},
		{"nobody@example.test", "victim@elsewhere.example", foreign},
		{"postmaster@example.test", "victim@elsewhere.example", foreign},
		{"root@localhost", "victim@elsewhere.example", foreign},
		{"spam@[127.0.0.1]", "victim@elsewhere.example", foreign},
		{"spam@[IPv6:::1]", "victim@elsewhere.example", foreign},
		{"spam@mx.example.test", "victim@elsewhere.example", foreign},
		{stranger, "VICTIM@ELSEWHERE.EXAMPLE", foreign},
		{stranger, "\"victim\"@elsewhere.example", foreign},
		{stranger, "victim@[127.0.0.1]", foreign},
		{stranger, "victim@[192.0.2.1]", foreign},
		{stranger, "victim@[IPv6:::1]", foreign},
		{stranger, "victim@[IPv6:2001:db8::1]", foreign},
		{stranger, "victim@localhost", foreign},
		{stranger, "victim@mx.example.test", foreign},
		{stranger, "victim@sub.example.test", foreign},
		{stranger, "victim@example.test.elsewhere.example", foreign},
		{stranger, "victim@xn--mgbh0fb.example", foreign},
		{stranger, "victim@elsewhere", foreign},
		{stranger, "@example.test:victim@elsewhere.example", foreign},
		{stranger, "@mx.example.test,@example.test:victim@elsewhere.example", foreign},
		{stranger, "@[127.0.0.1]:victim@elsewhere.example", foreign},
		{stranger, "victim%elsewhere.example@example.test", foreign},
		{stranger, "victim%elsewhere.example%example.test@example.test", foreign},
		{stranger, "elsewhere.example!victim@example.test", foreign},
		{stranger, "\"victim@elsewhere.example\"@example.test", foreign},
		{stranger, "\"victim%elsewhere.example\"@example.test", foreign},
		{stranger, "\"@elsewhere.example:victim\"@example.test", foreign},
		{stranger, "victim=elsewhere.example@example.test", unknown},
		{stranger, "victim#elsewhere.example@example.test", unknown},
		{stranger, "victim%elsewhere.example@[127.0.0.1]", foreign},
		{stranger, "elsewhere.example!victim@[127.0.0.1]", foreign},
		{stranger, "victim%elsewhere.example", syntax},
		{stranger, "elsewhere.example!victim", syntax},
		{stranger, "victim", syntax},
		{stranger, "\"victim@elsewhere.example\"", syntax},
		{stranger, "victim@elsewhere.example@example.test", syntax},
		{stranger, "info@example.test@elsewhere.example", syntax},
		{stranger, "victim@elsewhere.example.", foreign},
		{stranger, "victim@@example.test", syntax},
		{stranger, "victim@elsewhere.example,info@example.test", syntax},
		{stranger, "victim@elsewhere.example>,<info@example.test", "501 5.5.4 "},
		{stranger, "@example.test:", syntax},
		{stranger, "info@example.test%elsewhere.example", syntax},
	}
	if len(forms) < 41 {
		t.Fatalf("%d forms, 41 are asked for", len(forms))
	}
	for _, f := range forms {
		t.Run(fmt.Sprintf("from <%s> to <%s>", f.from, f.to), func(t *testing.T) {
			c := b.smtp(t, "127.0.2.2")
			dialog(t, c, []step{
				{"MAIL FROM:<" + f.from + ">", "250"}, {"RCPT TO:<" + f.to + ">", f.hear}, {"DATA", "554 5.5.1 "}, {"QUIT", "221"},
			})
		})
	}
	b.alive(t)
}

// TestUnknownUsersAreRefusedAtOnce is rows 33 to 35: no bounce is needed where RCPT is refused, postmaster is
// always there, and nothing tells who is.
func TestUnknownUsersAreRefusedAtOnce(t *testing.T) {
	b := begin(t, server.Options{})
	c := b.smtp(t, "127.0.2.2")
	dialog(t, c, []step{
		{"VRFY " + info, "252 2."},
		{"VRFY nobody@example.test", "252 2."},
		{"VRFY postmaster", "252 2."},
		{"EXPN staff", "502 5.5.1 "},
		{"ETRN example.test", "5"},
		{"MAIL FROM:<" + stranger + ">", "250"},
		{"RCPT TO:<nobody@example.test>", "550 5.1.1 "},
		{"RCPT TO:<info.@example.test>", "501 5.1.3 "},
		{"RCPT TO:<InFo@EXAMPLE.test>", "250"},
		{"RCPT TO:<info+detail@example.test>", "250"},
	})
	for _, p := range []string{"postmaster@example.test", "POSTMASTER@example.test", "PostMaster@EXAMPLE.TEST", "postmaster", "Postmaster", "\"postmaster\"@example.test"} {
		dialog(t, c, []step{{"RCPT TO:<" + p + ">", "250 2.1.5 "}})
	}
	known, err := c.Ask("VRFY " + info)
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.Ask("VRFY nobody@example.test")
	if err != nil || known.String() != other.String() {
		t.Errorf("VRFY tells users: %q, %q %v", known, other, err)
	}
	b.alive(t)
}

// TestNobodySendsInAnothersName is row 36: envelope and header of a submission.
func TestNobodySendsInAnothersName(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", demo)
	before := messages(t, box, "INBOX")
	for _, port := range []string{"submission", "submissions"} {
		for _, from := range []string{demo, "nobody@example.test", stranger, "info@sub.example.test", "info@example.test.elsewhere.example"} {
			t.Run(port+" envelope "+from, func(t *testing.T) {
				c := b.submission(t, port, "127.0.2.3")
				r, err := c.Ask("MAIL FROM:<" + from + ">")
				if err != nil || !r.Is("550 5.7.1 ") && !r.Is("553 5.7.1 ") {
					t.Errorf("MAIL: %q %v", r, err)
				}
				dialog(t, c, []step{{"RCPT TO:<" + demo + ">", "503 5.5.1 "}})
			})
		}
		for name, header := range map[string]string{
			"From of a colleague":       "From: <" + demo + ">\r\n",
			"From of a stranger":        "From: Bank <" + stranger + ">\r\n",
			"two in From":               "From: <" + info + ">, <" + demo + ">\r\nSender: <" + demo + ">\r\n",
			"two From fields":           "From: <" + info + ">\r\nFrom: <" + demo + ">\r\n",
			"folded From":               "From:\r\n <" + demo + ">\r\n",
			"blank before the colon":    "From : <" + demo + ">\r\n",
			"encoded words":             "From: =?utf-8?q?info=40example=2Etest?= <" + demo + ">\r\n",
			"comment with our address":  "From: (" + info + ") <" + demo + ">\r\n",
			"display with our address":  "From: \"" + info + "\" <" + demo + ">\r\n",
			"a group":                   "From: info:" + demo + ";\r\n",
			"Sender of a colleague":     "From: <" + info + ">\r\nSender: <" + demo + ">\r\n",
			"lower case, another field": "FROM: <" + demo + ">\r\n",
		} {
			t.Run(port+" "+name, func(t *testing.T) {
				c := b.submission(t, port, "127.0.2.3")
				r, err := c.Send(info, []string{demo}, header+"Subject: name\r\n\r\nx\r\n")
				if err != nil || r.Code/100 != 5 || !strings.Contains(r.String(), " 5.7.1 ") {
					t.Errorf("%q: %q %v", header, r, err)
				}
			})
		}
	}
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came in another's name", n-before)
	}
	c := b.submission(t, "submission", "127.0.2.3")
	if r, err := c.Send(info, []string{demo}, "From: Us <"+info+">\r\nSubject: mine\r\n\r\nx\r\n"); err != nil || r.Code != 250 {
		t.Errorf("an own name: %q %v", r, err)
	}
	b.alive(t)
}

// TestOurTraceFieldsCanNotBeForged is row 31: Authentication-Results and Received-SPF in our name are removed,
// those of others stay.
func TestOurTraceFieldsCanNotBeForged(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	forged := []string{
		"Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=forged-1",
		"authentication-results: MX.EXAMPLE.TEST; dkim=pass header.d=forged-2",
		"Authentication-Results: mx.example.test 1; dkim=pass header.d=forged-3",
		"Authentication-Results:\r\n mx.example.test; dkim=pass header.d=forged-4",
		"Authentication-Results: (comment) mx.example.test; dkim=pass header.d=forged-5",
		"Authentication-Results: \"mx.example.test\"; dkim=pass header.d=forged-6",
		"Authentication-Results : mx.example.test; dkim=pass header.d=forged-7",
		"Authentication-Results: mx.example.test.; dkim=pass header.d=forged-8",
		"Return-Path: <forged-9@elsewhere.example>",
		"Received-SPF: pass (mx.example.test: forged-10) client-ip=192.0.2.1",
	}
	kept := "Authentication-Results: other.elsewhere.example; spf=pass smtp.mailfrom=genuine"
	message := strings.Join(forged, "\r\n") + "\r\n" + kept + "\r\nSubject: forged\r\n\r\nAuthentication-Results: mx.example.test; in the body\r\n"
	c := b.smtp(t, "127.0.2.2")
	if r, err := c.Send(stranger, []string{info}, message); err != nil || r.Code != 250 {
		t.Fatal(r, err)
	}
	raw := latest(t, box, "INBOX", "BODY.PEEK[]")["BODY[]"].Text
	if strings.Contains(raw, "forged-") {
		t.Errorf("forged fields were kept:\n%s", raw)
	}
	if !strings.Contains(raw, kept) || !strings.Contains(raw, "; in the body") {
		t.Errorf("more was removed than is ours:\n%s", raw)
	}
	b.alive(t)
}

// TestLoopsAreCut is row 47, for messages that have passed too many servers, or us too often.
func TestLoopsAreCut(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	ours := "Received: from a.elsewhere.example by mx.example.test with ESMTP; Mon, 06 Jan 2025 10:00:00 +0000\r\n"
	other := "Received: from a.elsewhere.example by b.elsewhere.example with ESMTP; Mon, 06 Jan 2025 10:00:00 +0000\r\n"
	for _, c := range []struct {
		name, head, hear string
		came             int
	}{
		{"150 servers", strings.Repeat(other, 150), "554 5.4.6 ", 0},
		{"us 11 times", strings.Repeat(ours+other, 11), "554 5.4.6 ", 0},
		{"us, in another case", strings.Repeat(strings.ToUpper(ours), 11), "554 5.4.6 ", 0},
		{"99 servers", strings.Repeat(other, 99), "250 ", 1},
		{"us once", ours, "250 ", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.smtp(t, "127.0.2.2")
			n := messages(t, box, "INBOX")
			r, err := conn.Send(stranger, []string{info}, c.head+"Subject: loop\r\n\r\nx\r\n")
			if err != nil || !r.Is(c.hear) {
				t.Errorf("%q %v, want %q", r, err, c.hear)
			}
			if got := messages(t, box, "INBOX") - n; got != c.came {
				t.Errorf("%d messages came, want %d", got, c.came)
			}
		})
	}
	if n := messages(t, box, "INBOX") - before; n != 2 {
		t.Errorf("%d messages came, want 2", n)
	}
	b.alive(t)
}

package dsn

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"barid/rfc/addr"
	"barid/rfc/header"
	"barid/rfc/mime"
	"barid/rfc/status"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const original = "Received: from [192.0.2.7] by mail.ours.test with ESMTPSA id 01jd4xk8t0003f7q2m.1;\r\n\tSat, 21 Nov 2026 10:00:00 +0000\r\n" +
	"From: <sender@ours.test>\r\nTo: <info@example.org>\r\nSubject: offer\r\nMessage-ID: <q1@ours.test>\r\n\r\nHello.\r\n"

// sample is a report about one failure, as RFC 3464 appendix E.1 has it.
func sample() *Message {
	return &Message{
		FromName: "Mail delivery", From: addr.Mailbox{Local: "MAILER-DAEMON", Domain: "mail.ours.test"},
		To: addr.Mailbox{Local: "sender", Domain: "ours.test"}, Subject: "Not delivered: offer", Date: noon,
		MessageID: "01jd4xk8t0003f7q2n@mail.ours.test", References: []string{"q1@ours.test"},
		Language: "en", Text: "Your message could not be delivered.\n",
		Report: Report{
			ReportingMTA: "mail.ours.test", EnvelopeID: "QQ314159", Arrival: noon.Add(-time.Hour),
			Recipients: []Recipient{{
				Original: Address{TypeRFC822, "info@example.org"}, Final: Address{TypeRFC822, "info@example.org"}, Action: Failed,
				Status: Status{status.Permanent, 1, 1}, RemoteMTA: "mx.example.org", Diagnostic: "550 5.1.1 no such user", DiagType: "smtp",
				Attempt: noon, LogID: "01jd4xk8t0003f7q2m.1",
			}},
		},
		Original: Original{Body: strings.NewReader(original), Size: int64(len(original))},
	}
}

// write composes m and checks what must hold for every report.
func write(t *testing.T, m *Message) (string, Form, *mime.Message) {
	t.Helper()
	var b bytes.Buffer
	f, err := m.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	s := mime.Scan(b.Bytes(), mime.DefaultLimits())
	if s.HasNUL || s.HasBareCR || s.HasBareLF || s.Truncated {
		t.Errorf("NUL %v, CR %v, LF %v, truncated %v", s.HasNUL, s.HasBareCR, s.HasBareLF, s.Truncated)
	}
	if s.Has8bit != f.Has8bit {
		t.Errorf("has 8-bit bytes: %v, said to: %v", s.Has8bit, f.Has8bit)
	}
	for l := range strings.SplitSeq(b.String(), "\r\n") {
		if len(l) > maxLine {
			t.Errorf("a line of %d octets: %.60q", len(l), l)
		}
	}
	for field := range header.All(s.Header) {
		if len(field.Name) == 0 {
			t.Errorf("no field: %q", field.Raw(s.Header))
		}
	}
	if r := s.Root; r.Type != "MULTIPART" || r.Subtype != "REPORT" || r.Param("report-type") != "delivery-status" || len(r.Children) < 2 {
		t.Errorf("%s/%s of %d parts", r.Type, r.Subtype, len(r.Children))
	}
	return b.String(), f, s
}

func TestReportReadsLikeTheStandard(t *testing.T) {
	got, f, s := write(t, sample())
	boundary := s.Root.Param("boundary")
	want := strings.ReplaceAll(`From: Mail delivery <MAILER-DAEMON@mail.ours.test>
To: <sender@ours.test>
Subject: Not delivered: offer
Date: Sat, 21 Nov 2026 12:00:00 +0000
Message-ID: <01jd4xk8t0003f7q2n@mail.ours.test>
References: <q1@ours.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Language: en
Content-Type: multipart/report; report-type=delivery-status;
 boundary="BOUNDARY"

This is a report about a mail message, in several parts (MIME).

--BOUNDARY
Content-Type: text/plain; charset=us-ascii; format=flowed
Content-Language: en
Content-Transfer-Encoding: 7bit

Your message could not be delivered.

--BOUNDARY
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.ours.test
Original-Envelope-Id: QQ314159
Arrival-Date: Sat, 21 Nov 2026 11:00:00 +0000

Original-Recipient: rfc822;info@example.org
Final-Recipient: rfc822;info@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 no such user
Last-Attempt-Date: Sat, 21 Nov 2026 12:00:00 +0000
Final-Log-ID: 01jd4xk8t0003f7q2m.1

--BOUNDARY
Content-Type: text/rfc822-headers

Received: from [192.0.2.7] by mail.ours.test with ESMTPSA id 01jd4xk8t0003f7q2m.1;
	Sat, 21 Nov 2026 10:00:00 +0000
From: <sender@ours.test>
To: <info@example.org>
Subject: offer
Message-ID: <q1@ours.test>

--BOUNDARY--
`, "BOUNDARY", boundary)
	if want = strings.ReplaceAll(want, "\n", "\r\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if f != (Form{}) {
		t.Errorf("%+v", f)
	}
}

// TestWhatIsReturned walks over RFC 3461 §4.3, RFC 6522 §4 and RFC 6533 §5, §6.
func TestWhatIsReturned(t *testing.T) {
	long := strings.Repeat("x", 1200)
	for name, c := range map[string]struct {
		original string
		full     bool
		maxFull  int64
		utf8     bool
		want     string // type of the third part
		form     Form
	}{
		"header section":                  {original, false, 0, false, "TEXT/RFC822-HEADERS 7BIT", Form{}},
		"all of it":                       {original, true, 0, false, "MESSAGE/RFC822 7BIT", Form{Full: true}},
		"all of it within the bound":      {original, true, int64(len(original)), false, "MESSAGE/RFC822 7BIT", Form{Full: true}},
		"too big to return":               {original, true, int64(len(original)) - 1, false, "TEXT/RFC822-HEADERS 7BIT", Form{}},
		"8-bit body":                      {"Subject: a\r\n\r\n\xd8\xa7\r\n", true, 0, false, "MESSAGE/RFC822 8BIT", Form{Full: true, Has8bit: true}},
		"8-bit body, header only":         {"Subject: a\r\n\r\n\xd8\xa7\r\n", false, 0, true, "TEXT/RFC822-HEADERS 7BIT", Form{}},
		"8-bit header, no SMTPUTF8":       {"Subject: \xd8\xa7\r\n\r\nb\r\n", false, 0, false, "TEXT/RFC822-HEADERS QUOTED-PRINTABLE", Form{}},
		"8-bit header, SMTPUTF8":          {"Subject: \xd8\xa7\r\n\r\nb\r\n", false, 0, true, "MESSAGE/GLOBAL-HEADERS 8BIT", Form{Has8bit: true, UTF8: true}},
		"8-bit header in full, SMTPUTF8":  {"Subject: \xd8\xa7\r\n\r\nb\r\n", true, 0, true, "MESSAGE/GLOBAL 8BIT", Form{Full: true, Has8bit: true, UTF8: true}},
		"8-bit header in full":            {"Subject: \xd8\xa7\r\n\r\nb\r\n", true, 0, false, "MESSAGE/RFC822 8BIT", Form{Full: true, Has8bit: true}},
		"a long line in the body":         {"Subject: a\r\n\r\n" + long + "\r\n", true, 0, false, "TEXT/RFC822-HEADERS 7BIT", Form{}},
		"a long line in the header":       {"Subject: " + long + "\r\n\r\nb\r\n", true, 0, false, "TEXT/RFC822-HEADERS QUOTED-PRINTABLE", Form{}},
		"a long UTF-8 line in the header": {"Subject: \xd8\xa7" + long + "\r\n\r\nb\r\n", true, 0, true, "TEXT/RFC822-HEADERS QUOTED-PRINTABLE", Form{UTF8: true}},
		"binary":                          {"Subject: a\r\n\r\n\x00\r\n", true, 0, false, "TEXT/RFC822-HEADERS 7BIT", Form{}},
		"bare LF":                         {"Subject: a\r\n\r\nb\nc\r\n", true, 0, false, "TEXT/RFC822-HEADERS 7BIT", Form{}},
		"bare CR in the header":           {"Subject: a\rb\r\n\r\nb\r\n", true, 0, false, "TEXT/RFC822-HEADERS QUOTED-PRINTABLE", Form{}},
		"no end of line":                  {"Subject: a\r\n\r\nb", true, 0, false, "MESSAGE/RFC822 7BIT", Form{Full: true}},
		"empty line only":                 {"\r\nb\r\n", false, 0, false, "TEXT/RFC822-HEADERS 7BIT", Form{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample()
			m.UTF8 = c.utf8
			m.Original = Original{Body: strings.NewReader(c.original), Size: int64(len(c.original)), Full: c.full, MaxFull: c.maxFull}
			text, f, s := write(t, m)
			third := s.Root.Children[2]
			if got := third.Type + "/" + third.Subtype + " " + third.Encoding; got != c.want {
				t.Errorf("%s", got)
			}
			if f != c.form {
				t.Errorf("%+v", f)
			}
			if f.Full && text[third.BodyOff:third.End] != c.original {
				t.Errorf("%q", text[third.BodyOff:third.End])
			}
		})
	}
}

// TestGlobalReport is RFC 6533 §3, §4: UTF-8 addresses as they are for those who used SMTPUTF8, and in
// seven bits for others.
func TestGlobalReport(t *testing.T) {
	m := sample()
	m.UTF8 = true
	m.Report.Recipients[0].Original = Address{TypeUTF8, "فروش@نمونه.example"}
	m.Report.Recipients[0].Final = AddressOf(addr.Mailbox{Local: "فروش", Domain: "xn--hhbbbed.example"})
	m.Report.Recipients[0].Diagnostic = "550 5.1.1 <فروش@نمونه.example> unknown"
	text, f, s := write(t, m)
	if second := s.Root.Children[1]; second.Subtype != "GLOBAL-DELIVERY-STATUS" || second.Encoding != "8BIT" || !f.UTF8 {
		t.Errorf("%s %s %+v", second.Subtype, second.Encoding, f)
	}
	for _, want := range []string{"Original-Recipient: utf-8;فروش@نمونه.example\r\n", "Final-Recipient: utf-8;فروش@نمونه.example\r\n", "<فروش@نمونه.example> unknown\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	m.UTF8 = false
	text, f, s = write(t, m)
	if s.Root.Children[1].Subtype != "DELIVERY-STATUS" || f.UTF8 || f.Has8bit {
		t.Errorf("%s %+v", s.Root.Children[1].Subtype, f)
	}
	if want := `Final-Recipient: utf-8;\x{641}\x{631}\x{648}\x{634}@\x{646}\x{645}\x{648}\x{646}\x{647}.example`; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	b, ok, err := Parse(strings.NewReader(text), s)
	if err != nil || !ok || b.Recipients[0].Final.Text != "فروش@نمونه.example" || b.Recipients[0].Diagnostic != "550 5.1.1 <فروش@نمونه.example> unknown" {
		t.Errorf("%+v, %v, %v", b.Recipients, ok, err)
	}
}

func TestSenderWithUTF8AddressIsToldInUTF8(t *testing.T) {
	m := sample()
	m.To = addr.Mailbox{Local: "فروش", Domain: "ours.test"}
	text, f, s := write(t, m)
	if !f.UTF8 || !f.Has8bit || !strings.Contains(text, "To: <فروش@ours.test>\r\n") || s.Root.Encoding != "8BIT" || s.Root.Children[1].Subtype != "GLOBAL-DELIVERY-STATUS" {
		t.Errorf("%+v\n%s", f, text)
	}
}

func TestTextsAreEncodedOnlyIfTheyMust(t *testing.T) {
	for text, want := range map[string]string{
		"plain\n":                      "us-ascii 7BIT",
		"mostly plain with one مثال\n": "utf-8 QUOTED-PRINTABLE",
		"نامهٔ شما تحویل داده نشد.\n":         "utf-8 BASE64",
		strings.Repeat("x", 2000) + "\n":      "utf-8 QUOTED-PRINTABLE",
		"trailing spaces stay \nsoft break\n": "us-ascii 7BIT",
	} {
		m := sample()
		m.Text, m.HTML = text, "<p dir=\"rtl\">"+text+"</p>\n"
		raw, _, s := write(t, m)
		for i, kind := range []string{"PLAIN", "HTML"} {
			p := s.Root.Children[0].Children[i]
			if got := p.Param("charset") + " " + p.Encoding; got != want || p.Subtype != kind {
				t.Errorf("%.20q: %s %s", text, p.Subtype, got)
			}
			b, err := io.ReadAll(mime.Decode(strings.NewReader(raw[p.BodyOff:p.End]), p.Encoding)) // as it is, not as it flows
			if got := strings.ReplaceAll(string(b), "\r\n", "\n"); err != nil || !strings.Contains(got, strings.TrimSuffix(text, "\n")) {
				t.Errorf("%.20q came back as %q, %v", text, got, err)
			}
		}
	}
}

// TestStrangersTextIsHarmless gives a remote host's words that try to break out of their field.
func TestStrangersTextIsHarmless(t *testing.T) {
	for _, words := range []string{
		"550 no\r\n\r\nInjected: yes", "550 \x00\x1b[31mred", "550 " + strings.Repeat("x", 5000), "550 \xff\xfe caf\xe9", "550 \u202eevil", "550 مرحبا",
		"550 " + strings.Repeat("م", 3000), strings.Repeat(" ", 3000) + "550 5.1.1 far away", "\r\n.\r\n",
	} {
		for _, utf8 := range []bool{false, true} {
			m := sample()
			m.UTF8 = utf8
			r := &m.Report.Recipients[0]
			r.Diagnostic, r.RemoteMTA, r.LogID = words, words, words
			m.Report.EnvelopeID, m.Subject, m.FromName = words, words, words
			m.References = []string{words, "ok@ours.test"}
			text, _, s := write(t, m)
			if strings.Contains(text, "\nInjected") || strings.Contains(text, "\u202e") {
				t.Errorf("%.20q: %s", words, text)
			}
			b, ok, err := Parse(strings.NewReader(text), s)
			if err != nil || !ok || len(b.Recipients) != 1 || b.Recipients[0].Status != r.Status {
				t.Errorf("%.20q: %+v, %v, %v", words, b, ok, err)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	m := sample()
	for a := Delayed; a <= Expanded; a++ {
		r := m.Report.Recipients[0]
		r.Action, r.Status = a, Status{status.Success, 0, 0}
		if a == Delayed {
			r.Status, r.RetryUntil = Status{status.Transient, 4, 7}, noon.Add(120*time.Hour)
		}
		r.Final.Text = a.String() + "@example.org"
		m.Report.Recipients = append(m.Report.Recipients, r)
	}
	text, _, s := write(t, m)
	b, ok, err := Parse(strings.NewReader(text), s)
	if err != nil || !ok || b.Source != "rfc3464" {
		t.Fatalf("%q, %v, %v", b.Source, ok, err)
	}
	if got, want := b.Report.ReportingMTA+b.Report.EnvelopeID, "mail.ours.testQQ314159"; got != want || !b.Report.Arrival.Equal(m.Report.Arrival) {
		t.Errorf("%q, %v", got, b.Report.Arrival)
	}
	if b.Returned.MessageID != "q1@ours.test" || b.Returned.Subject != "offer" {
		t.Errorf("%+v", b.Returned)
	}
	for i, got := range b.Recipients {
		want := m.Report.Recipients[i]
		if !got.Attempt.Equal(want.Attempt) || !got.RetryUntil.Equal(want.RetryUntil) {
			t.Errorf("times of %d: %v %v", i, got.Attempt, got.RetryUntil)
		}
		got.Attempt, got.RetryUntil = want.Attempt, want.RetryUntil
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestBoundaryNeverStandsInTheOriginal(t *testing.T) {
	_, _, s := write(t, sample())
	for _, full := range []bool{true, false} {
		body := "Subject: a\r\n\r\n--" + s.Root.Param("boundary") + "--\r\n"
		m := sample()
		m.Original = Original{Body: strings.NewReader(body), Size: int64(len(body)), Full: full}
		_, _, again := write(t, m)
		if len(again.Root.Children) != 3 || full && again.Root.Param("boundary") == s.Root.Param("boundary") {
			t.Errorf("full %v: %d parts", full, len(again.Root.Children))
		}
	}
}

func TestHugeHeaderIsCutBehindALine(t *testing.T) {
	body := "Subject: a\r\n" + strings.Repeat("X-Filler: 0123456789\r\n", maxReturnedHeader/10) + "\r\nb\r\n"
	m := sample()
	m.Original = Original{Body: strings.NewReader(body), Size: int64(len(body))}
	text, _, s := write(t, m)
	p := s.Root.Children[2]
	if got := text[p.BodyOff:p.End]; len(got) > maxReturnedHeader || len(got) < maxReturnedHeader-100 || !strings.HasSuffix(got, "0123456789\r\n") {
		t.Errorf("%d bytes", len(got))
	}
}

// failing fails after n bytes.
type failing struct{ n int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func (f *failing) ReadAt([]byte, int64) (int, error) { return 0, errFull }

func TestErrorsAreToldAtEveryByte(t *testing.T) {
	text, _, _ := write(t, sample())
	for n := range len(text) {
		if _, err := sample().Write(&failing{n}); !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	m := sample()
	m.Original.Body = &failing{}
	if _, err := m.Write(io.Discard); !errors.Is(err, errFull) {
		t.Errorf("damaged original: %v", err)
	}
}

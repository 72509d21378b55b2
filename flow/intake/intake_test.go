package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"barid/base/kv"
	"barid/flow/policy"
	"barid/mail"
	"barid/mail/event"
	"barid/rfc/mime"
	"barid/rfc/smtp"
	"barid/rfc/status"
)

const plain = "From: a@other.test\r\nTo: one@example.test\r\nSubject: hi\r\n" +
	"Date: Sun, 22 Nov 2026 09:59:00 +0000\r\nMessage-ID: <1@other.test>\r\n\r\nHello.\r\n"

func TestStoredIsWhatCameBehindTraceFields(t *testing.T) {
	big := "Subject: big\r\nX-Pad: " + strings.Repeat("p", 100<<10) + "\r\n\r\n" + strings.Repeat("line of text\r\n", 20000)
	for _, c := range []struct{ name, text string }{
		{"usual", plain},
		{"header only", "Subject: x\r\n"},
		{"header and blank line only", "Subject: x\r\n\r\n"},
		{"blank line first", "\r\nbody\r\n"},
		{"nothing at all", ""},
		{"mbox line first", "From info@example.test Sat Jan  1 00:00:00 2026\r\nSubject: x\r\n\r\nb\r\n"},
		{"junk line in the header", "Subject: x\r\nthis is no field\r\nTo: y\r\n\r\nb\r\n"},
		{"8-bit, unlabelled", "Subject: \xd3\xe1\xc7\xe3\r\n\r\n\xd3\xe1\xc7\xe3\r\n"},
		{"broken multipart", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nno end\r\n"},
		{"no line end at the end", "Subject: x\r\n\r\nb"},
		{"dots", "Subject: x\r\n\r\n.\r\n..\r\n"},
		{"header of more than one buffer", big},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chop := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r },
				iotest.DataErrReader, // bytes and io.EOF in one call
				iotest.OneByteReader,
			} {
				w := newWorld(t, Settings{})
				tx := w.begin(stranger(), smtp.MailParams{}, "one")
				r, err := tx.Data(t.Context(), chop(strings.NewReader(c.text)))
				if err != nil || r.Delivered != 1 || r.ID != "sess.1" || r.PerRcpt != nil {
					t.Fatalf("%+v, %v", r, err)
				}
				got := w.last()
				if got.text != mxTrace+c.text {
					t.Fatalf("stored %q", clip(got.text))
				}
				checkMessage(t, got)
				if w.blobs.open != 0 {
					t.Error("a writer is still open")
				}
			}
		})
	}
}

func clip(s string) string { return s[:min(len(s), 1000)] }

// checkMessage compares what the mailbox is told with what is stored.
func checkMessage(t *testing.T, s stored) {
	t.Helper()
	if s.msg.Size != int64(len(s.text)) || !strings.HasPrefix(s.text[s.msg.Prefix-2:], "\r\n") {
		t.Errorf("size %d prefix %d of %d bytes", s.msg.Size, s.msg.Prefix, len(s.text))
	}
	want := mime.Scan([]byte(s.text), mime.DefaultLimits())
	got := s.msg.Parsed
	if !reflect.DeepEqual(got, want) {
		got.Header, want.Header = got.Header[len(got.Header):], want.Header[len(want.Header):]
		t.Errorf("the structure told differs from that of the stored bytes:\ngot  %+v %+v\nwant %+v %+v", got, got.Root, want, want.Root)
	}
}

func TestMessageThatBeginsWithItsBody(t *testing.T) {
	for _, text := range []string{
		"Hello there\r\nthis has no header\r\n\r\nat all\r\n",
		" folded: into our last trace field\r\n\r\nb\r\n",
		"\tsmtp.auth=forged\r\n\r\nb\r\n",
		strings.Repeat("x", 5000),
		": no name\r\n\r\nb\r\n",
	} {
		w := newWorld(t, Settings{})
		if _, err := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), iotest.HalfReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
		if got := w.last(); got.text != mxTrace+"\r\n"+text {
			t.Errorf("stored %q", clip(got.text))
		} else {
			checkMessage(t, got)
		}
	}
}

func TestRandomReads(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	text := "Authentication-Results: " + host + "; spf=pass\r\n" + plain + strings.Repeat(strings.Repeat("z", 70)+"\r\n", 3000)
	for range 50 {
		w := newWorld(t, Settings{})
		if _, err := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), &ragged{strings.NewReader(text), rng}); err != nil {
			t.Fatal(err)
		}
		want := mxTrace + text[strings.Index(text, "\r\n")+2:]
		if got := w.last(); got.text != want {
			t.Fatalf("stored %q", clip(got.text))
		}
	}
}

// ragged reads pieces of any size, also none.
type ragged struct {
	r   io.Reader
	rng *rand.Rand
}

func (r *ragged) Read(p []byte) (int, error) { return r.r.Read(p[:r.rng.IntN(min(len(p), 9000)+1)]) }

func TestTraceFields(t *testing.T) {
	six := stranger()
	six.Remote, six.Helo, six.ESMTP = netip.MustParseAddrPort("[2001:db8::1]:25"), "bad helo) by us; (", false
	utf8 := stranger()
	utf8.Helo, utf8.TLS = "بريد.test", "TLS1.2 X"
	for _, c := range []struct {
		name  string
		c     *mail.Client
		p     smtp.MailParams
		rcpts []string
		want  []string
		not   string
	}{
		{"login", login(), smtp.MailParams{}, []string{"one"}, []string{loginTrace}, ""},
		{"several recipients are not told to each other", stranger(), smtp.MailParams{}, []string{"one", "two"}, nil, "\tfor "},
		{"alias", stranger(), smtp.MailParams{}, []string{"team"}, []string{"for <team@example.test>;"}, ""},
		{"LMTP", lmtp(), smtp.MailParams{}, []string{"one"}, []string{"with LMTP id"}, ""},
		{"IPv6, HELO, and a HELO that would break out", six, smtp.MailParams{}, []string{"one"},
			[]string{"Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n", "with SMTP id"}, "bad helo"},
		{"UTF8SMTPS, RFC 6531 §4.3", utf8, smtp.MailParams{UTF8: true}, []string{"واحد"},
			[]string{"from بريد.test ([192.0.2.1])", "with UTF8SMTPS (TLS1.2 X) id", "for <واحد@example.test>"}, ""},
		{"no UTF-8 without SMTPUTF8", utf8, smtp.MailParams{}, []string{"one"}, []string{"from [192.0.2.1] ([192.0.2.1])"}, "بريد"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Settings{})
			if _, err := w.begin(c.c, c.p, c.rcpts...).Data(t.Context(), strings.NewReader(plain)); err != nil {
				t.Fatal(err)
			}
			got := w.last().text
			for _, s := range c.want {
				if !strings.Contains(got, s) {
					t.Errorf("no %q in\n%s", s, got)
				}
			}
			if c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("%q in\n%s", c.not, got)
			}
			if !strings.HasSuffix(got, plain) {
				t.Errorf("changed:\n%s", got)
			}
		})
	}
}

func TestNullReversePath(t *testing.T) {
	w := newWorld(t, Settings{})
	tx, err := w.in.Begin(t.Context(), login(), path(t, "<>"), smtp.MailParams{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Rcpt(t.Context(), path(t, "<one@example.test>"), smtp.RcptParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Data(t.Context(), strings.NewReader("Subject: read\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	got := w.last().text
	if !strings.HasPrefix(got, "Return-Path: <>\r\nAuthentication-Results: mail.example.test;\r\n\tauth=pass\r\n") || strings.Contains(got, "From:") {
		t.Errorf("stored %s", got)
	}
}

func TestSubmissionCompletesAndRemovesBcc(t *testing.T) {
	added := "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: <sender@other.test>\r\nMessage-ID: <sess.1@mail.example.test>\r\n"
	for _, c := range []struct{ name, text, want string }{
		{"complete", plain, plain},
		{"nothing there", "\r\nb\r\n", added + "\r\nb\r\n"},
		{"no header", "just text\r\n", added + "\r\njust text\r\n"},
		{"Date only", "date: x\r\n\r\nb\r\n", added[strings.Index(added, "From:"):] + "date: x\r\n\r\nb\r\n"},
		{"Bcc", "Bcc: two@example.test\r\n" + plain, plain},
		{"Bcc folded, any case, between, and twice", strings.Replace("BCC: x@a.test\r\n"+plain, "Subject", "bcc : two@example.test,\r\n three@example.test\r\nResent-Bcc: z@a.test\r\nSubject", 1), plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Settings{})
			if _, err := w.send(login(), c.text, "one"); err != nil {
				t.Fatal(err)
			}
			got := w.last()
			if got.text != loginTrace+c.want {
				t.Errorf("stored\n%s\nwant\n%s", got.text, loginTrace+c.want)
			}
			checkMessage(t, got)
			w = newWorld(t, Settings{})
			if _, err := w.send(stranger(), c.text, "one"); err != nil {
				t.Fatal(err)
			}
			if got := w.last().text; !strings.HasSuffix(got, c.text) {
				t.Errorf("mail from the world was changed:\n%s", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	hop := "Received: from a by b; date\r\n"
	own := "Received: from a (x)\r\n\tBY Mail.Example.Test with ESMTP; date\r\n"
	for _, c := range []struct {
		name string
		s    Settings
		text string
		code string
	}{
		{"100 hops", Settings{}, strings.Repeat(hop, 100) + plain, ""},
		{"101 hops, RFC 5321 §6.3", Settings{}, strings.Repeat(hop, 101) + plain, "554 5.4.6"},
		{"150 hops and a big body", Settings{}, strings.Repeat(hop, 150) + plain + strings.Repeat("x", 1<<20), "554 5.4.6"},
		{"10 times through here", Settings{}, strings.Repeat(own, 10) + plain, ""},
		{"11 times through here", Settings{}, strings.Repeat(own, 11) + plain, "554 5.4.6"},
		{"11 times through somebody like us", Settings{}, strings.Repeat("Received: by not"+host+"; x\r\n", 11) + plain, ""},
		{"message too big", Settings{MaxMessage: 1000}, plain + strings.Repeat("x", 1000), "552 5.3.4"},
		{"header too big", Settings{MaxHeader: 1000}, "X: " + strings.Repeat("x", 2000) + "\r\n\r\n", "552 5.3.4"},
		{"header too big by its end", Settings{MaxHeader: 70 << 10}, "X: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", "552 5.3.4"},
		{"header without end too big", Settings{MaxHeader: 1000}, "X: " + strings.Repeat("x", 1<<20), "552 5.3.4"},
		{"too many fields", Settings{MaxFields: 10}, strings.Repeat("X: y\r\n", 11) + "\r\n", "552 5.3.4"},
		{"10 fields", Settings{MaxFields: 10}, strings.Repeat("X: y\r\n", 10) + "\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.s)
			body := strings.NewReader(c.text)
			tx := w.begin(stranger(), smtp.MailParams{}, "one")
			_, err := tx.Data(t.Context(), body)
			if code(err) != c.code {
				t.Fatalf("got %v, want %q", err, c.code)
			}
			if err == nil {
				return
			}
			w.nothingStored()
			if c.s.MaxMessage == 0 && body.Len() != 0 {
				t.Errorf("%d bytes of the body were not read: the session is out of step", body.Len())
			}
			if ev := w.events.all; len(ev) != 1 || ev[0].Kind != event.Refused || ev[0].Stage != "data" || ev[0].Reason == "" {
				t.Errorf("events %+v", ev)
			}
		})
	}
}

func TestMailAndRcpt(t *testing.T) {
	w := newWorld(t, Settings{MaxMessage: 1000, MaxRecipients: 3, MaxDestinations: 4})
	open := login()
	open.Login = 0
	for _, c := range []struct {
		name string
		c    *mail.Client
		from string
		p    smtp.MailParams
		code string
	}{
		{"usual", stranger(), "<a@other.test>", smtp.MailParams{Size: 1000}, ""},
		{"SIZE too big, RFC 1870 §6.1", stranger(), "<a@other.test>", smtp.MailParams{Size: 1001}, "552 5.3.4"},
		{"non-ASCII without SMTPUTF8, RFC 6531 §3.5", stranger(), "<الف@other.test>", smtp.MailParams{}, "553 5.6.7"},
		{"non-ASCII with SMTPUTF8", stranger(), "<الف@other.test>", smtp.MailParams{UTF8: true}, ""},
		{"submission without login", open, "<a@other.test>", smtp.MailParams{}, "530 5.7.0"},
	} {
		tx, err := w.in.Begin(t.Context(), c.c, path(t, c.from), c.p)
		if code(err) != c.code || (tx == nil) != (err != nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	tx := w.begin(stranger(), smtp.MailParams{})
	for _, c := range []struct{ to, code string }{
		{"nobody@example.test", "550 5.1.1"},
		{"down@example.test", "451 4.3.0"},
		{"واحد@example.test", "553 5.6.7"},
		{"one@example.test", ""},
		{"team@example.test", ""},
		{"team@example.test", "452 4.5.3"}, // five destinations
		{"one@example.test", ""},
		{"two@example.test", "452 4.5.3"}, // four recipients
	} {
		if err := tx.Rcpt(t.Context(), path(t, "<"+c.to+">"), smtp.RcptParams{}); code(err) != c.code {
			t.Errorf("%s: %v, want %q", c.to, err, c.code)
		}
	}
	if _, err := tx.Data(t.Context(), strings.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
}

func TestATransactionEndsOnce(t *testing.T) {
	w := newWorld(t, Settings{})
	one := path(t, "<one@example.test>")
	if _, err := w.send(stranger(), plain); code(err) != "554 5.5.1" {
		t.Errorf("no recipients: %v", err)
	}
	for name, end := range map[string]func(*Tx){
		"accepted":  func(tx *Tx) { _, _ = tx.Data(t.Context(), strings.NewReader(plain)) },
		"refused":   func(tx *Tx) { _, _ = tx.Data(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF)) },
		"aborted":   func(tx *Tx) { tx.Abort() },
		"twice":     func(tx *Tx) { tx.Abort(); tx.Abort() },
		"and after": func(tx *Tx) { _, _ = tx.Data(t.Context(), strings.NewReader(plain)); tx.Abort() },
	} {
		tx := w.begin(stranger(), smtp.MailParams{}, "one")
		end(tx)
		if err := tx.Rcpt(t.Context(), one, smtp.RcptParams{}); code(err) != "503 5.5.1" {
			t.Errorf("%s: RCPT %v", name, err)
		}
		if _, err := tx.Data(t.Context(), strings.NewReader(plain)); code(err) != "503 5.5.1" {
			t.Errorf("%s: DATA %v", name, err)
		}
	}
	if n := len(w.box.got); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestABodyThatBreaksOffLeavesNothing(t *testing.T) {
	refused := status.Perm(6, 0, "bare LF").Because("bare-lf")
	for _, at := range []int{0, 10, len(plain) - 3, len(plain) + 100_000} {
		for _, broken := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe, refused} {
			w := newWorld(t, Settings{})
			text := plain + strings.Repeat("y", 200_000)
			body := io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(broken))
			r, err := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), body)
			if err != broken || r.ID != "" {
				t.Errorf("at %d: %+v, %v, want %v as it is", at, r, err, broken)
			}
			w.nothingStored()
			if _, err := w.send(stranger(), plain, "one"); err != nil { // the work space is clean again
				t.Error(err)
			}
			if got := w.last().text; !strings.HasSuffix(got, "+0000\r\n"+plain) {
				t.Errorf("after that: %q", clip(got))
			}
		}
	}
}

func TestStoreErrorsAreTemporary(t *testing.T) {
	odd := errors.New("I/O error")
	long := plain + strings.Repeat("w", 500_000)
	for _, c := range []struct {
		name string
		set  func(*world, error)
	}{
		{"create", func(w *world, err error) { w.blobs.create = err }},
		{"write", func(w *world, err error) { w.blobs.write = err }},
		{"commit of the body", func(w *world, err error) { w.blobs.commit = err }},
		{"commit of the mailboxes", func(w *world, err error) { w.box.err = err }},
	} {
		for err, want := range map[error]string{
			kv.ErrFull: "452 4.3.1", fmt.Errorf("segment 7: %w", kv.ErrFull): "452 4.3.1", kv.ErrUnavailable: "451 4.3.0",
			kv.ErrCorrupt: "451 4.3.0", kv.ErrClosed: "451 4.3.0", odd: "451 4.3.0", io.ErrUnexpectedEOF: "451 4.3.0", io.EOF: "451 4.3.0",
		} {
			w := newWorld(t, Settings{})
			c.set(w, err)
			body := strings.NewReader(long)
			_, got := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), body)
			if code(got) != want || !errors.Is(got, err) {
				t.Errorf("%s: %v gives %v, want %s", c.name, err, got, want)
			}
			w.nothingStored()
			if body.Len() != 0 {
				t.Errorf("%s: %d bytes not read", c.name, body.Len())
			}
			if e, _ := status.Of(got); e != nil && strings.Contains(e.Public, "segment") {
				t.Errorf("%s: a stranger is told %q", c.name, e.Public)
			}
			c.set(w, nil)
			if _, err := w.send(stranger(), plain, "one"); err != nil {
				t.Errorf("%s: did not recover: %v", c.name, err)
			}
		}
	}
}

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

func TestNoteForSalvage(t *testing.T) {
	w := newWorld(t, Settings{MaxRecipients: 1000})
	many := make([]string, 100)
	for i := range many {
		many[i] = "team"
	}
	if _, err := w.send(stranger(), plain, many...); err != nil {
		t.Fatal(err)
	}
	n, ok := ParseNote(w.blobs.note)
	if !ok || n.ID != "sess.1" || n.Received != 1795341600 || len(n.Accounts) != maxNoted || len(w.blobs.note) > 1024 {
		t.Errorf("%s: %+v %v", w.blobs.note, n, ok)
	}
	for _, bad := range []string{"", "{}", "x", `{"t":1}`} {
		if _, ok := ParseNote([]byte(bad)); ok {
			t.Errorf("%q is a note", bad)
		}
	}
}

package intake

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"barid/mail"
	"barid/rfc/header"
	"barid/rfc/mime"
	"barid/rfc/smtp"
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
		{
			"IPv6, HELO, and a HELO that would break out", six,
			smtp.MailParams{},
			[]string{"one"},
			[]string{"Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n", "with SMTP id"},
			"bad helo",
		},
		{
			"UTF8SMTPS, RFC 6531 §4.3", utf8,
			smtp.MailParams{UTF8: true},
			[]string{"واحد"},
			[]string{"from بريد.test ([192.0.2.1])", "with UTF8SMTPS (TLS1.2 X) id", "for <واحد@example.test>"},
			"",
		},
		{
			"a program of this machine", &mail.Client{Role: mail.RoleLocal, User: "www-data", Helo: "localhost", ESMTP: true},
			smtp.MailParams{},
			[]string{"one"},
			[]string{"Received: from localhost (user www-data)\r\n\tby mail.example.test with ESMTP id", "mail.example.test; none"},
			"unknown",
		},
		{
			"its user's name does not break out", &mail.Client{Role: mail.RoleLocal, User: "x) by us (", ESMTP: true},
			smtp.MailParams{},
			[]string{"one"},
			[]string{"Received: from localhost\r\n\tby"},
			"by us",
		},
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

func TestNoteForSalvage(t *testing.T) {
	w := newWorld(t, Settings{MaxRecipients: 1000})
	many := make([]string, 100)
	for i := range many {
		many[i] = "team"
	}
	if _, err := w.send(stranger(), plain, many...); err != nil {
		t.Fatal(err)
	}
	n, err := mail.DecodeNote(w.blobs.note)
	if err != nil || n.ID != "sess.1" || n.Received.Unix() != 1795341600 || len(n.Accounts) != mail.MaxNoteAccounts || len(w.blobs.note) > 1024 {
		t.Errorf("%x: %+v %v", w.blobs.note, n, err)
	}
}

// FuzzData sends any bytes in any pieces: whatever is taken is stored as it came, behind our fields and less
// what claims to be ours, and the structure told is that of the stored bytes.
func FuzzData(f *testing.F) {
	f.Add([]byte(plain), uint16(7), false)
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n"), uint16(3), true)
	f.Add([]byte("\n\nx"), uint16(1), false)
	f.Add([]byte("From x\r\n\tfold\r\nBcc: y"), uint16(2), true)
	f.Add([]byte("Content-Type: message/rfc822\n\nContent-Type: text/plain\n\nx"), uint16(2), true)
	f.Fuzz(func(t *testing.T, text []byte, seed uint16, in bool) {
		w, c, trace := newWorld(t, Settings{}), stranger(), mxTrace
		if in {
			c, trace = login(), loginTrace
		}
		tx := w.begin(c, smtp.MailParams{}, "one")
		_, err := tx.Data(t.Context(), &ragged{bytes.NewReader(text), rand.New(rand.NewPCG(uint64(seed), 0))})
		if err != nil {
			if code(err) != "554 5.4.6" && code(err) != "552 5.3.4" {
				t.Fatal(err)
			}
			w.nothingStored()
			return
		}
		got := w.last()
		checkMessage(t, got)
		if !strings.HasPrefix(got.text, trace) {
			t.Errorf("stored %q", clip(got.text))
		}
		if end := header.BodyOffset(text); !beginsWithBody(text) && !strings.HasSuffix(got.text, string(text[end:])) {
			t.Errorf("body changed: %q", clip(got.text))
		}
	})
}

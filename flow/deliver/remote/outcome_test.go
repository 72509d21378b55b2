package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestRepliesBecomeOutcomes(t *testing.T) {
	for _, c := range []struct {
		stage, reply, want string // "kind enhanced [next] [busy]"
	}{
		{spool.StageMail, "421 bye", "deferred 4.3.2 next busy"},
		{spool.StageMail, "421 4.7.0 bye", "deferred 4.7.0 busy"},
		{spool.StageRcpt, "450 busy", "deferred 4.0.0"},
		{spool.StageRcpt, "450 4.1.8 who are you", "deferred 4.1.8"},
		{spool.StageMail, "451 oops", "deferred 4.3.0 next"},
		{spool.StageData, "451 4.7.1 grey", "deferred 4.7.1"},
		{spool.StageData, "452 disk", "deferred 4.3.1 next"},
		{spool.StageRcpt, "452 4.2.2 full", "deferred 4.2.2"},
		{spool.StageMail, "454 no", "deferred 4.7.0"},
		{spool.StageRcpt, "450 4.7.28 flood", "deferred 4.7.28 busy"},
		{spool.StageMail, "500 what", "failed 5.5.2"},
		{spool.StageMail, "501 what", "failed 5.5.4"},
		{spool.StageMail, "503 what", "failed 5.5.1"},
		{spool.StageMail, "521 never", "failed 5.3.2 next"},
		{spool.StageRcpt, "550 nobody", "failed 5.1.0"},
		{spool.StageData, "550 no", "failed 5.0.0"},
		{spool.StageRcpt, "551 moved", "failed 5.1.6"},
		{spool.StageRcpt, "552 full", "failed 5.2.2"},
		{spool.StageData, "552 big", "failed 5.3.4"},
		{spool.StageRcpt, "553 name", "failed 5.1.0"},
		{spool.StageData, "554 no", "failed 5.0.0"},
		{spool.StageMail, "555 param", "failed 5.5.4"},
		{spool.StageRcpt, "556 null", "failed 5.1.10"},
		{spool.StageRcpt, "550 4.1.1 contradiction", "failed 5.1.0"},
		{spool.StageMail, "334 what", "deferred 4.5.0 next"},
		{spool.StageMail, "250 ok", "deferred 4.5.0 next"},
	} {
		r, err := smtp.ReadReply(smtp.NewReader(strings.NewReader(c.reply+"\r\n"), make([]byte, 512)))
		if err != nil {
			t.Fatal(err)
		}
		tr := refused(c.stage, "mx", r)
		got := tr.kind.String() + " " + tr.answer.Enhanced
		if tr.next {
			got += " next"
		}
		if tr.busy {
			got += " busy"
		}
		if got != c.want {
			t.Errorf("%s %q: %s, want %s", c.stage, c.reply, got, c.want)
		}
	}
}

func TestHowLongToWait(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"Greylisted, please try again in 300 seconds": 300 * time.Second,
		"come back in 5 min.":                         5 * time.Minute,
		"4.7.1 retry after 1 hour":                    time.Hour,
		"wait for 30s":                                0,
		"wait for 30 s":                               30 * time.Second,
		"try in 100000 hours":                         maxHint,
		"in 99999999999999999999 seconds":             0,
		"in -5 minutes":                               5 * time.Minute, // a hyphen is no sign here
		"in 0 seconds":                                0,
		"in five minutes":                             0,
		"":                                            0,
		"in 5":                                        0,
		"Too many connections, slots full; in 2 minutes retry": 2 * time.Minute,
	} {
		if got := retryHint(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestWorse(t *testing.T) {
	ours4, theirs4 := ours(queue.Deferred, spool.StageConnect, "4.4.1", "x"), refused(spool.StageMail, "mx", smtp.Reply{Code: 451})
	first5, last5 := ours(queue.Failed, spool.StageDNS, "5.4.4", "a"), ours(queue.Failed, spool.StageDNS, "5.4.4", "b")
	for i, c := range []struct{ a, b, want *trouble }{
		{nil, ours4, ours4},
		{ours4, nil, ours4},
		{first5, ours4, ours4},
		{ours4, first5, ours4},
		{first5, last5, first5},
		{ours4, theirs4, theirs4},
		{theirs4, ours4, theirs4},
	} {
		if got := worse(c.a, c.b); got != c.want {
			t.Errorf("%d: %+v", i, got)
		}
	}
}

func TestWordsOfServers(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"one", "two"}, "one two"},
		{[]string{"", "two", ""}, "two"},
		{[]string{"a\x1b[31mred\x07\u2028\u0085x"}, "a [31mred   x"},
		{[]string{"bad \xff utf8"}, "bad ? utf8"},
		{[]string{"سلام"}, "سلام"},
		{[]string{strings.Repeat("é", maxText)}, strings.Repeat("é", maxText/2)},
	} {
		if got := words(c.lines); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	c := parseCapabilities(smtp.Reply{Code: 250, Lines: []string{
		"mx.test Hello", "size 1000", "PipeLining", "AUTH=LOGIN PLAIN", "auth XOAUTH2", "LIMITS MAILMAX=5 RCPTMAX=0 RCPTDOMAINMAX=1 NEW=3 =", "", "  ", "DELIVERBY 99",
		"LIMITS", "SIZE", "UNKNOWN x",
	}})
	if c.name != "mx.test" || c.maxSize != 1000 || !c.has(pipelining|size|deliverBy) || c.has(chunking) || !c.offers("PLAIN") || !c.offers("XOAUTH2") ||
		c.offers("CRAM-MD5") || c.maxMails != 5 || c.maxRcpts != 0 || c.maxRcptDomains != 1 || c.minBy != 99 {
		t.Errorf("%+v", c)
	}
	for s, want := range map[string]int64{"": 0, "x": 0, "-1": 0, "7": 7, "99999999999999999999": 1<<63 - 1, "999999999999999999999": 0} {
		if number(s) != want {
			t.Errorf("%q: %d", s, number(s))
		}
	}
	if c := parseCapabilities(smtp.Reply{}); c.name != "" {
		t.Error(c)
	}
}

// script is a server whose words are written down beforehand; it never looks at what we say.
type script struct {
	io.Reader
	wrote bytes.Buffer
}

func (s *script) Write(p []byte) (int, error)    { return s.wrote.Write(p) }
func (*script) Close() error                     { return nil }
func (*script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) Dial(context.Context, netip.Addr, netip.AddrPort) (net.Conn, error) {
	if s.Reader == nil {
		return nil, errors.New("used up")
	}
	c := &script{Reader: s.Reader}
	s.Reader = nil
	return c, nil
}

// FuzzReplies lets a server say anything. Whatever it is, every recipient has one outcome that tells something
// and is relayed only after a 2xx at the right place.
func FuzzReplies(f *testing.F) {
	const hello = "220 mx ESMTP\r\n250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
	for _, s := range []string{
		hello + "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n", hello + "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n354 f\r\n250 g\r\n",
		"", "554 no\r\n", "220-\r\n", hello + "421 x\r\n", hello + "250 ok\r\n452 4.5.3 x\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n",
		"220 a\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n\x16\x03\x01", "220 a\r\n500 x\r\n250 h\r\n250 m\r\n450 4.7.1 in 5 minutes\r\n250 r\r\n354 g\r\n",
		"220 a\r\n250-a\r\n250-LIMITS RCPTMAX=1 MAILMAX=1\r\n250 PIPELINING\r\n250 m\r\n250 r\r\n354 g\r\n250 ok\r\n",
	} {
		f.Add([]byte(s))
	}
	s := newScene(f, zone, nil)
	e := s.entry(letterText, "a@there.test", "b@there.test")
	f.Fuzz(func(t *testing.T, said []byte) {
		deps := s.deps
		deps.Dialer = &script{Reader: bytes.NewReader(said)}
		d := New(deps)
		defer d.Close()
		out := d.Deliver(t.Context(), e)
		if len(out) != 2 {
			t.Fatalf("%d outcomes", len(out))
		}
		for i, o := range out {
			a := o.Answer
			if o.Rcpt != i || a.Stage == "" || a.Enhanced == "" || a.Time.IsZero() || !utf8.ValidString(a.Text) || len(a.Text) > maxText+100 ||
				strings.ContainsAny(a.Text, "\r\n\x00") || o.RetryAfter < 0 || o.RetryAfter > maxHint {
				t.Fatalf("%+v", o)
			}
			if class := map[queue.Kind]byte{queue.Relayed: '2', queue.Deferred: '4', queue.Failed: '5'}[o.Kind]; a.Enhanced[0] != class {
				t.Fatalf("%s with %s", o.Kind, a.Enhanced)
			}
			if o.Kind == queue.Relayed && bytes.Count(said, []byte("\n")) < 5 {
				t.Fatal("relayed without enough answers")
			}
		}
		if open, _ := d.Connections(); open > 1 {
			t.Fatalf("%d connections", open)
		}
	})
}

package sendmail

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"barid/rfc/addr"
)

// read gives header section and body of a message, the same whether it comes at once or octet by octet.
func read(t *testing.T, in string, ignoreDots bool) (section, body string) {
	t.Helper()
	for i, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
		l, err := Read(r, ignoreDots)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		b, err := io.ReadAll(l.Reader())
		l.Close()
		if err != nil || int64(len(b)) != l.Size() {
			t.Fatalf("%q: %d octets of %d, %v", in, len(b), l.Size(), err)
		}
		h, b2 := string(l.Header), string(b[len(l.Header)+2:])
		if i > 0 && (h != section || b2 != body) {
			t.Errorf("%q is read differently octet by octet: %q %q", in, h, b2)
		}
		section, body = h, b2
	}
	return section, body
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, in     string
		ignoreDots   bool
		header, body string
	}{
		{"LF", "To: a\nSubject: b\n\nbody\n", true, "To: a\r\nSubject: b\r\n", "body\r\n"},
		{"CRLF", "To: a\r\n\r\nbody\r\n", true, "To: a\r\n", "body\r\n"},
		{"CR", "To: a\n\none\rtwo\n", true, "To: a\r\n", "one\r\ntwo\r\n"},
		{"CRCRLF", "To: a\r\r\n\r\r\nbody\r\r\n", true, "To: a\r\n", "body\r\n"},
		{"no end", "To: a\n\nbody", true, "To: a\r\n", "body\r\n"},
		{"folds", "To: a,\n\tb\n\nbody\n", true, "To: a,\r\n\tb\r\n", "body\r\n"},
		{"no body", "To: a\n", true, "To: a\r\n", ""},
		{"nothing", "", true, "", ""},
		{"no header", "hello\nworld\n", true, "", "hello\r\nworld\r\n"},
		{"empty line first", "\nTo: a\n", true, "", "To: a\r\n"},
		{"no empty line", "To: a\nhello there\nSubject: b\n", true, "To: a\r\n", "hello there\r\nSubject: b\r\n"},
		{"mail folder's line", "From info@example.org Sun Nov 22 03:00:00 2026\nTo: a\n\nb\n", true, "To: a\r\n", "b\r\n"},
		{"dot ends", "To: a\n\none\n.\ntwo\n", false, "To: a\r\n", "one\r\n"},
		{"dot is text", "To: a\n\none\n.\ntwo\n", true, "To: a\r\n", "one\r\n.\r\ntwo\r\n"},
		{"dot at the end", "To: a\n\none\n.", false, "To: a\r\n", "one\r\n"},
		{"dot with CRLF", "To: a\n\none\r\n.\r\ntwo\n", false, "To: a\r\n", "one\r\n"},
		{"two dots", "To: a\n\n..\n", false, "To: a\r\n", "..\r\n"},
		{"dot ends the header section", "To: a\n.\nx\n", false, "To: a\r\n", ""},
	} {
		if h, b := read(t, c.in, c.ignoreDots); h != c.header || b != c.body {
			t.Errorf("%s: %q %q", c.name, h, b)
		}
	}
}

// TestLongMessages: lines longer than any buffer, and a body that does not stay in memory.
func TestLongMessages(t *testing.T) {
	long := strings.Repeat("x", 3*lineBuffer+7)
	for name, body := range map[string]string{
		"long line": long + "\n", "CR at a buffer's end": strings.Repeat("x", lineBuffer-1) + "\r\ny\n", "many lines": strings.Repeat("line\n", memoryBytes/3),
	} {
		l, err := Read(strings.NewReader("To: a\n\n"+body), false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(l.Reader())
		want := "To: a\r\n\r\n" + strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
		if err != nil || string(got) != want || l.Size() != int64(len(want)) {
			t.Errorf("%s: %d octets, want %d, %v", name, len(got), len(want), err)
		}
		again, err := io.ReadAll(l.Reader())
		if err != nil || string(again) != want {
			t.Errorf("%s: read again: %d octets, %v", name, len(again), err)
		}
		l.Close()
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	for name, in := range map[string]string{
		"NUL": "To: a\n\nx\x00y\n", "long header": "To: a\nSubject: " + strings.Repeat("x", headerBytes) + "\n\nb\n",
		"many fields": strings.Repeat("A: b\n", headerBytes/5) + "\nb\n",
	} {
		if _, err := Read(strings.NewReader(in), true); CodeOf(err) != DataErr {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(iotest.ErrReader(io.ErrClosedPipe), true); CodeOf(err) != OSErr {
		t.Errorf("broken input: %v", err)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, header string
		o            Options
		from, to     string
		out          string // the header section; "": unchanged
	}{
		{
			"cron", "From: root (Cron Daemon)\nTo: root\nSubject: Cron x\n",
			Options{Extract: true},
			"<www@mx.example.org>", "root@mx.example.org",
			"From: Cron Daemon <root@mx.example.org>\r\nTo: root@mx.example.org\r\nSubject: Cron x\r\n",
		},
		{
			"arguments", "To: nobody@example.org\n",
			Options{Args: []string{"info@example.org", "demo@example.org,x"}, From: ptr("<info@Example.ORG>")},
			"<info@example.org>", "info@example.org demo@example.org x@mx.example.org", "",
		},
		{
			"-t and arguments, each once", "To: info@example.org\nCc: a@b.example\n",
			Options{Extract: true, Args: []string{"info@example.org"}},
			"<www@mx.example.org>", "info@example.org a@b.example", "",
		},
		{"Bcc", "To: a@b.example\nBcc: c@d.example\n", Options{Extract: true}, "<www@mx.example.org>", "a@b.example c@d.example", ""},
		{
			"resent", "Resent-To: c@d.example\nResent-Bcc: e@f.example\nTo: a@b.example\n",
			Options{Extract: true},
			"<www@mx.example.org>", "c@d.example e@f.example", "",
		},
		{"null sender", "To: a@b.example\n", Options{Extract: true, From: ptr("<>")}, "<>", "a@b.example", ""},
		{"empty sender", "To: a@b.example\n", Options{Extract: true, From: ptr("")}, "<>", "a@b.example", ""},
		{
			"full name", "To: a@b.example\n",
			Options{Extract: true, FullName: "Front desk, mornings", From: ptr("info@example.org")},
			"<info@example.org>", "a@b.example", "To: a@b.example\r\nFrom: \"Front desk, mornings\" <info@example.org>\r\n",
		},
		{"full name, and a From", "From: x@y.example\nTo: a@b.example\n", Options{Extract: true, FullName: "Desk"}, "<www@mx.example.org>", "a@b.example", ""},
		{
			"Persian", "To: فروش@example.org, demo@مثال.إختبار\n",
			Options{Extract: true, From: ptr("مدیر@example.org")},
			"<مدیر@example.org>", "فروش@example.org demo@xn--mgbh0fb.xn--kgbechtv", "",
		},
		{
			"group", "To: Team: a, b@c.example; , d\n",
			Options{Extract: true},
			"<www@mx.example.org>", "a@mx.example.org b@c.example d@mx.example.org",
			"To: Team: a@mx.example.org, b@c.example;, d@mx.example.org\r\n",
		},
		{"nobody in a group", "To: undisclosed-recipients:;\nBcc: a@b.example\n", Options{Extract: true}, "<www@mx.example.org>", "a@b.example", ""},
		{
			"names as people write them", "To: a@b.example <a@b.example>, \"X, Y: <z@z>\" (q@q, r@r) <@h.example,@i.example:e@f.example>; Info g@h.example, O\"Brien <c@d.example>\n",
			Options{Extract: true},
			"<www@mx.example.org>", "a@b.example e@f.example g@h.example c@d.example", "",
		},
		{"folded list", "To: a@b.example,\n c@d.example\n", Options{Extract: true}, "<www@mx.example.org>", "a@b.example c@d.example", ""},
		{
			"encoded name", "From: =?utf-8?B?2LPZhNin2YU=?= root\nTo: =?utf-8?B?2LPZhNin2YU=?= <info>\n",
			Options{Extract: true},
			"<www@mx.example.org>", "info@mx.example.org", "From: =?utf-8?B?2LPZhNin2YU=?= root\r\nTo: =?utf-8?B?2LPZhNin2YU=?= <info@mx.example.org>\r\n",
		},
	} {
		l := &Letter{Header: []byte(strings.ReplaceAll(c.header, "\n", "\r\n"))}
		before := string(l.Header)
		e, err := Plan(&c.o, l, "www", "mx.example.org")
		var to []string
		for _, m := range e.To {
			to = append(to, m.String())
		}
		if err != nil || e.From.String() != c.from || strings.Join(to, " ") != c.to {
			t.Errorf("%s: from %s to %v, %v", c.name, e.From, to, err)
		}
		if c.out == "" {
			c.out = before
		}
		if string(l.Header) != c.out {
			t.Errorf("%s: header section\n%s", c.name, l.Header)
		}
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		o      Options
		code   int
	}{
		"nobody":          {"Subject: x\r\n", Options{}, Usage},
		"nobody with -t":  {"Subject: x\r\n", Options{Extract: true}, Usage},
		"bad sender":      {"", Options{From: ptr("a b c"), Args: []string{"x@y.example"}}, Usage},
		"bad recipient":   {"", Options{Args: []string{"a@b..example"}}, DataErr},
		"recipient of -t": {"To: a@b..example\r\n", Options{Extract: true}, DataErr},
		"no comma":        {"To: a@b.example c@d.example\r\n", Options{Extract: true}, DataErr},
		"fold, no comma":  {"Bcc: a@b.example\r\n c@d.example\r\n", Options{Extract: true}, DataErr},
		"open bracket":    {"To: a@b.example, <c@d.example\r\n", Options{Extract: true}, DataErr},
		"behind brackets": {"", Options{Args: []string{"<a@b.example> c@d.example"}}, DataErr},
		"command inside":  {"", Options{Args: []string{"a@b.example\r\nRCPT TO:<c@d.example>"}}, DataErr},
		"sender, command": {"", Options{From: ptr("a@b.example\r\nRCPT TO:<c@d.example>"), Args: []string{"x@y.example"}}, Usage},
		"sender, closed":  {"", Options{From: ptr("a@b.example> RCPT TO:<c@d.example"), Args: []string{"x@y.example"}}, Usage},
		"too many":        {"To: " + strings.Repeat("a@b.example,", maxRecipients+1) + "\r\n", Options{Extract: true}, Usage},
	} {
		if _, err := Plan(&c.o, &Letter{Header: []byte(c.header)}, "www", "mx.example.org"); CodeOf(err) != c.code {
			t.Errorf("%s: exit %d, %v", name, CodeOf(err), err)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("From: root (Cron Daemon)\nTo: root\n\nhello\n", true)
	f.Add("To: Team: a, b@c.example;\nBcc: \"x y\"@z.example\n\n.\n", false)
	f.Add("To: =?utf-8?B?2LM=?= <فروش>\r\n\r\n\rx", false)
	f.Fuzz(func(t *testing.T, in string, dots bool) {
		l, err := Read(strings.NewReader(in), dots)
		if err != nil {
			return
		}
		defer l.Close()
		e, err := Plan(&Options{Extract: true}, l, "www", "mx.example.org")
		if err != nil {
			return
		}
		for _, m := range e.To {
			if _, err := addr.ParseMailbox(m.String(), true); err != nil {
				t.Errorf("recipient %q of %q: %v", m, in, err)
			}
		}
		b, err := io.ReadAll(l.Reader())
		if err != nil || bytes.IndexByte(b, 0) >= 0 {
			t.Errorf("%q, %v", b, err)
		}
		for i, c := range b {
			if c == '\n' && (i == 0 || b[i-1] != '\r') || c == '\r' && (i == len(b)-1 || b[i+1] != '\n') {
				t.Fatalf("a bare line end at %d of %q", i, b)
			}
		}
	})
}

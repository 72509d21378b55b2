package pop3

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		line string
		want Command
		err  error
	}{
		{"NOOP", Command{"NOOP", ""}, nil},
		{"noop", Command{"NOOP", ""}, nil},
		{"Retr 17", Command{"RETR", "17"}, nil},
		{"PASS  leading and  inner ", Command{"PASS", " leading and  inner "}, nil},
		{"USER فروش@barid.test", Command{"USER", "فروش@barid.test"}, nil},
		{"UTF8", Command{"UTF8", ""}, nil},
		{"", Command{}, ErrCommand},
		{" NOOP", Command{}, ErrCommand},
		{"NO", Command{}, ErrCommand},
		{"NO\u00f6P", Command{}, ErrCommand},
		{"ABCDEFGHIJKLMNOPQ", Command{}, ErrCommand},
		{"USER a\x00b", Command{}, ErrLine},
		{"USER a\rb", Command{}, ErrLine},
		{"USER a\nb", Command{}, ErrLine},
		{"USER \xff", Command{}, ErrLine},
		{"\x16\x03\x01", Command{}, ErrLine},
	} {
		if got, err := Parse(c.line); got != c.want || err != c.err {
			t.Errorf("%q: got %q, %v; want %q, %v", c.line, got, err, c.want, c.err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for s, want := range map[string]int{
		"1": 1, "0": 0, "007": 7, "2147483647": 2147483647,
		"": -1, "-1": -1, "+1": -1, "1 ": -1, "2147483648": -1, "99999999999": -1, "1.0": -1, "٣": -1,
	} {
		n, ok := Number(s)
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%q: got %d, want %d", s, n, want)
		}
	}
}

// stuff runs a message through in pieces of size n.
func stuff(msg []byte, n int) []byte {
	var out bytes.Buffer
	var s Stuffer
	for len(msg) > 0 {
		k := min(n, len(msg))
		_ = s.Stuff(msg[:k], func(p []byte) error { out.Write(p); return nil })
		msg = msg[k:]
	}
	out.Write(s.End())
	return out.Bytes()
}

func TestStuffing(t *testing.T) {
	for in, want := range map[string]string{
		"":                         ".\r\n",
		"a\r\n":                    "a\r\n.\r\n",
		"a":                        "a\r\n.\r\n",
		".":                        "..\r\n.\r\n",
		".\r\n":                    "..\r\n.\r\n",
		"..\r\n":                   "...\r\n.\r\n",
		"a\r\n.b\r\n..c\r\nd.\r\n": "a\r\n..b\r\n...c\r\nd.\r\n.\r\n",
		"a\r\n.\r\n.\r\n":          "a\r\n..\r\n..\r\n.\r\n",
		"a\r":                      "a\r\r\n.\r\n",
		"a\n":                      "a\n\r\n.\r\n",
		"a\n.\r\nb\r\n":            "a\n..\r\nb\r\n.\r\n",
		"a\r.b\r\n":                "a\r.b\r\n.\r\n",
	} {
		for n := 1; n <= len(in)+1; n++ {
			if got := string(stuff([]byte(in), n)); got != want {
				t.Errorf("%q in pieces of %d: got %q, want %q", in, n, got, want)
			}
		}
	}
}

// unstuff is what a client does that ends lines at eol (RFC 1939 §3).
func unstuff(t *testing.T, wire []byte, eol string) (msg, rest []byte) {
	t.Helper()
	for {
		i := bytes.Index(wire, []byte(eol))
		if i < 0 {
			t.Fatalf("no end: %q", wire)
		}
		line := wire[:i+len(eol)]
		wire = wire[len(line):]
		switch {
		case bytes.Equal(bytes.TrimRight(line, "\r\n"), dot):
			return msg, wire
		case line[0] == '.':
			line = line[1:]
		}
		msg = append(msg, line...)
	}
}

func FuzzStuffing(f *testing.F) {
	for _, s := range []string{"", ".", "a\r\n.\r\nb", "..\r\n.\r", "\n.\n", "\r\n.\r\n.\r\n", strings.Repeat("x\r\n.", 20)} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, msg []byte, n int) {
		wire := stuff(msg, max(1, n))
		if !bytes.Equal(wire, stuff(msg, len(msg)+1)) {
			t.Fatal("the pieces matter")
		}
		want := msg
		if len(msg) > 0 && !bytes.HasSuffix(msg, []byte("\r\n")) {
			want = append(bytes.Clone(msg), '\r', '\n')
		}
		// A client that ends lines at LF gets the message, and never takes a part of it for an answer.
		if got, rest := unstuff(t, wire, "\n"); !bytes.Equal(got, want) || len(rest) > 0 {
			t.Fatalf("LF: %q became %q and %q", msg, got, rest)
		}
		// One that ends them at CRLF only too; it keeps the dot after a bare LF that was doubled.
		got, rest := unstuff(t, wire, "\r\n")
		if len(rest) > 0 || !bare(msg) && !bytes.Equal(got, want) {
			t.Fatalf("CRLF: %q became %q and %q", msg, got, rest)
		}
	})
}

// bare reports a dot behind a bare LF.
func bare(msg []byte) bool {
	for i := 0; i+1 < len(msg); i++ {
		if msg[i] == '\n' && msg[i+1] == '.' && (i == 0 || msg[i-1] != '\r') {
			return true
		}
	}
	return false
}

func TestTop(t *testing.T) {
	const msg = "A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\nfour"
	for _, c := range []struct {
		msg   string
		lines int
		want  string
	}{
		{msg, 0, "A: b\r\nC: d\r\n\r\n"},
		{msg, 1, "A: b\r\nC: d\r\n\r\none\r\n"},
		{msg, 2, "A: b\r\nC: d\r\n\r\none\r\n\r\n"},
		{msg, 3, "A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n"},
		{msg, 4, msg},
		{msg, 100, msg},
		{"A: b\r\nno blank line\r\n", 0, "A: b\r\nno blank line\r\n"},
		{"\r\nbody\r\n", 0, "\r\n"},
		{"A: b\n\nbare\nlines\n", 1, "A: b\n\nbare\n"},
		{"", 5, ""},
	} {
		for n := 1; n <= len(c.msg)+1; n++ {
			if got := top(c.msg, c.lines, n); got != c.want {
				t.Errorf("%q %d lines in pieces of %d: got %q, want %q", c.msg, c.lines, n, got, c.want)
			}
		}
	}
}

func top(msg string, lines, piece int) string {
	var out strings.Builder
	tp := NewTop(lines)
	for len(msg) > 0 {
		k := min(piece, len(msg))
		n, done := tp.Take([]byte(msg[:k]))
		out.WriteString(msg[:n])
		if done {
			break
		}
		msg = msg[k:]
	}
	return out.String()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"RETR 1", "PASS  x", "top 1 0", "", "\x00", "AUTH PLAIN AGEAYg=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(line)
		if err != nil {
			return
		}
		if len(c.Verb) < 3 || strings.ContainsAny(c.Verb+c.Args, "\r\n\x00") {
			t.Fatalf("%q became %q", line, c)
		}
	})
}

func BenchmarkStuff64KiB(b *testing.B) {
	msg := bytes.Repeat([]byte("A line of text that is about seventy octets long, as in most mail.\r\n"), 940)
	var n int
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		var s Stuffer
		_ = s.Stuff(msg, func(p []byte) error { n += len(p); return nil })
	}
}

package smtp

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestReplyRoundTrip(t *testing.T) {
	for _, want := range []Reply{
		{Code: 220, Lines: []string{"mail.example.org ESMTP"}},
		{Code: 250, Enhanced: "2.1.0", Lines: []string{"Ok"}},
		{Code: 250, Lines: []string{"mail.example.org", "SIZE 1000", "PIPELINING"}},
		{Code: 550, Enhanced: "5.1.1", Lines: []string{"no such user", "see below"}},
		{Code: 334, Lines: []string{""}},
	} {
		wire := want.Append(nil)
		got, err := ReadReply(NewReader(bytes.NewReader(wire), make([]byte, 64)))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", wire, got, err)
		}
	}
}

func TestReadReply(t *testing.T) {
	for in, want := range map[string]string{
		"250\r\n":                            "250 ",
		"250 2.1.0\r\n":                      "250 2.1.0 ",
		"550 5.1.1 no\r\n":                   "550 5.1.1 no",
		"550 4.1.1 no\r\n":                   "550 4.1.1 no", // classes disagree: not an enhanced code
		"250-one\r\n250 two\r\n":             "250 one / two",
		"250-2.0.0 one\r\n250 2.0.0 two\r\n": "250 2.0.0 one / two",
		"150 x\r\n":                          "",
		"650 x\r\n":                          "",
		"25 x\r\n":                           "",
		"250x\r\n":                           "",
		"hello\r\n":                          "",
		"250-one\r\n251 two\r\n":             "",
		"250-one\r\n":                        "",
		"250 a\nb\r\n":                       "250 a", // what comes behind it is another reply, and a bad one
		"250-one\n250 two\n":                 "250 one / two",
		"250-one\r\n250 two\n":               "250 one / two",
		"250 a\rb\r\n":                       "",
		"250 a\x00\n":                        "",
		strings.Repeat("250-x\r\n", 300):     "",
		"250 " + strings.Repeat("x", 3000) + "\r\n": "",
		"250 " + strings.Repeat("x", 3000) + "\n":   "",
	} {
		got, err := ReadReply(NewReader(strings.NewReader(in), make([]byte, 64)))
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%.40q: %q, %v", in, got, err)
		}
	}
}

func TestAppendReplyIsOneLine(t *testing.T) {
	b := AppendReply(nil, 550, "5.1.1", "no\r\n250 Ok\x00\xff"+strings.Repeat("x", 600))
	if len(b) > MaxReplyLine || bytes.Count(b, []byte("\n")) != 1 || !bytes.HasSuffix(b, []byte("\r\n")) || !bytes.HasPrefix(b, []byte("550 5.1.1 no??250 Ok??x")) {
		t.Errorf("%q", b)
	}
}

// pipe is a connection whose server's side is written beforehand.
type pipe struct {
	io.Reader
	out bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error) { return p.out.Write(b) }

func TestConn(t *testing.T) {
	p := &pipe{Reader: strings.NewReader("220 hi\r\n250 a\r\n250 2.1.0 b\r\n354 go\r\n250 2.0.0 Ok: 1\r\n")}
	c := NewConn(p)
	var trace []string
	c.Trace = func(side byte, line []byte) { trace = append(trace, string(side)+": "+string(line)) }
	if r, err := c.ReadReply(); r.Code != 220 || err != nil {
		t.Fatal(r, err)
	}
	if r, err := c.Cmd("EHLO a.example"); !r.Positive() || err != nil {
		t.Fatal(r, err)
	}
	for _, line := range []string{"MAIL FROM:<>", "DATA"} {
		if err := c.Send(line); err != nil {
			t.Fatal(err)
		}
	}
	for _, code := range []int{250, 354} {
		if r, err := c.ReadReply(); r.Code != code || err != nil {
			t.Fatal(r, err)
		}
	}
	if n, err := c.Data(strings.NewReader(".a\r\n..b\r\nc")); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	if r, err := c.ReadReply(); r.String() != "250 2.0.0 Ok: 1" || err != nil {
		t.Fatal(r, err)
	}
	if got, want := p.out.String(), "EHLO a.example\r\nMAIL FROM:<>\r\nDATA\r\n..a\r\n...b\r\nc\r\n.\r\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if want := "S: 220 hi|C: EHLO a.example|S: 250 a|C: MAIL FROM:<>|C: DATA|S: 250 2.1.0 b|S: 354 go|S: 250 2.0.0 Ok: 1"; strings.Join(trace, "|") != want {
		t.Errorf("trace %q", trace)
	}
}

func TestConnNeverSendsWhatWouldBeTwoCommands(t *testing.T) {
	c := NewConn(&pipe{Reader: strings.NewReader("")})
	for _, line := range []string{"RCPT TO:<a>\r\nDATA", "a\rb", "a\nb", "a\x00b"} {
		if err := c.Send(line); err != ErrInjection {
			t.Errorf("%q: %v", line, err)
		}
	}
	for body, want := range map[string]error{"a\nb\r\n": ErrBareLF, "a\rb\r\n": ErrBareCR, "a\x00\r\n": ErrNUL, "a\r": ErrBareCR} {
		if _, err := c.Data(strings.NewReader(body)); !errors.Is(err, want) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestConnDropsRepliesInClearBeforeTLS(t *testing.T) {
	c := NewConn(&pipe{Reader: strings.NewReader("220 go ahead\r\n250 injected\r\n")})
	if _, err := c.Cmd("STARTTLS"); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(&pipe{}); err != ErrLeftover {
		t.Error(err)
	}
}

// What Conn.Data stuffs, DataReader gives back.
func FuzzDataRoundTrip(f *testing.F) {
	f.Add([]byte("a\r\n.b\r\n..\r\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := &pipe{}
		c := NewConn(p)
		if _, err := c.Data(bytes.NewReader(in)); err != nil {
			return
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(NewReader(&p.out, make([]byte, 64)).Data(1 << 30))
		want := in
		if !bytes.HasSuffix(in, []byte("\r\n")) && len(in) > 0 {
			want = append(bytes.Clone(in), "\r\n"...)
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, %v", in, got, err)
		}
	})
}

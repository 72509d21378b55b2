package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// read gives what a Reader makes of in, one line for each command or error, and how often it asked for a
// literal.
func read(in string, lim Limits) (out []string, asked int) {
	r := NewReader(bufio.NewReaderSize(strings.NewReader(in), 64), lim, func() error { asked++; return nil })
	for range 1000 {
		c, err := r.Next()
		var syntax *SyntaxError
		var fatal *FatalError
		var big *TooBigError
		switch {
		case err == nil && c.Body == nil:
			out = append(out, fmt.Sprintf("%s %s %q", c.Tag, c.Name, c.Args))
		case err == nil:
			out = append(out, message(c))
		case errors.As(err, &syntax):
			out = append(out, fmt.Sprintf("bad %s: %s", syntax.Tag, syntax.Why))
		case errors.As(err, &fatal):
			return append(out, fmt.Sprintf("fatal %s: %s", fatal.Tag, fatal.Why)), asked
		case errors.As(err, &big):
			out = append(out, fmt.Sprintf("big %s %d %v", big.Tag, big.Size, big.Skipped))
			if !big.Skipped {
				return out, asked
			}
		default:
			return append(out, err.Error()), asked
		}
	}
	return append(out, "endless"), asked
}

// readAll reads a message.
func readAll(l *Literal) (b []byte, err error) {
	for {
		piece, err := l.Next()
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		b = append(b, piece...)
	}
}

func message(c Command) string {
	out := fmt.Sprintf("%s %s %q", c.Tag, c.Name, c.Args)
	for l := c.Body; ; {
		if err := l.Accept(); err != nil {
			return err.Error()
		}
		b, err := readAll(l)
		if err != nil {
			return "body " + err.Error()
		}
		rest, next, err := l.End()
		word := "body"
		if l.Binary {
			word = "binary"
		}
		out += fmt.Sprintf(" %s %q rest %q", word, b, rest)
		if l = next; l == nil {
			return out + fmt.Sprintf(" %v", err)
		}
	}
}

func TestReaderCutsCommands(t *testing.T) {
	small := Limits{CommandBytes: 100, MessageBytes: 50, SkipBytes: 300, Depth: 5, Items: 10, Ranges: 10}
	stranger := small
	stranger.MessageBytes = 0
	short := small
	short.UnaskedBytes = 8
	long := strings.Repeat("x", 150)
	for _, c := range []struct {
		name  string
		in    string
		lim   Limits
		want  []string
		asked int
	}{
		{"plain", "a noop\r\nb LOGIN u p\r\n", small, []string{`a NOOP ""`, `b LOGIN "u p"`, "EOF"}, 0},
		{"literal", "a LOGIN {3}\r\nx y {1}\r\nz\r\n", small, []string{`a LOGIN "{3}\r\nx y {1}\r\nz"`, "EOF"}, 2},
		{"literal plus", "a LOGIN {3+}\r\nx y {1+}\r\nz\r\n", small, []string{`a LOGIN "{3+}\r\nx y {1+}\r\nz"`, "EOF"}, 0},
		{
			"append", "a APPEND INBOX {5}\r\nhello\r\nb NOOP\r\n", small,
			[]string{`a APPEND "INBOX " body "hello" rest "" <nil>`, `b NOOP ""`, "EOF"},
			1,
		},
		{
			"several messages", "a APPEND INBOX {5}\r\nhello (\\Seen) {2+}\r\nhi ~{3}\r\na\x00b\r\nb NOOP\r\n", small,
			[]string{`a APPEND "INBOX " body "hello" rest " (\\Seen) " body "hi" rest " " binary "a\x00b" rest "" <nil>`, `b NOOP ""`, "EOF"},
			2,
		},
		{
			"parts of a message", "a APPEND x CATENATE (URL {3}\r\n/a; TEXT {3+}\r\nabc URL {2+}\r\n/b URL /c TEXT {1}\r\nz)\r\n", small,
			[]string{`a APPEND "x CATENATE (URL {3}\r\n/a; TEXT " body "abc" rest " URL {2+}\r\n/b URL /c TEXT " body "z" rest ")" <nil>`, "EOF"},
			2,
		},
		{
			"replace", "a REPLACE 4 {2}\r\nfo (x) {1}\r\nz\r\nb uid replace * \"a {b}\" ~{1+}\r\nz\r\n", small,
			[]string{`a REPLACE "4 {2}\r\nfo (x) " body "z" rest "" <nil>`, `b UID "replace * \"a {b}\" " binary "z" rest "" <nil>`, "EOF"},
			2,
		},
		{
			"the second message is too big", "a APPEND x {1+}\r\nz {51}\r\nb NOOP\r\n", small,
			[]string{`a APPEND "x " body "z" rest "" imap: message of 51 bytes, limit 50`, `b NOOP ""`, "EOF"},
			0,
		},
		{
			"a message too big with another behind", "a APPEND x {51+}\r\n" + long[:51] + " {3+}\r\nx N\r\nb NOOP\r\n", small,
			[]string{"big a 51 true", `b NOOP ""`, "EOF"},
			0,
		},
		{
			"what comes unasked is short", "a LOGIN {10+}\r\nz x NOOP\r\n y\r\nb APPEND x {10+}\r\nz x NOOP\r\n\r\nc x {10}\r\nz x NOOP\r\n\r\n", short,
			[]string{"bad a: literal is too long", "bad b: literal is too long", `c X "{10}\r\nz x NOOP\r\n"`, "EOF"},
			1,
		},
		{
			"append with literal name", "a append {2+}\r\nfo (\\Seen) {3+}\r\nabc\r\n", small,
			[]string{`a APPEND "{2+}\r\nfo (\\Seen) " body "abc" rest "" <nil>`, "EOF"},
			0,
		},
		{"append too big, client waits", "a APPEND INBOX {51}\r\nb NOOP\r\n", small, []string{"big a 51 true", `b NOOP ""`, "EOF"}, 0},
		{
			"append too big, client does not wait", "a APPEND INBOX {51+}\r\n" + long[:51] + "\r\nb NOOP\r\n", small,
			[]string{"big a 51 true", `b NOOP ""`, "EOF"},
			0,
		},
		{"append of 2 GiB, client does not wait", "a APPEND INBOX {2147483648+}\r\nabc", small, []string{"big a 2147483648 false"}, 0},
		{"append of 2^70", "a APPEND INBOX {1180591620717411303424+}\r\nabc", small, []string{"big a 9223372036854775808 false"}, 0},
		{"append before login is a command", "a APPEND INBOX {2147483648}\r\n", stranger, []string{"fatal a: literal is too long"}, 0},
		{"literal of 2 GiB, client waits", "a LOGIN {2147483648}\r\nb NOOP\r\n", small, []string{"bad a: literal is too long", `b NOOP ""`, "EOF"}, 0},
		{"literal of 2 GiB before login", "a LOGIN {2147483648}\r\nb NOOP\r\n", stranger, []string{"fatal a: literal is too long"}, 0},
		{"literal of 2 GiB, client does not wait", "a LOGIN {2147483648+}\r\nb NOOP\r\n", small, []string{"fatal a: literal is too long"}, 0},
		{"literal too long is dropped", "a LOGIN {150+}\r\n" + long + " p\r\nb NOOP\r\n", small, []string{"bad a: literal is too long", `b NOOP ""`, "EOF"}, 0},
		{"long line", "a LOGIN " + long + "\r\nb NOOP\r\n", small, []string{"bad a: command is too long", `b NOOP ""`, "EOF"}, 0},
		{
			"long line with a literal", "a LOGIN " + long + " {7+}\r\nc NOOP\r\r\nb NOOP\r\n", small,
			[]string{"bad a: command is too long", `b NOOP ""`, "EOF"},
			0,
		},
		{"far too long", "a " + strings.Repeat("(", 1000) + "\r\nb NOOP\r\n", small, []string{"fatal a: command is far too long"}, 0},
		{"bare LF", "a NOOP\nb NOOP\r\n", small, []string{"bad a: a line ends with CRLF", `b NOOP ""`, "EOF"}, 0},
		{"NUL", "a NO\x00OP\r\nb NOOP\r\n", small, []string{"bad a: NUL is not allowed", `b NOOP ""`, "EOF"}, 0},
		{"NUL before a literal", "a x\x00 {4+}\r\nz X\n b\r\nb NOOP\r\n", small, []string{"bad a: NUL is not allowed", `b NOOP ""`, "EOF"}, 0},
		{
			"no tag", " NOOP\r\n+ NOOP\r\n\r\nA\r\n", small,
			[]string{
				"bad : a command begins with a tag", "bad : a command begins with a tag", "bad : a command begins with a tag",
				"bad : a command begins with a tag", "EOF",
			},
			0,
		},
		{"no name", "a \r\n", small, []string{"bad a: a command name follows the tag", "EOF"}, 0},
		{"cut in a line", "a NOOP", small, []string{"unexpected EOF"}, 0},
		{"cut in a literal", "a LOGIN {5}\r\nab", small, []string{"unexpected EOF"}, 1},
		{"cut in a message", "a APPEND INBOX {5}\r\nab", small, []string{"body unexpected EOF", "fatal : message literal was not read"}, 1},
		{"quoted braces are a literal to no one", "a LOGIN \"{5}\" p\r\n", small, []string{`a LOGIN "\"{5}\" p"`, "EOF"}, 0},
	} {
		got, asked := read(c.in, c.lim)
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") || asked != c.asked {
			t.Errorf("%s:\ngot  %q, asked %d\nwant %q, asked %d", c.name, got, asked, c.want, c.asked)
		}
	}
}

func TestMessageRefusedEarlyIsNotAskedFor(t *testing.T) {
	asked := 0
	r := NewReader(bufio.NewReader(strings.NewReader("a APPEND x {5}\r\nb APPEND x {5+}\r\nhello\r\n"+
		"c APPEND x {5+}\r\nhello {5+}\r\nhello {5}\r\nd APPEND x {5+}\r\nhello {200+}\r\n"+strings.Repeat("x", 200)+"\r\nc NOOP\r\n")), AfterLogin(100),
		func() error { asked++; return nil })
	for range 4 {
		c, err := r.Next()
		if err != nil || c.Body == nil || c.Body.Refuse() != nil {
			t.Fatal(c, err)
		}
	}
	if c, err := r.Next(); err != nil || c.Tag != "c" || asked != 0 {
		t.Fatal(c, err, asked)
	}
}

// TestWideReaderReadsTheSame: whenever the reader is widened and narrowed, it gives the same commands and messages.
func TestWideReaderReadsTheSame(t *testing.T) {
	m := strings.Repeat("0123456789\r\n", 40)
	in := fmt.Sprintf("a NOOP\r\nb APPEND x {%d+}\r\n%s {3+}\r\nabc {%[1]d+}\r\n%[2]s\r\nc NOOP\r\nd APPEND x {3+}\r\nxyz\r\ne NOOP\r\n", len(m), m)
	for _, sizes := range [][2]int{{16, 64}, {16, 100}, {32, 4096}, {512, 600}} {
		calls := 0
		src := readerFunc(func(p []byte) (int, error) {
			calls++
			n := copy(p, in[:min(len(in), 700)])
			if in = in[n:]; n == 0 {
				return 0, io.EOF
			}
			return n, nil
		})
		all := in
		narrow, wide := bufio.NewReaderSize(src, sizes[0]), bufio.NewReaderSize(nil, sizes[1])
		r := NewReader(narrow, AfterLogin(1000), func() error { return nil })
		var got []string
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			got = append(got, c.Tag)
			for l := c.Body; l != nil; {
				if !r.IsWide() {
					r.Widen(wide)
				}
				b, err := readAll(l)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(b))
				if _, l, err = l.End(); err != nil {
					t.Fatal(err)
				}
			}
			if br := r.Narrow(); br != nil && (br != wide || r.IsWide()) {
				t.Fatal("another buffer came back")
			}
		}
		if want := []string{"a", "b", m, "abc", m, "c", "d", "xyz", "e"}; !slices.Equal(got, want) {
			t.Errorf("%v: %q", sizes, got)
		}
		if r.IsWide() {
			t.Errorf("%v: nothing is left, and it is wide", sizes)
		}
		if r.Detach() != narrow {
			t.Errorf("%v: another reader was detached", sizes)
		}
		if sizes[1] == 4096 && calls > 8 {
			t.Errorf("%d calls for %d bytes", calls, len(all))
		}
		in = all
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReaderHoldsNoMoreThanItsLimit(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("a SEARCH "), &repeat{'('})
	r := NewReader(bufio.NewReader(io.LimitReader(endless, 1<<30)), AfterLogin(0), nil)
	_, err := r.Next()
	var fatal *FatalError
	if !errors.As(err, &fatal) {
		t.Fatal(err)
	}
	if cap(r.buf) > 2*r.limits.CommandBytes {
		t.Fatalf("holds %d bytes", cap(r.buf))
	}
}

type repeat struct{ c byte }

func (r *repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.c
	}
	return len(p), nil
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"a NOOP\r\n", "a LOGIN {3}\r\nx y {1+}\r\nz\r\n", "a APPEND INBOX {5}\r\nhello\r\nb NOOP\r\n",
		"a APPEND {2+}\r\nfo (\\Seen) {3+}\r\nabc\r\n", "a {99999999999999999999+}\r\n", "\x00\r\n\n\r",
		"a APPEND x {2}\r\nhi CATENATE (URL {2}\r\n/a TEXT ~{1+}\r\nz)\r\n", "a UID REPLACE 1 x {1}\r\nz\r\n",
		"a UID FETCH 1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (x)]<0.1>)\r\n",
	} {
		f.Add([]byte(s))
	}
	lim := Limits{CommandBytes: 200, MessageBytes: 100, SkipBytes: 400, Depth: 5, Items: 10, Ranges: 10}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bufio.NewReaderSize(bytes.NewReader(in), 16), lim, func() error { return nil })
		for range len(in) + 2 {
			c, err := r.Next()
			var syntax *SyntaxError
			var big *TooBigError
			switch {
			case err == nil && c.Body != nil:
				for l := c.Body; l != nil; {
					if l.Accept() != nil {
						t.Fatal("accept failed")
					}
					b, err := readAll(l)
					if err == nil && int64(len(b)) != l.Size {
						t.Fatalf("message of %d has %d", l.Size, len(b))
					}
					if _, l, err = l.End(); err != nil && !errors.As(err, &syntax) {
						return
					}
				}
			case err == nil:
				if len(c.Args) > lim.CommandBytes || c.Tag == "" || c.Name == "" {
					t.Fatalf("%q %q %q", c.Tag, c.Name, c.Args)
				}
				parseAll(c.Args, &lim)
			case errors.As(err, &syntax), errors.As(err, &big) && big.Skipped:
			default:
				return
			}
		}
		t.Fatal("more commands than bytes")
	})
}

// parseAll reads args as the arguments of everything.
func parseAll(args []byte, lim *Limits) {
	for _, f := range []func(p *Parser){
		func(p *Parser) { p.SeqSet().Resolve(10); p.SP().FetchItems() },
		func(p *Parser) { p.UIDSet().Resolve(0); p.SP().FlagsOrList() },
		func(p *Parser) { p.Search() },
		func(p *Parser) { NewMatcher(p.Name() + p.SP().Pattern()).Match("INBOX") },
		func(p *Parser) { p.Flags(); p.SP().DateTime(); p.Date() },
		func(p *Parser) { p.NString(); p.Raw() },
	} {
		p := NewParser(args, lim)
		f(p)
		_ = p.End()
	}
}

func FuzzParser(f *testing.F) {
	for _, s := range []string{
		`1:4,*,7:* (FLAGS BODY[HEADER.FIELDS ("a b" {1}` + "\r\nx)])", `CHARSET UTF-8 OR (SEEN NOT 1:*) SUBJECT "x\"y"`,
		`"&BkIGRgZIBkYGJw-" "%*"`, `(\Seen x) "17-Jul-1996 02:44:25 -0700"`, strings.Repeat("(", 300), strings.Repeat("NOT ", 300),
	} {
		f.Add([]byte(s))
	}
	lim := AfterLogin(100)
	f.Fuzz(func(_ *testing.T, in []byte) { parseAll(in, &lim) })
}

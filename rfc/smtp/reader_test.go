package smtp

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLine(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, c := range []struct {
		in   string
		line string
		err  error
		next string // the line after it
	}{
		{"NOOP\r\nQUIT\r\n", "NOOP", nil, "QUIT"},
		{"\r\nQUIT\r\n", "", nil, "QUIT"},
		{"NOOP\nRSET\r\nQUIT\r\n", "", ErrBareLF, "QUIT"},
		{"NOOP\rRSET\r\nQUIT\r\n", "", ErrBareCR, "QUIT"},
		{"NOOP\r\r\nQUIT\r\n", "", ErrBareCR, "QUIT"},
		{"NO\x00OP\r\nQUIT\r\n", "", ErrNUL, "QUIT"},
		{long + "\r\nQUIT\r\n", "", ErrTooLong, "QUIT"},
		{long + "\n" + long + "\r\nQUIT\r\n", "", ErrTooLong, "QUIT"},
		{strings.Repeat("x", 62) + "\r\nQUIT\r\n", strings.Repeat("x", 62), nil, "QUIT"},
		{strings.Repeat("x", 63) + "\r\nQUIT\r\n", "", ErrTooLong, "QUIT"},
		{"NOOP", "", io.ErrUnexpectedEOF, ""},
		{"NOOP\r", "", io.ErrUnexpectedEOF, ""},
		{"NOOP\n", "", io.ErrUnexpectedEOF, ""},
		{"", "", io.EOF, ""},
		{strings.Repeat("x", maxLineDrain+200), "", ErrEndless, ""},
	} {
		for _, src := range []io.Reader{
			strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			r := NewReader(src, make([]byte, 16)) // grows for a line that fits the limit only
			line, err := r.Line(64)
			if err != c.err || err == nil && string(line) != c.line {
				t.Errorf("%.40q: %q, %v", c.in, line, err)
				continue
			}
			if c.next == "" {
				continue
			}
			if next, err := r.Line(64); string(next) != c.next || err != nil {
				t.Errorf("%.40q: then %q, %v", c.in, next, err)
			}
		}
	}
}

// Lines are what stands between CRLFs, however the input comes.
func FuzzLine(f *testing.F) {
	f.Add([]byte("EHLO a\r\nNOOP\nx\r\n\r\r\n\x00\r\n"), uint64(1))
	f.Add([]byte(strings.Repeat("y", 50)+"\r\nz\r\n"), uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		const limit = 40
		if len(in) > maxLineDrain {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		r := NewReader(&chunkedReader{in, rnd, 1 + rnd.IntN(9)}, make([]byte, 4+rnd.IntN(60)))
		for rest := in; ; {
			line, err := r.Line(limit)
			want, after, found := bytes.Cut(rest, []byte("\r\n"))
			if !found {
				if err == nil || err == ErrTooLong {
					t.Fatalf("%q: %q, %v", rest, line, err)
				}
				return
			}
			switch {
			case len(want)+2 > limit && err != ErrTooLong,
				len(want)+2 <= limit && err != checkLine(want), err == nil && !bytes.Equal(line, want):
				t.Fatalf("%q: %q, %v", rest, line, err)
			}
			rest = after
		}
	})
}

func TestSwapKeepsWhatIsUnread(t *testing.T) {
	r := NewReader(strings.NewReader("NOOP\r\nQUIT\r\n"), make([]byte, 32))
	if _, err := r.Line(64); err != nil {
		t.Fatal(err)
	}
	if old := r.Swap(make([]byte, 3)); old != nil {
		t.Error("unread octets were lost")
	}
	if old := r.Swap(make([]byte, 6)); len(old) != 32 || r.Size() != 6 {
		t.Error("no swap")
	}
	if line, err := r.Line(64); string(line) != "QUIT" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
}

func TestReadChunk(t *testing.T) {
	in := strings.Repeat("0123456789", 20)
	for _, buf := range []int{4, 64, 500} {
		r := NewReader(iotest.HalfReader(strings.NewReader(in)), make([]byte, buf))
		var got []byte
		for left := int64(150); ; {
			p := make([]byte, 17)
			n, err := r.ReadChunk(p, left)
			got, left = append(got, p[:n]...), left-int64(n)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Skip(40); err != nil || string(got) != in[:150] {
			t.Fatalf("buffer %d: %q, %v", buf, got, err)
		}
		if rest, _ := io.ReadAll(io.MultiReader(bytes.NewReader(r.Peek()), r.src)); string(rest) != in[190:] {
			t.Errorf("buffer %d: left %q", buf, rest)
		}
		if err := r.Skip(50); err != io.ErrUnexpectedEOF {
			t.Errorf("buffer %d: %v", buf, err)
		}
	}
}

func TestChecker(t *testing.T) {
	for _, c := range []struct {
		in     string
		header bool
		want   error
	}{
		{"a: b\r\n\r\nbody\r\n", false, nil},
		{"a: b\r\n\r\nbody", false, nil},
		{"a\rb", false, ErrBareCR},
		{"a\nb", false, ErrBareLF},
		{"\nb", false, ErrBareLF},
		{"a\x00b", false, ErrNUL},
		{"a\r", false, ErrBareCR},
		{"a\r\r\n", false, ErrBareCR},
		{"a: b\r\n\r\n\x00\r\n\n", true, nil},
		{"a: b\r\n\x00\r\n\n", true, ErrNUL},
		{"\r\n\n\n", true, nil},
		{"a: b\r\n.\r\n\n", true, ErrBareLF},
	} {
		for size := 1; size < 6; size++ {
			check := Checker{HeaderOnly: c.header}
			var err error
			for in := []byte(c.in); len(in) > 0 && err == nil; {
				n := min(size, len(in))
				err = check.Check(in[:n])
				in = in[n:]
			}
			if err == nil {
				err = check.End()
			}
			if err != c.want {
				t.Errorf("%q by %d: %v, want %v", c.in, size, err, c.want)
			}
		}
	}
}

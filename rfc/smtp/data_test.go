package smtp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// slowData is the reference: the whole input, octet by octet, by the book (RFC 5321 §4.5.2, §2.3.8).
func slowData(in []byte) (message, rest []byte, err error) {
	i := 0
	bol := true
	for i < len(in) {
		if bol && in[i] == '.' {
			if i+2 >= len(in) && bytes.HasPrefix([]byte(".\r\n"), in[i:]) {
				return message, nil, io.ErrUnexpectedEOF
			}
			if bytes.HasPrefix(in[i:], []byte(".\r\n")) {
				return message, in[i+3:], io.EOF
			}
			i++ // the dot that stuffing put there
			bol = false
			continue
		}
		bol = false
		switch c := in[i]; {
		case c == 0:
			return message, nil, ErrNUL
		case c == '\n':
			return message, nil, ErrBareLF
		case c == '\r' && i+1 == len(in):
			return message, nil, io.ErrUnexpectedEOF
		case c == '\r' && in[i+1] != '\n':
			return message, nil, ErrBareCR
		case c == '\r':
			message = append(message, '\r', '\n')
			i++
			bol = true
		default:
			message = append(message, c)
		}
		i++
	}
	return message, nil, io.ErrUnexpectedEOF
}

// chunkedReader gives its input in pieces of random length.
type chunkedReader struct {
	in  []byte
	rnd *rand.Rand
	max int
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(c.in), 1+c.rnd.IntN(c.max))
	copy(p, c.in[:n])
	c.in = c.in[n:]
	return n, nil
}

// readAll reads with pieces of random length, too.
func readAll(r io.Reader, rnd *rand.Rand, max int) ([]byte, error) {
	var all []byte
	for {
		p := make([]byte, 1+rnd.IntN(max))
		n, err := r.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			return all, err
		}
	}
}

func checkData(t *testing.T, in []byte, seed uint64, bufSize, maxIn, maxOut int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := NewReader(&chunkedReader{in, rnd, maxIn}, make([]byte, bufSize))
	d := r.Data(1 << 30)
	got, err := readAll(d, rnd, maxOut)
	message, rest, want := slowData(in)
	if err != want {
		t.Fatalf("%q: error %v, want %v", in, err, want)
	}
	switch {
	case want == io.EOF:
		left, _ := io.ReadAll(io.MultiReader(bytes.NewReader(r.Peek()), r.src))
		if !bytes.Equal(got, message) || !bytes.Equal(left, rest) || !d.Done() || d.Size() != int64(len(message)) {
			t.Fatalf("%q: got %q and %q left, want %q and %q", in, got, left, message, rest)
		}
	case !bytes.HasPrefix(message, got):
		t.Fatalf("%q: got %q before %v, want a beginning of %q", in, got, err, message)
	case d.Done():
		t.Fatalf("%q: done after %v", in, err)
	}
	if isFatal := errors.Is(want, io.ErrUnexpectedEOF); want != io.EOF && !isFatal {
		checkDrain(t, in, d, r)
	}
}

// checkDrain: after a refusal the message ends where CRLF.CRLF stands, at the beginning or later.
func checkDrain(t *testing.T, in []byte, d *DataReader, r *Reader) {
	t.Helper()
	err := d.Drain(1 << 30)
	full := append([]byte("\r\n"), in...)
	i := bytes.Index(full, []byte("\r\n.\r\n"))
	if i < 0 {
		if err != io.ErrUnexpectedEOF {
			t.Fatalf("%q: Drain: %v", in, err)
		}
		return
	}
	left, _ := io.ReadAll(io.MultiReader(bytes.NewReader(r.Peek()), r.src))
	if want := full[i+5:]; err != nil || !bytes.Equal(left, want) {
		t.Fatalf("%q: Drain: %v, %q left, want %q", in, err, left, want)
	}
}

// The forms of the end of data that other servers took or still take for one (checklist 1): the only end
// is CRLF.CRLF, every other form is part of the message or a reason to refuse it.
var endForms = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n", "\r\r\n.\r\n", "\n\r\n.\r\n",
	"\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\x00\n", "\x00\r\n.\r\n", "\n\n.\n\n", "\r.\n", "\n.\r", "\r\n.\n\r\n",
	"\r\n. \r\n", "\r\n .\r\n", "\r\n..\r\n", "\r\n.\t\r\n", "\r\n.\x85", "\u2028.\u2028", "\x0b.\x0b", "\x0c.\x0c", "\r\n.\r\n",
}

func TestOnlyOneFormEndsData(t *testing.T) {
	if len(endForms) != 26 {
		t.Fatalf("%d forms", len(endForms))
	}
	for _, form := range endForms {
		in := "Subject: a\r\n\r\nfirst" + form + "MAIL FROM:<injected@example.org>\r\n.\r\nQUIT\r\n"
		r := NewReader(strings.NewReader(in), make([]byte, 64))
		d := r.Data(1 << 20)
		message, err := io.ReadAll(d)
		if form == "\r\n.\r\n" {
			if err != nil || string(message) != "Subject: a\r\n\r\nfirst\r\n" {
				t.Errorf("%q: %q, %v", form, message, err)
			}
			continue
		}
		if strings.Contains(strings.ReplaceAll(form, "\r\n", ""), "\r") && err == nil {
			t.Errorf("%q was taken", form)
		}
		if err == nil && !bytes.Contains(message, []byte("injected")) {
			t.Errorf("%q ended the message", form)
		}
		if drained := d.Drain(1 << 20); drained != nil {
			t.Errorf("%q: Drain: %v", form, drained)
			continue
		}
		// A form may hold the real end itself; then what follows is for the session, and nothing else is.
		if line, err := r.Line(512); err != nil || string(line) != "QUIT" && !strings.HasSuffix(form, "\r\n.\r\n") {
			t.Errorf("%q: after the message: %q, %v", form, line, err)
		}
	}
}

func TestDataAgainstReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	alphabet := []string{"a", ".", "..", "\r\n", "\r\n", "\r\n.", "\r\n.\r\n", "\r", "\n", "\x00", "long line of text"}
	for i := range 20000 {
		var b strings.Builder
		legal := rnd.IntN(3) > 0
		for range rnd.IntN(12) {
			k := len(alphabet)
			if legal {
				k = 7
			}
			b.WriteString(alphabet[rnd.IntN(k)])
		}
		b.WriteString("\r\n.\r\n"[:rnd.IntN(6)])
		checkData(t, []byte(b.String()), uint64(i), 4+rnd.IntN(40), 1+rnd.IntN(8), 1+rnd.IntN(16))
	}
}

func FuzzData(f *testing.F) {
	for _, form := range endForms {
		f.Add([]byte("a\r\n"+form+"b\r\n.\r\n"), uint64(1), uint8(8))
	}
	f.Add([]byte(".\r\n"), uint64(2), uint8(3))
	f.Add([]byte("..\r\n.\r\nNOOP\r\n"), uint64(3), uint8(64))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, size uint8) {
		n := int(size)
		checkData(t, in, seed, n+4, n%13+1, n%29+1)
	})
}

func TestDataLimit(t *testing.T) {
	text := strings.Repeat("0123456789\r\n", 100)
	for _, c := range []struct {
		limit int64
		want  error
	}{{1200, nil}, {1199, ErrTooBig}, {0, ErrTooBig}} {
		r := NewReader(iotest.OneByteReader(strings.NewReader(text+".\r\nQUIT\r\n")), make([]byte, 64))
		d := r.Data(c.limit)
		got, err := io.ReadAll(d)
		if err != c.want || int64(len(got)) > c.limit {
			t.Errorf("limit %d: %d octets, %v", c.limit, len(got), err)
		}
		if err := d.Drain(2000); err != nil {
			t.Error(err)
		}
		if line, err := r.Line(512); string(line) != "QUIT" || err != nil {
			t.Errorf("limit %d: then %q, %v", c.limit, line, err)
		}
	}
	d := NewReader(strings.NewReader(text), make([]byte, 64)).Data(10)
	if err := d.Drain(100); err != ErrEndless {
		t.Errorf("Drain without an end: %v", err)
	}
}

func TestEmptyMessage(t *testing.T) {
	d := NewReader(strings.NewReader(".\r\n"), make([]byte, 8)).Data(10)
	if b, err := io.ReadAll(d); len(b) != 0 || err != nil || !d.Done() {
		t.Errorf("%q, %v", b, err)
	}
}

func BenchmarkData(b *testing.B) {
	line := strings.Repeat("x", 74) + "\r\n"
	in := []byte(strings.Repeat(line, 54) + ".\r\n")
	src := bytes.NewReader(in)
	r := NewReader(src, make([]byte, 32<<10))
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(in)
		d := r.Data(1 << 30)
		for {
			if _, err := d.Read(p); err != nil {
				break
			}
		}
	}
}

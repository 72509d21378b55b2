package deflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// stingy is an input that fails the test when it is asked for more than there is.
type stingy struct {
	t    *testing.T
	left []byte
}

func (s *stingy) Buffered() int { return len(s.left) }

func (s *stingy) ReadByte() (byte, error) {
	if len(s.left) == 0 {
		return 0, errWaits
	}
	b := s.left[0]
	s.left = s.left[1:]
	return b, nil
}

var errWaits = errors.New("it waits for more")

// TestPartialFlush: what has been flushed is given out, whatever the bits behind it.
func TestPartialFlush(t *testing.T) {
	file, err := os.ReadFile("testdata/partial_flush.txt")
	if err != nil {
		t.Fatal(err)
	}
	in := &stingy{t: t}
	r := NewReader(in)
	steps := 0
	for line := range strings.Lines(string(file)) {
		octets, quoted, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || octets == "#" {
			continue
		}
		b, err1 := hex.DecodeString(octets)
		want, err2 := strconv.Unquote(quoted)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		in.left = append(in.left, b...)
		var got []byte
		p := make([]byte, 1000)
		for len(got) < len(want) {
			n, err := r.Read(p)
			if err != nil {
				t.Fatalf("step %d after %d of %d octets: %v", steps, len(got), len(want), err)
			}
			got = append(got, p[:n]...)
		}
		if string(got) != want {
			t.Fatalf("step %d gave %q, want %q", steps, got, want)
		}
		steps++
	}
	if steps < 20 {
		t.Fatalf("%d steps only", steps)
	}
}

// samples are texts of many kinds.
func samples() [][]byte {
	rnd := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	few := make([]byte, 100_000)
	for i := range few {
		few[i] = "abcde\r\n"[rnd.IntN(7)]
	}
	far := append(append(bytes.Clone(noise[:32768]), noise[:32768]...), noise[:300]...)
	return [][]byte{
		nil, []byte("x"), []byte("a NOOP\r\n"), noise, few, far, bytes.Repeat([]byte{0}, 300_000),
		bytes.Repeat([]byte("* 1 FETCH (FLAGS (\\Seen))\r\n"), 5000),
	}
}

// TestReaderUndoesWriter at every level, flushed now and then.
func TestReaderUndoesWriter(t *testing.T) {
	for i, want := range samples() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, level)
			if err != nil {
				t.Fatal(err)
			}
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 50_000)
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(NewReader(bufio.NewReader(&packed)))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("sample %d at level %d: %d octets, want %d: %v", i, level, len(got), len(want), err)
			}
		}
	}
}

// TestReaderRefuses what breaks RFC 1951.
func TestReaderRefuses(t *testing.T) {
	for name, octets := range map[string]string{
		"a block of type 3":           "07",
		"a stored block, bad check":   "01 0500 0000",
		"a copy from before":          "03 02 00",
		"too many codes":              "05 e0 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff",
		"length code 286, fixed":      "1b 03",
		"distance code 30, fixed":     "03 3e",
		"cut in the head of a block":  "04",
		"cut in a literal":            "4b",
		"cut in a stored block":       "00 0500 faff 6162",
		"cut in the lengths of codes": "05 c0",
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(octets, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(NewReader(bufio.NewReader(bytes.NewReader(b))))
		var bad *CorruptError
		if cut := strings.HasPrefix(name, "cut"); cut && err != io.ErrUnexpectedEOF || !cut && !errors.As(err, &bad) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// FuzzReader compares with the library: the same octets, and a failure where it has one.
func FuzzReader(f *testing.F) {
	for _, s := range samples()[:3] {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, 9)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write(s); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(packed.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), most))
		got, err := io.ReadAll(io.LimitReader(NewReader(bufio.NewReader(bytes.NewReader(b))), most))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%d octets and %v, want %d", len(got), err, len(want))
		}
		if wantErr != nil && !bytes.HasPrefix(got, want) && !bytes.HasPrefix(want, got) {
			t.Fatalf("gave %d octets, the library %d others", len(got), len(want))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := samples()[4]
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, 6)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, NewReader(bufio.NewReader(bytes.NewReader(packed.Bytes())))); err != nil {
			b.Fatal(err)
		}
	}
}

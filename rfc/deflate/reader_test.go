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
	"testing/iotest"
)

// spout is an input that has what came so far and then says errWaits, where a connection would wait.
type spout struct{ left []byte }

func (s *spout) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, errWaits
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

var errWaits = errors.New("it waits for more")

// drink reads until the input waits.
func drink(t testing.TB, r io.Reader) (got []byte) {
	t.Helper()
	p := make([]byte, 1000)
	for {
		n, err := r.Read(p)
		got = append(got, p[:n]...)
		if err == errWaits {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPartialFlush: what has been flushed is given out, whatever the bits behind it.
func TestPartialFlush(t *testing.T) {
	file, err := os.ReadFile("testdata/partial_flush.txt")
	if err != nil {
		t.Fatal(err)
	}
	in := &spout{}
	r := NewReader(bufio.NewReader(in))
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
		if got := string(drink(t, r)); got != want {
			t.Fatalf("step %d gave %q, want %q", steps, got, want)
		}
		steps++
	}
	if steps < 20 {
		t.Fatalf("%d steps only", steps)
	}
}

// TestNothingIsHeldBack: after every single octet all that the library can decode has been given out, at the least, also if the
// buffer was given up in between.
func TestNothingIsHeldBack(t *testing.T) {
	for i, sample := range samples() {
		sample = sample[:min(len(sample), 600)]
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 9} {
			packed := pack(t, sample, level, 90)
			in := &spout{}
			r := NewReader(bufio.NewReader(in))
			var got []byte
			for n := range packed {
				in.left = packed[n : n+1]
				p := make([]byte, 1+n%300)
				for {
					k, err := r.Read(p)
					if got = append(got, p[:k]...); k == 0 && err != nil {
						break
					}
				}
				if n%3 == 0 && r.Detach().Buffered() == 0 {
					r.Attach(bufio.NewReader(in))
				}
				least, _ := io.ReadAll(flate.NewReader(bytes.NewReader(packed[:n+1])))
				if len(got) < len(least) || !bytes.HasPrefix(sample, got) {
					t.Fatalf("sample %d at level %d: %d octets gave %d, the library %d", i, level, n+1, len(got), len(least))
				}
			}
			if !bytes.Equal(got, sample) {
				t.Fatalf("sample %d at level %d: %d octets, want %d", i, level, len(got), len(sample))
			}
		}
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
	skew := make([]byte, 100_000) // codes of up to 15 bits
	for i := range skew {
		skew[i] = byte(rnd.ExpFloat64() * 9)
	}
	far := append(append(bytes.Clone(noise[:32768]), noise[:32768]...), noise[:300]...)
	return [][]byte{
		nil, []byte("x"), []byte("a NOOP\r\n"), noise, few, skew, far, bytes.Repeat([]byte{0}, 300_000),
		bytes.Repeat([]byte("* 1 FETCH (FLAGS (\\Seen))\r\n"), 5000),
	}
}

// pack compresses text with the library, flushed every some octets.
func pack(t testing.TB, text []byte, level, some int) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, level)
	if err != nil {
		t.Fatal(err)
	}
	for rest := text; len(rest) > 0; {
		n := min(len(rest), some)
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
	return packed.Bytes()
}

// TestReaderUndoesWriter at every level, flushed now and then, whatever the pieces that come and that are asked for.
func TestReaderUndoesWriter(t *testing.T) {
	for i, want := range samples() {
		for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
			packed := pack(t, want, level, 50_000)
			for name, in := range map[string]io.Reader{
				"whole":  bytes.NewReader(packed),
				"octets": iotest.OneByteReader(bytes.NewReader(packed)),
				"halves": iotest.HalfReader(bytes.NewReader(packed)),
				"end":    iotest.DataErrReader(bytes.NewReader(packed)),
			} {
				r := NewReader(bufio.NewReaderSize(in, 16<<(level+2)))
				got, err := io.ReadAll(struct{ io.Reader }{&pieces{r, 1 + 7*i}})
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("sample %d at level %d, %s: %d octets, want %d: %v", i, level, name, len(got), len(want), err)
				}
				if r.Taken() != int64(len(packed)) {
					t.Errorf("sample %d at level %d, %s: %d octets taken of %d", i, level, name, r.Taken(), len(packed))
				}
			}
		}
	}
}

// pieces asks for pieces of sizes that change.
type pieces struct {
	r io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	p.n = p.n*5%70_001 + 1
	return p.r.Read(b[:min(len(b), p.n)])
}

// TestMemoryGrowsWithUse: who says little costs little, who says much a window.
func TestMemoryGrowsWithUse(t *testing.T) {
	for n, most := range map[int]int{10: 1 << 10, 1500: 2 << 10, 30_000: 32 << 10, 300_000: 32 << 10} {
		r := NewReader(bufio.NewReader(bytes.NewReader(pack(t, make([]byte, n), 6, n))))
		if _, err := io.Copy(io.Discard, r); err != nil || len(r.ring) != most {
			t.Errorf("a window of %d for %d octets, want %d: %v", len(r.ring), n, most, err)
		}
	}
}

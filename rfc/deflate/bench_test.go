package deflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"

	klauspost "github.com/klauspost/compress/flate"
)

// BenchmarkReader beside the libraries, from new and with what a session has at hand: pieces of 2 KiB.
func BenchmarkReader(b *testing.B) {
	for name, f := range map[string]func(*bufio.Reader) io.Reader{
		"ours":      func(in *bufio.Reader) io.Reader { return NewReader(in) },
		"klauspost": func(in *bufio.Reader) io.Reader { return klauspost.NewReader(in) },
		"std":       func(in *bufio.Reader) io.Reader { return flate.NewReader(in) },
	} {
		for kind, i := range map[string]int{"few": 4, "skew": 5, "zeros": 7, "answers": 8, "noise": 3, "command": 2} {
			text := samples()[i]
			packed := pack(b, text, 6, len(text))
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				p := make([]byte, 2<<10)
				in := bufio.NewReaderSize(nil, 2<<10)
				for b.Loop() {
					in.Reset(bytes.NewReader(packed))
					for r := f(in); ; {
						if _, err := r.Read(p); err == io.EOF {
							break
						} else if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

// BenchmarkEmptyBlocks is the most work that an octet of input can ask for: codes that are made and not used.
func BenchmarkEmptyBlocks(b *testing.B) {
	packed := octets(strings.Repeat(emptyBlock, 8000))
	b.SetBytes(int64(len(packed)))
	for b.Loop() {
		if n, err := io.Copy(io.Discard, NewReader(bufio.NewReader(bytes.NewReader(packed)))); n > 0 || err != nil {
			b.Fatal(n, err)
		}
	}
}

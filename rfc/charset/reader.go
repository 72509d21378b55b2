package charset

import (
	"bufio"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// NewReader converts the text of r, which is said to be in the charset label, to UTF-8. Without a label that
// is of use, ASCII is passed on until the first byte above it, and the charset is guessed from there.
func NewReader(label string, r io.Reader) io.Reader {
	c := lookup(label)
	if c.kind == labelled && !singleByte(c.enc) {
		return transform.NewReader(r, c.enc.NewDecoder())
	}
	return &guesser{src: bufio.NewReaderSize(r, guessBytes), said: c.enc}
}

// guesser passes ASCII on and becomes a converter at the first byte above it.
type guesser struct {
	src  *bufio.Reader
	said encoding.Encoding // by the label; nil: nothing of use
	out  io.Reader         // after the guess
}

// Read implements io.Reader.
func (g *guesser) Read(p []byte) (int, error) {
	if g.out != nil {
		return g.out.Read(p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := g.src.Peek(1); err != nil {
		return 0, err
	}
	window, _ := g.src.Peek(min(g.src.Buffered(), len(p)))
	n := plainBytes(window)
	if n > 0 {
		return g.src.Read(p[:n])
	}
	g.decide()
	return g.out.Read(p)
}

// plainBytes counts the bytes before the first one that a guess has to be made for.
func plainBytes(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf || c == escape {
			return i
		}
	}
	return len(b)
}

func (g *guesser) decide() {
	window, _ := g.src.Peek(guessBytes)
	enc := g.said
	if enc != nil {
		enc = believed(enc, window)
	} else {
		enc = guessed(window)
	}
	g.out = transform.NewReader(g.src, enc.NewDecoder())
}

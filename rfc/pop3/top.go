package pop3

import "bytes"

// Top finds where TOP ends in a message that comes in pieces (RFC 1939 §7): after the header section, the
// blank line, and so many lines of the body. A message without a blank line is all header.
type Top struct {
	lines  int  // of the body, still to come
	inBody bool //
	length int  // octets of the line we are in, CR not counted
}

// NewTop makes a Top for so many lines of the body.
func NewTop(lines int) *Top { return &Top{lines: lines} }

// Take tells how many octets at the beginning of p belong to the answer, and whether that is its end.
func (t *Top) Take(p []byte) (n int, done bool) {
	if t.inBody && t.lines == 0 {
		return 0, true
	}
	for n < len(p) {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 0 {
			t.length += visible(p[n:])
			return len(p), false
		}
		blank := t.length+visible(p[n:n+i]) == 0
		n += i + 1
		t.length = 0
		switch {
		case t.inBody:
			t.lines--
		case blank:
			t.inBody = true
		}
		if t.inBody && t.lines == 0 {
			return n, true
		}
	}
	return n, false
}

// visible is the length of a piece of a line without a CR at its end.
func visible(p []byte) int {
	if len(p) > 0 && p[len(p)-1] == '\r' {
		return len(p) - 1
	}
	return len(p)
}

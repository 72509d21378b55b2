package mime

import "bytes"

// frame is an open part.
type frame struct {
	part       *Part
	startLines int64  // line ends before its body
	boundary   string // of a multipart
	open       bool   // the boundary is looked for
	digest     bool   // multipart/digest: parts are messages by default (RFC 2046 §5.1.5)
	whole      bool   // it is all of a message: the root, or the child of a MESSAGE/RFC822
}

func (s *Scanner) top() *frame { return &s.stack[len(s.stack)-1] }

// begin makes a part whose header section begins at s.off, as child of the innermost open part.
func (s *Scanner) begin() *Part {
	p := &Part{HeaderOff: s.off}
	whole := true
	if len(s.stack) > 0 {
		parent := s.top().part
		parent.Children = append(parent.Children, p)
		whole = parent.IsMessage()
	}
	s.parts++
	s.stack = append(s.stack, frame{part: p, whole: whole})
	s.inHead, s.headEmpty = true, true
	s.head, s.headLine = s.head[:0], 0
	return p
}

// endHead ends the header section at s.off, where the body begins.
func (s *Scanner) endHead() {
	f := s.top()
	f.part.BodyOff, f.startLines = s.off, s.lines
	s.inHead = false
	if len(s.stack) == 1 {
		s.msg.Header = bytes.Clone(s.head)
	}
	digest := len(s.stack) > 1 && s.stack[len(s.stack)-2].digest
	s.interpret(f, digest)
	switch {
	case f.part.IsMultipart():
		s.enterMultipart(f)
	case f.part.IsMessage() && (!isIdentity(f.part.Encoding) || !s.room()):
		f.part.makeOpaque() // RFC 2046 §5.2.1 allows no encoding here; RFC 2045 §6.4 says what to do
	case f.part.IsMessage():
		s.begin()
	}
}

// room tells whether a part inside the innermost one is within the limits.
func (s *Scanner) room() bool {
	if len(s.stack) < s.lim.Depth && s.parts < s.lim.Parts {
		return true
	}
	s.msg.Truncated = true
	return false
}

func (s *Scanner) enterMultipart(f *frame) {
	if !s.room() {
		f.part.makeOpaque()
		return
	}
	b := f.part.boundary()
	f.digest = f.part.Subtype == "DIGEST"
	if b == "" || len(b) > maxBoundaryBytes {
		return // its text will be shown as one part
	}
	f.boundary, f.open = b, true
	s.open++
}

// makeOpaque turns p into a leaf that nothing is known of (RFC 2046 §4.5.1).
func (p *Part) makeOpaque() { p.Type, p.Subtype = "APPLICATION", "OCTET-STREAM" }

// What a line is.
type boundaryKind byte

const (
	noBoundary boundaryKind = iota
	delimiter
	closeDelimiter
)

// boundary tells whether the line is a delimiter of an open multipart (RFC 2046 §5.1.1), and of which. The
// whole line must fit, so that a boundary that begins with another one is not mistaken for it; the innermost
// multipart is asked first.
func (s *Scanner) boundary(line []byte, n int64) (boundaryKind, int) {
	if s.open == 0 || len(line) < 3 || line[0] != '-' || line[1] != '-' || n > maxLineHold {
		return noBoundary, 0
	}
	text := bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(s.stack) - 1; i >= 0; i-- {
		f := &s.stack[i]
		if !f.open || len(text) < len(f.boundary) {
			continue
		}
		switch len(text) - len(f.boundary) {
		case 0:
			if string(text) == f.boundary {
				return delimiter, i
			}
		case 2:
			if string(text[:len(f.boundary)]) == f.boundary && text[len(text)-1] == '-' && text[len(text)-2] == '-' {
				return closeDelimiter, i
			}
		}
	}
	return noBoundary, 0
}

// divide begins the next part of the multipart at, or ends it. Its boundary line is behind us.
func (s *Scanner) divide(what boundaryKind, at int) {
	switch {
	case what == closeDelimiter:
		s.stack[at].open = false
		s.open--
	case s.parts+1 >= s.lim.Parts:
		s.opaqueRest()
	default:
		s.begin()
	}
}

// opaqueRest makes all that is left of the message one leaf.
func (s *Scanner) opaqueRest() {
	p := s.begin()
	s.inHead = false
	p.BodyOff, s.top().startLines = s.off, s.lines
	p.makeOpaque()
	p.Encoding = "BINARY"
	s.msg.Truncated = true
	for i := range s.stack {
		s.stack[i].open = false
	}
	s.open = 0
}

// closeTo ends open parts at the offset end, before which there are that many line ends, until n are left.
// A part whose body would end before it begins (a boundary directly behind the header) is empty, and its
// parents reach as far.
func (s *Scanner) closeTo(n int, end, lines int64) {
	for s.inHead {
		s.endHead()
	}
	for len(s.stack) > n {
		f := s.top()
		p := f.part
		if end < p.BodyOff {
			end, lines = p.BodyOff, f.startLines
		}
		p.End, p.Lines = end, lines-f.startLines
		if f.open {
			s.open--
		}
		if p.IsMultipart() && len(p.Children) == 0 {
			p.addText()
		}
		s.stack = s.stack[:len(s.stack)-1]
	}
}

// addText gives a multipart in which no boundary was found one part with all of its text, so that a reader
// sees what is there.
func (p *Part) addText() {
	p.Children = []*Part{{
		Type: "TEXT", Subtype: "PLAIN", Encoding: "7BIT",
		HeaderOff: p.BodyOff, BodyOff: p.BodyOff, End: p.End, Lines: p.Lines,
	}}
}

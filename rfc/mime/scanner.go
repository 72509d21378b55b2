package mime

import (
	"bytes"

	"barid/rfc/header"
)

// Scanner finds the structure of one message that is written to it in pieces of any size. Make it with
// NewScanner; Reset makes it ready for the next message.
type Scanner struct {
	lim   Limits
	msg   *Message
	marks marks

	off   int64 // where the current line begins: all before it is done
	lines int64 // line ends before it
	eol   int64 // length of the line end just before it, 0 at the beginning of the message

	// The beginning of a line that is not complete yet.
	hold    []byte // its first maxLineHold bytes
	holdLen int64  // its length so far
	last    byte   // its last byte

	// The header section being read.
	inHead    bool
	head      []byte // its bytes, at most Limits.HeaderBytes
	headLine  int    // where the current line begins in head
	headEmpty bool   // no line of it was seen yet

	stack []frame // the open parts, the root first
	open  int     // how many of them have a boundary that is looked for
	parts int     // made so far
	text  int     // bytes that may still be kept, of Limits.TextBytes
	addrs int     // addresses that may still be kept, of Limits.Addresses
}

// NewScanner makes a Scanner.
func NewScanner(l Limits) *Scanner {
	s := &Scanner{lim: l}
	s.Reset()
	return s
}

// Reset makes s ready for another message. What Finish gave stays valid.
func (s *Scanner) Reset() {
	*s = Scanner{lim: s.lim, hold: s.hold[:0], head: s.head[:0], stack: s.stack[:0]}
	s.text, s.addrs = s.lim.TextBytes, s.lim.Addresses
	s.msg = &Message{}
	s.msg.Root = s.begin()
}

// Scan finds the structure of a message that is in memory.
func Scan(b []byte, l Limits) *Message {
	s := NewScanner(l)
	s.Write(b)
	return s.Finish()
}

// Write takes the next bytes of the message. It never fails and keeps no reference to p.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	s.marks.note(p)
	if s.holdLen > 0 {
		p = s.complete(p)
	}
	for len(p) > 0 {
		if s.inHead {
			p = s.headRun(p)
		} else {
			p = s.bodyRun(p)
		}
	}
	return n, nil
}

// complete takes the rest of the line that is held and gives what is behind it.
func (s *Scanner) complete(p []byte) (rest []byte) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		s.keep(p)
		return nil
	}
	eol := int64(1)
	if i > 0 && p[i-1] == '\r' || i == 0 && s.last == '\r' {
		eol = 2
	}
	s.keep(p[:i+1])
	line, n := s.hold, s.holdLen
	s.hold, s.holdLen = s.hold[:0], 0
	s.marks.long = s.marks.long || n > MaxLine
	s.line(line, n, eol)
	return p[i+1:]
}

// keep holds bytes of a line that is not complete.
func (s *Scanner) keep(p []byte) {
	if len(p) == 0 {
		return
	}
	if room := maxLineHold - len(s.hold); room > 0 {
		s.hold = append(s.hold, p[:min(room, len(p))]...)
	}
	s.holdLen += int64(len(p))
	s.last = p[len(p)-1]
	s.appendHead(p)
}

// headRun takes one line of a header section.
func (s *Scanner) headRun(p []byte) (rest []byte) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		s.keep(p)
		return nil
	}
	line := p[:i+1]
	s.marks.long = s.marks.long || len(line) > MaxLine
	s.appendHead(line)
	s.line(line[:min(len(line), maxLineHold)], int64(len(line)), endLength(line))
	return p[i+1:]
}

// bodyRun takes lines of a body, up to a boundary. Nearly all bytes of all mail go through this loop, so it
// does for each line only what has to be done.
func (s *Scanner) bodyRun(p []byte) (rest []byte) {
	var (
		watch       = s.open > 0
		start       = 0
		lines, crlf = 0, 0
	)
	for {
		i := bytes.IndexByte(p[start:], '\n')
		if i < 0 {
			break
		}
		end := start + i + 1
		if i >= MaxLine {
			s.marks.long = true
		}
		if watch && i > 1 && p[start] == '-' && p[start+1] == '-' {
			s.passed(start, lines, crlf, p)
			line := p[start:end]
			s.line(line[:min(len(line), maxLineHold)], int64(len(line)), endLength(line))
			return p[end:]
		}
		if i > 0 && p[end-2] == '\r' {
			crlf++
		}
		lines++
		start = end
	}
	s.passed(start, lines, crlf, p)
	s.keep(p[start:])
	return nil
}

// passed accounts for complete lines p[:n] of a body.
func (s *Scanner) passed(n, lines, crlf int, p []byte) {
	if n == 0 {
		return
	}
	s.off += int64(n)
	s.lines += int64(lines)
	s.marks.crlf += int64(crlf)
	s.eol = endLength(p[:n])
}

// line takes one line: its first bytes, its length, and the length of its end, which is 0 for a last line
// without one. In a header section its bytes are at the end of s.head already.
func (s *Scanner) line(line []byte, n, eol int64) {
	if what, at := s.boundary(line, n); what != noBoundary {
		s.head = s.head[:s.headLine]
		s.closeTo(at+1, s.off-s.eol, s.lines-min(s.eol, 1))
		s.advance(n, eol)
		s.divide(what, at)
		return
	}
	switch {
	case !s.inHead:
		s.advance(n, eol)
	case n == eol: // the empty line
		s.advance(n, eol)
		s.endHead()
	case s.headEmpty && !s.top().whole && !header.IsField(line):
		s.beginsWithText(line, n, eol)
	default:
		s.advance(n, eol)
		s.headEmpty, s.headLine = false, len(s.head)
	}
}

// beginsWithText is for a part without a header section, or whose empty line was forgotten: the body begins
// with this line. If the part is a message by default, the line is the first of that message's header.
func (s *Scanner) beginsWithText(line []byte, n, eol int64) {
	raw := s.head
	s.head = s.head[:0]
	if s.endHead(); s.inHead {
		s.head = raw
		s.line(line, n, eol)
		return
	}
	s.advance(n, eol)
}

func (s *Scanner) advance(n, eol int64) {
	s.off += n
	s.eol = eol
	if eol > 0 {
		s.lines++
	}
	if eol == 2 {
		s.marks.crlf++
	}
}

// appendHead adds bytes to the header section while there is room.
func (s *Scanner) appendHead(p []byte) {
	if !s.inHead {
		return
	}
	room := s.lim.HeaderBytes - len(s.head)
	if room < len(p) {
		s.msg.Truncated = true
		p = p[:max(room, 0)]
	}
	s.head = append(s.head, p...)
}

// Finish ends the message and gives its structure. The Scanner may then be Reset.
func (s *Scanner) Finish() *Message {
	if s.holdLen > 0 {
		line, n := s.hold, s.holdLen
		s.hold, s.holdLen = s.hold[:0], 0
		s.marks.long = s.marks.long || n > MaxLine-2
		s.line(line, n, 0)
	}
	s.closeTo(0, s.off, s.lines)
	m := s.msg
	m.Size, m.Lines = s.off, s.lines
	m.Has8bit, m.HasNUL, m.HasLong = s.marks.high, s.marks.nul, s.marks.long
	m.HasBareCR = s.marks.cr != s.marks.crlf
	m.HasBareLF = s.lines != s.marks.crlf
	return m
}

// endLength is the length of the line end that b ends with.
func endLength(b []byte) int64 {
	if n := len(b); n > 1 && b[n-2] == '\r' {
		return 2
	}
	return 1
}

package dsn

import (
	"bufio"
	"io"
	"mime/quotedprintable"
	"strings"
)

// maxLine is the longest line that may be sent, octets without CRLF (RFC 5322 §2.1.1).
const maxLine = 998

// maxReturnedHeader is how much of a header section is returned, bytes; more is cut behind a line.
const maxReturnedHeader = 256 << 10

// survey is what was found in an original.
type survey struct {
	header     int64 // length of the header section without its empty line, cut at maxReturnedHeader
	highHeader bool  // a byte above 127 in the header section
	highBody   bool
	unfit      bool // a line is too long, or there is a NUL, a bare CR or a bare LF
	boundary   bool // a line begins like our boundary
}

// surveyOriginal reads an original, or only its header section.
func surveyOriginal(body io.ReaderAt, size int64, boundary string, headerOnly bool) (survey, error) {
	var s survey
	r := bufio.NewReaderSize(io.NewSectionReader(body, 0, size), 32<<10)
	inHeader, begun := true, true // begun: the next piece begins a line
	run := 0                      // length of the line so far
	for {
		piece, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return s, err
		}
		whole := err == nil
		if inHeader && begun && (string(piece) == "\r\n" || string(piece) == "\n" || len(piece) == 0) {
			inHeader = false
		}
		if inHeader && s.header+int64(len(piece)) > maxReturnedHeader || !inHeader && headerOnly {
			return s, nil
		}
		if begun && strings.HasPrefix(string(piece[:min(len(piece), len(boundary)+2)]), "--"+boundary) {
			s.boundary = true
		}
		s.note(piece, whole, inHeader, &run)
		if err == io.EOF {
			return s, nil
		}
		begun = whole
	}
}

// note looks at a piece of a line. whole tells that it ends the line.
func (s *survey) note(piece []byte, whole, inHeader bool, run *int) {
	if inHeader {
		s.header += int64(len(piece))
	}
	text := piece
	if whole {
		text = text[:len(text)-1]
		if n := len(text); n > 0 && text[n-1] == '\r' {
			text = text[:n-1]
		} else if n > 0 || *run == 0 {
			s.unfit = true
		}
	}
	high := false
	for _, c := range text {
		high = high || c >= 0x80
		s.unfit = s.unfit || c == 0 || c == '\r'
	}
	if inHeader {
		s.highHeader = s.highHeader || high
	} else {
		s.highBody = s.highBody || high
	}
	if *run += len(text); *run > maxLine {
		s.unfit = true
	}
	if whole {
		*run = 0
	}
}

// writeOriginal writes the third part: the message, or its header section (RFC 6522 §3, §4, RFC 6533 §5, §6).
func (p *plan) writeOriginal(out *writer, body io.ReaderAt) {
	src := io.NewSectionReader(body, 0, p.length)
	f := &p.facts
	if p.full {
		kind := "message/rfc822"
		if p.global && f.highHeader {
			kind = "message/global"
		}
		out.text("Content-Type: " + kind + "\r\n")
		if f.highHeader || f.highBody {
			out.text("Content-Transfer-Encoding: 8bit\r\n")
		}
		out.text("\r\n")
		out.copy(src)
		return
	}
	switch {
	case p.globalHeaders():
		out.text("Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
		out.copy(src)
	case f.highHeader || f.unfit: // RFC 6522 §4: broken headers may be quoted-printable
		out.text("Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		q := quotedprintable.NewWriter(out)
		_, err := io.Copy(q, src)
		out.fail(err)
		out.fail(q.Close())
	default:
		out.text("Content-Type: text/rfc822-headers\r\n\r\n")
		out.copy(src)
	}
}

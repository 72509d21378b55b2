package pop3

import "bytes"

// Stuffer makes a multi-line response of a message that comes in pieces (RFC 1939 §3): a line that begins
// with a dot gets another one, and at the end stands a line with a single dot.
//
// A line also begins after a bare LF here. Such a message can not come by SMTP, but it can be uploaded, and
// many clients end lines at LF: for them "\n.\r\n" without a second dot would be the end of the message, and
// what follows would be taken for our answers.
//
// The zero value is ready for a message.
type Stuffer struct {
	some   bool // there was a byte
	inLine bool // the last byte was not LF
	cr     bool // the last byte was CR
	crlf   bool // the last two bytes were CRLF
}

var (
	lineDot = []byte("\n.")
	dot     = []byte(".")
)

// Stuff calls emit with slices of p, and dots between them. It stops at the first error of emit.
func (s *Stuffer) Stuff(p []byte, emit func([]byte) error) error {
	if len(p) == 0 {
		return nil
	}
	if !s.inLine && p[0] == '.' {
		if err := emit(dot); err != nil {
			return err
		}
	}
	s.note(p)
	for {
		i := bytes.Index(p, lineDot)
		if i < 0 {
			return emit(p)
		}
		if err := emit(p[:i+1]); err != nil {
			return err
		}
		if err := emit(dot); err != nil {
			return err
		}
		p = p[i+1:]
	}
}

// note remembers how p ends.
func (s *Stuffer) note(p []byte) {
	last := p[len(p)-1]
	before := s.cr
	if len(p) > 1 {
		before = p[len(p)-2] == '\r'
	}
	s.crlf = last == '\n' && before
	s.cr = last == '\r'
	s.inLine = last != '\n'
	s.some = true
}

// End gives what ends the response: ".\r\n", with a CRLF before it if the message does not end with one. An
// empty message needs none.
func (s *Stuffer) End() []byte {
	if s.crlf || !s.some {
		return []byte(".\r\n")
	}
	return []byte("\r\n.\r\n")
}

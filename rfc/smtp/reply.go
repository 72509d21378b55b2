package smtp

import (
	"errors"
	"strconv"
	"strings"
)

// A Reply is what a server answers to a command (RFC 5321 §4.2): a code and one or more lines of text,
// without code and enhanced code. Enhanced is "2.1.0" or "" (RFC 2034).
type Reply struct {
	Code     int
	Enhanced string
	Lines    []string
}

// maxReplyText keeps a line we write within RFC 5321 §4.5.3.1.5.
const maxReplyText = MaxReplyLine - len("250-") - len("5.999.999 ") - len("\r\n")

// AppendReply appends a reply of one line: "250 2.1.0 text" CRLF. What is not printable US-ASCII
// becomes "?", text past the limit of a reply line is cut, so a reply is one line whatever the text holds.
func AppendReply(b []byte, code int, enhanced, text string) []byte {
	return appendLine(b, code, ' ', enhanced, text)
}

// AppendReplyLines appends a reply of several lines (RFC 5321 §4.2.1); there must be one at least.
func AppendReplyLines(b []byte, code int, enhanced string, lines ...string) []byte {
	for i, line := range lines {
		sep := byte('-')
		if i == len(lines)-1 {
			sep = ' '
		}
		b = appendLine(b, code, sep, enhanced, line)
	}
	return b
}

func appendLine(b []byte, code int, sep byte, enhanced, text string) []byte {
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, sep)
	if enhanced != "" {
		b = append(append(b, enhanced...), ' ')
	}
	if len(text) > maxReplyText {
		text = text[:maxReplyText]
	}
	at := len(b)
	b = append(b, text...)
	for i := at; i < len(b); i++ {
		if b[i] < ' ' || b[i] > '~' {
			b[i] = '?'
		}
	}
	return append(b, '\r', '\n')
}

// Append appends the reply in wire form.
func (r Reply) Append(b []byte) []byte { return AppendReplyLines(b, r.Code, r.Enhanced, r.Lines...) }

// Positive tells whether the command was taken: 2xx, or 3xx for what wants more.
func (r Reply) Positive() bool { return r.Code >= 200 && r.Code < 400 }

// String gives "550 5.1.1 no such user here", further lines joined by " / ".
func (r Reply) String() string {
	s := strconv.Itoa(r.Code)
	if r.Enhanced != "" {
		s += " " + r.Enhanced
	}
	return s + " " + strings.Join(r.Lines, " / ")
}

// ErrBadReply is a reply that is not one: no code, codes that change from line to line, no end.
var ErrBadReply = errors.New("smtp: malformed reply")

// Limits of a reply that we read, lines and octets a line. They are wider than RFC 5321 §4.5.3.1.5 asks.
const (
	maxReplyLines  = 200
	maxReplyOctets = 2048
)

// ReadReply reads one reply, all its lines, which may end in an LF alone.
func ReadReply(r *Reader) (Reply, error) {
	var reply Reply
	for range maxReplyLines {
		line, err := r.ReplyLine(maxReplyOctets)
		if err != nil {
			return reply, err
		}
		code, more, text, ok := splitReply(string(line))
		if !ok || reply.Code != 0 && code != reply.Code {
			return reply, ErrBadReply
		}
		enhanced, rest := cutEnhanced(code, text)
		if reply.Code == 0 {
			reply.Code, reply.Enhanced = code, enhanced
		}
		if enhanced != "" && enhanced == reply.Enhanced {
			text = rest
		}
		reply.Lines = append(reply.Lines, text)
		if !more {
			return reply, nil
		}
	}
	return reply, ErrBadReply
}

// splitReply takes "250-text", "250 text" or "250" apart (RFC 5321 §4.2).
func splitReply(line string) (code int, more bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, false, "", false
	}
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(line[i]-'0')
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	return code, line[3] == '-', line[4:], line[3] == '-' || line[3] == ' '
}

// cutEnhanced takes "2.1.0 " off, if its class agrees with the code (RFC 2034 §4).
func cutEnhanced(code int, text string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	class, tail, ok := strings.Cut(word, ".")
	subject, detail, ok2 := strings.Cut(tail, ".")
	if !ok || !ok2 || len(class) != 1 || int(class[0]-'0') != code/100 || !isNumber(subject) || !isNumber(detail) {
		return "", text
	}
	return word, rest
}

func isNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 3
}

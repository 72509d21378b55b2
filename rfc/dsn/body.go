package dsn

import (
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
)

// writer writes until the first error and remembers it.
type writer struct {
	w   io.Writer
	err error
}

// Write implements io.Writer for encoders.
func (w *writer) Write(p []byte) (int, error) {
	w.bytes(p)
	return len(p), w.err
}

func (w *writer) bytes(p []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(p)
	}
}

func (w *writer) text(s string) { w.bytes([]byte(s)) }

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// copy passes r on.
func (w *writer) copy(r io.Reader) {
	if w.err == nil {
		_, err := io.Copy(onlyWriter{w}, r)
		w.fail(err)
	}
}

// onlyWriter hides everything but Write, so that io.Copy uses a buffer of its own.
type onlyWriter struct{ io.Writer }

// writeText writes the first part: the text alone, or the text and the same as HTML.
func (m *Message) writeText(out *writer, p plan) {
	if m.HTML == "" {
		m.writeBody(out, "text/plain", "; format=flowed", m.Text)
		return
	}
	boundary := p.boundary + "_text"
	out.text("Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n")
	m.writeBody(out, "text/plain", "; format=flowed", m.Text)
	out.text("\r\n--" + boundary + "\r\n")
	m.writeBody(out, "text/html", "", m.HTML)
	out.text("\r\n--" + boundary + "--\r\n")
}

// base64Line is the length of a line of base64 (RFC 2045 §6.8), in characters.
const base64Line = 76

// writeBody writes one text in an encoding that is 7-bit clean: the one that people can still read if it is not
// much longer.
func (m *Message) writeBody(out *writer, kind, more, text string) {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	charset, encoding := "utf-8", "quoted-printable"
	switch {
	case fits7bit(text):
		charset, encoding = "us-ascii", "7bit"
	case 3*above(text) > len(text):
		encoding = "base64"
	}
	out.text("Content-Type: " + kind + "; charset=" + charset + more + "\r\n")
	if m.Language != "" {
		out.text("Content-Language: " + m.Language + "\r\n")
	}
	out.text("Content-Transfer-Encoding: " + encoding + "\r\n\r\n")
	switch encoding {
	case "7bit":
		out.text(text)
	case "base64":
		writeBase64(out, text)
	default:
		q := quotedprintable.NewWriter(out)
		_, err := io.WriteString(q, text)
		out.fail(err)
		out.fail(q.Close())
	}
}

func writeBase64(out *writer, text string) {
	s := base64.StdEncoding.EncodeToString([]byte(text))
	for len(s) > base64Line {
		out.text(s[:base64Line] + "\r\n")
		s = s[base64Line:]
	}
	out.text(s + "\r\n")
}

// fits7bit tells whether a text needs no encoding: ASCII without controls, in lines that may be sent.
func fits7bit(s string) bool {
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			run = 0
		case c >= 0x80, c < ' ' && c != '\r' && c != '\t', run >= maxLine:
			return false
		default:
			run++
		}
	}
	return true
}

// above counts the bytes above 127.
func above(s string) (n int) {
	for i := range len(s) {
		if s[i] >= 0x80 {
			n++
		}
	}
	return n
}

package sink

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"barid/rfc/smtp"
)

// errGone ends a session.
var errGone = errors.New("sink: the session is over")

const (
	maxLine = 64 << 10
	buffer  = 64 << 10
)

// session is one connection.
type session struct {
	s    *Sink
	n    int
	raw  net.Conn
	nc   net.Conn
	r    *smtp.Reader
	out  []byte
	sni  string // "" in clear
	helo string
	user string

	msg     *Message // open transaction
	failed  bool     // a chunk of it was refused
	scratch []byte   // of a sink that discards
}

func newSession(s *Sink, c net.Conn, n int) *session {
	x := &session{s: s, n: n, raw: c, nc: c}
	x.r = smtp.NewReader(flusher{x}, make([]byte, buffer))
	return x
}

// flusher sends the replies that wait before it reads: the moment in which the client must be waited for.
type flusher struct{ x *session }

// Read implements io.Reader.
func (f flusher) Read(p []byte) (int, error) {
	if err := f.x.flush(); err != nil {
		return 0, err
	}
	return f.x.nc.Read(p)
}

func (x *session) flush() error {
	if len(x.out) == 0 {
		return nil
	}
	x.s.rounds.Add(1)
	_, err := x.nc.Write(x.out)
	x.out = x.out[:0]
	return err
}

func (x *session) serve() {
	if x.s.o.Implicit {
		if x.handshake() != nil {
			return
		}
	}
	if x.answer(Greeting, "220 "+x.s.o.Name+" ESMTP") != nil {
		return
	}
	for {
		line, err := x.r.Line(maxLine)
		if err != nil {
			return
		}
		text := string(line)
		x.s.line(x.n, 'C', text)
		verb, args, _ := strings.Cut(text, " ")
		if err := x.command(strings.ToUpper(verb), args); err != nil {
			_ = x.flush()
			return
		}
	}
}

func (x *session) command(verb, args string) error {
	switch verb {
	case "EHLO":
		return x.ehlo(args)
	case "HELO":
		x.helo, x.msg = args, nil
		return x.answer(HELO, "250 "+x.s.o.Name)
	case "STARTTLS":
		return x.startTLS()
	case "AUTH":
		return x.auth(args)
	case "MAIL":
		return x.mail(args)
	case "RCPT":
		return x.rcpt(args)
	case "DATA":
		return x.data()
	case "BDAT":
		return x.bdat(args)
	case "RSET":
		x.msg = nil
		return x.answer(Rset, "250 2.0.0 reset")
	case "NOOP":
		return x.say("250 2.0.0 ok")
	case "QUIT":
		if err := x.answer(Quit, "221 2.0.0 bye"); err != nil {
			return err
		}
		return errGone
	}
	return x.say("500 5.5.2 unknown command")
}

// say queues a reply; lines are divided by "\n".
func (x *session) say(reply string) error {
	lines := strings.Split(reply, "\n")
	code := lines[0][:min(3, len(lines[0]))]
	for i, l := range lines {
		if i > 0 {
			l = code + " " + l
		}
		if i < len(lines)-1 && len(l) > 3 {
			l = l[:3] + "-" + l[4:]
		}
		x.s.line(x.n, 'S', l)
		x.out = append(append(x.out, l...), '\r', '\n')
	}
	return nil
}

// answer says the usual reply of a stage, or does what the stage is told to.
func (x *session) answer(stage Stage, usual string) error { return x.behave(x.s.at(stage), usual) }

func (x *session) behave(b Behaviour, usual string) error {
	if b == (Behaviour{}) {
		return x.say(usual)
	}
	if b.Delay > 0 || b.Drip > 0 {
		if err := x.flush(); err != nil {
			return err
		}
	}
	if !x.wait(b.Delay) {
		return errGone
	}
	if b.Reply != "" {
		usual = b.Reply
	}
	switch {
	case b.Reset:
		if tc, ok := x.raw.(*net.TCPConn); ok {
			_ = tc.SetLinger(0)
		}
		return x.gone()
	case b.Close:
		_ = x.flush()
		return x.gone()
	case b.Hang:
		_ = x.flush()
		_, _ = io.Copy(io.Discard, x.nc)
		return x.gone()
	case b.Raw != "":
		x.out = append(x.out, b.Raw...)
	case b.Pad > 0:
		return x.flood(strings.Repeat("x", 1<<10), b.Pad)
	case b.Endless:
		return x.flood(usual[:3]+"-still more to say\r\n", 1<<30)
	case b.Drip > 0:
		return x.drip(usual+"\r\n", b.Drip)
	default:
		_ = x.say(usual)
	}
	if x.out = append(x.out, b.Inject...); b.Leave {
		_ = x.flush()
		return x.gone()
	}
	return nil
}

// wait waits, but not longer than the sink lives.
func (x *session) wait(d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-x.s.ended:
		return false
	}
}

// gone closes without a word.
func (x *session) gone() error {
	x.out = nil
	_ = x.raw.Close()
	return errGone
}

// flood sends a piece again and again.
func (x *session) flood(piece string, total int) error {
	for sent := 0; sent < total; sent += len(piece) {
		if _, err := io.WriteString(x.nc, piece); err != nil {
			return err
		}
	}
	_, _ = io.Copy(io.Discard, x.nc)
	return errGone
}

// drip sends octet by octet.
func (x *session) drip(text string, every time.Duration) error {
	for i := range len(text) {
		if !x.wait(every) {
			return errGone
		}
		if _, err := x.nc.Write([]byte{text[i]}); err != nil {
			return err
		}
	}
	return nil
}

func (x *session) ehlo(name string) error {
	x.helo, x.msg = name, nil
	lines := []string{"250 " + x.s.o.Name + " greets you"}
	offered := []string{
		"PIPELINING", "CHUNKING", "8BITMIME", "BINARYMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES",
		"SIZE " + strconv.FormatInt(x.s.o.MaxBytes, 10),
	}
	if x.s.o.TLS != nil && x.sni == "" {
		offered = append(offered, "STARTTLS")
	}
	if x.s.o.Users != nil {
		offered = append(offered, "AUTH "+x.s.o.Auth)
	}
	for _, l := range offered {
		word, _, _ := strings.Cut(l, " ")
		if !has(x.s.o.Without, word) && !has(x.s.o.With, word) {
			lines = append(lines, l)
		}
	}
	lines = append(lines, x.s.o.With...)
	return x.answer(EHLO, strings.Join(lines, "\n"))
}

// has tells whether a list has a line with the keyword.
func has(list []string, word string) bool {
	for _, l := range list {
		if first, _, _ := strings.Cut(l, " "); strings.EqualFold(first, word) {
			return true
		}
	}
	return false
}

func (x *session) startTLS() error {
	if x.s.o.TLS == nil {
		return x.say("502 5.5.1 no TLS here")
	}
	b := x.s.at(StartTLS)
	if err := x.behave(b, "220 2.0.0 go ahead"); err != nil {
		return err
	}
	if b.Reply != "" && !strings.HasPrefix(b.Reply, "220") {
		return nil
	}
	if err := x.flush(); err != nil {
		return err
	}
	return x.handshake()
}

func (x *session) handshake() error {
	if b := x.s.at(Handshake); b != (Behaviour{}) {
		return x.behave(b, "")
	}
	tc := tls.Server(x.raw, x.s.o.TLS)
	if err := tc.Handshake(); err != nil {
		return err
	}
	if x.sni = tc.ConnectionState().ServerName; x.sni == "" {
		x.sni = "-"
	}
	x.nc, x.helo, x.user, x.msg = tc, "", "", nil
	x.r.Discard()
	return nil
}

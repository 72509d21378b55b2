package sink

import (
	"encoding/base64"
	"io"
	"net"
	"strings"
	"time"

	"barid/rfc/smtp"
)

func (x *session) mail(args string) error {
	switch {
	case x.helo == "":
		return x.say("503 5.5.1 EHLO first")
	case x.s.o.Users != nil && x.user == "":
		return x.say("530 5.7.0 log in first")
	case x.msg != nil:
		return x.say("503 5.5.1 MAIL again")
	}
	path, params := cut(args, "FROM:")
	b := x.s.at(Mail)
	if err := x.behave(b, "250 2.1.0 sender ok"); err != nil {
		return err
	}
	if good(b) {
		x.failed = false
		x.msg = &Message{Conn: x.n, Peer: x.peer(), Helo: x.helo, TLS: x.sni, User: x.user, Mail: args, From: path, Params: params}
	}
	return nil
}

// good tells whether a behaviour leaves a positive answer.
func good(b Behaviour) bool { return b.Reply == "" || b.Reply[0] == '2' }

// cut takes "FROM:<path> KEY=value KEY" apart.
func cut(args, word string) (path string, params map[string]string) {
	if len(args) >= len(word) && strings.EqualFold(args[:len(word)], word) {
		args = args[len(word):]
	}
	path = args
	rest := ""
	if i := strings.LastIndexByte(args, '>'); i >= 0 {
		path, rest = strings.TrimPrefix(args[:i], "<"), args[i+1:]
	}
	for _, f := range strings.Fields(rest) {
		if params == nil {
			params = map[string]string{}
		}
		k, v, _ := strings.Cut(f, "=")
		params[strings.ToUpper(k)] = v
	}
	return path, params
}

func (x *session) rcpt(args string) error {
	if x.msg == nil {
		return x.say("503 5.5.1 MAIL first")
	}
	path, params := cut(args, "TO:")
	b, ok := x.s.o.Rcpts[path]
	if !ok {
		b = x.s.at(Rcpt)
	}
	if err := x.behave(b, "250 2.1.5 recipient ok"); err != nil {
		return err
	}
	if good(b) {
		x.msg.Rcpts = append(x.msg.Rcpts, Recipient{path, params})
	}
	return nil
}

func (x *session) data() error {
	if x.msg == nil || len(x.msg.Rcpts) == 0 {
		return x.say("503 5.5.1 no valid recipients")
	}
	b := x.s.at(Data)
	if err := x.behave(b, "354 go on"); err != nil {
		return err
	}
	if b.Reply != "" && !strings.HasPrefix(b.Reply, "354") {
		x.msg = nil
		return nil
	}
	if err := x.flush(); err != nil {
		return err
	}
	if err := x.take(x.r.Data(x.s.o.MaxBytes)); err != nil {
		return err
	}
	return x.end()
}

// take reads message octets.
func (x *session) take(r io.Reader) error {
	mid := x.s.at(Body)
	if mid != (Behaviour{}) {
		if _, err := io.CopyN(io.Discard, r, int64(mid.After)); err != nil {
			return err
		}
		if err := x.behave(mid, "451 4.3.0 enough"); err != nil {
			return err
		}
		_ = x.flush()
	}
	if x.s.o.Discard {
		return x.discard(r)
	}
	b, err := io.ReadAll(r)
	x.s.octets.Add(int64(len(b)))
	x.msg.Body += string(b)
	return err
}

// discard reads and counts.
func (x *session) discard(r io.Reader) error {
	if x.scratch == nil {
		x.scratch = make([]byte, buffer)
	}
	for {
		n, err := r.Read(x.scratch)
		x.s.octets.Add(int64(n))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// chunk reads the octets of one BDAT.
type chunk struct {
	r    *smtp.Reader
	left int64
}

// Read implements io.Reader.
func (c *chunk) Read(p []byte) (int, error) {
	n, err := c.r.ReadChunk(p, c.left)
	c.left -= int64(n)
	return n, err
}

func (x *session) bdat(args string) error {
	n, last, err := smtp.ParseBDAT(args)
	if err != nil {
		_ = x.say("501 5.5.4 bad BDAT")
		return errGone
	}
	if x.msg == nil || len(x.msg.Rcpts) == 0 || x.failed {
		if err := x.r.Skip(n); err != nil {
			return err
		}
		return x.say("503 5.5.1 no valid recipients")
	}
	x.msg.BDAT = true
	x.msg.Chunks++
	if err := x.take(&chunk{x.r, n}); err != nil {
		return err
	}
	if !last {
		return x.say("250 2.0.0 chunk ok")
	}
	return x.end()
}

// end answers the message.
func (x *session) end() error {
	m := x.msg
	b := x.s.at(End)
	x.msg = nil
	m.Answer = "250 2.6.0 taken"
	if b.Reply != "" {
		m.Answer = b.Reply
	}
	m.Received = time.Now()
	if good(b) {
		x.s.messages.Add(1)
	} else {
		x.failed = m.BDAT
	}
	if !x.s.o.Discard {
		x.s.keep(*m)
	}
	return x.behave(b, "250 2.6.0 taken")
}

// auth takes PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER.
func (x *session) auth(args string) error {
	mechanism, initial, _ := strings.Cut(args, " ")
	user, pass, err := x.credentials(strings.ToUpper(mechanism), initial)
	if err != nil {
		return err
	}
	b := x.s.at(Auth)
	if want, ok := x.s.o.Users[user]; !ok || want != pass {
		if strings.Contains(strings.ToUpper(mechanism), "OAUTH") { // RFC 7628 §3.2.2: an error, and an empty answer to it
			if _, err := x.ask("334 eyJzdGF0dXMiOiI0MDEifQ=="); err != nil {
				return err
			}
		}
		return x.say("535 5.7.8 wrong name or password")
	}
	if good(b) {
		x.user = user
	}
	return x.behave(b, "235 2.7.0 welcome")
}

func (x *session) credentials(mechanism, initial string) (user, pass string, err error) {
	if mechanism == "LOGIN" {
		if user, err = x.ask("334 VXNlcm5hbWU6"); err == nil {
			pass, err = x.ask("334 UGFzc3dvcmQ6")
		}
		return user, pass, err
	}
	text := decode(initial)
	if initial == "" {
		if text, err = x.ask("334 "); err != nil {
			return "", "", err
		}
	}
	switch mechanism {
	case "PLAIN":
		if f := strings.Split(text, "\x00"); len(f) == 3 {
			return f[1], f[2], nil
		}
	case "XOAUTH2", "OAUTHBEARER":
		_, rest, _ := strings.Cut(text, "=") // "user=NAME^A" or "n,a=NAME,^A"
		user, rest, _ = strings.Cut(rest, "\x01")
		token, _, _ := strings.Cut(strings.TrimPrefix(rest, "auth=Bearer "), "\x01")
		return strings.TrimSuffix(user, ","), token, nil
	}
	return "", "", nil
}

// ask sends a challenge and reads the response.
func (x *session) ask(challenge string) (string, error) {
	if err := x.say(challenge); err != nil {
		return "", err
	}
	line, err := x.r.Line(maxLine)
	if err != nil {
		return "", err
	}
	x.s.line(x.n, 'C', "(response)")
	return decode(string(line)), nil
}

func decode(s string) string {
	b, _ := base64.StdEncoding.DecodeString(s)
	return string(b)
}

// peer is the client's address without its port.
func (x *session) peer() string {
	host, _, _ := net.SplitHostPort(x.raw.RemoteAddr().String())
	return host
}

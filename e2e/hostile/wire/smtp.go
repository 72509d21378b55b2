package wire

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A Reply is what SMTP and LMTP answer.
type Reply struct {
	Code  int
	Lines []string // without code and separator
}

// String gives code and last line: "250 2.1.5 Ok".
func (r Reply) String() string {
	if len(r.Lines) == 0 {
		return strconv.Itoa(r.Code)
	}
	return strconv.Itoa(r.Code) + " " + r.Lines[len(r.Lines)-1]
}

// Has tells whether a line of the reply is word or begins with it and a blank: an extension of EHLO.
func (r Reply) Has(word string) bool {
	for _, l := range r.Lines {
		if l == word || strings.HasPrefix(l, word+" ") {
			return true
		}
	}
	return false
}

// Is tells whether the reply begins with want: "550 5.7.1".
func (r Reply) Is(want string) bool { return strings.HasPrefix(r.String(), want) }

// Reply reads one reply, of one or more lines. What is not in the form of RFC 5321 §4.2.1 is an error.
func (c *Conn) Reply() (Reply, error) {
	var r Reply
	for {
		line, err := c.Line()
		if err != nil {
			return r, err
		}
		code, err := strconv.Atoi(line[:min(3, len(line))])
		if err != nil || len(line) < 4 || code < 200 || code > 599 || r.Code != 0 && code != r.Code {
			return r, fmt.Errorf("wire: %q is no line of a reply", line)
		}
		r.Code = code
		r.Lines = append(r.Lines, line[4:])
		switch line[3] {
		case ' ':
			return r, nil
		case '-':
		default:
			return r, fmt.Errorf("wire: %q is no line of a reply", line)
		}
	}
}

// Ask sends a command line and reads the reply.
func (c *Conn) Ask(command string) (Reply, error) {
	if err := c.Put(command + "\r\n"); err != nil {
		return Reply{}, err
	}
	return c.Reply()
}

// Replies reads n replies.
func (c *Conn) Replies(n int) ([]Reply, error) {
	var out []Reply
	for range n {
		r, err := c.Reply()
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

// SMTP connects, reads the banner and says EHLO. On a port with TLS from the start, sealed is true.
func SMTP(addr, from string, sealed bool) (*Conn, error) { return greet(addr, from, sealed, "EHLO") }

// LMTP is SMTP with LHLO.
func LMTP(addr, from string) (*Conn, error) { return greet(addr, from, false, "LHLO") }

func greet(addr, from string, sealed bool, hello string) (*Conn, error) {
	dial := Dial
	if sealed {
		dial = DialTLS
	}
	c, err := dial(addr, from)
	if err != nil {
		return nil, err
	}
	r, err := c.Reply()
	if err == nil && r.Code == 220 {
		r, err = c.Ask(hello + " client.example.com")
	}
	if err == nil && r.Code != 220 && r.Code != 250 {
		err = &Unexpected{What: "the connection", Got: r.String()}
	}
	if err != nil {
		_ = c.Close() // the first error is the one to show
		return nil, err
	}
	return c, nil
}

// Plain gives AUTH PLAIN with its initial response.
func Plain(user, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))
}

// Submission connects to a submission port, with TLS, and logs in.
func Submission(addr, from, user, password string, sealed bool) (*Conn, error) {
	c, err := SMTP(addr, from, sealed)
	if err != nil {
		return nil, err
	}
	err = c.login(user, password, sealed)
	if err != nil {
		_ = c.Close() // the first error is the one to show
		return nil, err
	}
	return c, nil
}

func (c *Conn) login(user, password string, sealed bool) error {
	if !sealed {
		if err := c.want(220, "STARTTLS"); err != nil {
			return err
		}
		if err := c.StartTLS(); err != nil {
			return err
		}
		if err := c.want(250, "EHLO client.example.com"); err != nil {
			return err
		}
	}
	return c.want(235, Plain(user, password))
}

// want sends a command that must be answered with code.
func (c *Conn) want(code int, command string) error {
	r, err := c.Ask(command)
	if err == nil && r.Code != code {
		return &Unexpected{What: command, Got: r.String()}
	}
	return err
}

// Unexpected is an answer that should have been another one; the connection itself is well.
type Unexpected struct{ What, Got string }

func (e *Unexpected) Error() string {
	return fmt.Sprintf("wire: %.60q was answered with %q", e.What, e.Got)
}

// Send does one transaction with the message as it is, which must be dot-stuffed and without its end. It gives
// the reply that settled it: of the end of data, or of the first command that was refused.
func (c *Conn) Send(from string, to []string, message string) (Reply, error) {
	if r, err := c.Ask("MAIL FROM:<" + from + ">"); err != nil || r.Code != 250 {
		return r, err
	}
	for _, t := range to {
		if r, err := c.Ask("RCPT TO:<" + t + ">"); err != nil || r.Code != 250 {
			return r, err
		}
	}
	if r, err := c.Ask("DATA"); err != nil || r.Code != 354 {
		return r, err
	}
	return c.Ask(strings.TrimSuffix(message, "\r\n") + "\r\n.")
}

// Stuff doubles the dots at the beginning of lines (RFC 5321 §4.5.2).
func Stuff(message string) string {
	message = strings.ReplaceAll(message, "\r\n.", "\r\n..")
	if strings.HasPrefix(message, ".") {
		message = "." + message
	}
	return message
}

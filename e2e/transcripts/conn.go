package transcripts

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// lineWait is how long a line of the server is waited for.
const lineWait = time.Minute

// conn is one connection of a transcript.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string, withTLS bool) (*conn, error) {
	raw, err := net.DialTimeout("tcp", addr, lineWait)
	if err != nil {
		return nil, err
	}
	c := &conn{raw, bufio.NewReader(raw)}
	if withTLS {
		err = c.handshake()
	}
	return c, err
}

func (c *conn) handshake() error {
	if c.r.Buffered() > 0 {
		return errors.New("the server talks before the handshake")
	}
	t := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}) // a certificate of this test
	c.Conn, c.r = t, bufio.NewReader(t)
	return t.Handshake()
}

func (c *conn) say(octets string) error {
	if err := c.SetDeadline(time.Now().Add(lineWait)); err != nil {
		return err
	}
	_, err := io.WriteString(c, octets)
	return err
}

// line reads a line, without its CRLF.
func (c *conn) line() (string, error) {
	if err := c.SetDeadline(time.Now().Add(lineWait)); err != nil {
		return "", err
	}
	s, err := c.r.ReadString('\n')
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s, fmt.Errorf("the server says nothing more (so far %q)", s)
	case err != nil:
		return s, fmt.Errorf("the server closed the connection (%w), so far %q", err, s)
	case !strings.HasSuffix(s, "\r\n"):
		return s, fmt.Errorf("a line that ends without CR: %q", s)
	}
	return strings.TrimSuffix(s, "\r\n"), nil
}

// want reads a line that must match; with skip other lines may come before.
func (c *conn) want(p pattern, known map[string]string, skip bool) error {
	var passed []string
	for {
		line, err := c.line()
		if err != nil {
			return fmt.Errorf("want %q: %w%s", p.text, err, after(passed))
		}
		if p.match(line, known) {
			return nil
		}
		if !skip {
			return fmt.Errorf("got  %q\nwant %q", line, p.text)
		}
		passed = append(passed, line)
	}
}

func after(passed []string) string {
	if len(passed) == 0 {
		return ""
	}
	return " after\n" + strings.Join(passed, "\n")
}

// wantOctets reads just these octets.
func (c *conn) wantOctets(want string) error {
	if err := c.SetDeadline(time.Now().Add(lineWait)); err != nil {
		return err
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		return fmt.Errorf("got  %q\nwant %q (%v)", got[:n], want, err)
	}
	return nil
}

// wantEnd wants the server to have nothing more to say.
func (c *conn) wantEnd() error {
	if err := c.SetDeadline(time.Now().Add(lineWait)); err != nil {
		return err
	}
	rest, err := io.ReadAll(c.r)
	if len(rest) > 0 {
		return fmt.Errorf("the server says %q instead of closing", rest)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the server does not close the connection")
	}
	return nil
}

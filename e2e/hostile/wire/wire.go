// Package wire is the client side of SMTP, IMAP and POP3 for tests that misbehave: it sends exactly the octets
// it is told to, from the address it is told to, and shows exactly what comes back.
//
// Life: outside; it stands where a stranger stands. Promise: nothing is corrected, completed or retried, and no
// call waits longer than Conn.Wait. Limits: a line of 1 MiB, a literal of 64 MiB.
// Failure: an error, never an end of the test; the test decides what an error means.
// Standards: RFC 5321 §4.2 (replies), RFC 3501 §9 (responses), RFC 1939 §3.
package wire

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Limits of what a server may say.
const (
	maxLine    = 1 << 20
	maxLiteral = 64 << 20
)

// DefaultWait is how long one step may take. It only ends tests of servers that hang: a busy machine has a slow disk too.
const DefaultWait = 2 * time.Minute

// A Conn is one connection. It is for one goroutine.
type Conn struct {
	net.Conn
	Wait time.Duration // for each step
	r    *bufio.Reader
}

// Dial connects to addr from the loopback address from ("127.0.1.7"); "" lets the system choose.
func Dial(addr, from string) (*Conn, error) {
	d := net.Dialer{Timeout: DefaultWait}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: nc, Wait: DefaultWait, r: bufio.NewReader(nc)}, nil
}

// DialTLS connects to a port that speaks TLS from the first octet on.
func DialTLS(addr, from string) (*Conn, error) {
	c, err := Dial(addr, from)
	if err != nil {
		return nil, err
	}
	if err := c.StartTLS(); err != nil {
		_ = c.Close() // the handshake's error is the one to show
		return nil, err
	}
	return c, nil
}

// StartTLS does the client's handshake. What the server sent in clear before it and nobody read is an error: it
// would be the answer to a command that was injected.
func (c *Conn) StartTLS() error {
	if n := c.r.Buffered(); n > 0 {
		b, _ := c.r.Peek(n)
		return fmt.Errorf("wire: %q came in clear before TLS", b)
	}
	t := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}) // the certificate is one of the test's own
	if err := c.SetDeadline(time.Now().Add(c.Wait)); err != nil {
		return err
	}
	if err := t.Handshake(); err != nil {
		return err
	}
	c.Conn, c.r = t, bufio.NewReader(t)
	return nil
}

// Put sends s as it is.
func (c *Conn) Put(s string) error {
	if err := c.SetDeadline(time.Now().Add(c.Wait)); err != nil {
		return err
	}
	_, err := io.WriteString(c.Conn, s)
	return err
}

// Line reads one line and gives it without its CRLF. A line that ends otherwise is an error.
func (c *Conn) Line() (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.Wait)); err != nil {
		return "", err
	}
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < maxLine:
			continue
		case err != nil:
			return string(line), err
		}
		break
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return text, fmt.Errorf("wire: %q does not end in CRLF", line)
	}
	return text, nil
}

// Octets reads exactly n.
func (c *Conn) Octets(n int) ([]byte, error) {
	if n < 0 || n > maxLiteral {
		return nil, fmt.Errorf("wire: %d octets announced", n)
	}
	if err := c.SetReadDeadline(time.Now().Add(c.Wait)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err := io.ReadFull(c.r, b)
	return b, err
}

// Rest reads until the server closes the connection. closed is false if it did not within Wait.
func (c *Conn) Rest() (text string, closed bool) {
	if err := c.SetReadDeadline(time.Now().Add(c.Wait)); err != nil {
		return "", true
	}
	b, err := io.ReadAll(io.LimitReader(c.r, maxLiteral))
	var ne net.Error
	return string(b), !errors.As(err, &ne) || !ne.Timeout()
}

// Buffered gives how many octets have come that nobody has read.
func (c *Conn) Buffered() int { return c.r.Buffered() }

// Reset closes the connection with RST, as a process does that is gone.
func (c *Conn) Reset() error {
	nc := c.Conn
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if t, ok := nc.(*net.TCPConn); ok {
		if err := t.SetLinger(0); err != nil {
			return err
		}
	}
	return nc.Close()
}

// Cut closes the connection below TLS with FIN, without TLS's own good-bye.
func (c *Conn) Cut() error {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.NetConn().Close()
	}
	return c.Close()
}

// Package imap is as little of an IMAP client as it takes for a test to see what really comes over the wire. It
// shares no code with the server.
//
// Life: outside; tests put mail into mailboxes with it, and look at what other programs left there. Promise: every
// octet of an answer is read as RFC 9051 §9 writes it; what does not fit fails the test.
// Limits: an answer may take Wait. Failure: the test fails with the command and its answer.
package imap

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
)

// Wait is how long one answer may take.
const Wait = time.Minute

// Client is a connection that is logged in.
type Client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	n    int
}

// Atom is one of the values of a response; the others are nil (NIL), string (quoted, literal) and []any (a list).
type Atom string

// Dial opens a connection with TLS and logs in.
func Dial(t testing.TB, s *server.Server, user string) *Client {
	t.Helper()
	return DialAs(t, s, user, server.Password)
}

// DialAs is Dial with a password that is not server.Password.
func DialAs(t testing.TB, s *server.Server, user, password string) *Client {
	t.Helper()
	conn, err := tls.Dial("tcp", s.Addr["imaps"], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{t: t, conn: conn, r: bufio.NewReader(conn)}
	t.Cleanup(func() { _ = conn.Close() })
	c.deadline()
	c.response() // the greeting
	c.Do("LOGIN {%d+}\r\n%s %q", len(user), user, password)
	return c
}

// Close ends the connection without a word.
func (c *Client) Close() { _ = c.conn.Close() }

func (c *Client) deadline() {
	if err := c.conn.SetDeadline(time.Now().Add(Wait)); err != nil {
		c.t.Fatal(err)
	}
}

// Do sends a command that has to work and gives the untagged responses before its end.
func (c *Client) Do(format string, args ...any) [][]any {
	c.t.Helper()
	out, end := c.Try(format, args...)
	if !strings.HasPrefix(end, "OK") {
		c.t.Fatalf("%.80q was answered %q", fmt.Sprintf(format, args...), end)
	}
	return out
}

// Try sends a command and gives the untagged responses and the text of the tagged one.
func (c *Client) Try(format string, args ...any) (untagged [][]any, end string) {
	c.t.Helper()
	c.deadline()
	c.n++
	tag := fmt.Sprintf("a%d", c.n)
	if _, err := fmt.Fprintf(c.conn, tag+" "+format+"\r\n", args...); err != nil {
		c.t.Fatal(err)
	}
	for {
		first, v := c.response()
		if first == tag {
			var words []string
			for _, w := range v {
				words = append(words, fmt.Sprint(w))
			}
			return untagged, strings.Join(words, " ")
		}
		untagged = append(untagged, v)
	}
}

// response reads one response: its tag and the values behind it. The free text behind OK, NO, BAD and BYE becomes
// one atom.
func (c *Client) response() (tag string, v []any) {
	c.t.Helper()
	tag = string(c.word())
	for {
		b := c.byte()
		switch b {
		case ' ':
			continue
		case '\r':
			if c.byte() != '\n' {
				c.t.Fatal("CR without LF in a response")
			}
			return tag, v
		}
		c.unread()
		x := c.value()
		v = append(v, x)
		if a, ok := x.(Atom); ok && len(v) == 1 && strings.Contains(" OK NO BAD BYE PREAUTH ", " "+string(a)+" ") {
			line, err := c.r.ReadString('\n')
			if err != nil {
				c.t.Fatal(err)
			}
			return tag, append(v, Atom(strings.TrimSpace(line)))
		}
	}
}

func (c *Client) value() any {
	switch b := c.byte(); b {
	case '(':
		return c.list()
	case '"':
		return c.quoted()
	case '{':
		return c.literal()
	default:
		c.unread()
		w := c.word()
		if strings.EqualFold(string(w), "NIL") {
			return nil
		}
		return w
	}
}

func (c *Client) list() []any {
	out := []any{}
	for {
		switch b := c.byte(); b {
		case ')':
			return out
		case ' ':
		default:
			c.unread()
			out = append(out, c.value())
		}
	}
}

func (c *Client) quoted() string {
	var b []byte
	for {
		switch x := c.byte(); x {
		case '"':
			return string(b)
		case '\\':
			b = append(b, c.byte())
		case '\r', '\n', 0:
			c.t.Fatalf("octet %d in the quoted string %q", x, b)
		default:
			b = append(b, x)
		}
	}
}

func (c *Client) literal() string {
	size, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, "}\r\n"))
	if err != nil {
		c.t.Fatalf("literal %q: %v", size, err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// word reads an atom; brackets keep what is between them, so "BODY[HEADER.FIELDS (To)]" is one.
func (c *Client) word() Atom {
	var w []byte
	inside := false
	for {
		b := c.byte()
		switch {
		case b == '[':
			inside = true
		case b == ']':
			inside = false
		case b == '\r', !inside && bytes.IndexByte([]byte(" ()\"{"), b) >= 0:
			c.unread()
			if len(w) == 0 {
				c.t.Fatalf("an atom without octets before %q", b)
			}
			return Atom(w)
		}
		w = append(w, b)
	}
}

func (c *Client) byte() byte {
	b, err := c.r.ReadByte()
	if err != nil {
		c.t.Fatalf("reading IMAP: %v", err)
	}
	return b
}

func (c *Client) unread() {
	if err := c.r.UnreadByte(); err != nil {
		c.t.Fatal(err)
	}
}

// Fetched is the data of one message by item name.
type Fetched map[string]any

// Fetch fetches items of every message of the selected mailbox.
func (c *Client) Fetch(items string) []Fetched {
	c.t.Helper()
	var out []Fetched
	for _, v := range c.Do("UID FETCH 1:* %s", items) {
		if len(v) != 3 || v[1] != Atom("FETCH") {
			continue // EXISTS and the like may come at any time
		}
		pairs, m := v[2].([]any), Fetched{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[string(pairs[i].(Atom))] = pairs[i+1]
		}
		out = append(out, m)
	}
	return out
}

// Append puts a message into a mailbox as it is.
func (c *Client) Append(mailbox, flags string, raw []byte) string {
	c.t.Helper()
	_, end := c.Try("APPEND %q (%s) {%d+}\r\n%s", mailbox, flags, len(raw), raw)
	return end
}

// Status asks for items of a mailbox, "MESSAGES UNSEEN".
func (c *Client) Status(mailbox, items string) []any {
	c.t.Helper()
	for _, v := range c.Do("STATUS %q (%s)", mailbox, items) {
		if v[0] == Atom("STATUS") {
			return v[2].([]any)
		}
	}
	c.t.Fatal("STATUS without an answer")
	return nil
}

// Count is how many messages a mailbox has.
func (c *Client) Count(mailbox string) int {
	c.t.Helper()
	return int(Number(c.Status(mailbox, "MESSAGES")[1]))
}

// Text is the string that a value is, "" for NIL.
func Text(v any) string {
	s, _ := v.(string)
	return s
}

// Number is the number that a value is, or -2.
func Number(v any) int64 {
	var n int64
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		return -2
	}
	return n
}

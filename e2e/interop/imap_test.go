package interop

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

// imapWait is how long one answer may take.
const imapWait = 30 * time.Second

// imapClient is as little of an IMAP client as it takes to see what really comes over the wire. It shares no code
// with the server.
type imapClient struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	n    int
}

// Values of a response are nil (NIL), string (quoted, literal), atom, or []any (a list).
type atom string

// dialIMAP opens a connection with TLS and logs in.
func dialIMAP(t testing.TB, s *server.Server, user string) *imapClient {
	t.Helper()
	return dialIMAPAs(t, s, user, server.Password)
}

func dialIMAPAs(t testing.TB, s *server.Server, user, password string) *imapClient {
	t.Helper()
	conn, err := tls.Dial("tcp", s.Addr["imaps"], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := &imapClient{t: t, conn: conn, r: bufio.NewReader(conn)}
	t.Cleanup(func() { _ = conn.Close() })
	c.deadline()
	c.response() // the greeting
	c.do("LOGIN {%d+}\r\n%s %q", len(user), user, password)
	return c
}

func (c *imapClient) deadline() {
	if err := c.conn.SetDeadline(time.Now().Add(imapWait)); err != nil {
		c.t.Fatal(err)
	}
}

// do sends a command that has to work and gives the untagged responses before its end.
func (c *imapClient) do(format string, args ...any) [][]any {
	c.t.Helper()
	out, end := c.try(format, args...)
	if !strings.HasPrefix(end, "OK") {
		c.t.Fatalf("%.80q was answered %q", fmt.Sprintf(format, args...), end)
	}
	return out
}

// try sends a command and gives the untagged responses and the text of the tagged one.
func (c *imapClient) try(format string, args ...any) (untagged [][]any, end string) {
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
func (c *imapClient) response() (tag string, v []any) {
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
		if a, ok := x.(atom); ok && len(v) == 1 && strings.Contains(" OK NO BAD BYE PREAUTH ", " "+string(a)+" ") {
			line, err := c.r.ReadString('\n')
			if err != nil {
				c.t.Fatal(err)
			}
			return tag, append(v, atom(strings.TrimSpace(line)))
		}
	}
}

func (c *imapClient) value() any {
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

func (c *imapClient) list() []any {
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

func (c *imapClient) quoted() string {
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

func (c *imapClient) literal() string {
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
func (c *imapClient) word() atom {
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
			return atom(w)
		}
		w = append(w, b)
	}
}

func (c *imapClient) byte() byte {
	b, err := c.r.ReadByte()
	if err != nil {
		c.t.Fatalf("reading IMAP: %v", err)
	}
	return b
}

func (c *imapClient) unread() {
	if err := c.r.UnreadByte(); err != nil {
		c.t.Fatal(err)
	}
}

// fetched is the data of one message by item name.
type fetched map[string]any

// fetch fetches items of every message of the selected mailbox.
func (c *imapClient) fetch(items string) []fetched {
	c.t.Helper()
	var out []fetched
	for _, v := range c.do("UID FETCH 1:* %s", items) {
		if len(v) != 3 || v[1] != atom("FETCH") {
			continue // EXISTS and the like may come at any time
		}
		pairs, m := v[2].([]any), fetched{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[string(pairs[i].(atom))] = pairs[i+1]
		}
		out = append(out, m)
	}
	return out
}

// append puts a message into a mailbox as it is.
func (c *imapClient) append(mailbox, flags string, raw []byte) string {
	c.t.Helper()
	_, end := c.try("APPEND %q (%s) {%d+}\r\n%s", mailbox, flags, len(raw), raw)
	return end
}

// status asks for items of a mailbox, "MESSAGES UNSEEN".
func (c *imapClient) status(mailbox, items string) []any {
	c.t.Helper()
	for _, v := range c.do("STATUS %q (%s)", mailbox, items) {
		if v[0] == atom("STATUS") {
			return v[2].([]any)
		}
	}
	c.t.Fatal("STATUS without an answer")
	return nil
}

// count is how many messages a mailbox has.
func (c *imapClient) count(mailbox string) int {
	c.t.Helper()
	return int(number(c.status(mailbox, "MESSAGES")[1]))
}

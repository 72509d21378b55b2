package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// countedConn counts what the server writes.
type countedConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func (c *countedConn) TLS() (s tls.ConnectionState, ok bool) { return s, false }
func (c *countedConn) CanStartTLS() bool                     { return false }
func (c *countedConn) StartTLS(context.Context) error        { return net.ErrClosed }
func (c *countedConn) Interruptible(bool)                    {}
func (c *countedConn) IsStopping() bool                      { return false }
func (c *countedConn) Linger()                               {}
func (c *countedConn) CanAwait() bool                        { return false }
func (c *countedConn) Await() error                          { return net.ErrClosed }

// TestAnswersAreOneWrite: what a command tells leaves in one write, and so do the answers of commands that came together
// (RFC 9051 §5.5), in their order.
func TestAnswersAreOneWrite(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 100 {
		w.deliver("INBOX", fmt.Appendf(nil, "From: info@example.test\r\nSubject: message %d\r\n\r\ntext\r\n", i))
	}
	near, far := net.Pipe()
	conn := &countedConn{Conn: far}
	served := make(chan struct{})
	go func() {
		defer close(served)
		w.imap.ServeConn(t.Context(), conn, netip.MustParseAddrPort("192.0.2.1:143"))
		_ = conn.Close()
	}()
	t.Cleanup(func() { _ = near.Close(); <-served })
	c := &client{t: t, conn: near, br: bufio.NewReaderSize(near, 256<<10)}
	c.expect("* OK ...")
	for _, cmds := range []string{
		fmt.Sprintf(`LOGIN %s "%s"`, testUser, testPassword),
		"SELECT INBOX",
		"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[TEXT])",
		`STORE 1:* +FLAGS (\Flagged)`,
		`LIST "" * RETURN (STATUS (MESSAGES UIDNEXT UNSEEN))`,
		"COPY 1:9 Archive|FETCH 1:9 FLAGS|SEARCH ALL|NOOP|UID FETCH 5 BODY.PEEK[]|CAPABILITY",
	} {
		before := conn.writes.Load()
		batch := strings.Split(cmds, "|")
		for i, cmd := range batch {
			batch[i] = fmt.Sprintf("p%d %s\r\n", i, cmd)
		}
		c.send(strings.Join(batch, ""))
		for i := range batch {
			tag := fmt.Sprintf("p%d ", i)
			for l := c.line(); !strings.HasPrefix(l, tag+"OK"); l = c.line() {
				if strings.HasPrefix(l, "p") {
					t.Fatalf("%s: %q", cmds, l)
				}
			}
		}
		if n := conn.writes.Load() - before; n != 1 {
			t.Errorf("%s: %d writes", cmds, n)
		}
	}
}

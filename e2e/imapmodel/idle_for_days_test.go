package imapmodel

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"barid/serve/listen"
)

// timed is a connection with deadlines, in the time of synctest.
type timed struct{ net.Conn }

func (timed) TLS() (tls.ConnectionState, bool) { return tls.ConnectionState{}, false }
func (timed) CanStartTLS() bool                { return false }
func (timed) StartTLS(context.Context) error   { return listen.ErrNoTLS }
func (timed) Interruptible(bool)               {}
func (timed) IsStopping() bool                 { return false }
func (timed) Linger()                          {}
func (timed) CanAwait() bool                   { return false }
func (timed) Await() error                     { return net.ErrClosed }

// idler is a client on a connection with deadlines.
type idler struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

func (w *world) idler(t *testing.T) *idler {
	client, server := net.Pipe()
	w.conns.Go(func() {
		defer server.Close()
		w.imap.ServeConn(w.ctx, timed{server}, netip.MustParseAddrPort("127.0.0.1:1"))
	})
	c := &idler{t: t, conn: client, br: bufio.NewReader(client)}
	c.until("* OK ")
	c.say("a LOGIN "+user+" "+password, "a OK ")
	c.say("a SELECT INBOX", "a OK ")
	return c
}

// say sends a line and reads until one that begins with want.
func (c *idler) say(line, want string) []string {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
		c.t.Fatalf("%q: %v", line, err)
	}
	return c.until(want)
}

func (c *idler) until(want string) (lines []string) {
	c.t.Helper()
	for {
		line, err := c.br.ReadString('\n')
		if err != nil {
			c.t.Fatalf("waiting for %q after %q: %v", want, lines, err)
		}
		if lines = append(lines, line); strings.HasPrefix(line, want) {
			return lines
		}
	}
}

// TestIdleForDays: clients that begin a new IDLE every 29 minutes, as RFC 2177 §3 asks, hear of every message for ten
// days; one that never does is told goodbye after the time of DefaultSettings; and neither costs more in the end than
// in the beginning.
func TestIdleForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("", 250*time.Millisecond)
		defer w.close()
		faithful, lazy := w.idler(t), w.idler(t)
		lazy.say("i IDLE", "+ ")
		began := time.Now()
		gone := make(chan time.Duration, 1)
		go func() {
			lazy.until("* BYE ")
			_, _ = lazy.br.ReadByte()
			gone <- time.Since(began)
		}()
		var before, after runtime.MemStats
		heard := 0
		const rounds = 10 * 24 * 2
		for round := range rounds {
			if round == 10 {
				runtime.GC()
				runtime.ReadMemStats(&before)
			}
			faithful.say("i IDLE", "+ ")
			time.Sleep(20 * time.Minute)
			check(w.deliver("INBOX", fmt.Sprintf("Subject: m%d\r\n\r\n", round), 0))
			faithful.until(fmt.Sprintf("* %d EXISTS", round+1))
			heard++
			time.Sleep(9 * time.Minute)
			faithful.say("DONE", "i OK ")
		}
		if heard != rounds {
			t.Errorf("heard of %d messages, %d came", heard, rounds)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 { // the messages are in there, too
			t.Errorf("ten days of IDLE cost %d KiB", grown>>10)
		}
		if took := <-gone; took < 30*time.Minute || took > time.Hour {
			t.Errorf("a client in one IDLE was sent away after %v", took)
		}
		_ = faithful.conn.Close()
		_ = lazy.conn.Close()
	})
}

package imap

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestNothingIsMissedUnderTLSAndCompression: whatever lies between, a client in IDLE and one with NOTIFY hear of every message
// and every expunge, while sessions stay awake and while they rest.
func TestNothingIsMissedUnderTLSAndCompression(t *testing.T) {
	const rounds, each = 8, 5
	for _, layers := range []string{"", "STARTTLS", "DEFLATE", "STARTTLS DEFLATE"} {
		for _, awake := range []time.Duration{time.Minute, 1} {
			for _, how := range []string{"IDLE", "NOTIFY"} {
				t.Run(fmt.Sprintf("%s/%s/%v", layers, how, awake), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, func(s *Settings) { s.AwakeTime = awake })
					c := w.listening(layers, how)
					other := w.login()
					other.do("SELECT INBOX")
					for round := range rounds {
						for range each {
							w.deliver("INBOX", []byte("Subject: x\r\n\r\nx\r\n"))
						}
						c.hears(fmt.Sprintf("* %d EXISTS", each))
						other.do("NOOP")
						other.do(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
						other.do("EXPUNGE")
						for left := each; left > 0; left-- {
							if n := c.expunged(); n < 1 || n > left {
								t.Fatalf("round %d: message %d of %d", round, n, left)
							}
						}
					}
				})
			}
		}
	}
}

// listening gives a client that is told what happens in INBOX.
func (w *world) listening(layers, how string) *client {
	w.t.Helper()
	c := w.dial()
	if strings.HasPrefix(layers, "STARTTLS") {
		c.do("STARTTLS")
		c.layer("STARTTLS")
	}
	c.do(`LOGIN %s "%s"`, testUser, testPassword)
	if strings.HasSuffix(layers, "DEFLATE") {
		c.do("COMPRESS DEFLATE")
		c.layer("DEFLATE")
	}
	c.do("SELECT INBOX")
	if how == "IDLE" {
		c.send("i IDLE\r\n")
		c.hears("+ ")
		return c
	}
	c.do("NOTIFY SET (selected (MessageNew MessageExpunge))")
	return c
}

// hears reads lines up to one that begins so.
func (c *client) hears(prefix string) {
	c.t.Helper()
	for got := c.line(); !strings.HasPrefix(got, prefix); got = c.line() {
	}
}

// expunged reads lines up to the next EXPUNGE and gives its number.
func (c *client) expunged() (n int) {
	c.t.Helper()
	for got := c.line(); ; got = c.line() {
		if strings.HasSuffix(got, " EXPUNGE") {
			_, err := fmt.Sscanf(got, "* %d EXPUNGE", &n)
			must(c.t, err)
			return n
		}
	}
}

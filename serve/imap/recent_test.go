package imap

import (
	"strings"
	"testing"
)

// TestMessagesAreRecentOnce: a message is \Recent to the first session that was told of it, and to no other that
// can take it (RFC 3501 §2.3.2), also when both were there before it came.
func TestMessagesAreRecentOnce(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.login(), w.login()
	for _, c := range []*client{a, b} {
		c.do("SELECT INBOX")
	}
	recent := func(c *client) string {
		lines := c.do("NOOP")
		for _, l := range lines {
			if strings.HasSuffix(l, " RECENT") {
				return l
			}
		}
		return ""
	}
	for i, want := range []struct{ first, second string }{
		{"* 1 RECENT", "* 0 RECENT"}, {"* 1 RECENT", "* 1 RECENT"}, {"* 2 RECENT", "* 1 RECENT"},
	} {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
		first, second := a, b
		if i%2 == 1 { // they take turns
			first, second = b, a
		}
		if got := recent(first); got != want.first {
			t.Errorf("%d: the first was told %q, want %q", i, got, want.first)
		}
		if got := recent(second); got != want.second {
			t.Errorf("%d: the second was told %q, want %q", i, got, want.second)
		}
	}
	wantLines(t, a.do("SEARCH RECENT"), "* SEARCH 1 3")
	wantLines(t, b.do("SEARCH RECENT"), "* SEARCH 2")
}

// TestNothingIsRecentInRev2: \Recent ends when a client enables IMAP4rev2 inside a mailbox.
func TestNothingIsRecentInRev2(t *testing.T) {
	w := newWorld(t, nil)
	w.withCapabilities("IMAP4rev2")
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c := w.login()
	c.do("SELECT INBOX")
	wantLines(t, c.do("FETCH 1 FLAGS"), `* 1 FETCH (FLAGS (\Recent))`)
	c.do("ENABLE IMAP4rev2")
	wantLines(t, c.do("FETCH 1 FLAGS"), `* 1 FETCH (FLAGS ())`)
}

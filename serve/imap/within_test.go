package imap

import (
	"testing"
	"time"
)

// TestWithinToTheSecond is RFC 5032 §2: a message of the very second is both older and younger.
func TestWithinToTheSecond(t *testing.T) {
	w := newWorld(t, nil)
	w.imap.Now = func() time.Time { return time.Date(1996, 7, 17, 9, 46, 5, 0, time.UTC) } // 100 s later
	w.deliver("INBOX", []byte("Subject: 1\r\n\r\n"))
	c := w.login()
	c.do("SELECT INBOX")
	for key, want := range map[string]string{
		"YOUNGER 99": "* SEARCH", "YOUNGER 100": "* SEARCH 1", "YOUNGER 259200": "* SEARCH 1",
		"OLDER 99": "* SEARCH 1", "OLDER 100": "* SEARCH 1", "OLDER 101": "* SEARCH",
		"NOT OLDER 101": "* SEARCH 1", "YOUNGER 100 OLDER 100 UNSEEN": "* SEARCH 1",
	} {
		c.send("x SEARCH " + key + "\r\n")
		if got := c.line(); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
		c.expect("x OK ...")
	}
}

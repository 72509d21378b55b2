package imap

import (
	"strings"
	"testing"
)

// TestSilentStoreDoesNotHideOthers: a client that asked for silence works out what its STORE did, and must be told
// what somebody else did to the same message before (RFC 3501 §6.4.6).
func TestSilentStoreDoesNotHideOthers(t *testing.T) {
	w := newWorld(t, nil)
	for range 2 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	}
	a, b := w.login(), w.login()
	for _, c := range []*client{a, b} {
		c.do("SELECT INBOX")
		c.do("FETCH 1:2 FLAGS")
	}
	b.do(`STORE 1 +FLAGS (\Flagged)`)
	lines := a.do(`STORE 1:2 +FLAGS.SILENT (\Seen)`)
	wantLines(t, lines, `* 1 FETCH (FLAGS (\Flagged \Seen \Recent))`)
	if got := strings.Join(lines, "\n"); strings.Contains(got, "* 2 FETCH") {
		t.Errorf("nobody else changed the second message:\n%s", got)
	}
	lines = a.do(`STORE 1:2 -FLAGS.SILENT (\Seen key)`)
	if got := strings.Join(lines, "\n"); strings.Contains(got, "FETCH") {
		t.Errorf("not silent:\n%s", got)
	}
}

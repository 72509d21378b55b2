package imap

import "testing"

// BenchmarkSortCold orders a mailbox whose keys are made anew each time.
func BenchmarkSortCold(b *testing.B) {
	w := benchWorld(b)
	c := w.login()
	c.drain("SELECT INBOX")
	for b.Loop() {
		w.imap.keyrings = newKeyrings(64 << 20)
		c.drain("SORT (SUBJECT) UTF-8 ALL")
	}
}

package search

import (
	"testing"

	"barid/store/memory"
)

// TestReportsAreIndexed: what a report says is text, though its media type is not.
func TestReportsAreIndexed(t *testing.T) {
	w := newWorld(t, memory.New(), Options{})
	w.deliver("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nlost\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
		"Final-Recipient: rfc822; demo@example.test\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nonce\r\n--b--\r\n")
	w.sync()
	for s, want := range map[string]int{"demo@example.test": 1, "final-recipient: rfc822": 1, "inside": 1, "once": 1, "nowhere": 0} {
		if hits, _ := w.compare(Key{In: Parts, Text: needle(s)}); hits != want {
			t.Errorf("%q: %d messages, want %d", s, hits, want)
		}
	}
}

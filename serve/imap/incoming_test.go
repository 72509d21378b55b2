package imap

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"barid/store/embedded"
)

func TestManyMessagesAreAppendedAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	var b strings.Builder
	const n = 3 * windowCount / 2
	b.WriteString("a APPEND INBOX")
	for i := range n {
		m := fmt.Sprintf("Subject: %d\r\n\r\n", i)
		fmt.Fprintf(&b, " {%d+}\r\n%s", len(m), m)
	}
	b.WriteString("\r\n")
	c.send(b.String())
	c.expect(fmt.Sprintf("a OK [APPENDUID ... 1:%d] APPEND completed", n))
	c.do("EXAMINE INBOX")
	got := c.do("FETCH 1,%d BODY.PEEK[HEADER.FIELDS (SUBJECT)]", n)
	if got[1] != "Subject: 0" || got[5] != fmt.Sprintf("Subject: %d", n-1) {
		t.Error(got)
	}
}

// TestAppendThatBreaksOffLeavesNothing: a connection that ends between two messages has appended none.
func TestAppendThatBreaksOffLeavesNothing(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	c.send("a APPEND INBOX {3+}\r\nabc {3}\r\n")
	c.expect("+ go ahead")
	c.send("d")
	c.conn.Close()
	c = w.login()
	if got := c.do("STATUS INBOX (MESSAGES UIDNEXT)"); got[0] != "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)" {
		t.Error(got)
	}
}

// TestMessagesOfOneCommitAreBounded: what no transaction could hold is refused, and nothing of it is kept.
func TestMessagesOfOneCommitAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	m := "Subject: " + strings.Repeat("x", 60000) + "\r\n\r\n"
	go func() {
		one := fmt.Sprintf(" {%d+}\r\n%s", len(m), m)
		_, _ = c.conn.Write([]byte("a APPEND INBOX" + strings.Repeat(one, 1000) + "\r\n"))
	}()
	c.expect("a NO [LIMIT] too many messages at once")
	if got := c.do("STATUS INBOX (MESSAGES)"); got[0] != "* STATUS INBOX (MESSAGES 0)" {
		t.Error(got)
	}
}

func BenchmarkMultiAppend(b *testing.B) {
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	must(b, err)
	w := newWorldOn(b, store, slog.LevelWarn, nil)
	c := w.login()
	m := "From: info@example.test\r\nSubject: x\r\nMessage-ID: <x@example.test>\r\n\r\n" + strings.Repeat("A line of text as it stands in mail.\r\n", 100)
	one := fmt.Sprintf(" {%d+}\r\n%s", len(m), m)
	const each = 1000
	cmd := []byte("a APPEND INBOX" + strings.Repeat(one, each) + "\r\n")
	for b.Loop() {
		go func() { _, _ = c.conn.Write(cmd) }()
		c.expect("a OK ...")
	}
	b.ReportMetric(float64(b.N)*each/b.Elapsed().Seconds(), "messages/s")
}

package imap

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/store/embedded"
	"barid/store/memory"
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

// writers counts the writers of bodies that are not closed.
type writers struct {
	*memory.Store
	open atomic.Int64
}

func (w *writers) Create(ctx context.Context) (kv.BlobWriter, error) {
	b, err := w.Store.Create(ctx)
	if err == nil {
		w.open.Add(1)
	}
	return &countedWriter{b, w}, err
}

type countedWriter struct {
	kv.BlobWriter
	all *writers
}

func (w *countedWriter) Close() error {
	w.all.open.Add(-1)
	return w.BlobWriter.Close()
}

// TestAppendOfManyThatFailsLeavesNothing: whatever goes wrong, early or late, in one of several groups: there is no message,
// no UID is used, nothing counts, and no body is held.
func TestAppendOfManyThatFailsLeavesNothing(t *testing.T) {
	const n = windowCount + 2*groupCount + 3
	const good = " {14+}\r\nSubject: x\r\n\r\n"
	store := &writers{Store: memory.New()}
	w := newWorldOn(t, store, slog.LevelError, nil)
	c := w.login()
	for _, tt := range []struct {
		name, bad, answer string
		commits           int64 // that succeed; 0: all
	}{
		{"NUL", " {14+}\r\nSubject: x\r\n\x00\n", "BAD NUL is not allowed...", 0},
		{"NUL between parts", " ~{15+}\r\nSubj\x00ct: x\r\n\r\nx", "NO [UNKNOWN-CTE] ...", 0},
		{"empty", " {0+}\r\n", "NO [CANNOT] ...", 0},
		{"no literal", " x", "BAD ...", 0},
		{"URL of nothing", " CATENATE (URL \"/INBOX/;UID=1\")", "NO [BADURL ...", 0},
		{"over quota", " {10000+}\r\nX: " + strings.Repeat("x", 9993) + "\r\n\r\n", "NO [OVERQUOTA] ...", 0},
		{"the first body", good, "NO [UNAVAILABLE] ...", 1},
		{"a body of the second group", good, "NO [UNAVAILABLE] ...", groupCount + 1},
		{"a body behind the window", good, "NO [UNAVAILABLE] ...", windowCount + 5},
		{"the last body", good, "NO [UNAVAILABLE] ...", n - 1},
		{"the rows", good, "NO [UNAVAILABLE] ...", n},
	} {
		must(t, w.acct.SetQuota(t.Context(), mailbox.Quota{Bytes: 14 * (n + 10)}))
		var commits atomic.Int64
		store.Fail(func() error {
			if tt.commits > 0 && commits.Add(1) > tt.commits {
				return kv.ErrUnavailable
			}
			return nil
		})
		for _, at := range []int{0, 1, groupCount - 1, groupCount, windowCount, n - 1} {
			commits.Store(0)
			c.at = fmt.Sprintf("%s at %d: ", tt.name, at)
			c.send("a APPEND INBOX" + strings.Repeat(good, at) + tt.bad + strings.Repeat(good, n-1-at) + "\r\n")
			for l := c.line(); !like("a "+tt.answer, l); l = c.line() {
				if like("a ...", l) {
					t.Fatalf("%s%q", c.at, l)
				}
			}
			if got := c.do("STATUS INBOX (MESSAGES UIDNEXT SIZE)"); got[0] != "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 SIZE 0)" {
				t.Errorf("%s%q", c.at, got)
			}
			if u, err := w.acct.Usage(t.Context()); err != nil || u.Bytes != 0 || u.Messages != 0 || store.open.Load() != 0 {
				t.Errorf("%s%+v, %d writers are open, %v", c.at, u, store.open.Load(), err)
			}
		}
		store.Fail(nil)
	}
	c.send("a APPEND INBOX" + strings.Repeat(good, n) + "\r\n")
	c.expect(fmt.Sprintf("a OK [APPENDUID ... 1:%d] APPEND completed", n))
	if store.open.Load() != 0 {
		t.Error("a writer is open")
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

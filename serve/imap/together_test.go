package imap

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"barid/base/kv"
	"barid/store/memory"
)

// counting counts commits.
type counting struct {
	*memory.Store
	commits atomic.Int64
}

func (c *counting) Update(ctx context.Context, p kv.Part, f func(kv.Txn) error) error {
	c.commits.Add(1)
	return c.Store.Update(ctx, p, f)
}

// TestStoresThatCameTogetherShareACommit: and each is answered in its order, with what it came to.
func TestStoresThatCameTogetherShareACommit(t *testing.T) {
	store := &counting{Store: memory.New()}
	w := newWorldOn(t, store, slog.LevelWarn, nil)
	for range 9 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\nx\r\n"))
	}
	c := w.login()
	c.do("SELECT INBOX")
	before := store.commits.Load()
	c.send("a1 STORE 1 +FLAGS (\\Seen)\r\na2 UID STORE 2,4 +FLAGS.SILENT (\\Flagged)\r\na3 STORE 99 +FLAGS (\\Seen)\r\n" +
		"a4 store 3 FLAGS (\\Answered $Work)\r\na5 UID STORE 77 +FLAGS (\\Seen)\r\na6 STORE 5 +FLAGS (\\Recent)\r\na7 STORE 6 +FLAGS (\\Draft)\r\n" +
		"b1 NOOP\r\n")
	want := []string{
		"* FLAGS ", "* OK [PERMANENTFLAGS ", `* 1 FETCH (FLAGS (\Seen \Recent))`, "a1 OK STORE completed",
		"a2 OK UID STORE completed",
		"a3 BAD ",
		`* 3 FETCH (FLAGS (\Answered $Work \Recent))`, "a4 OK STORE completed",
		"a5 OK UID STORE completed",
		"a6 BAD ",
		`* 6 FETCH (FLAGS (\Draft \Recent))`, "a7 OK STORE completed",
		"b1 OK",
	}
	for _, prefix := range want {
		if l := c.line(); !strings.HasPrefix(l, prefix) {
			t.Errorf("%q, want %q", l, prefix)
		}
	}
	if n := store.commits.Load() - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	// What concerns one message is done one after the other.
	c.send("c1 STORE 1 FLAGS (\\Draft)\r\nc2 STORE 1:2 +FLAGS (\\Answered)\r\nc3 STORE 1 -FLAGS (\\Draft)\r\n")
	for _, prefix := range []string{
		`* 1 FETCH (FLAGS (\Draft \Recent))`, "c1 OK", `* 1 FETCH (FLAGS (\Answered \Draft \Recent))`, `* 2 FETCH (FLAGS (\Answered \Flagged \Recent))`, "c2 OK",
		`* 1 FETCH (FLAGS (\Answered \Recent))`, "c3 OK",
	} {
		if l := c.line(); !strings.HasPrefix(l, prefix) {
			t.Errorf("%q, want %q", l, prefix)
		}
	}
	if n := store.commits.Load() - before; n != 4 {
		t.Errorf("%d commits", n)
	}
}

// TestManyStoresTogether sends long runs at once, and afterwards wants the flags that they leave one by one.
func TestManyStoresTogether(t *testing.T) {
	const messages = 20
	w := newWorld(t, nil)
	for range messages {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\nx\r\n"))
	}
	c := w.login()
	c.do("SELECT INBOX")
	r := rand.New(rand.NewPCG(1, 2))
	var flagged [messages + 1]bool
	for round := range 20 {
		var b strings.Builder
		n := 1 + r.IntN(200)
		for i := range n {
			lo := 1 + r.IntN(messages)
			hi := min(messages, lo+r.IntN(3))
			on := r.IntN(2) == 0
			for k := lo; k <= hi; k++ {
				flagged[k] = on
			}
			fmt.Fprintf(&b, "r%d-%d %sSTORE %d:%d %cFLAGS.SILENT (\\Flagged)\r\n", round, i, []string{"", "UID "}[r.IntN(2)], lo, hi, "-+"[b2i(on)])
		}
		c.send(b.String())
		for i := range n {
			if l := c.line(); !strings.HasPrefix(l, fmt.Sprintf("r%d-%d OK", round, i)) {
				t.Fatalf("%q is the answer of %d-%d", l, round, i)
			}
		}
	}
	for k := 1; k <= messages; k++ {
		c.send(fmt.Sprintf("z FETCH %d (FLAGS)\r\n", k))
		if l := c.line(); strings.Contains(l, `\Flagged`) != flagged[k] {
			t.Errorf("%q, want flagged %v", l, flagged[k])
		}
		c.line()
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestMessagesComeBetweenStores: the set of a STORE that came behind another one of the same message was read before a new
// message was told, which is told behind both.
func TestMessagesComeBetweenStores(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c := w.login()
	c.do("SELECT INBOX")
	w.deliver("INBOX", []byte("Subject: y\r\n\r\n"))
	c.send("a1 STORE 1 +FLAGS (\\Seen)\r\na2 UID STORE 1:* +FLAGS (\\Draft)\r\n")
	for _, prefix := range []string{
		`* 1 FETCH (FLAGS (\Seen \Recent))`, "a1 OK", `* 1 FETCH (FLAGS (\Seen \Draft \Recent) UID 1)`, "* 2 EXISTS", "* 2 RECENT", "a2 OK",
	} {
		if l := c.line(); !strings.HasPrefix(l, prefix) {
			t.Errorf("%q, want %q", l, prefix)
		}
	}
}

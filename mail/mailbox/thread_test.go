package mailbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
)

func TestThreads(t *testing.T) {
	w := newWorld(t, Options{})
	in := func(id, irt, refs string) Delivered {
		return w.deliver(text(id, irt, refs, "x"), Destination{Account: 1})[0]
	}
	a := in("a@x", "", "")
	b := in("b@x", "a@x", "")
	other := in("o@x", "", "")
	c := in("c@x", "b@x", "<a@x> <b@x>")
	byRef := in("d@x", "", "<a@x> <unknown@x>")
	sib1 := in("s1@x", "lost@x", "")
	sib2 := in("s2@x", "", "<root@x> <lost@x>")
	late := in("lost@x", "", "")
	noID1, noID2 := in("", "", ""), in("", "", "")
	same := in("a@x", "", "")
	for name, d := range map[string]Delivered{"reply": b, "reply to reply": c, "by references": byRef, "sent again": same} {
		if d.Thread != a.Thread {
			t.Errorf("%s is in thread %d, want %d", name, d.Thread, a.Thread)
		}
	}
	if sib2.Thread != sib1.Thread || late.Thread != sib1.Thread {
		t.Errorf("siblings of a message that came late: %d %d %d", sib1.Thread, sib2.Thread, late.Thread)
	}
	if other.Thread == a.Thread || noID1.Thread == noID2.Thread || sib1.Thread == a.Thread {
		t.Error("strangers are in one thread")
	}
	got, err := w.Account(1).Thread(ctx, a.Thread, 100)
	must(t, err)
	if !slices.Equal(got, []MsgNo{a.Msg, b.Msg, c.Msg, byRef.Msg, same.Msg}) {
		t.Errorf("thread has %v", got)
	}
	w.check(1)
}

func TestThreadsGoWithTheirMessages(t *testing.T) {
	w := newWorld(t, Options{ReapInline: 2})
	for k := range 40 {
		w.deliver(text(fmt.Sprintf("m%d@x", k), fmt.Sprintf("m%d@x", max(0, k-1)), "<root@x> <m0@x>", "x"), Destination{Account: 1})
	}
	m := w.open(1, "INBOX")
	for _, lo := range []UID{1, 20, 2, 30} {
		_, _, err := m.Store(ctx, NewUIDSet(UIDRange{lo, lo + 10}), StoreOp{Mode: Add, Flags: Deleted})
		must(t, err)
		_, _, err = m.Expunge(ctx, nil)
		must(t, err)
		must(t, w.Account(1).Reap(ctx))
		w.check(1)
	}
	d := w.deliver(text("new@x", "m39@x", "", "x"), Destination{Account: 1})[0]
	if d.Thread == uint64(d.Msg) && m.View().Len() > 1 {
		t.Log("its parent went, so it begins a thread")
	}
	_, _, err := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Deleted})
	must(t, err)
	_, _, err = m.Expunge(ctx, nil)
	must(t, err)
	must(t, w.Account(1).Reap(ctx))
	for _, table := range []kv.Table{mail.TableMsgID, mail.TableThread, mail.TableMessage} {
		if n := w.rows(1, table); n != 0 {
			t.Errorf("table %d has %d rows without messages", table, n)
		}
	}
}

func (w *world) rows(id mail.AccountID, table kv.Table) (n int) {
	w.t.Helper()
	must(w.t, w.mem.View(ctx, id.Part(), func(r kv.Reader) error {
		return r.Scan(table, nil, nil, kv.ScanOpt{}, func(_, _ []byte) error { n++; return nil })
	}))
	return n
}

func TestHostileReferencesAreBounded(t *testing.T) {
	w := newWorld(t, Options{})
	var refs strings.Builder
	for k := range 5000 {
		fmt.Fprintf(&refs, "<r%d@x>\r\n ", k)
	}
	w.deliver(text("h@x", "p@x", refs.String(), "x"), Destination{Account: 1})
	if n := w.rows(1, mail.TableMsgID); n > 3 {
		t.Errorf("one message made %d message-id rows", n)
	}
	w.check(1)
}

// TestThreadsOfABatch: messages that come together are threaded as those that come one after another, whether what they
// answer was there, is among them, or is not known.
func TestThreadsOfABatch(t *testing.T) {
	together, alone := newWorld(t, Options{}), newWorld(t, Options{})
	for _, w := range []*world{together, alone} {
		w.deliver(text("known@example.test", "", "", "first"), Destination{Account: 1})
	}
	r := rand.New(rand.NewPCG(7, 7))
	ids := []string{"known@example.test", "lost@example.test"}
	var ms []AppendMessage
	for i := range 60 {
		own := fmt.Sprintf("m%d@example.test", i%50) // some come twice
		parent, refs := "", ""
		if r.IntN(3) > 0 {
			parent = ids[r.IntN(len(ids))]
		}
		if r.IntN(2) > 0 {
			refs = "<" + ids[r.IntN(len(ids))] + "> <" + ids[r.IntN(len(ids))] + ">"
		}
		ids = append(ids, own)
		body := []byte(text(own, parent, refs, "subject"))
		ms = append(ms, AppendMessage{Message: Message{Size: int64(len(body)), Parsed: mime.Scan(body, mime.DefaultLimits()), Received: epoch}})
	}
	got, err := together.Account(1).Append(ctx, "INBOX", ms)
	must(t, err)
	for i := range ms {
		want, err := alone.Account(1).Append(ctx, "INBOX", ms[i:i+1])
		must(t, err)
		if got[i].Thread != want[0].Thread || got[i].Msg != want[0].Msg {
			t.Errorf("message %d is %d of thread %d, alone %d of thread %d", i, got[i].Msg, got[i].Thread, want[0].Msg, want[0].Thread)
		}
	}
	together.check(1)
}

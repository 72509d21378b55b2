package mailbox

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
	"barid/rfc/status"
)

var ctx = context.Background()

func TestDeliverToManyAccountsIsOneBody(t *testing.T) {
	w := newWorld(t, Options{})
	body := text("a@example.test", "", "", "to all")
	out := w.deliver(body,
		Destination{Account: 3}, Destination{Account: 1, Mailbox: "Junk", Flags: Flagged, Keywords: []string{"$Junk", "bad keyword"}},
		Destination{Account: 1}, Destination{Account: 2, Mailbox: "lists/go", Create: true},
		Destination{Account: 2, Mailbox: "not there"})
	want := []mail.AccountID{3, 1, 1, 2, 2}
	for i, d := range out {
		if d.Account != want[i] || d.UID != 1 {
			t.Errorf("destination %d went to account %d, UID %d", i, d.Account, d.UID)
		}
	}
	if out[1].Msg != out[2].Msg || out[1].Mailbox == out[2].Mailbox {
		t.Errorf("two mailboxes of one account: %+v %+v", out[1], out[2])
	}
	u, _ := w.Account(1).Usage(ctx)
	if u.Messages != 1 || u.Bytes != int64(len(body)) {
		t.Errorf("a message in two mailboxes counts once, got %+v", u)
	}
	v := w.open(1, "Junk").View()
	if v.At(0).Flags != Flagged|Keyword(0) || !slices.Equal(v.Keywords(), []string{"$Junk"}) {
		t.Errorf("flags %b of %v", v.At(0).Flags, v.Keywords())
	}
	for id := range mail.AccountID(4) {
		w.check(id)
	}
}

func TestDeliverFallsBack(t *testing.T) {
	w := newWorld(t, Options{})
	for _, name := range []string{"no such", "a//b", "bad*", ""} {
		d := w.deliver(text("", "", "", "x"), Destination{Account: 1, Mailbox: name})
		if in := w.open(1, "inbox"); d[0].Mailbox != in.ID() {
			t.Errorf("%q: not in INBOX", name)
		}
	}
	w.check(1)
}

func TestBodyAndColdOfADelivery(t *testing.T) {
	w := newWorld(t, Options{})
	body := text("a@example.test", "", "", "=?utf-8?q?=D8=B3=D9=84=D8=A7=D9=85?=")
	d := w.deliver(body, Destination{Account: 1})
	m := w.open(1, "INBOX")
	n := 0
	err := m.Cold(ctx, m.View(), All(), func(i int, e Entry, c *Cold) error {
		n++
		if c.Size != int64(len(body)) || string(c.MessageID) != "a@example.test" || c.Thread != d[0].Thread || !c.HeadersComplete {
			t.Errorf("cold record %+v", c)
		}
		if tree, err := mime.DecodeMessage(c.Tree); err != nil || tree.Root.Type != "TEXT" {
			t.Errorf("tree: %v", err)
		}
		if string(c.Session) != "s1" || len(c.Envelope) < 20 || len(c.Structure) < 10 || c.HeaderBytes == 0 {
			t.Errorf("envelope %q structure %q", c.Envelope, c.Structure)
		}
		if want := body[:c.HeaderBytes-2]; string(c.Headers) != want {
			t.Errorf("headers %q, want %q", c.Headers, want)
		}
		return nil
	})
	must(t, err)
	if n != 1 {
		t.Fatalf("%d messages", n)
	}
	r, err := m.Body(ctx, m.View().At(0))
	must(t, err)
	defer r.Close()
	got, _ := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	if string(got) != body {
		t.Errorf("body %q", got)
	}
}

func TestQuota(t *testing.T) {
	w := newWorld(t, Options{})
	body := text("", "", "", "big")
	must(t, w.Account(1).Init(ctx, Quota{Bytes: int64(len(body))*2 + 1, Messages: 10}))
	w.deliver(body, Destination{Account: 1}, Destination{Account: 2})
	w.deliver(body, Destination{Account: 1})
	m, done := put(t, w.mem, body)
	defer done()
	_, err := w.Deliver(ctx, m, []Destination{{Account: 1}, {Account: 2}})
	var over *OverQuota
	if !errors.As(err, &over) || !slices.Equal(over.Accounts, []mail.AccountID{1}) || !errors.Is(err, ErrOverQuota) {
		t.Fatalf("got %v", err)
	}
	if e, ok := status.Of(err); !ok || e.Enhanced() != "4.2.2" || e.Code() != 452 {
		t.Errorf("status %v", e)
	}
	if st, _ := w.Account(2).Status(ctx, "INBOX"); st.Messages != 1 {
		t.Errorf("all or nothing: account 2 has %d messages", st.Messages)
	}
	if _, err := w.Account(1).Append(ctx, "INBOX", []AppendMessage{{Message: *m}}); !errors.Is(err, ErrOverQuota) {
		t.Errorf("append: %v", err)
	}
	in := w.open(1, "INBOX")
	if _, err := in.Copy(ctx, All(), "Archive"); err != nil {
		t.Errorf("copies take no quota: %v", err)
	}
	if _, _, err := in.Store(ctx, SetOf(1), StoreOp{Flags: Deleted}); err != nil {
		t.Fatal(err)
	}
	in.Expunge(ctx, nil)
	if _, err := w.Deliver(ctx, m, []Destination{{Account: 1}}); !errors.Is(err, ErrOverQuota) {
		t.Errorf("the copy still counts, got %v", err)
	}
	ar := w.open(1, "Archive")
	ar.Store(ctx, SetOf(1), StoreOp{Flags: Deleted})
	ar.Expunge(ctx, nil)
	if _, err := w.Deliver(ctx, m, []Destination{{Account: 1}}); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	w.check(1)
	w.check(2)
}

func TestStoreModes(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(4, "INBOX") // 2 and 4 are Seen
	m := w.open(1, "INBOX")
	before := m.View()
	mod0 := before.HighestModSeq()
	_, mod1, err := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Seen, Keywords: []string{"$Forwarded"}})
	must(t, err)
	if mod1 <= mod0 {
		t.Errorf("modseq %d after %d", mod1, mod0)
	}
	v := m.View()
	if v.Unseen() != 0 || v.FirstUnseen() != -1 || !slices.Equal(v.Keywords(), []string{"$Forwarded"}) {
		t.Errorf("unseen %d, keywords %v", v.Unseen(), v.Keywords())
	}
	if before.Unseen() != 2 || before.FirstUnseen() != 0 || before.At(0).Flags != 0 {
		t.Error("an older View changed")
	}
	if _, mod, _ := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Seen}); mod != 0 || m.View() != v {
		t.Error("a STORE that changes nothing is no change")
	}
	_, _, err = m.Store(ctx, SetOf(1), StoreOp{Mode: Replace, Flags: Draft})
	must(t, err)
	if f := m.View().At(0).Flags; f != Draft {
		t.Errorf("replace left %b", f)
	}
	_, _, err = m.Store(ctx, SetOf(2), StoreOp{Mode: Remove, Keywords: []string{"$FORWARDED", "unknown"}})
	must(t, err)
	if f := m.View().At(1).Flags; f != Seen {
		t.Errorf("remove left %b", f)
	}
	old := mod1
	modified, _, err := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Flagged, UnchangedSince: &old})
	must(t, err)
	if !slices.Equal(modified, SetOf(1, 2)) {
		t.Errorf("modified %v", modified)
	}
	for _, bad := range []string{"", "a b", "a(", `\Seen`, "é", string(make([]byte, 65))} {
		if _, _, err := m.Store(ctx, All(), StoreOp{Keywords: []string{bad}}); !errors.Is(err, ErrKeyword) {
			t.Errorf("keyword %q: %v", bad, err)
		}
	}
	w.check(1)
	w.restart()
	if !slices.Equal(entries(w.open(1, "INBOX").View()), entries(m.View())) {
		t.Error("differs after a restart")
	}
}

func entries(v *View) (out []Entry) {
	for _, e := range v.All() {
		out = append(out, e)
	}
	return out
}

func TestKeywordLimitAndReuse(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(2, "INBOX")
	m := w.open(1, "INBOX")
	var names []string
	for i := range MaxKeywords {
		names = append(names, "k"+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	_, _, err := m.Store(ctx, SetOf(1), StoreOp{Mode: Add, Keywords: names})
	must(t, err)
	if _, _, err := m.Store(ctx, SetOf(2), StoreOp{Mode: Add, Keywords: []string{"more"}}); !errors.Is(err, ErrKeywordMany) {
		t.Fatalf("got %v", err)
	}
	_, _, err = m.Store(ctx, SetOf(1), StoreOp{Mode: Remove, Keywords: names[3:4]})
	must(t, err)
	_, _, err = m.Store(ctx, SetOf(2), StoreOp{Mode: Add, Keywords: []string{"more"}})
	must(t, err)
	if k := m.View().Keywords(); k[3] != "more" || len(k) != MaxKeywords {
		t.Errorf("keywords %v", k)
	}
	w.check(1)
}

// TestMoveWithoutRoomForKeywords: a message goes to Trash with the keywords that fit, however many are in use there.
func TestMoveWithoutRoomForKeywords(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(2, "INBOX")
	w.fill(1, "Trash")
	in, trash := w.open(1, "INBOX"), w.open(1, "Trash")
	var names []string
	for i := range MaxKeywords {
		names = append(names, "k"+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	_, _, err := trash.Store(ctx, SetOf(1), StoreOp{Mode: Add, Keywords: names})
	must(t, err)
	_, _, err = in.Store(ctx, SetOf(2), StoreOp{Mode: Add, Flags: Seen, Keywords: []string{names[7], "sales"}})
	must(t, err)
	_, err = in.Move(ctx, SetOf(2), "Trash")
	must(t, err)
	if got, want := trash.View().At(1).Flags, Seen|Keyword(7); got != want {
		t.Errorf("flags %b, want %b", got, want)
	}
	w.check(1)
}

func TestExpungeCopyMove(t *testing.T) {
	for _, inline := range []int{1, 100} {
		w := newWorld(t, Options{ReapInline: inline})
		w.fill(10, "INBOX")
		in := w.open(1, "INBOX")
		_, _, err := in.Store(ctx, NewUIDSet(UIDRange{3, 6}), StoreOp{Mode: Add, Flags: Deleted, Keywords: []string{"x"}})
		must(t, err)
		r, err := in.Copy(ctx, NewUIDSet(UIDRange{5, 7}), "Trash")
		must(t, err)
		if !slices.Equal(r.From, []UID{5, 6, 7}) || !slices.Equal(r.To, []UID{1, 2, 3}) {
			t.Errorf("copy %+v", r)
		}
		only := NewUIDSet(UIDRange{1, 4}, UIDRange{6, 100})
		gone, _, err := in.Expunge(ctx, &only)
		must(t, err)
		if !slices.Equal(gone, UIDSet{{3, 4}, {6, 6}}) {
			t.Errorf("expunged %v", gone)
		}
		r, err = in.Move(ctx, NewUIDSet(UIDRange{7, 7}, UIDRange{9, MaxUID}), "Trash")
		must(t, err)
		if !slices.Equal(r.From, []UID{7, 9, 10}) || !slices.Equal(r.To, []UID{4, 5, 6}) {
			t.Errorf("move %+v", r)
		}
		if got := uids(in.View()); !slices.Equal(got, []UID{1, 2, 5, 8}) {
			t.Errorf("INBOX has %v", got)
		}
		r, err = in.Move(ctx, SetOf(2), "inbox")
		must(t, err)
		if got := uids(in.View()); !slices.Equal(got, []UID{1, 5, 8, 11}) {
			t.Errorf("moved onto itself: %v, %+v", got, r)
		}
		if _, err := in.Copy(ctx, All(), "nowhere"); !errors.Is(err, ErrNoMailbox) {
			t.Errorf("copy to nowhere: %v", err)
		}
		tr := w.open(1, "Trash")
		if k := tr.View().Keywords(); len(k) != 1 || tr.View().At(0).Flags != Deleted|Keyword(0) {
			t.Errorf("keywords of copies: %v", k)
		}
		w.check(1)
		must(t, w.Account(1).Reap(ctx))
		w.check(1)
		u, _ := w.Account(1).Usage(ctx)
		if u.Messages != 8 {
			t.Errorf("%d messages, want 8", u.Messages)
		}
		n, err := w.mem.GC(ctx)
		if err != nil || n != 2 {
			t.Errorf("%d bodies free, want 2 (%v)", n, err)
		}
		w.restart()
		if got := uids(w.open(1, "INBOX").View()); !slices.Equal(got, []UID{1, 5, 8, 11}) {
			t.Errorf("after restart %v", got)
		}
	}
}

func TestRecent(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(3, "INBOX")
	m := w.open(1, "INBOX")
	if taken, _ := m.TakeRecent(ctx); !slices.Equal(taken, UIDSet{{1, 3}}) {
		t.Errorf("first session: recent are %v", taken)
	}
	if taken, _ := m.TakeRecent(ctx); len(taken) != 0 {
		t.Errorf("second session: recent are %v", taken)
	}
	w.fill(1, "INBOX")
	if st, _ := w.Account(1).Status(ctx, "INBOX"); st.Recent != 1 {
		t.Errorf("STATUS says %d recent", st.Recent)
	}
	w.restart()
	if taken, _ := w.open(1, "INBOX").TakeRecent(ctx); !slices.Equal(taken, UIDSet{{4, 4}}) {
		t.Errorf("after restart: recent are %v", taken)
	}
}

// TestRecentIsWrittenForMany: what sessions were told is written down a moment later, in one commit.
func TestRecentIsWrittenForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		m := w.open(1, "INBOX")
		for range 5 {
			w.fill(1, "INBOX")
			_, _ = m.TakeRecent(ctx)
		}
		version := func() (v kv.Ver) {
			must(t, w.mem.Update(ctx, mail.AccountID(1).Part(), func(x kv.Txn) error { v = x.Ver(); return nil }))
			return v
		}
		before := version()
		time.Sleep(recentPause)
		synctest.Wait()
		if n := version() - before; n != 1 {
			t.Errorf("%d commits", n)
		}
		other := Open(w.mem, w.mem, w.opt) // as after a kill
		defer other.Close()
		if st, err := other.Account(1).Status(ctx, "INBOX"); err != nil || st.Recent != 0 {
			t.Errorf("%d recent, %v", st.Recent, err)
		}
		w.Store.Close()
	})
}

// bell gives a channel that has a value after ring was called.
func bell() (wake chan struct{}, ring func()) {
	wake = make(chan struct{}, 1)
	return wake, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func TestWatch(t *testing.T) {
	w := newWorld(t, Options{})
	m := w.open(1, "INBOX")
	wake, ring := bell()
	stop := m.Watch(ring)
	before := m.View()
	w.fill(2, "INBOX")
	w.fill(1, "INBOX")
	<-wake
	if m.View() == before || m.View().Len() != 3 {
		t.Error("woken without a change")
	}
	select {
	case <-wake:
		t.Error("two changes are one wake-up")
	default:
	}
	w.fill(1, "Trash")
	select {
	case <-wake:
		t.Error("woken for another mailbox")
	default:
	}
	stop()
	w.fill(1, "INBOX")
	select {
	case <-wake:
		t.Error("woken after stop")
	default:
	}
}

func TestFailedCommitIsNeverShown(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(3, "INBOX")
	m := w.open(1, "INBOX")
	before := m.View()
	broken := errors.New("disk")
	w.mem.Fail(func() error { return broken })
	if _, _, err := m.Store(ctx, All(), StoreOp{Flags: Flagged}); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if m.View() != before {
		t.Error("a change that failed is shown")
	}
	w.mem.Fail(nil)
	w.fill(1, "INBOX")
	v := m.View()
	if v.Len() != 4 || v.At(0).Flags&Flagged != 0 || v.At(3).UID != 4 {
		t.Errorf("after the failure: %+v", entries(v))
	}
	w.check(1)
}

func TestForeignRowsInThePartitionChangeNothing(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(3, "INBOX")
	m := w.open(1, "INBOX")
	v := m.View()
	must(t, w.foreign(1))
	_, _, err := m.Store(ctx, SetOf(2), StoreOp{Mode: Add, Flags: Flagged})
	must(t, err)
	if m.View().full != nil || m.View().tail.fix != v.tail.fix {
		t.Error("the mailbox was read again")
	}
	w.check(1)
}

func TestRemoveAccount(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(30, "INBOX")
	w.deliver(text("", "", "", "x"), Destination{Account: 1}, Destination{Account: 2})
	m := w.open(1, "INBOX")
	wake, ring := bell()
	stop := m.Watch(ring)
	defer stop()
	must(t, w.Account(1).Remove(ctx))
	<-wake
	if !m.View().Gone() || m.View().Len() != 0 {
		t.Error("an open mailbox must see that it is gone")
	}
	if _, _, err := m.Store(ctx, All(), StoreOp{Flags: Seen}); !errors.Is(err, ErrNoMailbox) && !errors.Is(err, ErrRemoved) {
		t.Errorf("store on it: %v", err)
	}
	if n, _ := w.mem.GC(ctx); n != 30 {
		t.Errorf("%d bodies free, want 30", n)
	}
	must(t, w.Account(7).Remove(ctx))
	w.check(2)
}

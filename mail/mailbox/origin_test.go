package mailbox

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
)

// across copies the message uid of m to a mailbox of another account, as COPY does.
func (w *world) across(m *Mailbox, uid UID, id mail.AccountID, name string) Delivered {
	w.t.Helper()
	i, ok := m.View().Seq(uid)
	if !ok {
		w.t.Fatalf("no UID %d", uid)
	}
	e := m.View().At(i)
	src, err := m.Source(ctx, e)
	must(w.t, err)
	defer src.Body.Close()
	b, err := io.ReadAll(io.NewSectionReader(src.Body, 0, src.Body.Size()))
	must(w.t, err)
	msg, done := put(w.t, w.mem, string(b))
	defer done()
	msg.Source = src
	batch := w.Account(id).Batch()
	must(w.t, batch.Add(AppendMessage{Message: *msg, Flags: e.Flags & SystemFlags, Date: e.Time()}))
	out, err := batch.Append(ctx, name)
	must(w.t, err)
	return out[0]
}

// told is what a message is told by, as a front end says it; of a message without an Origin its own numbers.
func (w *world) told(m *Mailbox, uid UID) (out Origin) {
	w.t.Helper()
	n := 0
	must(w.t, m.Cold(ctx, m.View(), UIDSet{{uid, uid}}, func(_ int, e Entry, c *Cold) error {
		n++
		out = c.Origin
		if e.Foreign != (out.Email.Account != 0) {
			w.t.Errorf("UID %d: foreign is %v, origin %+v", uid, e.Foreign, out)
		}
		if out.Email.Account == 0 {
			out.Email = Name{m.b.a.id, uint64(e.Msg)}
		}
		if out.Thread.Account == 0 {
			out.Thread = Name{m.b.a.id, c.Thread}
		}
		return nil
	}))
	if n != 1 {
		w.t.Fatalf("%d messages have UID %d", n, uid)
	}
	return out
}

// TestCopiesInOtherAccountsKeepTheirNames: RFC 8474 §5.1 and §5.2, there, further on, and back.
func TestCopiesInOtherAccountsKeepTheirNames(t *testing.T) {
	w := newWorld(t, Options{SnapRecords: 2})
	w.deliver(text("before@x", "", "", "x"), Destination{Account: 2})
	a := w.deliver(text("a@x", "", "", "سلام"), Destination{Account: 1})[0]
	b := w.deliver(text("b@x", "a@x", "", "پاسخ"), Destination{Account: 1, Flags: Flagged, Keywords: []string{"work"}})[0]
	want := Origin{Email: Name{1, uint64(b.Msg)}, Thread: Name{1, a.Thread}}
	first := w.open(1, Inbox)
	if got := w.told(first, b.UID); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	second, third := w.open(2, Inbox), w.open(3, Inbox)
	there := w.across(first, b.UID, 2, Inbox)
	_, err := w.Account(2).Create(ctx, "Work", UseNone)
	must(t, err)
	within, err := second.Copy(ctx, UIDSet{{there.UID, there.UID}}, "Work")
	must(t, err)
	_, _, err = second.Store(ctx, All(), StoreOp{Mode: Replace, Flags: Seen, Keywords: []string{"x"}})
	must(t, err)
	_, _, err = second.Store(ctx, All(), StoreOp{Mode: Replace, Flags: Answered, Keep: Seen})
	must(t, err)
	_, _, err = second.Store(ctx, All(), StoreOp{Mode: Remove, Flags: AllFlags})
	must(t, err)
	further := w.across(second, there.UID, 3, Inbox)
	back := w.across(third, further.UID, 1, Inbox)
	moved, err := second.Transfer(ctx, UIDSet{{there.UID, there.UID}}, "Work", Seen, true)
	must(t, err)
	if back.Msg == b.Msg {
		t.Errorf("the copy that came back has the number of the original, which may go")
	}
	all := func() {
		t.Helper()
		for _, c := range []struct {
			id   mail.AccountID
			box  string
			uid  UID
			want Origin
		}{
			{1, Inbox, a.UID, Origin{Name{1, uint64(a.Msg)}, Name{1, a.Thread}}},
			{1, Inbox, b.UID, want},
			{1, Inbox, back.UID, want},
			{2, Inbox, 1, Origin{Name{2, 1}, Name{2, 1}}},
			{2, "Work", within.To[0], want},
			{2, "Work", moved.To[0], want},
			{3, Inbox, further.UID, want},
		} {
			m := w.open(c.id, c.box)
			if got := w.told(m, c.uid); got != c.want {
				t.Errorf("account %d, %s, UID %d: %+v, want %+v", c.id, c.box, c.uid, got, c.want)
			}
			m.Close()
		}
		for id := range mail.AccountID(3) {
			w.check(id + 1)
		}
	}
	all()
	w.Store.Close()
	w.restart()
	all()
}

// TestThreadsWithNamesOfOtherAccounts: who answers what came from another account is told by its thread; a copy that
// joins a thread which was there keeps its name, as those keep theirs, and all are in one thread of the account.
func TestThreadsWithNamesOfOtherAccounts(t *testing.T) {
	w := newWorld(t, Options{})
	in := func(id mail.AccountID, own, parent, refs string) Delivered {
		return w.deliver(text(own, parent, refs, "x"), Destination{Account: id})[0]
	}
	in(1, "other@x", "", "")
	a := in(1, "a@x", "", "")
	b := in(1, "b@x", "a@x", "")
	abroad := Name{1, a.Thread}
	early := in(2, "early@x", "", "")
	answer := in(2, "b2@x", "early@x", "")
	first, second := w.open(1, Inbox), w.open(2, Inbox)
	told := func(what string, d Delivered, want Name) {
		t.Helper()
		if got := w.told(second, d.UID).Thread; got != want {
			t.Errorf("%s is told to be in the thread %+v, want %+v", what, got, want)
		}
	}
	ca := w.across(first, a.UID, 2, Inbox)
	reply := in(2, "r@x", "a@x", "")
	again := in(2, "rr@x", "r@x", "<a@x> <r@x>")
	cb := w.across(first, b.UID, 2, Inbox)
	far := in(2, "far@x", "b@x", "<a@x> <b@x>")
	for what, d := range map[string]Delivered{"the copy": ca, "the answer": reply, "its answer": again, "the other copy": cb, "the answer to that": far} {
		told(what, d, abroad)
		if d.Thread != ca.Thread {
			t.Errorf("%s is in thread %d, want %d", what, d.Thread, ca.Thread)
		}
	}
	told("what was there", answer, Name{2, early.Thread})
	if got, want := w.told(second, reply.UID).Email, (Name{2, uint64(reply.Msg)}); got != want {
		t.Errorf("the answer is told as %+v, want %+v", got, want)
	}
	got, err := w.Account(2).Thread(ctx, ca.Thread, 100)
	must(t, err)
	if want := []MsgNo{ca.Msg, reply.Msg, again.Msg, cb.Msg, far.Msg}; !slices.Equal(got, want) {
		t.Errorf("the thread has %v, want %v", got, want)
	}

	c := in(1, "c@x", "early@x", "") // the same conversation, in two accounts before anything was copied
	home := Name{1, c.Thread}
	cc := w.across(first, c.UID, 2, Inbox)
	told("a copy that joins", cc, home)
	told("what it joins", early, Name{2, early.Thread})
	late := in(2, "late@x", "early@x", "")
	told("who answers what it joins", late, Name{2, early.Thread})
	deep := in(2, "deep@x", "c@x", "")
	told("who answers it", deep, home)
	for _, d := range []Delivered{cc, late, deep} {
		if d.Thread != early.Thread {
			t.Errorf("message %d is in thread %d, want %d", d.Msg, d.Thread, early.Thread)
		}
	}

	z := in(4, "z@x", "a@x", "") // a third account named the same conversation
	cz := w.across(w.open(4, Inbox), z.UID, 2, Inbox)
	told("a copy that joins a thread named elsewhere", cz, Name{4, z.Thread})
	told("the copy it joins", ca, abroad)
	if cz.Thread != ca.Thread {
		t.Errorf("message %d is in thread %d, want %d", cz.Msg, cz.Thread, ca.Thread)
	}

	on := w.across(second, reply.UID, 3, Inbox) // two accounts named it
	if got, want := w.told(w.open(3, Inbox), on.UID), (Origin{Name{2, uint64(reply.Msg)}, abroad}); got != want {
		t.Errorf("a copy of the answer is told as %+v, want %+v", got, want)
	}
	for id := range mail.AccountID(4) {
		w.check(id + 1)
	}
	_, _, err = second.Store(ctx, All(), StoreOp{Mode: Add, Flags: Deleted})
	must(t, err)
	_, _, err = second.Expunge(ctx, nil)
	must(t, err)
	must(t, w.Account(2).Reap(ctx))
	for _, table := range []kv.Table{mail.TableMsgID, mail.TableThread, mail.TableMessage} {
		if n := w.rows(2, table); n != 0 {
			t.Errorf("table %d has %d rows without messages", table, n)
		}
	}
	if fresh := in(2, "a@x", "", ""); w.told(second, fresh.UID).Thread != (Name{2, fresh.Thread}) {
		t.Error("a name outlives the messages that had it")
	}
}

// TestWhatIsKeptOfACopyIsTheSame: ENVELOPE, BODYSTRUCTURE and what else is told of one EMAILID do not differ (RFC 8474 §5.1), also
// when a reduced record is kept of the original, and of the copy a whole one could be.
func TestWhatIsKeptOfACopyIsTheSame(t *testing.T) {
	w := newWorld(t, Options{})
	many := make([]Destination, 400)
	for i := range many {
		many[i].Account = mail.AccountID(100 + i)
	}
	w.deliver("From: info@example.test\r\nMessage-ID: <h@x>\r\nTo: "+strings.Repeat("\"\\\"x\" <b@example.test>,\r\n ", 20000)+"c@example.test\r\n\r\nx\r\n", many...)
	from := w.open(100, Inbox)
	to := w.across(from, 1, 7, Inbox)
	var kept [2][]byte
	for i, m := range []*Mailbox{from, w.open(7, Inbox)} {
		must(t, m.Cold(ctx, m.View(), All(), func(_ int, _ Entry, c *Cold) error {
			if kept[i] = bytes.Join([][]byte{c.Envelope, c.Structure, c.Tree, c.Headers, c.MessageID}, []byte{0}); c.HeadersComplete {
				t.Error("the record is not reduced")
			}
			return nil
		}))
	}
	if !bytes.Equal(kept[0], kept[1]) || len(kept[0]) == 0 {
		t.Errorf("%d and %d bytes are kept", len(kept[0]), len(kept[1]))
	}
	m := w.open(7, Inbox)
	body, err := m.Body(ctx, m.View().At(0))
	must(t, err)
	if must(t, body.Close()); body.Size() != m.View().At(0).Size {
		t.Errorf("the copy %d has %d bytes, want %d", to.Msg, body.Size(), m.View().At(0).Size)
	}
	w.check(7)
}

// TestOriginsOnDisk: rows without names of other accounts are as they always were.
func TestOriginsOnDisk(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.common(&Message{Parsed: mime.Scan([]byte(text("a@x", "", "", "x")), mime.DefaultLimits()), Received: epoch}, 1)
	o := Origin{Email: Name{7, 300}, Thread: Name{9, 2}}
	for _, x := range []struct {
		name string
		o    Origin
		head string
	}{
		{"none", Origin{}, "01ac0200"},
		{"message and thread", o, "02ac020007ac020902"},
		{"only the thread", Origin{Thread: o.Thread}, "02ac0200000902"},
	} {
		v := c.encode(nil, 300, 0, x.o)
		if got := hex.EncodeToString(v[:len(v)-len(c.b)]); got != x.head {
			t.Errorf("%s: the record begins with %s, want %s", x.name, got, x.head)
		}
		var cold Cold
		if must(t, cold.decode(v)); cold.Origin != x.o || cold.Thread != 300 {
			t.Errorf("%s: %+v", x.name, cold.Origin)
		}
		if cold.decode(v[:5]) == nil {
			t.Errorf("%s: a piece of a record is taken", x.name)
		}
	}
	for want, m := range map[string]msgID{
		"01ac0202":         {thread: 300, claims: 2},
		"02ac020209ac8002": {thread: 300, claims: 2, told: Name{9, 32812}},
	} {
		b := m.encode(nil)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("message-id row %s, want %s", got, want)
		}
		if got, err := decodeMsgID(b); err != nil || got != m {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// TestSourceOfWhatIsGone: what was expunged while a COPY was at it is ErrGone, as Body says.
func TestSourceOfWhatIsGone(t *testing.T) {
	w := newWorld(t, Options{})
	w.deliver(text("a@x", "", "", "x"), Destination{Account: 1})
	m := w.open(1, Inbox)
	e := m.View().At(0)
	_, err := m.Discard(ctx, All())
	must(t, err)
	must(t, w.Account(1).Reap(ctx))
	if _, err := m.Source(ctx, e); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

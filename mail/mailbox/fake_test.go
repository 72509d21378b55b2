package mailbox

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
	"barid/store/memory"
)

// world is a Store over a memory engine, with a clock that stands still.
type world struct {
	*Store
	t   testing.TB
	mem *memory.Store
	opt Options
}

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, o Options) *world {
	o.Now = func() time.Time { return epoch }
	w := &world{t: t, mem: memory.New(), opt: o}
	w.Store = Open(w.mem, w.mem, o)
	t.Cleanup(func() { w.Store.Close() })
	return w
}

// restart makes a new Store over the same rows, as after the process ended.
func (w *world) restart() {
	w.t.Helper()
	w.Store.Close()
	w.Store = Open(w.mem, w.mem, w.opt)
}

// text makes a plain message.
func text(id, inReplyTo, refs, subject string) string {
	s := "From: Sender <sender@example.test>\r\nTo: info@example.test\r\nDate: Sun, 1 Mar 2026 09:00:00 +0000\r\nSubject: " + subject + "\r\n"
	if id != "" {
		s += "Message-ID: <" + id + ">\r\n"
	}
	if inReplyTo != "" {
		s += "In-Reply-To: <" + inReplyTo + ">\r\n"
	}
	if refs != "" {
		s += "References: " + refs + "\r\n"
	}
	return s + "\r\nBody of " + subject + "\r\n"
}

// put stores the bytes of a message and gives what Deliver takes; done ends the writer.
func put(t testing.TB, blobs kv.Blobs, body string) (m *Message, done func()) {
	t.Helper()
	w, err := blobs.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	id, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Message{
		Blob: id, Size: int64(len(body)), Parsed: mime.Scan([]byte(body), mime.DefaultLimits()), Received: epoch, Session: "s1",
	}, func() { w.Close() }
}

func (w *world) deliver(body string, to ...Destination) []Delivered {
	w.t.Helper()
	m, done := put(w.t, w.mem, body)
	defer done()
	out, err := w.Deliver(context.Background(), m, to)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// fill delivers n messages to a mailbox of account 1.
func (w *world) fill(n int, mailbox string) {
	w.t.Helper()
	ms := make([]AppendMessage, 0, 1000)
	for i := 0; i < n; {
		ms = ms[:0]
		var dones []func()
		for ; i < n && len(ms) < cap(ms); i++ {
			m, done := put(w.t, w.mem, text(fmt.Sprintf("m%d@example.test", i), "", "", fmt.Sprintf("number %d", i)))
			dones = append(dones, done)
			ms = append(ms, AppendMessage{Message: *m, Flags: Flags(i%2) * Seen})
		}
		if _, err := w.Account(1).Append(context.Background(), mailbox, ms); err != nil {
			w.t.Fatal(err)
		}
		for _, d := range dones {
			d()
		}
	}
}

func (w *world) open(id mail.AccountID, name string) *Mailbox {
	w.t.Helper()
	m, err := w.Account(id).Open(context.Background(), name)
	if err != nil {
		w.t.Fatalf("open %q: %v", name, err)
	}
	w.t.Cleanup(m.Close)
	return m
}

// check wants the account to be in order.
func (w *world) check(id mail.AccountID) {
	w.t.Helper()
	ps, err := w.Check(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range ps {
		w.t.Errorf("check: %s", p)
	}
}

func uids(v *View) (out []UID) {
	for _, e := range v.All() {
		out = append(out, e.UID)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// foreign writes a row of another package into the account's partition.
func (w *world) foreign(id mail.AccountID) error {
	return w.mem.Update(context.Background(), id.Part(), func(t kv.Txn) error {
		t.Put(mail.TableEvent, []byte("x"), []byte("y"))
		return nil
	})
}

func mailID(i int) mail.AccountID { return mail.AccountID(i) }

package search

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/mime"
	"barid/store/embedded"
	"barid/store/memory"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// engine is what a store gives us.
type engine interface {
	kv.KV
	kv.Blobs
}

// world is an index over the mail of one account.
type world struct {
	t     testing.TB
	db    engine
	store *mailbox.Store
	x     *Index
	a     *Account
	box   *mailbox.Account
	raw   map[mailbox.MsgNo]string
}

const owner mail.AccountID = 7

func newWorld(t testing.TB, db engine, o Options) *world {
	w := &world{t: t, db: db, raw: map[mailbox.MsgNo]string{}}
	w.store = mailbox.Open(db, db, mailbox.Options{})
	t.Cleanup(func() { w.store.Close() })
	w.x = Open(db, w.store, o)
	w.a = w.x.Account(owner)
	w.box = w.store.Account(owner)
	return w
}

// engines are those the index is tried on.
func engines(t *testing.T, f func(t *testing.T, db engine)) {
	t.Run("memory", func(t *testing.T) { f(t, memory.New()) })
	t.Run("embedded", func(t *testing.T) { f(t, inMemory(t)) })
}

func inMemory(t testing.TB) engine {
	s, err := embedded.Open("data", embedded.Options{FS: vfs.NewMem(), ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// deliver stores messages and gives their numbers.
func (w *world) deliver(raws ...string) (out []mailbox.MsgNo) {
	w.t.Helper()
	for len(raws) > 0 {
		n := min(len(raws), 100)
		var ms []mailbox.AppendMessage
		var open []kv.BlobWriter
		for _, raw := range raws[:n] {
			b, err := w.db.Create(context.Background())
			if err != nil {
				w.t.Fatal(err)
			}
			open = append(open, b)
			_, _ = io.WriteString(b, raw)
			id, err := b.Commit(nil, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			ms = append(ms, mailbox.AppendMessage{Message: mailbox.Message{
				Blob: id, Size: int64(len(raw)), Parsed: mime.Scan([]byte(raw), mime.DefaultLimits()), Received: time.Unix(1_780_000_000, 0),
			}})
		}
		ds, err := w.box.Append(context.Background(), mailbox.Inbox, ms)
		if err != nil {
			w.t.Fatal(err)
		}
		for i, d := range ds {
			w.raw[d.Msg] = raws[i]
			out = append(out, d.Msg)
			open[i].Close()
		}
		raws = raws[n:]
	}
	return out
}

func (w *world) sync() {
	w.t.Helper()
	if err := w.a.Sync(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) verify() {
	w.t.Helper()
	found, err := w.a.Verify(context.Background())
	if err != nil || len(found) > 0 {
		w.t.Fatalf("the index is wrong: %q, %v", found, err)
	}
}

// expunge removes every message for which gone says so.
func (w *world) expunge(gone func(m mailbox.MsgNo) bool) {
	w.t.Helper()
	ctx := context.Background()
	box, err := w.box.Open(ctx, mailbox.Inbox)
	if err != nil {
		w.t.Fatal(err)
	}
	defer box.Close()
	var set mailbox.UIDSet
	for _, e := range box.View().All() {
		if gone(e.Msg) {
			set = set.Add(e.UID)
			delete(w.raw, e.Msg)
		}
	}
	if _, _, err := box.Store(ctx, set, mailbox.StoreOp{Mode: mailbox.Add, Flags: mailbox.Deleted}); err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := box.Expunge(ctx, nil); err != nil {
		w.t.Fatal(err)
	}
	if err := w.box.Reap(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// message gives the parts of a raw message as they are stored.
func message(raw string) *Message {
	m := mime.Scan([]byte(raw), mime.DefaultLimits())
	return &Message{Header: m.Header, Tree: m, Body: strings.NewReader(raw)}
}

// compare asks the index and every message, and tells how many Yes and Maybe there were.
func (w *world) compare(k Key) (hits, maybe int) {
	w.t.Helper()
	c, err := w.a.Narrow(context.Background(), k)
	if err != nil {
		w.t.Fatal(err)
	}
	s := NewScanner(k)
	for no, raw := range w.raw {
		found, err := s.Scan(message(raw))
		if err != nil {
			w.t.Fatal(err)
		}
		v := c.Of(no)
		if found[0] && v == No || !found[0] && v == Yes {
			w.t.Fatalf("key %v %q %q: the index says %d of message %d, it says %v:\n%s", k.In, k.Name, k.Text.Forms(), v, no, found[0], raw)
		}
		if found[0] {
			hits++
		}
		if v == Maybe {
			maybe++
		}
	}
	return hits, maybe
}

// words of several scripts, with everything that makes words hard.
var vocabulary = strings.Fields(`report Report monthly the a of and café Straße naïve x1 2026 3.14 192.0.2.1 info@example.test
	گزارش ماهانهٔ می` + "\u200c" + `خواهم میخواهم می خواهم کتاب` + "\u200c" + `ها كتاب كُتُبٌ والتقرير تقرير التقرير مسئول مسؤول ۱۲۳ ١٢٣ ﷲ الشهــري
	東京都 東` + "\u200c" + `京 ニュース が か ภาษาไทย 한국어 🎉 🎉🎊 © йод мир всемирный don't well-known C++ foo_bar :-) ... https://example.test/a?b=c
	` + strings.Repeat("verylongword", 12) + ` ` + strings.Repeat("x", 70) + ` ` + strings.Repeat("ab", 16) + ` ` + strings.Repeat("کتاب", 20) + ` subject: X-Test: yes 10:30`)

func phraseOf(r *rand.Rand, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString([]string{" ", " ", " ", ", ", "-", "\u200c", "", "\r\n"}[r.IntN(8)])
		}
		b.WriteString(vocabulary[r.IntN(len(vocabulary))])
	}
	return b.String()
}

// randomMessage makes a message of random words in several shapes.
func randomMessage(r *rand.Rand) string {
	line := func(n int) string { return strings.ReplaceAll(phraseOf(r, 1+r.IntN(n)), "\r\n", " ") }
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s <info@example.test>\r\nTo: %s <demo@example.test>\r\nSubject: %s\r\n", line(2), line(2), line(4))
	if r.IntN(3) == 0 {
		fmt.Fprintf(&b, "X-Test: %s\r\nCc: %s\r\n", line(2), line(2))
	}
	b.WriteString("DKIM-Signature: v=1; b=YWJjZGVmZw\r\nMIME-Version: 1.0\r\n")
	switch r.IntN(4) {
	case 0:
		fmt.Fprintf(&b, "Content-Type: text/html; charset=utf-8\r\n\r\n<p>%s<b>%s</b>%s</p><img alt=\"%s\"><style>%s</style>",
			phraseOf(r, 2), phraseOf(r, 1), phraseOf(r, 8), line(2), line(2))
	case 1:
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"report=x;y\"\r\n\r\n--report=x;y\r\nContent-Type: text/plain; charset=utf-8\r\nX-Part: %s\r\n\r\n%s\r\n"+
			"--report=x;y\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"%s.pdf\"\r\n\r\nreport\r\n--report=x;y--\r\n",
			line(2), phraseOf(r, 10), strings.ReplaceAll(line(2), "\"", ""))
	default:
		fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", phraseOf(r, r.IntN(30)))
	}
	return b.String()
}

// randomKey makes a key that often is somewhere.
func (w *world) randomKey(r *rand.Rand) Key {
	s := phraseOf(r, 1+r.IntN(3))
	if r.IntN(2) == 0 { // a piece of a message, cut anywhere
		for _, raw := range w.raw {
			s = raw
			break
		}
		runes := []rune(s)
		at := r.IntN(len(runes))
		s = string(runes[at:min(len(runes), at+1+r.IntN(60))])
	} else if runes := []rune(s); r.IntN(2) == 0 && len(runes) > 2 {
		at := r.IntN(len(runes) - 1)
		s = string(runes[at : at+1+r.IntN(len(runes)-at-1)])
	}
	k := Key{In: []Field{Any, Parts, Subject, From, To, Cc, Body, File, Header, Subject | From}[r.IntN(10)], Text: needle(s)}
	if r.IntN(5) == 0 {
		k.In, k.Name = Header, []string{"X-Test", "Subject", "DKIM-Signature", "x-none", "Content-Type"}[r.IntN(5)]
		if r.IntN(3) == 0 {
			k.Text = needle("")
		}
	}
	return k
}

package event

import (
	"context"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"barid/base/id"
	"barid/base/kv"
	"barid/mail"
	"barid/store/memory"
)

func facts() *Facts {
	return &Facts{
		Started: time.UnixMilli(1795338000123).UTC(), Helo: "client.example", TLS: "TLS1.3", User: "info@example.test", Application: "printer",
		Protocol: "ESMTPSA", EnvID: "QQ314159", MessageID: "a@b.test", Findings: []string{"iprev=pass", "sender=pass"},
	}
}

func TestStoredFormKeepsFactsAndPlaces(t *testing.T) {
	whole := sample()
	whole.Facts, whole.Places, whole.Other = facts(), []Place{{1, 2, 3}, {1 << 40, 1 << 31, 1<<32 - 1}}, "s.2"
	whole.Hop = &Hop{Entry: "1F42A", Text: "later", Next: time.UnixMilli(1795338000123).UTC()}
	for _, e := range []Event{whole, {Kind: Accepted, Facts: &Facts{}}, {Kind: Queued, Other: "x"}} {
		got, err := decode(appendEvent(nil, &e))
		got.Time = e.Time
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, e)
		}
	}
	whole.Facts.Findings, whole.Places = make([]string, 99), make([]Place, 999)
	if got, err := decode(appendEvent(nil, &whole)); err != nil || len(got.Facts.Findings) != maxFindings || len(got.Places) != MaxTo {
		t.Errorf("%d findings, %d places, %v", len(got.Facts.Findings), len(got.Places), err)
	}
}

// TestFormsOfOldAreRead fixes the forms on disk: 1 without and 2 with a hop, 3 with parts, of which one is not known.
func TestFormsOfOldAreRead(t *testing.T) {
	const two = "020800" + "0173" + "03732e31" + "00" + "00" + "00" + "00" + "00" + "01" + "00" + "0472637074" + "c303" + "05342e372e31" + "00" + "00000000" +
		"053146343241" + "0b6578616d706c652e6f7267" + "00" + "00" + "056c61746572" + "03" + "00" + "0000000000"
	const three = "030500" + "0173" + "03732e31" + "00" + "00" + "00" + "00" + "00" + "01" + "00" + "0472637074" + "c303" + "05342e372e31" + "00" + "00000000" +
		"630002" + "ffff" + "030004" + "03732e32"
	for form, want := range map[string]Event{
		two: {
			Kind: Delayed, Session: "s", ID: "s.1", Rcpts: 1, Stage: "rcpt", Code: 451, Enhanced: "4.7.1",
			Hop: &Hop{Entry: "1F42A", Destination: "example.org", Text: "later", Attempt: 3},
		},
		three: {Kind: Discarded, Session: "s", ID: "s.1", Rcpts: 1, Stage: "rcpt", Code: 451, Enhanced: "4.7.1", Other: "s.2"},
	} {
		b, err := hex.DecodeString(form)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
}

// reading counts the rows that are read.
type reading struct {
	kv.KV
	rows atomic.Int64
}

func (c *reading) View(ctx context.Context, p kv.Part, f func(kv.Reader) error) error {
	return c.KV.View(ctx, p, func(r kv.Reader) error { return f(&readingRows{r, c}) })
}

type readingRows struct {
	kv.Reader
	c *reading
}

func (r *readingRows) Get(t kv.Table, k []byte) ([]byte, bool, error) {
	r.c.rows.Add(1)
	return r.Reader.Get(t, k)
}

func (r *readingRows) Scan(t kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	return r.Reader.Scan(t, lo, hi, o, func(k, v []byte) error {
		r.c.rows.Add(1)
		return f(k, v)
	})
}

// TestOneMessageIsFoundWithFewReads: among 20,000 messages of a month, under any of its names.
func TestOneMessageIsFoundWithFewReads(t *testing.T) {
	db := &reading{KV: memory.New()}
	l := open(t, db, Options{})
	begin := time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC)
	now := begin
	ids := id.NewSource(func() time.Time { return now })
	const messages = 20_000
	var sessions []string
	for i := range messages {
		now = begin.Add(time.Duration(i) * 2 * time.Minute)
		s := ids.New()
		sessions = append(sessions, s)
		l.Record(Event{Time: now, Kind: Accepted, Session: s, ID: id.Tx(s, 1), Facts: &Facts{EnvID: fmt.Sprint("env", i), MessageID: fmt.Sprint(i, "@b.test")}})
		l.Record(Event{Time: now, Kind: Queued, ID: id.Tx(s, 1), Hop: &Hop{Entry: fmt.Sprintf("%X", i)}})
		if i%1000 == 0 {
			_ = l.Flush(t.Context())
		}
	}
	old := id.Tx(sessions[7], 1)
	now = now.Add(time.Minute)
	l.Record(Event{Time: now, Kind: Relayed, ID: old, Hop: &Hop{Entry: "7", Attempt: 9}}) // a month later
	_ = l.Flush(t.Context())
	few := func(what string) {
		t.Helper()
		if n := db.rows.Swap(0); n > 20 {
			t.Errorf("%s: %d rows read", what, n)
		}
	}
	db.rows.Store(0)
	if es := find(t, l, Query{ID: old}); len(es) != 3 || es[0].Kind != Relayed || es[2].Kind != Accepted {
		t.Errorf("by id: %+v", es)
	}
	few("by id")
	if es := find(t, l, Query{ID: old, Oldest: true, Limit: 2}); len(es) != 2 || es[0].Kind != Accepted || es[1].Kind != Queued {
		t.Errorf("the oldest: %+v", es)
	}
	few("the oldest")
	if es := find(t, l, Query{Session: sessions[19_000]}); len(es) != 2 {
		t.Errorf("by session: %+v", es)
	}
	few("by session")
	for what, by := range map[string]func() ([]string, error){
		"ENVID":           func() ([]string, error) { return l.ByEnvelope(t.Context(), "env7") },
		"Message-ID":      func() ([]string, error) { return l.ByMessageID(t.Context(), "7@b.test") },
		"Message-ID in <": func() ([]string, error) { return l.ByMessageID(t.Context(), " <7@b.test>") },
		"entry":           func() ([]string, error) { return l.ByEntry(t.Context(), "7") },
	} {
		if got, err := by(); err != nil || len(got) != 1 || got[0] != old {
			t.Errorf("by %s: %v, %v", what, got, err)
		}
		few("by " + what)
	}
	for _, none := range []string{"", "nothing", strings.Repeat("x", 5000)} {
		if got, err := l.ByEnvelope(t.Context(), none); err != nil || len(got) != 0 {
			t.Errorf("by %.9q: %v, %v", none, got, err)
		}
	}
}

// TestAllTransactionsOfOneName: two copies of one message are both told, the newest first.
func TestAllTransactionsOfOneName(t *testing.T) {
	l := open(t, memory.New(), Options{})
	for i, id := range []string{"a.1", "b.1", "b.1", "c.1"} {
		l.Record(Event{Time: time.Unix(int64(i)*86400, 0), Kind: Delivered, ID: id, Facts: &Facts{MessageID: "m@b.test"}})
	}
	_ = l.Flush(t.Context())
	got, err := l.ByMessageID(t.Context(), "m@b.test")
	if want := []string{"c.1", "b.1", "a.1"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestASessionHasItsTransactionsOnly: nobody's id is the beginning of another's.
func TestASessionHasItsTransactionsOnly(t *testing.T) {
	l := open(t, memory.New(), Options{})
	for i, id := range []string{"s.1", "s.2", "s.11", "", "sx.1", "s-x"} {
		e := Event{Time: time.Unix(int64(i), 0), Kind: Delivered, ID: id, Session: "s"}
		if strings.HasPrefix(id, "s") && !strings.HasPrefix(id, "s.") {
			e.Session = id
		}
		l.Record(e)
	}
	_ = l.Flush(t.Context())
	if got := find(t, l, Query{Session: "s"}); len(got) != 4 {
		t.Errorf("session: %+v", got)
	}
	if got := find(t, l, Query{ID: "s.1"}); len(got) != 1 {
		t.Errorf("transaction: %+v", got)
	}
}

// TestEventsFromBeforeTheIndexAreFound: a log of an older program.
func TestEventsFromBeforeTheIndexAreFound(t *testing.T) {
	db := memory.New()
	e := sample()
	err := db.Update(t.Context(), part, func(x kv.Txn) error {
		x.Put(mail.TableEvent, keyOf(e.Time.UnixMicro()), appendEvent(nil, &e))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, db, Options{})
	if got := find(t, l, Query{ID: e.ID}); len(got) != 1 {
		t.Errorf("before anything new: %+v", got)
	}
	next := e
	next.Time = e.Time.Add(time.Hour)
	l.Record(next)
	_ = l.Flush(t.Context())
	if got := find(t, l, Query{ID: e.ID}); len(got) != 2 || !got[0].Time.Equal(next.Time) {
		t.Errorf("newest first: %+v", got)
	}
	if got := find(t, l, Query{ID: e.ID, Oldest: true}); len(got) != 2 || !got[0].Time.Equal(e.Time) {
		t.Errorf("oldest first: %+v", got)
	}
}

func TestSweepTakesTheIndexAlong(t *testing.T) {
	db := memory.New()
	l := open(t, db, Options{Keep: 24 * time.Hour})
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i := range 10 {
		l.Record(Event{Time: now.Add(-time.Duration(9-i) * 24 * time.Hour), Kind: Delivered, ID: "s.1"})
	}
	_ = l.Flush(t.Context())
	if _, err := l.Sweep(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if got := find(t, l, Query{ID: "s.1"}); len(got) != 2 {
		t.Errorf("%d left", len(got))
	}
	rows := 0
	err := db.View(t.Context(), part, func(r kv.Reader) error {
		return r.Scan(mail.TableEventIndex, dayKey(1), nil, kv.ScanOpt{}, func(_, _ []byte) error { rows++; return nil })
	})
	if left := len(find(t, l, Query{})); err != nil || rows > left+1 {
		t.Errorf("%d rows of the index for %d events, %v", rows, left, err)
	}
}

func TestRecent(t *testing.T) {
	l := open(t, memory.New(), Options{})
	for i := range 5 {
		l.Record(Event{Time: time.Unix(int64(i), 0), Kind: Delivered, Rcpts: i})
	}
	_ = l.Flush(t.Context())
	var got []int
	if err := l.Recent(t.Context(), 3, func(e *Event) { got = append(got, e.Rcpts) }); err != nil || !reflect.DeepEqual(got, []int{4, 3, 2}) {
		t.Errorf("%v, %v", got, err)
	}
}

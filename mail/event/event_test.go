package event

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"barid/base/id"
	"barid/base/kv"
	"barid/mail"
	"barid/store/memory"
)

func sample() Event {
	return Event{
		Time: time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC), Kind: Delivered, Session: "s", ID: "s.1",
		Role: mail.RoleSubmission, Login: 7, Accounts: []mail.AccountID{1, 1 << 40}, Remote: netip.MustParseAddr("2001:db8::1"),
		From: "info@example.test", To: []string{"فروش@example.test", "a@b.test"}, Rcpts: 2, Size: 4096, Stage: "data",
		Code: 250, Enhanced: "2.0.0", Reason: "why",
		Timing: Timing{Receive: time.Millisecond, Check: 2 * time.Microsecond, Store: time.Second, Deliver: time.Hour},
	}
}

func TestStoredFormKeepsEverything(t *testing.T) {
	hop := sample()
	hop.Kind, hop.Hop = Delayed, &Hop{
		Entry: "1F42A", Destination: "example.org", Host: "mx1.example.org [192.0.2.1]", TLS: "TLS1.3", Text: "later",
		Attempt: 3, Next: time.UnixMilli(1795338000123).UTC(), DNS: 1000, Connect: time.Second, Handshake: time.Minute, Dialogue: 5000, Data: 6000,
	}
	for _, e := range []Event{sample(), {Kind: Refused}, hop, {Kind: Queued, Hop: &Hop{}}} {
		got, err := decode(appendEvent(nil, &e))
		got.Time = e.Time
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, e)
		}
	}
	e := sample()
	if n := len(appendEvent(nil, &e)); n > 160 {
		t.Errorf("%d bytes for a usual event", n)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	e := Event{From: strings.Repeat("a", 10*maxText)}
	if got, err := decode(appendEvent(nil, &e)); err != nil || len(got.From) != maxText {
		t.Errorf("%d bytes, %v", len(got.From), err)
	}
}

func FuzzDecode(f *testing.F) {
	e := sample()
	f.Add(appendEvent(nil, &e))
	e.Hop = &Hop{Entry: "1F42A", Next: time.UnixMilli(1795338000123)}
	f.Add(appendEvent(nil, &e))
	e.Facts, e.Places, e.Other = facts(), []Place{{1, 2, 3}}, "s.2"
	f.Add(appendEvent(nil, &e))
	f.Add([]byte{format, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(appendEvent(nil, &e))
		if err != nil || len(again.To) != len(e.To) || again.Kind != e.Kind || again.Role.String() != e.Role.String() ||
			!reflect.DeepEqual(again.Hop, e.Hop) || !reflect.DeepEqual(again.Facts, e.Facts) || !reflect.DeepEqual(again.Places, e.Places) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}

// open gives a log over db that ends with the test.
func open(t *testing.T, db kv.KV, o Options) *Log {
	t.Helper()
	l, err := Open(db, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func find(t *testing.T, l *Log, q Query) []Event {
	t.Helper()
	es, err := l.Find(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return es
}

func TestFind(t *testing.T) {
	l := open(t, memory.New(), Options{})
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	now := begin
	ids := id.NewSource(func() time.Time { return now })
	var sessions []string
	for i := range 10 {
		now = begin.Add(time.Duration(i) * time.Hour)
		s := ids.New()
		sessions = append(sessions, s)
		e := Event{Time: now, Kind: Delivered, Session: s, ID: id.Tx(s, 1), Accounts: []mail.AccountID{mail.AccountID(1 + i%2)}}
		if i == 9 {
			e.Kind, e.Accounts, e.Login = Refused, nil, 1
		}
		l.Record(e)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		q    Query
		want int
	}{
		{"all", Query{}, 10},
		{"newest", Query{Limit: 3}, 3},
		{"by transaction", Query{ID: id.Tx(sessions[4], 1)}, 1},
		{"by another transaction of the session", Query{ID: id.Tx(sessions[4], 2)}, 0},
		{"by session", Query{Session: sessions[0]}, 1},
		{"by account", Query{Account: 2}, 4},
		{"by account, also as login", Query{Account: 1}, 6},
		{"since", Query{Since: begin.Add(7 * time.Hour)}, 3},
		{"an id that is none of ours", Query{ID: "not one of ours"}, 0},
	} {
		if got := find(t, l, c.q); len(got) != c.want {
			t.Errorf("%s: %d events, want %d", c.name, len(got), c.want)
		}
	}
	if es := find(t, l, Query{}); es[0].Kind != Refused || !es[9].Time.Equal(begin) {
		t.Errorf("newest first: %v ... %v", es[0], es[9])
	}
	if us := idTime(sessions[4]); us <= begin.Add(3*time.Hour).UnixMicro() || us > begin.Add(4*time.Hour).UnixMicro() {
		t.Errorf("a search by id begins at %v", time.UnixMicro(us).UTC())
	}
}

func TestEventsSurviveClose(t *testing.T) {
	db := memory.New()
	l := open(t, db, Options{Delay: time.Hour})
	for range 5 {
		l.Record(sample()) // one time: keys ascend all the same
	}
	_ = l.Close()
	l.Record(sample()) // too late: dropped, no panic
	if got := find(t, open(t, db, Options{}), Query{}); len(got) != 5 {
		t.Errorf("%d events", len(got))
	}
}

func TestKeysAscendAfterTheClockWentBack(t *testing.T) {
	db := memory.New()
	e := sample()
	l := open(t, db, Options{})
	l.Record(e)
	_ = l.Close()
	l = open(t, db, Options{})
	e.Time, e.ID = e.Time.Add(-time.Hour), "later"
	l.Record(e)
	_ = l.Close()
	if got := find(t, open(t, db, Options{}), Query{}); len(got) != 2 || got[0].ID != "later" {
		t.Errorf("%+v", got)
	}
}

func TestEventsAreWrittenInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &counting{KV: memory.New()}
		l := open(t, db, Options{Delay: 100 * time.Millisecond})
		for range 50 {
			l.Record(sample())
		}
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		if n := db.updates.Load(); n != 0 {
			t.Errorf("%d transactions before the delay", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got, n := find(t, l, Query{}), db.updates.Load(); n != 1 || len(got) != 50 {
			t.Errorf("%d transactions, %d events", n, len(got))
		}
		_ = l.Close()
	})
}

func TestAStoreThatFailsLosesNothingItCanKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &counting{KV: memory.New()}
		db.full.Store(true)
		reg := prometheus.NewRegistry()
		l := open(t, db, Options{Queue: 10, Metric: NewMetrics(reg)})
		for range 3 {
			l.Record(sample())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		db.full.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := find(t, l, Query{}); len(got) != 3 {
			t.Errorf("%d events after the store came back", len(got))
		}
		db.full.Store(true)
		for range 11 {
			l.Record(sample())
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		_ = l.Close()
		if n := count(t, l.o.Metric.dropped); n != 11 {
			t.Errorf("%v dropped", n)
		}
	})
}

func TestRecordNeverBlocks(t *testing.T) {
	block := make(chan struct{})
	db := &counting{KV: memory.New(), wait: block}
	reg := prometheus.NewRegistry()
	l := open(t, db, Options{Queue: 4, Batch: 1, Metric: NewMetrics(reg)})
	for range 100 {
		l.Record(sample())
	}
	close(block)
	_ = l.Close()
	if n := count(t, l.o.Metric.dropped); n < 90 {
		t.Errorf("%v dropped of 100 with room for 5", n)
	}
}

func TestSweep(t *testing.T) {
	l := open(t, memory.New(), Options{Keep: 24 * time.Hour})
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for i := range 3 * sweepStep / 2 {
		l.Record(Event{Time: now.Add(-48*time.Hour + time.Duration(i)), Kind: Delivered})
		if i%1000 == 0 {
			_ = l.Flush(t.Context())
		}
	}
	l.Record(Event{Time: now, Kind: Refused})
	_ = l.Flush(t.Context())
	n, err := l.Sweep(t.Context(), now)
	if err != nil || n != 3*sweepStep/2 {
		t.Errorf("removed %d, %v", n, err)
	}
	if es := find(t, l, Query{}); len(es) != 1 || es[0].Kind != Refused {
		t.Errorf("left %d", len(es))
	}
}

func TestFlushHeedsItsContext(t *testing.T) {
	block := make(chan struct{})
	l := open(t, &counting{KV: memory.New(), wait: block}, Options{})
	l.Record(sample())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(block)
}

func TestNoTextOfTheMessageHasAPlace(t *testing.T) {
	typ := reflect.TypeFor[Event]()
	for i := range typ.NumField() {
		for _, bad := range []string{"Subject", "Body", "Header", "Password"} {
			if bytes.Contains([]byte(typ.Field(i).Name), []byte(bad)) {
				t.Errorf("field %s", typ.Field(i).Name)
			}
		}
	}
}

// counting is a store whose transactions can be counted, failed and held up.
type counting struct {
	kv.KV
	updates atomic.Int32
	full    atomic.Bool
	wait    chan struct{}
}

func (c *counting) Update(ctx context.Context, p kv.Part, f func(kv.Txn) error) error {
	if c.wait != nil {
		<-c.wait
	}
	if c.full.Load() {
		return kv.ErrFull
	}
	c.updates.Add(1)
	return c.KV.Update(ctx, p, f)
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

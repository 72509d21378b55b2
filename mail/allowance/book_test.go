package allowance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/store/memory"
)

func grant(id mail.AccountID, l Limits) Grant {
	return Grant{Sender: Sender{Scope: Account, Account: id}, Name: "info@barid.test", Limits: l}
}

func box(t testing.TB, s string) addr.Mailbox {
	t.Helper()
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// send plays one transaction and gives what was in its way.
func send(t *testing.T, b *Book, gs []Grant, size int64, to ...string) *Exceeded {
	t.Helper()
	h, x, err := b.Begin(t.Context(), 1, gs, size)
	if err != nil {
		t.Fatal(err)
	}
	if x != nil {
		return x
	}
	defer h.Release()
	var taken []addr.Mailbox
	for _, s := range to {
		m := box(t, s)
		x, err := h.Recipient(t.Context(), m, len(taken))
		if err != nil {
			t.Fatal(err)
		}
		if x != nil {
			return x
		}
		taken = append(taken, m)
	}
	if x := h.Size(size); x != nil {
		return x
	}
	h.Commit(taken, size)
	return nil
}

func used(t *testing.T, b *Book, g Grant) (n [quantities]int64) {
	t.Helper()
	uses, err := b.Usage(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uses {
		n[u.What] = u.Used
	}
	return n
}

func TestEachLimit(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		before int // messages of 100 octets to one colleague
		size   int64
		to     []string
		want   string
		until  string
	}{
		{"no limits", Limits{}, 50, 1 << 40, []string{"a@x.test", "b@x.test"}, "", ""},
		{"messages", Limits{Messages: 3}, 3, 1, []string{"a@x.test"}, "messages", "01:05"},
		{"the last message", Limits{Messages: 4}, 3, 1, []string{"a@x.test"}, "", ""},
		{"recipients of a message", Limits{Recipients: 1}, 5, 1, []string{"a@x.test", "b@x.test"}, "recipients", ""},
		{"bytes", Limits{Bytes: 350}, 3, 51, []string{"a@x.test"}, "bytes", "01:00"},
		{"the last byte", Limits{Bytes: 350}, 3, 50, []string{"a@x.test"}, "", ""},
		{"more than a whole day", Limits{Bytes: 350}, 0, 351, []string{"a@x.test"}, "bytes", ""},
		{"new recipients", Limits{NewRecipients: 2}, 9, 1, []string{"a@x.test", "b@x.test"}, "new_recipients", "01:00"},
		{"known ones", Limits{NewRecipients: 1}, 9, 1, []string{"colleague@barid.test", "Colleague@barid.test"}, "", ""},
		{"one new", Limits{NewRecipients: 2}, 9, 1, []string{"a@x.test", "A@x.test", "colleague@barid.test"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := Open(memory.New(), Options{})
				defer b.Close()
				gs := []Grant{grant(1, c.limits)}
				for range c.before {
					if x := send(t, b, gs, 100, "colleague@barid.test"); x != nil {
						t.Fatalf("refused before: %+v", x)
					}
				}
				before := used(t, b, gs[0])
				x := send(t, b, gs, c.size, c.to...)
				switch {
				case c.want == "" && x != nil, c.want != "" && (x == nil || x.What.String() != c.want):
					t.Fatalf("got %+v, want %q", x, c.want)
				case x == nil:
					return
				}
				if got := x.Until.Format("15:04"); c.until != "" && got != c.until || c.until == "" && !x.Until.IsZero() {
					t.Errorf("until %v, want %q", x.Until, c.until)
				}
				if after := used(t, b, gs[0]); after != before {
					t.Errorf("a refused message counts: %v, before %v", after, before)
				}
				if c.until == "" {
					return
				}
				time.Sleep(time.Until(x.Until))
				if x := send(t, b, gs, c.size, c.to[0]); x != nil {
					t.Errorf("refused again at the promised time: %+v", x)
				}
			})
		})
	}
}

func TestEveryGrantMustHaveRoom(t *testing.T) {
	b := Open(memory.New(), Options{})
	defer b.Close()
	app := Grant{Sender: Sender{Scope: Application, Account: 1, Application: 7}, Name: "shop", Limits: Limits{Messages: 2}}
	account := grant(1, Limits{Messages: 10})
	domain := Grant{Sender: Sender{Scope: Domain, Domain: "barid.test"}, Name: "barid.test", Limits: Limits{Messages: 3}}
	for i, c := range []struct {
		gs   []Grant
		want Scope
	}{
		{[]Grant{app, account, domain}, 0},
		{[]Grant{app, account, domain}, 0},
		{[]Grant{app, account, domain}, Application},
		{[]Grant{account, domain}, 0},
		{[]Grant{account, domain}, Domain},
		{[]Grant{account}, 0},
	} {
		x := send(t, b, c.gs, 1, "a@x.test")
		if c.want == 0 && x != nil || c.want != 0 && (x == nil || x.Grant.Sender.Scope != c.want) {
			t.Fatalf("row %d: %+v, want %v", i, x, c.want)
		}
	}
	if n := used(t, b, app)[Messages]; n != 2 {
		t.Errorf("the application sent %d", n)
	}
	if n := used(t, b, domain)[NewRecipients]; n != 1 {
		t.Errorf("the domain wrote to %d new recipients", n)
	}
}

func TestManySessionsNeverPassALimit(t *testing.T) {
	const limit, sessions, tries = 25, 8, 20
	b := Open(memory.New(), Options{})
	defer b.Close()
	gs := []Grant{grant(1, Limits{Messages: limit})}
	var accepted, dropped atomic.Int64
	var wg sync.WaitGroup
	for s := range sessions {
		wg.Go(func() {
			for i := range tries {
				h, x, err := b.Begin(context.Background(), 1, gs, 10)
				switch {
				case err != nil:
					t.Error(err)
				case x != nil:
				case (s+i)%3 == 0:
					dropped.Add(1)
					h.Release()
				default:
					h.Commit(nil, 10)
					h.Release() // what ends a transaction does both
					accepted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	n := used(t, b, gs[0])
	if accepted.Load() != limit || n[Messages] != limit || n[Bytes] != 10*limit || dropped.Load() == 0 {
		t.Errorf("accepted %d, counted %v, dropped %d", accepted.Load(), n, dropped.Load())
	}
	c := b.counters[gs[0].Sender]
	if c.pins != 0 || c.messages.held != 0 || c.bytes.held != 0 || c.fresh.held != 0 {
		t.Errorf("still held: %+v", c)
	}
}

func TestTwoSessionsDoNotShareTheLastPlace(t *testing.T) {
	b := Open(memory.New(), Options{})
	defer b.Close()
	gs := []Grant{grant(1, Limits{Messages: 1, NewRecipients: 1})}
	first, x, err := b.Begin(t.Context(), 1, gs, 0)
	if x != nil || err != nil {
		t.Fatal(x, err)
	}
	if _, x, _ := b.Begin(t.Context(), 1, gs, 0); x == nil || x.What != Messages {
		t.Fatalf("the second has the place too: %+v", x)
	}
	first.Release()
	second, x, err := b.Begin(t.Context(), 1, gs, 0)
	if x != nil || err != nil {
		t.Fatalf("the place was not given back: %+v %v", x, err)
	}
	second.Release()
}

// TestARestartForgetsNothing closes a book and opens another one on the same store.
func TestARestartForgetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := memory.New()
		gs := []Grant{grant(1, Limits{Messages: 2, NewRecipients: 1})}
		b := Open(db, Options{})
		if x := send(t, b, gs, 100, "a@x.test"); x != nil {
			t.Fatal(x)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = Open(db, Options{})
		if n := used(t, b, gs[0]); n != [quantities]int64{Messages: 1, Bytes: 100, NewRecipients: 1} {
			t.Errorf("after the restart: %v", n)
		}
		if x := send(t, b, gs, 1, "a@x.test", "b@x.test"); x == nil || x.What != NewRecipients {
			t.Errorf("got %+v: a@ is known, b@ is one too many", x)
		}
		if x := send(t, b, gs, 1, "a@x.test"); x != nil {
			t.Errorf("a known recipient is refused: %+v", x)
		}
		// A process that is killed later has what is older than Every.
		time.Sleep(6 * time.Second)
		killed := Open(db, Options{})
		if n := used(t, killed, gs[0])[Messages]; n != 2 {
			t.Errorf("written behind: %d", n)
		}
		_, _ = b.Close(), killed.Close()
	})
}

func TestForgetRemovesAllRows(t *testing.T) {
	db := memory.New()
	b := Open(db, Options{})
	defer b.Close()
	mine := []Grant{grant(1, Limits{}), {Sender: Sender{Scope: Application, Account: 1, Application: 1}}, {Sender: Sender{Scope: Domain, Domain: "barid.test"}}}
	if x := send(t, b, mine, 1, "a@x.test"); x != nil {
		t.Fatal(x)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db); n != 5 { // three counters, a recipient, their number
		t.Fatalf("%d rows", n)
	}
	if x := send(t, b, mine, 1, "b@x.test"); x != nil { // not written yet
		t.Fatal(x)
	}
	if err := b.Forget(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db); n != 1 { // the domain's
		t.Errorf("%d rows are left", n)
	}
}

func rows(t *testing.T, db kv.KV) (n int) {
	t.Helper()
	err := db.View(t.Context(), part, func(r kv.Reader) error {
		for _, table := range []kv.Table{mail.TableAllowance, mail.TableCorrespondent} {
			if err := r.Scan(table, nil, nil, kv.ScanOpt{}, func(_, _ []byte) error { n++; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKnownRecipientsAreBounded writes more of them than are kept, over some days.
func TestKnownRecipientsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 60,000 rows")
	}
	db := memory.New()
	batchOf := func(from, n int) map[recipient]struct{} {
		rs := make(map[recipient]struct{}, n)
		for i := range n {
			rs[recipientOf(1, addr.Mailbox{Local: fmt.Sprint(from + i), Domain: "x.test"})] = struct{}{}
		}
		return rs
	}
	for d, n := range []int{30_000, 20_000, 1, 10_000} {
		err := db.Update(t.Context(), part, func(tx kv.Txn) error { return remember(tx, 1, batchOf(d*30_000, n), uint16(20_000+d)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	var count int
	err := db.View(t.Context(), part, func(r kv.Reader) (err error) {
		count, err = knownCount(r, 1)
		return err
	})
	if err != nil || count > MaxKnown || count < MaxKnown/2 || rows(t, db) != count+1 {
		t.Fatalf("%d known, %d rows, %v", count, rows(t, db), err)
	}
	b := Open(db, Options{})
	defer b.Close()
	for i, want := range map[int]bool{60_000: true, 90_000 + 9_999: true, 30_000: true} {
		if ok, err := b.knows(t.Context(), 1, recipientOf(1, addr.Mailbox{Local: fmt.Sprint(i), Domain: "x.test"})); ok != want || err != nil {
			t.Errorf("%d: known %v %v", i, ok, err)
		}
	}
}

// failing is a store whose writes fail as long as down is set.
type failing struct {
	*memory.Store
	down atomic.Bool
}

func (f *failing) Update(ctx context.Context, p kv.Part, do func(kv.Txn) error) error {
	if f.down.Load() {
		return errors.Join(kv.ErrUnavailable)
	}
	return f.Store.Update(ctx, p, do)
}

func TestWhatCanNotBeWrittenIsKept(t *testing.T) {
	db := &failing{Store: memory.New()}
	b := Open(db, Options{})
	defer b.Close()
	gs := []Grant{grant(1, Limits{})}
	db.down.Store(true)
	if x := send(t, b, gs, 5, "a@x.test"); x != nil {
		t.Fatal(x)
	}
	if err := b.Flush(t.Context()); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if n := used(t, b, gs[0])[Bytes]; n != 5 {
		t.Errorf("counted %d", n)
	}
	db.down.Store(false)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db); n != 3 || b.pending != 0 || len(b.dirty) != 0 {
		t.Errorf("%d rows, %d pending, %d dirty", n, b.pending, len(b.dirty))
	}
}

func TestADamagedCounterBeginsAnew(t *testing.T) {
	db := memory.New()
	g := grant(1, Limits{Messages: 1})
	err := db.Update(t.Context(), part, func(tx kv.Txn) error {
		tx.Put(mail.TableAllowance, g.Sender.key(), []byte{format, 9, 9})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b := Open(db, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer b.Close()
	if x := send(t, b, []Grant{g}, 1); x != nil || !strings.Contains(log.String(), "damaged") {
		t.Errorf("got %+v, log %q", x, log.String())
	}
}

func TestTheWarningComesOnce(t *testing.T) {
	var log bytes.Buffer
	b := Open(memory.New(), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer b.Close()
	gs := []Grant{grant(1, Limits{Messages: 10})}
	for i := range 10 {
		if x := send(t, b, gs, 1); x != nil {
			t.Fatal(x)
		}
		want := 0
		if i >= 7 {
			want = 1
		}
		if n := strings.Count(log.String(), "nearly reached"); n != want {
			t.Fatalf("%d warnings after %d messages", n, i+1)
		}
	}
	uses, err := b.Usage(t.Context(), gs[0])
	if err != nil || !uses[0].Warning || uses[0].Resets.IsZero() {
		t.Errorf("%+v %v", uses, err)
	}
}

// BenchmarkTransaction is what a message of a login to one known recipient costs.
func BenchmarkTransaction(b *testing.B) {
	book := Open(memory.New(), Options{})
	defer book.Close()
	gs := []Grant{grant(1, Limits{Messages: 1 << 40, NewRecipients: 100}), {Sender: Sender{Scope: Domain, Domain: "barid.test"}, Name: "barid.test"}}
	to := []addr.Mailbox{box(b, "colleague@barid.test")}
	b.ReportAllocs()
	for b.Loop() {
		h, x, err := book.Begin(context.Background(), 1, gs, 4096)
		if x != nil || err != nil {
			b.Fatal(x, err)
		}
		if x, err := h.Recipient(context.Background(), to[0], 0); x != nil || err != nil {
			b.Fatal(x, err)
		}
		h.Size(4096)
		h.Commit(to, 4096)
	}
}

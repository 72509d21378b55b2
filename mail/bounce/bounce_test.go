package bounce

import (
	"errors"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/store/memory"
)

// clock is a time that a test sets.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newBook(t *testing.T) (*Book, *memory.Store, *clock) {
	t.Helper()
	db, c := memory.New(), &clock{time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	return New(db, c.now), db, c
}

const txID = "01jd4xk8t0003f7q2m.1"

func give(t *testing.T, b *Book, rcpt string) addr.Mailbox {
	t.Helper()
	to, err := addr.ParseMailbox(rcpt, true)
	if err != nil {
		t.Fatal(err)
	}
	m, ok, err := b.Address(t.Context(), "ours.test", txID, 7, to)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return m
}

func TestAnAddressIsReadAgain(t *testing.T) {
	b, db, c := newBook(t)
	m := give(t, b, "فروش@مثال.إختبار")
	other := New(db, c.now) // after a restart
	for _, b := range []*Book{b, other} {
		tok, ok, err := b.Read(t.Context(), m)
		if err != nil || !ok || tok.ID != txID || mail.AccountID(tok.Login) != 7 {
			t.Errorf("%+v %v %v", tok, ok, err)
		}
	}
	if again := give(t, other, "فروش@مثال.إختبار"); again != m {
		t.Errorf("%v and %v for one message and recipient", m, again)
	}
	if give(t, b, "info@there.test") == m {
		t.Error("one address for two recipients")
	}
}

func TestWhatWasNotGivenOutIsNotRead(t *testing.T) {
	b, _, c := newBook(t)
	m := give(t, b, "info@there.test")
	elsewhere := New(memory.New(), c.now)
	forged := give(t, elsewhere, "info@there.test")
	for name, a := range map[string]addr.Mailbox{
		"another key": forged, "another domain": {Local: m.Local, Domain: "other.test"}, "a code that is changed": {Local: m.Local[:len(m.Local)-1] + "1", Domain: m.Domain},
		"something else": {Local: "bounces+shop", Domain: m.Domain},
	} {
		if _, ok, err := b.Read(t.Context(), a); ok || err != nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
		if b.Is(a) != (name != "something else") {
			t.Errorf("%s: the form", name)
		}
	}
	if _, ok, err := New(memory.New(), c.now).Read(t.Context(), m); ok || err != nil {
		t.Errorf("without a key: %v %v", ok, err)
	}
}

// TestAddressesGrowOld reads one on its last day, and the day after.
func TestAddressesGrowOld(t *testing.T) {
	b, _, c := newBook(t)
	m := give(t, b, "info@there.test")
	for days, want := range map[int]bool{-3: false, -1: true, 0: true, 30: true, 31: false, 400: false} {
		was := c.t
		c.t = c.t.AddDate(0, 0, days)
		if _, ok, err := b.Read(t.Context(), m); ok != want || err != nil {
			t.Errorf("%d days later: %v %v", days, ok, err)
		}
		c.t = was
	}
}

// TestKeysAreChanged goes through a year: addresses of the key before are known as long as they are valid.
func TestKeysAreChanged(t *testing.T) {
	b, db, c := newBook(t)
	seen := map[string]bool{}
	var given []addr.Mailbox // one a day
	for range 365 {
		given = append(given, give(t, b, "info@there.test"))
		seen[string(b.known()[0].secret)] = true
		if n := len(b.known()); n > 2 {
			t.Fatalf("%d keys are kept", n)
		}
		other := New(db, c.now)
		for age := 0; age < len(given); age += 10 {
			_, ok, err := other.Read(t.Context(), given[len(given)-1-age])
			if want := age <= 30; ok != want || err != nil {
				t.Fatalf("an address of %d days ago: %v %v", age, ok, err)
			}
		}
		c.t = c.t.Add(day)
	}
	if len(seen) != 5 {
		t.Errorf("%d keys in a year", len(seen))
	}
}

// TestABookSeesTheKeysOfAnother lets a second process make the key.
func TestABookSeesTheKeysOfAnother(t *testing.T) {
	b, db, c := newBook(t)
	if _, _, err := b.Read(t.Context(), addr.Mailbox{Local: "bounces+a-b-1-1-aaaaaaaa", Domain: "ours.test"}); err != nil {
		t.Fatal(err)
	}
	m := give(t, New(db, c.now), "info@there.test")
	if _, ok, err := b.Read(t.Context(), m); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

func TestDamagedKeysAreAnError(t *testing.T) {
	b, db, _ := newBook(t)
	err := db.Update(t.Context(), part, func(t kv.Txn) error { t.Put(mail.TableBounceKey, rowKey(), []byte("x")); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Read(t.Context(), addr.Mailbox{Local: "bounces+a-b-1-1-aaaaaaaa", Domain: "ours.test"}); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("read: %v", err)
	}
	if _, _, err := b.Address(t.Context(), "ours.test", txID, 1, addr.Mailbox{Local: "info", Domain: "there.test"}); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("address: %v", err)
	}
}

func TestAnAddressThatDoesNotFit(t *testing.T) {
	b, _, _ := newBook(t)
	if m, ok, err := b.Address(t.Context(), "ours.test", strings.Repeat("a", 40), 1, addr.Mailbox{Local: "info", Domain: "there.test"}); ok || err != nil {
		t.Errorf("%v %v %v", m, ok, err)
	}
}

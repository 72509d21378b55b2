package account

import (
	"errors"
	"net/netip"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/status"
	"barid/store/memory"
)

// cheap is a hash that tests can afford.
var cheap = HashCost{Memory: 8, Time: 1, Threads: 1}

var (
	owner    = netip.MustParseAddr("192.0.2.1")
	attacker = netip.MustParseAddr("198.51.100.7")
)

// world is a directory over a store in memory with barid.test, مثال.إختبار and these accounts: info@ (with
// help@) and فروش@barid.test, demo@مثال.إختبار. Their passwords are "password of " and the name.
type world struct {
	*Directory
	t     testing.TB
	store *memory.Store
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, store: memory.New()}
	w.open(change...)
	for _, name := range []string{"barid.test", "مثال.إختبار"} {
		if _, err := w.AddDomain(t.Context(), Domain{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	w.add("info@barid.test", "help@barid.test")
	w.add("فروش@barid.test")
	w.add("demo@مثال.إختبار")
	return w
}

// open opens the directory, as a new process would.
func (w *world) open(change ...func(*Options)) {
	w.t.Helper()
	o := Options{Hash: cheap, HashSlots: 2}
	for _, f := range change {
		f(&o)
	}
	d, err := Open(w.store, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Directory = d
}

func (w *world) add(name string, more ...string) Account {
	w.t.Helper()
	a, err := w.AddAccount(w.t.Context(), Account{Name: name, Addresses: more}, "password of "+name)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) alias(address string, members ...string) {
	w.t.Helper()
	if _, err := w.AddAlias(w.t.Context(), Alias{Address: address, Members: members}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) id(name string) mail.AccountID {
	w.t.Helper()
	a, err := w.ByName(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.ID
}

func (w *world) resolve(address string) Target {
	w.t.Helper()
	tg, err := w.Resolve(w.t.Context(), mailbox(w.t, address))
	if err != nil {
		w.t.Fatalf("%s: %v", address, err)
	}
	return tg
}

// login gives the reply code of an attempt, 235 for success.
func (w *world) login(user, password string, from netip.Addr) int {
	w.t.Helper()
	a, err := w.Authenticate(w.t.Context(), Attempt{User: user, Password: password, Remote: from, Protocol: "smtp"})
	if err == nil {
		if a.ID == 0 {
			w.t.Fatal("logged in as nobody")
		}
		return 235
	}
	e, ok := status.Of(err)
	if !ok {
		w.t.Fatalf("%s: %v", user, err)
	}
	if a.ID != 0 || a.Name != "" {
		w.t.Fatalf("refused, but gave %+v", a)
	}
	return e.Code()
}

func mailbox(t testing.TB, s string) addr.Mailbox {
	t.Helper()
	if s == "postmaster" || s == "Postmaster" {
		return addr.Mailbox{Local: s}
	}
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return m
}

// wantError checks the text of an error and that it is of type E.
func wantError[E error](t *testing.T, err error, text string) {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want %T", err, err, e)
	}
	if err.Error() != text {
		t.Fatalf("got  %s\nwant %s", err, text)
	}
}

// force writes an alias without looking at it.
func (w *world) force(a Alias) {
	w.t.Helper()
	err := w.update(w.t.Context(), func(t kv.Txn) error { return putAlias(t, parseKey(a.Address), a) })
	if err != nil {
		w.t.Fatal(err)
	}
}

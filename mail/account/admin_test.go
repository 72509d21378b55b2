package account

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
)

func TestDomainNames(t *testing.T) {
	w := newWorld(t)
	for in, want := range map[string]string{
		"Example.ORG": "example.org", "example.net.": "example.net", "نمونه\u200cای.ایران": "xn--mgb3dcbfe14gp19l.xn--mgba3a4f16a",
		"localhost": "localhost", "xn--mgba3a4f16a.ir": "xn--mgba3a4f16a.ir",
	} {
		if d, err := w.AddDomain(t.Context(), Domain{Name: in}); err != nil || d.Name != want || d.Separator != "+" || d.Created.IsZero() {
			t.Errorf("%q: got %+v %v", in, d, err)
		}
	}
	if d, err := w.Domain(t.Context(), "نمونه\u200cای.ایران"); err != nil || d.Unicode() != "نمونه\u200cای.ایران" {
		t.Errorf("got %+v %v", d, err)
	}
	for in, near := range map[string]string{
		"": "", "a b": "", "my_host.test": "my-host.test", "-a.test": "a.test", "a..test": "", "[127.0.0.1]": "", "xn--zzzzzz999999.test": "",
		"https://example.test/x": "example.test", "info@example.test": "example.test", " example.test ": "example.test",
		strings.Repeat("a", 64) + ".test": "", "a\u0645.test": "", "a\nb": "",
	} {
		_, err := w.AddDomain(t.Context(), Domain{Name: in})
		var e ErrInvalid
		if !errors.As(err, &e) || e.Near != near {
			t.Errorf("%q: got %v, nearest %q, want %q", in, err, e.Near, near)
		}
	}
}

func TestDomainErrors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.AddDomain(ctx, Domain{Name: "Barid.TEST"})
	wantError[ErrExists](t, err, `domain "barid.test" exists already`)
	_, err = w.Domain(ctx, "bairid.test")
	wantError[ErrUnknown](t, err, `no domain "bairid.test"; did you mean "barid.test"?`)
	_, err = w.SetDomain(ctx, Domain{Name: "example.org"})
	wantError[ErrUnknown](t, err, `no domain "example.org"`)
	_, err = w.SetDomain(ctx, Domain{Name: "barid.test", Separator: "++"})
	wantError[ErrInvalid](t, err, `domain "barid.test": separator "++": must be one of + - _ . = # ~ or none; did you mean "+"?`)
	_, err = w.SetDomain(ctx, Domain{Name: "barid.test", CatchAll: "inof@barid.test"})
	wantError[ErrInvalid](t, err, `domain "barid.test": catch-all "inof@barid.test": is no account or alias here; did you mean "info@barid.test"?`)
	_, err = w.SetDomain(ctx, Domain{Name: "barid.test", Postmaster: "someone@example.org"})
	wantError[ErrInvalid](t, err, `domain "barid.test": postmaster "someone@example.org": is no account or alias here`)
	_, err = w.SetDomain(ctx, Domain{Name: "barid.test", CatchAll: "<info@barid.test>"})
	wantError[ErrInvalid](t, err, `domain "barid.test": catch-all "<info@barid.test>": bad address syntax (at octet 0); did you mean "info@barid.test"?`)
	wantError[ErrInUse](t, w.RemoveDomain(ctx, "barid.test"),
		`domain "barid.test" still has addresses: help@barid.test, info@barid.test, فروش@barid.test`)
	for i := range 7 {
		w.alias(fmt.Sprintf("a%d@barid.test", i), infoUser)
	}
	wantError[ErrInUse](t, w.RemoveDomain(ctx, "barid.test"),
		`domain "barid.test" still has addresses: a0@barid.test, a1@barid.test, a2@barid.test, a3@barid.test, a4@barid.test and 5 more`)
}

func TestRemoveDomain(t *testing.T) {
	w := newWorld(t)
	if err := w.RemoveAccount(t.Context(), w.id("demo@مثال.إختبار")); err != nil {
		t.Fatal(err)
	}
	if err := w.RemoveDomain(t.Context(), "مثال.إختبار"); err != nil {
		t.Fatal(err)
	}
	if got := w.resolve("demo@مثال.إختبار"); got.Kind != NotHosted {
		t.Errorf("got %+v", got)
	}
	all, err := w.Domains(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "barid.test" {
		t.Errorf("got %+v %v", all, err)
	}
}

func TestAccountIsKept(t *testing.T) {
	w := newWorld(t)
	in := Account{
		Name: "News@barid.test", Addresses: []string{"press@barid.test", "NEWS@barid.test", "خبر@barid.test"}, Display: "اخبار",
		Locale: "fa", QuotaBytes: 1 << 30, QuotaMessages: 1000, POP3Delete: POP3Trash,
	}
	made, err := w.AddAccount(t.Context(), in, "secret")
	if err != nil {
		t.Fatal(err)
	}
	want := in
	want.ID, want.Name, want.Created = 4, "news@barid.test", made.Created
	want.Addresses = []string{"news@barid.test", "press@barid.test", "خبر@barid.test"}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("got  %+v\nwant %+v", made, want)
	}
	w.open() // as a new process
	for _, name := range []string{"news@barid.test", "PRESS@barid.test", "خبر@barid.test"} {
		if got, err := w.ByName(t.Context(), name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v %v", name, got, err)
		}
	}
	if got, err := w.Account(t.Context(), 4); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v", got, err)
	}
	all, err := w.Accounts(t.Context())
	if err != nil || len(all) != 4 || !reflect.DeepEqual(all[3], want) {
		t.Errorf("got %+v %v", all, err)
	}
	if got := w.login("press@barid.test", "secret", owner); got != 235 {
		t.Errorf("login: %d", got)
	}
}

func TestAccountErrors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.alias("sales@barid.test", infoUser)
	for _, c := range []struct {
		a        Account
		password string
		want     string
	}{
		{Account{Name: infoUser}, "x", `address "info@barid.test" is taken by account "info@barid.test"`},
		{Account{Name: "HELP@barid.test"}, "x", `address "help@barid.test" is taken by account "info@barid.test"`},
		{Account{Name: "sales@barid.test"}, "x", `address "sales@barid.test" is taken by alias "sales@barid.test"`},
		{Account{Name: "new@barid.test", Addresses: []string{"help@barid.test"}}, "x", `address "help@barid.test" is taken by account "info@barid.test"`},
		{Account{Name: "new@brid.test"}, "x", `no domain "brid.test"; did you mean "barid.test"?`},
		{Account{Name: "new"}, "x", `account: name "new": domain is missing (at octet 3)`},
		{Account{Name: ""}, "x", `account: name: local part is missing (at octet 0)`},
		{Account{Name: "new@[127.0.0.1]"}, "x", `account: name "new@[127.0.0.1]": an address of ours has a domain name, not [127.0.0.1]`},
		{Account{Name: `"a b"@barid.test`}, "x", `account: name "\"a b\"@barid.test": the part before @ may not need quotes; did you mean "ab@barid.test"?`},
		{Account{Name: "New User <new@barid.test>"}, "x", `account: name "New User <new@barid.test>": bad address syntax (at octet 3); did you mean "new@barid.test"?`},
		{Account{Name: "new@barid.test", POP3Delete: "trsh"}, "x", `account "new@barid.test": pop3 delete policy "trsh": must be delete, trash or keep; did you mean "trash"?`},
		{Account{Name: "new@barid.test", QuotaBytes: -1}, "x", `account "new@barid.test": quota in bytes "-1": may not be negative; 0 is no limit; did you mean "0"?`},
		{Account{Name: "new@barid.test", QuotaMessages: -1}, "x", `account "new@barid.test": quota in messages "-1": may not be negative; 0 is no limit; did you mean "0"?`},
		{Account{Name: "new@barid.test", Locale: "farsi-farsi-farsi!"}, "x", `account "new@barid.test": locale "farsi-farsi-farsi!": is no language tag (BCP 47), e.g. ar, fa or en`},
		{Account{Name: "new@barid.test", Display: "a\r\nBcc: b"}, "x", `account "new@barid.test": display name "a\r\nBcc: b": must be text in one line`},
		{Account{Name: "new@barid.test"}, "a\x00b", `account "new@barid.test": password: holds a control character or something else that can not be typed`},
		{Account{Name: "new@barid.test"}, strings.Repeat("x", MaxPassword+1), `account "new@barid.test": password: is longer than 1024 octets`},
	} {
		_, err := w.AddAccount(ctx, c.a, c.password)
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	_, err := w.ByName(ctx, "imfo@barid.test")
	wantError[ErrUnknown](t, err, `no account "imfo@barid.test"; did you mean "info@barid.test"?`)
	_, err = w.Account(ctx, 99)
	wantError[ErrUnknown](t, err, `no account "99"`)
	wantError[ErrUnknown](t, w.RemoveAccount(ctx, 99), `no account "99"`)
	wantError[ErrUnknown](t, w.SetPassword(ctx, 99, "x"), `no account "99"`)
	wantError[ErrInvalid](t, w.SetPassword(ctx, 1, ""), `account "info@barid.test": password: is empty`)
	if all, err := w.Accounts(ctx); err != nil || len(all) != 3 {
		t.Errorf("refused accounts are there: %d %v", len(all), err)
	}
	w.invariants()
}

func TestSetAccountMovesAddresses(t *testing.T) {
	w := newWorld(t)
	if _, err := w.SetDomain(t.Context(), Domain{Name: "barid.test", CatchAll: "help@barid.test", Postmaster: infoUser}); err != nil {
		t.Fatal(err)
	}
	a, _ := w.ByName(t.Context(), infoUser)
	a.Name, a.Addresses = "desk@barid.test", []string{"front@barid.test"}
	b, err := w.SetAccount(t.Context(), a)
	if err != nil || b.ID != a.ID || !b.Created.Equal(a.Created) {
		t.Fatalf("got %+v %v", b, err)
	}
	for address, kind := range map[string]Kind{
		"desk@barid.test": ToAccount, "front@barid.test": ToAccount, infoUser: Unknown, "help@barid.test": Unknown, "any@barid.test": Unknown,
	} {
		if got := w.resolve(address); got.Kind != kind {
			t.Errorf("%s: got %+v", address, got)
		}
	}
	d, err := w.Domain(t.Context(), "barid.test")
	if err != nil || d.Postmaster != "desk@barid.test" || d.CatchAll != "" {
		t.Errorf("got %+v %v", d, err)
	}
	if got := w.login("desk@barid.test", infoPass, owner); got != 235 {
		t.Errorf("login by the new name: %d", got)
	}
	if got := w.login(infoUser, infoPass, owner); got != 535 {
		t.Errorf("login by the old name: %d", got)
	}
	w.invariants()
}

func TestIDsAreNeverUsedAgain(t *testing.T) {
	w := newWorld(t)
	seen := map[mail.AccountID]bool{}
	for i := range 5 {
		a := w.add("again@barid.test")
		if seen[a.ID] {
			t.Fatalf("turn %d: id %d was there before", i, a.ID)
		}
		seen[a.ID] = true
		if err := w.RemoveAccount(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		w.open()
	}
	left, err := w.Leftovers(t.Context())
	if err != nil || len(left) != 5 || left[0] != 4 {
		t.Fatalf("got %v %v", left, err)
	}
	if err := w.Removed(t.Context(), left[0]); err != nil {
		t.Fatal(err)
	}
	if left, err = w.Leftovers(t.Context()); err != nil || len(left) != 4 || left[0] != 5 {
		t.Fatalf("got %v %v", left, err)
	}
}

func TestAliasErrors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.alias("sales@barid.test", infoUser)
	for _, c := range []struct {
		a    Alias
		want string
	}{
		{Alias{Address: infoUser, Members: []string{infoUser}}, `address "info@barid.test" is taken by account "info@barid.test"`},
		{Alias{Address: "sales@barid.test", Members: []string{infoUser}}, `address "sales@barid.test" is taken by alias "sales@barid.test"`},
		{Alias{Address: "x@example.org", Members: []string{infoUser}}, `no domain "example.org"`},
		{Alias{Address: "x@barid.test"}, `alias "x@barid.test": members: are none; name at least one address`},
		{Alias{Address: "x@barid.test", Members: []string{"inffo@barid.test"}}, `alias "x@barid.test": member "inffo@barid.test": is no account or alias here; did you mean "info@barid.test"?`},
		{Alias{Address: "x@barid.test", Members: []string{"a b@x"}}, `alias "x@barid.test": member "a b@x": bad address syntax (at octet 1); did you mean "ab@x"?`},
		{Alias{Address: "x", Members: []string{infoUser}}, `alias: address "x": domain is missing (at octet 1)`},
	} {
		_, err := w.AddAlias(ctx, c.a)
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	_, err := w.Alias(ctx, "sale@barid.test")
	wantError[ErrUnknown](t, err, `no alias "sale@barid.test"; did you mean "sales@barid.test"?`)
	_, err = w.SetAlias(ctx, Alias{Address: "sale@barid.test", Members: []string{infoUser}})
	wantError[ErrUnknown](t, err, `no alias "sale@barid.test"; did you mean "sales@barid.test"?`)
	wantError[ErrUnknown](t, w.RemoveAlias(ctx, infoUser), `no alias "info@barid.test"`)
}

func TestAliasIsKept(t *testing.T) {
	w := newWorld(t)
	made, err := w.AddAlias(t.Context(), Alias{Address: "Sales@Barid.test", Members: []string{"INFO@barid.test", "Someone@Example.org", "INFO@Barid.TEST"}})
	want := Alias{Address: "sales@barid.test", Members: []string{"INFO@barid.test", "Someone@example.org"}, Created: made.Created}
	if err != nil || !reflect.DeepEqual(made, want) {
		t.Fatalf("got %+v %v", made, err)
	}
	w.open()
	if got, err := w.Alias(t.Context(), "SALES@barid.test"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v", got, err)
	}
	want.Members = []string{"فروش@barid.test"}
	if got, err := w.SetAlias(t.Context(), Alias{Address: "sales@barid.test", Members: want.Members}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v", got, err)
	}
	if all, err := w.Aliases(t.Context()); err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], want) {
		t.Errorf("got %+v %v", all, err)
	}
	if _, err := w.SetDomain(t.Context(), Domain{Name: "barid.test", CatchAll: "sales@barid.test"}); err != nil {
		t.Fatal(err)
	}
	if err := w.RemoveAlias(t.Context(), "sales@barid.test"); err != nil {
		t.Fatal(err)
	}
	if got := w.resolve("sales@barid.test"); got.Kind != Unknown {
		t.Errorf("got %+v", got)
	}
}

func TestFailedCommitChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.store.Fail(func() error { return kv.ErrFull })
	if _, err := w.AddAccount(t.Context(), Account{Name: "new@barid.test"}, "x"); !errors.Is(err, kv.ErrFull) {
		t.Errorf("got %v", err)
	}
	if err := w.SetPassword(t.Context(), 1, "x"); !errors.Is(err, kv.ErrFull) {
		t.Errorf("got %v", err)
	}
	w.store.Fail(nil)
	if got := w.login(infoUser, infoPass, owner); got != 235 {
		t.Errorf("got %d", got)
	}
	if a := w.add("new@barid.test"); a.ID != 4 {
		t.Errorf("got id %d", a.ID)
	}
}

func TestDamagedRecords(t *testing.T) {
	for table, key := range map[kv.Table][]byte{
		mail.TableDomain: []byte("barid.test"), mail.TableAddress: addressKey(addr.Mailbox{Local: "info", Domain: "barid.test"}),
		mail.TableAccount: accountKey(1), mail.TableCredential: credentialKey(1),
	} {
		for _, v := range [][]byte{{}, {format}, {9, '{', '}'}, {format, '{', '"', 'x', '"', ':', '1', '}'}, {format, 'a', 0}, {format, 'a', 0x80}, {format, 'l', '{'}} {
			w := newWorld(t)
			if err := w.update(t.Context(), func(t kv.Txn) error { t.Put(table, key, v); return nil }); err != nil {
				t.Fatal(err)
			}
			_, err := w.Authenticate(t.Context(), Attempt{User: infoUser, Password: infoPass})
			if table == mail.TableDomain {
				_, err = w.Resolve(t.Context(), mailbox(t, infoUser))
			}
			if !errors.Is(err, kv.ErrCorrupt) {
				t.Errorf("table %d, %q: got %v", table, v, err)
			}
		}
	}
}

// invariants checks those of the package comment.
func (w *world) invariants() {
	w.t.Helper()
	accounts, err := w.Accounts(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	owns := map[string]mail.AccountID{}
	for _, a := range accounts {
		if a.Addresses[0] != a.Name {
			w.t.Fatalf("%+v: the name is not the first address", a)
		}
		for _, s := range a.Addresses {
			if owns[s] != 0 {
				w.t.Fatalf("%s belongs to %d and %d", s, owns[s], a.ID)
			}
			owns[s] = a.ID
		}
	}
	err = w.view(w.t.Context(), func(r kv.Reader) error {
		return r.Scan(mail.TableAddress, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
			row, err := decodeRow(v, keyAddress(k))
			if err != nil {
				return err
			}
			if s := keyAddress(k); owns[s] != row.account {
				w.t.Fatalf("%s leads to %v, and account %d lists it", s, row, owns[s])
			}
			delete(owns, keyAddress(k))
			return nil
		})
	})
	if err != nil || len(owns) > 0 {
		w.t.Fatalf("without a row: %v %v", owns, err)
	}
	domains, err := w.Domains(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range domains {
		if got := w.resolve("postmaster@" + d.Name); len(accounts) > 0 && got.Kind != ToAccount && got.Kind != ToAlias {
			w.t.Fatalf("postmaster of %s: %+v", d.Name, got)
		}
	}
}

// A long random history keeps the invariants.
func TestHistoryKeepsInvariants(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	names := make([]string, 12)
	for i := range names {
		names[i] = fmt.Sprintf("a%d@%s", i, []string{"barid.test", "مثال.إختبار"}[i%2])
	}
	pick := func() string { return names[rnd.IntN(len(names))] }
	some := func() (s []string) {
		for range rnd.IntN(4) {
			s = append(s, pick())
		}
		return s
	}
	done := map[string]int{}
	for step := range 1500 {
		ctx := t.Context()
		var err error
		what := []string{"add", "set", "remove", "alias", "realias", "unalias", "domain"}[rnd.IntN(7)]
		switch what {
		case "add":
			_, err = w.AddAccount(ctx, Account{Name: pick(), Addresses: some()}, "")
		case "set":
			var a Account
			if a, err = w.ByName(ctx, pick()); err == nil {
				a.Name, a.Addresses = pick(), some()
				_, err = w.SetAccount(ctx, a)
			}
		case "remove":
			var a Account
			if a, err = w.ByName(ctx, pick()); err == nil {
				err = w.RemoveAccount(ctx, a.ID)
			}
		case "alias":
			_, err = w.AddAlias(ctx, Alias{Address: pick(), Members: some()})
		case "realias":
			if all, _ := w.Aliases(ctx); len(all) > 0 {
				_, err = w.SetAlias(ctx, Alias{Address: all[rnd.IntN(len(all))].Address, Members: []string{pick(), "x@example.org"}})
			}
		case "unalias":
			err = w.RemoveAlias(ctx, pick())
		case "domain":
			_, err = w.SetDomain(ctx, Domain{Name: []string{"barid.test", "مثال.إختبار"}[rnd.IntN(2)], CatchAll: pick()})
		}
		if err == nil {
			done[what]++
		}
		if step%20 == 0 {
			w.invariants()
		}
	}
	w.invariants()
	for _, what := range []string{"add", "set", "remove", "alias", "realias", "unalias", "domain"} {
		if done[what] < 3 {
			t.Errorf("%s happened %d times", what, done[what])
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"info@barid.test", "demo@barid.test", "فروش@barid.test"}
	for in, want := range map[string]string{
		"inf@barid.test": "info@barid.test", "demoo@barid.tes": "demo@barid.test", "فرش@barid.test": "فروش@barid.test",
		"info@barid.test": "info@barid.test", "completely@different.example": "", "": "", "x": "",
	} {
		if got := nearest(in, names); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if !slices.Equal(without([]string{"a", "b"}, []string{"b"}), []string{"a"}) {
		t.Error("without")
	}
}

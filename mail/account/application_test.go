package account

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"barid/mail"
	"barid/rfc/status"
)

// app makes an application password of an account and gives its secret.
func (w *world) app(of, name string, change ...func(*Application)) (Application, string) {
	w.t.Helper()
	p := Application{Account: w.id(of), Name: name, May: []string{MaySMTP}}
	for _, f := range change {
		f(&p)
	}
	p, secret, err := w.AddApplication(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, secret
}

// reason gives why a login was refused, "" if it was not.
func (w *world) reason(user, password, protocol string) string {
	w.t.Helper()
	_, err := w.Authenticate(w.t.Context(), Attempt{User: user, Password: password, Remote: owner, Protocol: protocol})
	if err == nil {
		return ""
	}
	e, ok := status.Of(err)
	if !ok {
		w.t.Fatal(err)
	}
	return e.Reason
}

func TestApplicationPasswordsLogIn(t *testing.T) {
	w := newWorld(t)
	_, shop := w.app("info@barid.test", "shop")
	_, phone := w.app("info@barid.test", "phone", func(p *Application) { p.May = []string{MayIMAP, MaySMTP} })
	_, other := w.app("demo@مثال.إختبار", "متجر")
	if len(shop) != 32 || strings.Trim(shop, "abcdefghijklmnopqrstuvwxyz234567") != "" || shop == phone {
		t.Errorf("secrets %q %q", shop, phone)
	}
	main := "password of info@barid.test"
	for _, c := range []struct{ user, password, protocol, want string }{
		{"info@barid.test", shop, "smtp", ""},
		{"help@barid.test", shop, "smtp", ""}, // another address of the account
		{"INFO@Barid.Test/Shop", shop, "smtp", ""},
		{"info@barid.test/phone", shop, "smtp", "auth-wrong"},
		{"info@barid.test/gone", main, "smtp", "auth-wrong"},
		{"info@barid.test/shop", main, "smtp", "auth-wrong"}, // the name stands for one password only
		{"info@barid.test/", main, "smtp", "auth-wrong"},
		{"info@barid.test", main, "smtp", ""},
		{"info@barid.test", shop, "imap", "auth-protocol"},
		{"info@barid.test", phone, "imap", ""},
		{"info@barid.test", phone, "pop3", "auth-protocol"},
		{"info@barid.test", other, "smtp", "auth-wrong"}, // another's
		{"فروش@barid.test", shop, "smtp", "auth-wrong"},
		{"nobody@barid.test", shop, "smtp", "auth-wrong"},
		{"demo@xn--mgbh0fb.xn--kgbechtv/متجر", other, "smtp", ""},
		{"info@barid.test", shop[:31], "smtp", "auth-wrong"},
		{"info@barid.test", strings.ToUpper(shop), "smtp", "auth-wrong"},
	} {
		if got := w.reason(c.user, c.password, c.protocol); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.user, c.protocol, got, c.want)
		}
	}
	a, err := w.Authenticate(t.Context(), Attempt{User: "info@barid.test", Password: shop, Protocol: "smtp"})
	if err != nil || a.Application == nil || a.Application.Name != "shop" || a.LoginName() != "info@barid.test/shop" {
		t.Errorf("%+v %v", a, err)
	}
	if a, err = w.Authenticate(t.Context(), Attempt{User: "info@barid.test", Password: main, Protocol: "smtp"}); err != nil || a.Application != nil {
		t.Errorf("%+v %v", a, err)
	}
}

// TestAWrongSecretIsRefusedLikeAnyPassword compares what a guesser of application passwords sees.
func TestAWrongSecretIsRefusedLikeAnyPassword(t *testing.T) {
	w := newWorld(t)
	_, secret := w.app("info@barid.test", "shop")
	wrong := strings.Repeat("a", 32)
	text := func(user string) string {
		before := w.hash.count.Load()
		_, err := w.Authenticate(t.Context(), Attempt{User: user, Password: wrong, Remote: attacker, Protocol: "smtp"})
		if n := w.hash.count.Load() - before; n != 1 {
			t.Errorf("%s: %d hashes", user, n)
		}
		return err.Error()
	}
	want := text("nobody@barid.test")
	for _, user := range []string{"info@barid.test", "info@barid.test/shop", "nobody@barid.test/shop", "demo@مثال.إختبار"} {
		if got := text(user); got != want {
			t.Errorf("%s: %s, want %s", user, got, want)
		}
	}
	before := w.hash.count.Load()
	if code := w.login("info@barid.test", secret, attacker); code != 235 || w.hash.count.Load() != before {
		t.Errorf("the right secret: %d, and %d slow hashes", code, w.hash.count.Load()-before)
	}
}

// TestAnAttackDoesNotStopTheShop has the account's password guessed from the shop's own address.
func TestAnAttackDoesNotStopTheShop(t *testing.T) {
	w := newWorld(t)
	_, secret := w.app("info@barid.test", "shop")
	for i := range 20 {
		w.login("info@barid.test", "guess "+strings.Repeat("x", i), owner)
	}
	if code := w.login("info@barid.test", "password of info@barid.test", owner); code != 454 {
		t.Fatalf("the brake is not on: %d", code)
	}
	if code := w.login("info@barid.test", secret, owner); code != 235 {
		t.Errorf("the shop gets %d", code)
	}
}

func TestARemovedApplicationHasNoRights(t *testing.T) {
	w := newWorld(t)
	id := w.id("info@barid.test")
	p, secret := w.app("info@barid.test", "shop")
	own := mailbox(t, "info@barid.test")
	if ok, err := w.MaySend(t.Context(), id, p.ID, own); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := w.RemoveApplication(t.Context(), id, "shop"); err != nil {
		t.Fatal(err)
	}
	if code := w.login("info@barid.test", secret, owner); code != 535 {
		t.Errorf("logs in: %d", code)
	}
	if ok, err := w.MaySend(t.Context(), id, p.ID, own); ok || err != nil {
		t.Errorf("an open session still sends: %v %v", ok, err)
	}
	if _, err := w.Grants(t.Context(), id, p.ID); !isUnknown(err) {
		t.Errorf("grants: %v", err)
	}
	again, _ := w.app("info@barid.test", "shop")
	if again.ID == p.ID {
		t.Errorf("the number %d is used again", p.ID)
	}
}

func isUnknown(err error) bool { _, ok := errors.AsType[ErrUnknown](err); return ok }

func TestSendersOfAnApplication(t *testing.T) {
	w := newWorld(t)
	w.alias("news@barid.test", "info@barid.test")
	id := w.id("info@barid.test")
	all, _ := w.app("info@barid.test", "all")
	some, _ := w.app("info@barid.test", "some", func(p *Application) { p.From = []string{"Help@barid.test", "news@barid.test"} })
	if !slices.Equal(some.From, []string{"help@barid.test", "news@barid.test"}) {
		t.Errorf("from %q", some.From)
	}
	for _, c := range []struct {
		app     mail.ApplicationID
		address string
		want    bool
	}{
		{0, "info@barid.test", true},
		{all.ID, "info@barid.test", true},
		{all.ID, "demo@مثال.إختبار", false},
		{some.ID, "info@barid.test", false},
		{some.ID, "help@barid.test", true},
		{some.ID, "HELP@barid.test", true},
		{some.ID, "help+order1@barid.test", true},
		{some.ID, "info+help@barid.test", false},
		{some.ID, "news@barid.test", true},
		{some.ID, "help@elsewhere.test", false},
		{99, "info@barid.test", false},
	} {
		if ok, err := w.MaySend(t.Context(), id, c.app, mailbox(t, c.address)); ok != c.want || err != nil {
			t.Errorf("%d %s: %v %v", c.app, c.address, ok, err)
		}
	}
}

func TestApplicationsAreChecked(t *testing.T) {
	w := newWorld(t)
	w.app("info@barid.test", "shop")
	id := w.id("info@barid.test")
	for _, c := range []struct {
		p    Application
		want string
	}{
		{Application{Name: "shop", May: []string{"smtp"}}, `application password "shop" is taken by account "info@barid.test"`},
		{Application{Name: "SHOP", May: []string{"smtp"}}, `application password "shop" is taken by account "info@barid.test"`},
		{Application{Name: "my shop", May: []string{"smtp"}}, `application password "my shop": name "my shop": must be a word of letters, digits and . _ - of at most 64 octets; did you mean "my-shop"?`},
		{Application{Name: "a/b", May: []string{"smtp"}}, `application password "a/b": name "a/b": must be a word of letters, digits and . _ - of at most 64 octets; did you mean "a-b"?`},
		{Application{May: []string{"smtp"}}, `application password: name: must be a word of letters, digits and . _ - of at most 64 octets`},
		{Application{Name: "x"}, `application password "x": protocols: are missing: it may do nothing; did you mean "smtp"?`},
		{Application{Name: "x", May: []string{"smpt"}}, `application password "x": protocol "smpt": must be smtp, imap, pop3`},
		{Application{Name: "x", May: []string{"smtp"}, From: []string{"hepl@barid.test"}}, `application password "x": sender address "hepl@barid.test": is no address that the account may send as; did you mean "help@barid.test"?`},
		{Application{Name: "x", May: []string{"smtp"}, Limits: Limits{Messages: new(int64(-5))}}, `application password "x": messages per hour "-5": must be from 0 (no limit) to 1125899906842624; did you mean "0"?`},
	} {
		c.p.Account = id
		if _, _, err := w.AddApplication(t.Context(), c.p); err == nil || err.Error() != c.want {
			t.Errorf("%+v:\ngot  %v\nwant %s", c.p, err, c.want)
		}
	}
	for i := range MaxApplications - 1 {
		w.app("info@barid.test", "n"+strings.Repeat("i", i%9)+string(rune('a'+i/9)))
	}
	if _, _, err := w.AddApplication(t.Context(), Application{Account: id, Name: "more", May: []string{"smtp"}}); err == nil || !strings.Contains(err.Error(), "has 100 application passwords already") {
		t.Errorf("got %v", err)
	}
}

func TestApplicationsAreChanged(t *testing.T) {
	w := newWorld(t)
	p, secret := w.app("info@barid.test", "shop")
	w.app("info@barid.test", "phone")
	p.Name, p.May, p.Limits = "Store", []string{"pop3", "smtp"}, Limits{Messages: new(int64(7))}
	q, err := w.SetApplication(t.Context(), p)
	if err != nil || q.Name != "store" || !slices.Equal(q.May, []string{"smtp", "pop3"}) || q.Created != p.Created {
		t.Fatalf("%+v %v", q, err)
	}
	if code := w.login("info@barid.test/store", secret, owner); code != 235 {
		t.Errorf("the secret is another: %d", code)
	}
	q.Name = "phone"
	if _, err := w.SetApplication(t.Context(), q); err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("got %v", err)
	}
	got, err := w.Application(t.Context(), p.Account, "STORE")
	if err != nil || got.Name != "store" || *got.Limits.Messages != 7 {
		t.Errorf("%+v %v", got, err)
	}
	_, err = w.Application(t.Context(), p.Account, "sture")
	wantError[ErrUnknown](t, err, `no application password "sture"; did you mean "store"?`)
}

func TestAnAccountTakesItsApplicationsAlong(t *testing.T) {
	w := newWorld(t)
	_, secret := w.app("info@barid.test", "shop")
	a, err := w.ByName(t.Context(), "info@barid.test")
	if err != nil {
		t.Fatal(err)
	}
	a.Disabled = true
	if _, err := w.SetAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := w.reason("info@barid.test", secret, "smtp"); got != "auth-disabled" {
		t.Errorf("disabled: %q", got)
	}
	if err := w.RemoveAccount(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	w.add("info@barid.test")
	if got := w.reason("info@barid.test", secret, "smtp"); got != "auth-wrong" {
		t.Errorf("the next account of the name has it: %q", got)
	}
	if all, err := w.Applications(t.Context(), w.id("info@barid.test")); len(all) != 0 || err != nil {
		t.Errorf("%+v %v", all, err)
	}
}

// TestLastUseIsKnown counts how often it is written: not for every login.
func TestLastUseIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p, secret := w.app("info@barid.test", "shop")
		use := func(from string) {
			t.Helper()
			if code := w.login("info@barid.test", secret, netip.MustParseAddr(from)); code != 235 {
				t.Fatal(code)
			}
		}
		shown := func() (time.Time, string) {
			t.Helper()
			q, err := w.Application(t.Context(), p.Account, "shop")
			if err != nil {
				t.Fatal(err)
			}
			return q.LastUsed, q.LastRemote.String()
		}
		if at, _ := shown(); !at.IsZero() {
			t.Errorf("used before: %v", at)
		}
		use("192.0.2.1")
		first := time.Now()
		time.Sleep(time.Minute)
		use("::ffff:192.0.2.2")
		if at, from := shown(); !at.Equal(time.Now().Truncate(time.Second)) || from != "192.0.2.2" {
			t.Errorf("%v %s", at, from)
		}
		w.open() // a restart
		if at, from := shown(); !at.Equal(first.Truncate(time.Second)) || from != "192.0.2.1" {
			t.Errorf("after a restart %v %s, want %v", at, from, first)
		}
		time.Sleep(useEvery)
		use("2001:db8::1")
		w.open()
		if _, from := shown(); from != "2001:db8::1" {
			t.Errorf("after five minutes: %s", from)
		}
	})
}

func TestGrantsAreInherited(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	id := w.id("info@barid.test")
	p, _ := w.app("info@barid.test", "shop", func(p *Application) { p.Limits.Messages = new(int64(5)) })
	limits := func() [3]int64 {
		t.Helper()
		gs, err := w.Grants(ctx, id, p.ID)
		if err != nil || len(gs) != 3 {
			t.Fatalf("%+v %v", gs, err)
		}
		return [3]int64{gs[0].Limits.Messages, gs[1].Limits.Messages, gs[2].Limits.Messages}
	}
	step := func(name string, want [3]int64, err error) {
		t.Helper()
		if got := limits(); got != want || err != nil {
			t.Errorf("%s: %v, want %v (%v)", name, got, want, err)
		}
	}
	step("nothing is set", [3]int64{5, 0, 0}, nil)
	step("defaults", [3]int64{5, 300, 0}, w.SetDefaultLimits(ctx, Limits{Messages: new(int64(300))}))
	dom, err := w.Domain(ctx, "barid.test")
	if err != nil {
		t.Fatal(err)
	}
	dom.Limits.Messages, dom.EachAccount.Messages = new(int64(9000)), new(int64(200))
	_, err = w.SetDomain(ctx, dom)
	step("the domain", [3]int64{5, 200, 9000}, err)
	a, err := w.Account(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	a.Limits.Messages = new(int64(0))
	_, err = w.SetAccount(ctx, a)
	step("the account has none", [3]int64{5, 0, 9000}, err)
	p.Limits.Messages = nil
	_, err = w.SetApplication(ctx, p)
	step("the application has none", [3]int64{0, 0, 9000}, err)
	if err := w.SetDefaultLimits(ctx, Limits{Bytes: new(int64(-1))}); err == nil {
		t.Error("a negative default")
	}
}

// TestVERPIsInherited asks the narrowest record that says something.
func TestVERPIsInherited(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	id := w.id("info@barid.test")
	p, _ := w.app("info@barid.test", "shop")
	step := func(name string, app, own bool, err error) {
		t.Helper()
		a, err1 := w.VERP(ctx, id, p.ID)
		b, err2 := w.VERP(ctx, id, 0)
		if err := errors.Join(err, err1, err2); a != app || b != own || err != nil {
			t.Errorf("%s: %v, %v, %v", name, a, b, err)
		}
	}
	step("nothing is set", false, false, nil)
	dom, err := w.Domain(ctx, "barid.test")
	if err != nil {
		t.Fatal(err)
	}
	dom.VERP = new(true)
	_, err = w.SetDomain(ctx, dom)
	step("the domain", true, true, err)
	a, err := w.Account(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	a.VERP = new(false)
	_, err = w.SetAccount(ctx, a)
	step("the account not", false, false, err)
	p.VERP = new(true)
	_, err = w.SetApplication(ctx, p)
	step("the application", true, false, err)
	if _, err := w.VERP(ctx, id, 99); !isUnknown(err) {
		t.Errorf("an application that is gone: %v", err)
	}
}

func BenchmarkAuthenticateApplication(b *testing.B) {
	w := newWorld(b)
	_, secret := w.app("info@barid.test", "shop")
	for b.Loop() {
		if code := w.login("info@barid.test", secret, owner); code != 235 {
			b.Fatal(code)
		}
	}
}

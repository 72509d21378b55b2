package manage_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"barid/base/log"
	"barid/mail/account"
	"barid/ops/manage"
	"barid/serve/admin"
)

// withShop is a manager of a running server whose domain has info@ (and help@) with the application password "shop".
func withShop(t *testing.T) (*manage.Manager, manage.ApplicationInfo) {
	t.Helper()
	m := newManager(t)
	m.Host = "mail.shop.test"
	m.Doors = []manage.Listening{{Protocol: "smtp", Address: "[::]:25"}, {Protocol: "submissions", Address: "[::]:465"}, {Protocol: "imaps", Address: "[::]:993"}}
	if _, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: "shop.test"}); f != nil {
		t.Fatal(f)
	}
	if _, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: "info@shop.test", Password: "correct-horse", Addresses: &[]string{"help@shop.test"}}); f != nil {
		t.Fatal(f)
	}
	in := manage.ApplicationChange{ApplicationNamed: manage.ApplicationNamed{Account: "help@shop.test", Name: "Shop"}, From: &[]string{"help@shop.test"}}
	in.PerHour = ptr(int64(100))
	a, f := call[manage.ApplicationInfo](t, m, "application.add", in)
	if f != nil {
		t.Fatal(f)
	}
	return m, a
}

func TestApplicationPasswords(t *testing.T) {
	m, made := withShop(t)
	if made.Account != "info@shop.test" || made.Name != "shop" || len(made.Secret) != 32 || made.Settings.Password != made.Secret ||
		made.Settings.From != "help@shop.test" || !slices.Equal(made.May, []string{"smtp"}) || *made.Limits.PerHour != 100 {
		t.Errorf("%+v", made)
	}
	_, err := m.Directory.Authenticate(t.Context(), account.Attempt{User: "info@shop.test", Password: made.Secret, Protocol: "smtp"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(admin.Operate(m, log.Nothing()))
	defer srv.Close()
	for name, c := range map[string]manage.Caller{"here": m, "socket": manage.Through(srv.Client(), srv.URL)} {
		t.Run(name, func(t *testing.T) {
			shop := manage.ApplicationNamed{Account: "info@shop.test", Name: "shop"}
			a, f := call[manage.ApplicationInfo](t, c, "application.show", shop)
			if f != nil || a.Secret != "" || strings.Contains(a.Settings.Password, made.Secret) || a.LastUsed == nil || len(a.Uses) != 4 {
				t.Fatalf("%+v %v", a, f)
			}
			if a.Uses[0].Scope != "application" || a.Uses[0].Of != 100 || a.Uses[0].SetBy != "application" || a.Uses[1].SetBy != "nobody" {
				t.Errorf("%+v", a.Uses)
			}
			if len(a.Settings.Doors) != 1 || a.Settings.Doors[0] != (manage.MailDoor{Use: "send", Port: 465, TLS: "TLS"}) {
				t.Errorf("doors %+v", a.Settings.Doors)
			}
			change := manage.ApplicationChange{ApplicationNamed: shop, May: &[]string{"imap", "smtp"}, From: &[]string{}}
			change.PerHour = ptr(int64(manage.InheritLimit))
			if a, f = call[manage.ApplicationInfo](t, c, "application.set", change); f != nil || len(a.May) != 2 || a.From != nil || a.Limits.PerHour != nil {
				t.Errorf("%+v %v", a, f)
			}
			change.PerHour, change.May, change.From = ptr(int64(100)), &[]string{"smtp"}, &[]string{"help@shop.test"}
			if _, f = call[manage.ApplicationInfo](t, c, "application.set", change); f != nil {
				t.Error(f)
			}
			for _, of := range []string{"", "info@shop.test"} {
				if all, f := call[[]manage.ApplicationInfo](t, c, "application.list", manage.Named{Name: of}); f != nil || len(all) != 1 {
					t.Errorf("%q: %+v %v", of, all, f)
				}
			}
			for op, want := range map[string]string{"application.add": "B4001 barid app-password show info@shop.test shop", "application.show": "B4002 did you mean \"shop\"?"} {
				in := shop
				if op == "application.show" {
					in.Name = "shopp"
				}
				_, f := call[manage.ApplicationInfo](t, c, op, in)
				if f == nil || f.Code+" "+f.Fix[0] != want {
					t.Errorf("%s: %+v, want %s", op, f, want)
				}
			}
		})
	}
	if _, f := call[manage.None](t, m, "application.rm", manage.ApplicationNamed{Account: "info@shop.test", Name: "shop"}); f != nil {
		t.Error(f)
	}
	if _, err := m.Directory.Authenticate(t.Context(), account.Attempt{User: "info@shop.test", Password: made.Secret, Protocol: "smtp"}); err == nil {
		t.Error("it still logs in")
	}
}

// TestSnippetsNameWhatIsNeeded fills in every template for a server with STARTTLS and for one with TLS from the
// first byte.
func TestSnippetsNameWhatIsNeeded(t *testing.T) {
	m, _ := withShop(t)
	if len(manage.Frameworks()) < 7 {
		t.Fatalf("frameworks %q", manage.Frameworks())
	}
	all := manage.ApplicationNamed{Account: "info@shop.test", Name: "shop", For: []string{"all"}}
	for _, server := range []struct{ protocol, port, with, without string }{
		{"submission", "587", "STARTTLS", "smtps"}, {"submissions", "465", "TLS", "starttls"},
	} {
		m.Server = func() []manage.Listening {
			return []manage.Listening{{Protocol: server.protocol, Address: "0.0.0.0:" + server.port}}
		}
		a, f := call[manage.ApplicationInfo](t, m, "application.show", all)
		if f != nil || len(a.Settings.Snippets) != len(manage.Frameworks()) {
			t.Fatalf("%+v %v", a.Settings, f)
		}
		for name, text := range a.Settings.Snippets {
			for _, want := range []string{"mail.shop.test", server.port, "info@shop.test", "help@shop.test", a.Settings.Password} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %q in\n%s", name, want, text)
				}
			}
			if strings.Contains(text, server.without) || strings.Contains(text, "<no value>") {
				t.Errorf("%s: %q in\n%s", name, server.without, text)
			}
		}
	}
	m.Server = func() []manage.Listening { return nil }
	if _, f := call[manage.ApplicationInfo](t, m, "application.show", all); f == nil || f.Code != "B4003" {
		t.Errorf("without a door: %v", f)
	}
	all.For = []string{"cobol"}
	if _, f := call[manage.ApplicationInfo](t, m, "application.show", all); f == nil || !strings.Contains(f.Fix[0], "django") {
		t.Errorf("got %v", f)
	}
}

// TestSnippetsAreSyntax has a shell read the snippet for shells, for an address with all that shells mind.
func TestSnippetsAreSyntax(t *testing.T) {
	m, _ := withShop(t)
	const odd = "o'clock$home`x`{y}@shop.test"
	if _, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: odd, Password: "correct-horse"}); f != nil {
		t.Fatal(f)
	}
	in := manage.ApplicationChange{ApplicationNamed: manage.ApplicationNamed{Account: odd, Name: "x", For: []string{"curl", "django", "laravel"}}}
	a, f := call[manage.ApplicationInfo](t, m, "application.add", in)
	if f != nil {
		t.Fatal(f)
	}
	for name, want := range map[string]string{
		"django": `EMAIL_HOST_USER = 'o\'clock$home` + "`x`{y}@shop.test'", "laravel": `MAIL_USERNAME="o'clock\$home` + "`x`{y}@shop.test\"",
	} {
		if !strings.Contains(a.Settings.Snippets[name], want) {
			t.Errorf("%s: no %s in\n%s", name, want, a.Settings.Snippets[name])
		}
	}
	dir := t.TempDir()
	fake := "#!/bin/sh\nprintf '%s\\n' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", a.Settings.Snippets["curl"])
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\n"+odd+":"+a.Secret+"\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLimitsAreSetAndInherited(t *testing.T) {
	m, _ := withShop(t)
	set := func(of manage.AllowanceOf, perHour int64) []manage.AllowanceRow {
		t.Helper()
		in := manage.AllowanceChange{AllowanceOf: of}
		in.PerHour = &perHour
		rows, f := call[[]manage.AllowanceRow](t, m, "limits.set", in)
		if f != nil {
			t.Fatal(f)
		}
		return rows
	}
	account := manage.AllowanceOf{Scope: "account", Name: "info@shop.test"}
	each := manage.AllowanceOf{Scope: "each", Name: "shop.test"}
	for i, step := range []struct {
		of      manage.AllowanceOf
		perHour int64
		want    string // what then binds the account
	}{
		{manage.AllowanceOf{Scope: "default"}, 300, "300 default"},
		{each, 200, "200 domain"},
		{account, 50, "50 account"},
		{account, 0, "0 account"},
		{account, manage.InheritLimit, "200 domain"},
		{each, manage.InheritLimit, "300 default"},
		{manage.AllowanceOf{Scope: "default"}, manage.InheritLimit, "0 nobody"},
	} {
		if rows := set(step.of, step.perHour); rows[0].Scope != step.of.Scope || len(rows)%4 != 0 {
			t.Errorf("step %d: %+v", i, rows)
		}
		rows, f := call[[]manage.AllowanceRow](t, m, "limits.show", account)
		if f != nil || len(rows) != 8 || rows[4].Scope != "domain" {
			t.Fatalf("step %d: %+v %v", i, rows, f)
		}
		if got := strings.TrimSpace(strings.Join([]string{manage.FormatBytes(rows[0].Of)[:len(manage.FormatBytes(rows[0].Of))-2], rows[0].SetBy}, " ")); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	if rows := set(manage.AllowanceOf{Scope: "application", Name: "info@shop.test", Application: "shop"}, 7); len(rows) != 12 || rows[0].Of != 7 {
		t.Errorf("%+v", rows)
	}
	if rows := set(manage.AllowanceOf{Scope: "local"}, 9); len(rows) != 4 || rows[0].Of != 9 || rows[0].SetBy != "local" || rows[0].Scope != "local" {
		t.Errorf("%+v", rows)
	}
	if rows, f := call[[]manage.AllowanceRow](t, m, "limits.show", manage.AllowanceOf{Scope: "local", Name: "www-data"}); f != nil || len(rows) != 4 || rows[0].Name != "www-data" || rows[0].Of != 9 {
		t.Errorf("%+v %v", rows, f)
	}
	for _, bad := range []manage.AllowanceOf{{Scope: "world"}, {Scope: "account", Name: "nobody@shop.test"}, {Scope: "domain", Name: "x.test"}} {
		if _, f := call[[]manage.AllowanceRow](t, m, "limits.show", bad); f == nil {
			t.Errorf("%+v: shown", bad)
		}
	}
}

func TestWeakPasswordsAreRefused(t *testing.T) {
	m, _ := withShop(t)
	for _, op := range []string{"account.add", "account.password"} {
		in := manage.AccountChange{Address: "info@shop.test", Password: "Password123"}
		if op == "account.add" {
			in.Address = "new@shop.test"
		}
		_, f := call[manage.AccountInfo](t, m, op, in)
		if f == nil || f.Code != "B4005" || !strings.Contains(f.What, "among the first that are tried") || strings.Contains(f.Error(), in.Password) {
			t.Errorf("%s: %v", op, f)
		}
		in.Weak = true
		if _, f := call[manage.AccountInfo](t, m, op, in); f != nil {
			t.Errorf("%s: %v", op, f)
		}
	}
}

// TestVERPIsSetAndShown says all words to all kinds of records.
func TestVERPIsSetAndShown(t *testing.T) {
	m, _ := withShop(t)
	for name, set := range map[string]func(word string) (string, error){
		"domain": func(word string) (string, error) {
			got, f := call[manage.DomainInfo](t, m, "domain.set", manage.DomainChange{Domain: "shop.test", VERP: &word})
			return got.VERP, f
		},
		"account": func(word string) (string, error) {
			got, f := call[manage.AccountInfo](t, m, "account.set", manage.AccountChange{Address: "info@shop.test", VERP: &word})
			return got.VERP, f
		},
		"application": func(word string) (string, error) {
			in := manage.ApplicationChange{ApplicationNamed: manage.ApplicationNamed{Account: "info@shop.test", Name: "shop"}, VERP: &word}
			got, f := call[manage.ApplicationInfo](t, m, "application.set", in)
			return got.VERP, f
		},
	} {
		for _, c := range [][2]string{{manage.VERPOn, manage.VERPOn}, {manage.VERPOff, manage.VERPOff}, {manage.VERPDefault, ""}} {
			if got, err := set(c[0]); got != c[1] {
				t.Errorf("%s: %s gave %q, %v", name, c[0], got, err)
			}
		}
		if got, err := set("yes"); got != "" || !strings.Contains(err.Error(), `"yes"`) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

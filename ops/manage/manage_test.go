package manage_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"barid/base/fault"
	"barid/base/log"
	"barid/mail/account"
	"barid/mail/allowance"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/ops/manage"
	"barid/serve/admin"
	"barid/store/memory"
)

// newManager is a manager over a store in memory.
func newManager(t *testing.T) *manage.Manager {
	t.Helper()
	db := memory.New()
	dir, err := account.Open(db, account.Options{Hash: account.HashCost{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	events, err := event.Open(db, event.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mail := mailbox.Open(db, db, mailbox.Options{})
	t.Cleanup(func() {
		mail.Close()
		_ = events.Close()
		_ = db.Close()
	})
	book := allowance.Open(db, allowance.Options{})
	t.Cleanup(func() { _ = book.Close() })
	return &manage.Manager{Book: book, Directory: dir, Mail: mail, Events: events, KV: db, Engine: noEngine{}, Version: "test"}
}

// noEngine is an engine with nothing below rows.
type noEngine struct{}

func (noEngine) Stats(context.Context) (any, error) { return map[string]int{"rows": 1}, nil }
func (noEngine) GC(context.Context) (any, error)    { return map[string]int{}, nil }
func (noEngine) Backup(_ context.Context, dst string, _ manage.Progress) (any, error) {
	return map[string]string{"into": dst}, nil
}

func (noEngine) Verify(_ context.Context, p manage.Progress) (any, int, error) {
	p("verify", 1, 2)
	return map[string]int{"records": 3}, 1, nil
}

func call[Out any](t *testing.T, c manage.Caller, name string, in any) (out Out, f *fault.Fault) {
	t.Helper()
	if err := c.Call(context.Background(), name, in, &out, nil); err != nil {
		return out, fault.Of(err)
	}
	return out, nil
}

func ptr[T any](v T) *T { return &v }

// TestAdministratorsDay walks what an administrator does, here and over the admin socket alike.
func TestAdministratorsDay(t *testing.T) {
	m := newManager(t)
	srv := httptest.NewServer(admin.Operate(m, log.Nothing()))
	defer srv.Close()
	for name, c := range map[string]manage.Caller{"here": m, "socket": manage.Through(srv.Client(), srv.URL)} {
		t.Run(name, func(t *testing.T) {
			domain := name + ".test"
			d, f := call[manage.DomainInfo](t, c, "domain.add", manage.DomainChange{Domain: domain})
			if f != nil || d.Domain != domain || d.Separator != "+" {
				t.Fatalf("%+v %v", d, f)
			}
			a, f := call[manage.AccountInfo](t, c, "account.add", manage.AccountChange{
				Address: "فروش@" + domain, Password: "x", Weak: true, QuotaBytes: ptr(int64(1 << 20)), Locale: ptr("fa"),
			})
			if f != nil || a.Address != "فروش@"+domain || a.QuotaBytes != 1<<20 || a.POP3Delete != "delete" {
				t.Fatalf("%+v %v", a, f)
			}
			if _, f = call[manage.AliasInfo](t, c, "alias.add", manage.AliasChange{Address: "sales@" + domain, Members: []string{"فروش@" + domain}}); f != nil {
				t.Fatal(f)
			}
			if d, f = call[manage.DomainInfo](t, c, "domain.set", manage.DomainChange{Domain: domain, CatchAll: ptr("فروش@" + domain), Separator: ptr("")}); f != nil ||
				d.Accounts != 1 || d.Aliases != 1 || d.Separator != "" {
				t.Fatalf("%+v %v", d, f)
			}
			if a, f = call[manage.AccountInfo](t, c, "account.set", manage.AccountChange{Address: "فروش@" + domain, Disabled: ptr(true), Addresses: &[]string{"shop@" + domain}}); f != nil ||
				!a.Disabled || len(a.Addresses) != 2 {
				t.Fatalf("%+v %v", a, f)
			}
			wantFaults(t, c, domain)
			for _, step := range []struct{ op, name string }{{"alias.rm", "sales@" + domain}, {"account.rm", "shop@" + domain}} {
				if _, f := call[manage.None](t, c, step.op, manage.Named{Name: step.name}); f != nil {
					t.Fatalf("%s: %v", step.op, f)
				}
			}
		})
	}
}

func wantFaults(t *testing.T, c manage.Caller, domain string) {
	t.Helper()
	for _, w := range []struct {
		op         string
		in         any
		code, text string
	}{
		{"domain.add", manage.DomainChange{Domain: domain}, "B4001", "exists already"},
		{"domain.rm", manage.Named{Name: domain}, "B4004", "still needed"},
		{"domain.show", manage.Named{Name: "x" + domain}, "B4002", domain},
		{"account.show", manage.Named{Name: "sale@" + domain}, "B4002", "no account"},
		{"account.add", manage.AccountChange{Address: "no at sign", Password: "x", Weak: true}, "B4003", "no at sign"},
		{"account.set", manage.AccountChange{Address: "فروش@" + domain, POP3Delete: ptr("trahs")}, "B4003", "trash"},
		{"alias.add", manage.AliasChange{Address: "sales@" + domain, Members: []string{"a@b.example"}}, "B4001", "sales"},
		{"nothing.here", manage.None{}, "B1004", "nothing.here"},
		{"domain.add", map[string]string{"dom": "x"}, "B1004", "dom"},
	} {
		_, f := call[json.RawMessage](t, c, w.op, w.in)
		if f == nil {
			t.Errorf("%s %+v: taken", w.op, w.in)
			continue
		}
		var b strings.Builder
		f.Print(&b)
		if f.Code != w.code || !strings.Contains(b.String(), w.text) {
			t.Errorf("%s %+v: want %s and %q, got\n%s", w.op, w.in, w.code, w.text, b.String())
		}
	}
}

func TestVerifyAddsUpBytesAndRows(t *testing.T) {
	m := newManager(t)
	var seen int
	var r manage.VerifyReport
	err := m.Call(context.Background(), "store.verify", manage.None{}, &r, func(string, int64, int64) { seen++ })
	if err != nil || r.Problems != 1 || seen == 0 || string(r.Engine) != `{"records":3}` {
		t.Errorf("%+v %v, progress %d", r, err, seen)
	}
}

func TestStatusCounts(t *testing.T) {
	m := newManager(t)
	if _, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: "a.test"}); f != nil {
		t.Fatal(f)
	}
	if _, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: "info@a.test", Password: "x", Weak: true}); f != nil {
		t.Fatal(f)
	}
	st, f := call[manage.Status](t, m, "status", manage.None{})
	if f != nil || st.Running || st.Domains != 1 || st.Accounts != 1 || st.Trouble != "" || st.Version != "test" {
		t.Errorf("%+v %v", st, f)
	}
	m.Server = func() []manage.Listening { return []manage.Listening{{Protocol: "smtp", Address: "127.0.0.1:25"}} }
	if st, f = call[manage.Status](t, m, "status", manage.None{}); f != nil || !st.Running || len(st.Listeners) != 1 {
		t.Errorf("%+v %v", st, f)
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "1048576": 1 << 20, "500MiB": 500 << 20, "2 GiB": 2 << 30, "1.5k": 1536, "2gb": 2 << 30} {
		if got, err := manage.ParseBytes(s); err != nil || got != want {
			t.Errorf("%q: %d %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "many", "-1", "9999999T", "1e30"} {
		if n, err := manage.ParseBytes(s); err == nil {
			t.Errorf("%q is %d", s, n)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := manage.FormatBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

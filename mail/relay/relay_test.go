package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/store/memory"
)

func open(t *testing.T) (*Store, kv.KV) {
	t.Helper()
	db := memory.New()
	return Open(t.Context(), db, time.Now), db
}

func must(t *testing.T, s *Store, f func(*Edit) error) []Change {
	t.Helper()
	c, err := s.Update(t.Context(), false, f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func simple(name, host string) Route { return Route{Name: name, Relays: []Relay{{Host: host}}} }

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	s, db := open(t)
	changes := must(t, s, func(e *Edit) error {
		return errors.Join(
			e.SetRoute(Route{Name: "office", Relays: []Relay{
				{Host: "Relay.Example.", TLS: TLSImplicit, User: "info@example.org", Password: "secret", Preset: "x"},
				{Host: "مثال.إختبار", User: "u", OAuth: &OAuth{TokenURL: "https://tokens.example/t", ClientID: "id", RefreshToken: "r"}},
				{Host: "[2001:db8::1]", Port: 2525, TLS: TLSOffered},
				{},
			}}),
			e.SetRule(Rule{Route: "office"}),
			e.SetRule(Rule{Sender: "@Shop.Example", Recipient: ".مثال.إختبار", Route: Direct}),
			e.SetSource("::ffff:192.0.2.7", "Out.Example", []string{"b.example", "a.example", "b.example"}))
	})
	want := []Change{
		{"route", "office", "added"},
		{"rule", "all mail -> office", "added"},
		{"rule", "from shop.example to .xn--mgbh0fb.xn--kgbechtv -> direct", "added"},
		{"source", "192.0.2.7", "added"},
	}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("%+v", changes)
	}
	again := Open(t.Context(), db, time.Now).Snapshot()
	if again.Err() != nil || !reflect.DeepEqual(again.Routes(), s.Snapshot().Routes()) || !reflect.DeepEqual(again.Rules(), s.Snapshot().Rules()) ||
		!reflect.DeepEqual(again.Sources(), s.Snapshot().Sources()) {
		t.Errorf("%+v", again)
	}
	r, _ := again.Route("office")
	var chain []string
	for i := range r.Relays {
		chain = append(chain, r.Relays[i].String())
	}
	if got := strings.Join(chain, " "); got != "smtps://info@example.org@relay.example:465 smtp://u@xn--mgbh0fb.xn--kgbechtv:587 smtp://[2001:db8::1]:2525 direct" {
		t.Error(got)
	}
	if x := again.Sources()[0]; x.Helo != "out.example" || strings.Join(x.Senders, " ") != "a.example b.example" {
		t.Errorf("%+v", x)
	}
	changes = must(t, s, func(e *Edit) error {
		return errors.Join(e.RemoveRoute("office", true), e.RemoveRule("shop.example", ".مثال.إختبار"), e.RemoveSource("192.0.2.7"))
	})
	if len(changes) != 4 || len(Open(t.Context(), db, time.Now).Snapshot().Routes()) != 0 {
		t.Errorf("%+v", changes)
	}
}

func TestADryRunAndAnErrorChangeNothing(t *testing.T) {
	s, db := open(t)
	must(t, s, func(e *Edit) error { return e.SetRoute(simple("a", "a.example")) })
	before := s.Snapshot()
	changes, err := s.Update(t.Context(), true, func(e *Edit) error {
		return errors.Join(e.SetRoute(simple("a", "b.example")), e.SetRoute(simple("new", "b.example")), e.SetRule(Rule{Route: "new"}))
	})
	if err != nil || len(changes) != 3 || changes[0] != (Change{"route", "a", "changed"}) {
		t.Error(changes, err)
	}
	_, err = s.Update(t.Context(), false, func(e *Edit) error {
		return errors.Join(e.SetRoute(simple("new", "b.example")), e.SetRule(Rule{Route: "gone"}))
	})
	if unknown := (ErrUnknown{}); !errors.As(err, &unknown) || unknown.Name != "gone" {
		t.Error(err)
	}
	if s.Snapshot() != before || len(Open(t.Context(), db, time.Now).Snapshot().Routes()) != 1 {
		t.Error("something changed")
	}
	if changes, err := s.Update(t.Context(), false, func(e *Edit) error { return e.SetRoute(simple("a", "a.example")) }); err != nil || len(changes) != 0 {
		t.Error("the same is a change", changes, err)
	}
}

func TestTheNearestRuleCounts(t *testing.T) {
	s, _ := open(t)
	must(t, s, func(e *Edit) error {
		for _, name := range []string{"all", "sub", "exact", "from", "both", "null", "tld"} {
			if err := e.SetRoute(simple(name, name+".relay.example")); err != nil {
				return err
			}
		}
		return errors.Join(
			e.SetRule(Rule{Route: "all"}), e.SetRule(Rule{Recipient: ".example.org", Route: "sub"}), e.SetRule(Rule{Recipient: "a.example.org", Route: "exact"}),
			e.SetRule(Rule{Recipient: "direct.example", Route: Direct}), e.SetRule(Rule{Sender: "shop.example", Route: "from"}),
			e.SetRule(Rule{Sender: "shop.example", Recipient: ".example.org", Route: "both"}), e.SetRule(Rule{Sender: NullSender, Recipient: "b.example.org", Route: "null"}),
			e.SetRule(Rule{Recipient: ".test", Route: "tld"}))
	})
	for _, c := range [][3]string{
		{"x.example", "other.example", "all"},
		{"x.example", "example.org", "all"},
		{"x.example", "b.example.org", "sub"},
		{"x.example", "deep.b.example.org", "sub"},
		{"x.example", "a.example.org", "exact"},
		{"shop.example", "a.example.org", "exact"}, // the recipient counts more
		{"shop.example", "b.example.org", "both"},
		{"shop.example", "other.example", "from"},
		{"sub.shop.example", "other.example", "all"},
		{"shop.example", "direct.example", "direct"},
		{"", "b.example.org", "null"},
		{"", "c.example.org", "sub"},
		{"x.example", "a.b.test", "tld"},
		{"x.example", "[192.0.2.1]", "all"},
	} {
		r, rule := s.Snapshot().Choose(c[0], c[1])
		got := Direct
		if r != nil {
			got = r.Name
		}
		if got != c[2] || rule == nil || rule.Route != c[2] {
			t.Errorf("%s to %s: %s", c[0], c[1], got)
		}
		if hint := s.Snapshot().HintFor(c[0], c[1]); (hint == "") != (got == Direct) || hint != "" && hint != "rule/"+got {
			t.Errorf("note %q for %s", hint, got)
		}
	}
	var order []string
	for _, r := range s.Snapshot().Rules() {
		order = append(order, r.Route)
	}
	if got := strings.Join(order, " "); got != "exact null direct both sub tld from all" {
		t.Error(got)
	}
	empty, _ := open(t)
	if r, rule := empty.Snapshot().Choose("a.example", "b.example"); r != nil || rule != nil {
		t.Error("without rules")
	}
}

// TestTheListIsTheOrder checks that of two rules that fit a message the one that is listed first counts.
func TestTheListIsTheOrder(t *testing.T) {
	patterns := []string{"", "b.a.test", ".a.test", ".test", "a.test"}
	s, _ := open(t)
	must(t, s, func(e *Edit) error {
		for i, r := range patterns {
			for j, f := range patterns {
				name := fmt.Sprintf("r%d-%d", i, j)
				if err := errors.Join(e.SetRoute(simple(name, "x.example")), e.SetRule(Rule{Sender: f, Recipient: r, Route: name})); err != nil {
					return err
				}
			}
		}
		return nil
	})
	fits := func(p, d string) bool { return p == "" || p == d || p[0] == '.' && strings.HasSuffix(d, p) }
	for _, from := range []string{"a.test", "b.a.test", "c.b.a.test", "test", "x.example"} {
		for _, to := range []string{"a.test", "b.a.test", "c.b.a.test", "test", "x.example"} {
			_, got := s.Snapshot().Choose(from, to)
			for _, want := range s.Snapshot().Rules() {
				if fits(want.Sender, from) && fits(want.Recipient, to) {
					if got != want {
						t.Errorf("%s to %s: %v, listed first is %v", from, to, got, want)
					}
					break
				}
			}
		}
	}
}

func TestAChainWithTheDirectWayHasNoLine(t *testing.T) {
	s, _ := open(t)
	must(t, s, func(e *Edit) error {
		return errors.Join(e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "r.example"}, {}}}), e.SetRule(Rule{Route: "a"}))
	})
	if h := s.Snapshot().HintFor("a.example", "b.example"); h != "" {
		t.Error(h)
	}
	if n, ok := Hinted(Hint("office")); n != "office" || !ok {
		t.Error(n)
	}
	for _, x := range []string{"", "office", "rule/", "direct"} {
		if n, ok := Hinted(x); ok || n != x {
			t.Errorf("%q is a note", x)
		}
	}
	if Hint("") != "" {
		t.Error("a note of nothing")
	}
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	oauth := func(url string) *OAuth { return &OAuth{TokenURL: url, ClientID: "id", RefreshToken: "r"} }
	many := make([]Relay, MaxRelays+1)
	for i := range many {
		many[i].Host = fmt.Sprint("h", i, ".example")
	}
	for name, f := range map[string]func(*Edit) error{
		"no name":     func(e *Edit) error { return e.SetRoute(simple("", "a.example")) },
		"upper case":  func(e *Edit) error { return e.SetRoute(simple("Office", "a.example")) },
		"a slash":     func(e *Edit) error { return e.SetRoute(simple("rule/x", "a.example")) },
		"long":        func(e *Edit) error { return e.SetRoute(simple(strings.Repeat("x", MaxName+1), "a.example")) },
		"direct":      func(e *Edit) error { return e.SetRoute(simple(Direct, "a.example")) },
		"no relay":    func(e *Edit) error { return e.SetRoute(Route{Name: "a"}) },
		"only direct": func(e *Edit) error { return e.SetRoute(Route{Name: "a", Relays: []Relay{{}}}) },
		"too many":    func(e *Edit) error { return e.SetRoute(Route{Name: "a", Relays: many}) },
		"twice": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example"}, {Host: "A.example."}}})
		},
		"a port without a host": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "b.example"}, {Port: 25}}})
		},
		"a host with blanks":     func(e *Edit) error { return e.SetRoute(simple("a", "a b.example")) },
		"an unspecified address": func(e *Edit) error { return e.SetRoute(simple("a", "0.0.0.0")) },
		"a zone":                 func(e *Edit) error { return e.SetRoute(simple("a", "fe80::1%eth0")) },
		"a mode": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", TLS: "ssl"}}})
		},
		"a user without a secret": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", User: "u"}}})
		},
		"a secret without a user": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", Password: "p"}}})
		},
		"two secrets": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", User: "u", Password: "p", OAuth: oauth("https://t.example")}}})
		},
		"a password of two lines": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", User: "u", Password: "p\nq"}}})
		},
		"a login in clear": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "192.0.2.1", User: "u", Password: "p", TLS: TLSNone}}})
		},
		"tokens in clear": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", User: "u", OAuth: oauth("http://t.example/")}}})
		},
		"tokens from nowhere": func(e *Edit) error {
			return e.SetRoute(Route{Name: "a", Relays: []Relay{{Host: "a.example", User: "u", OAuth: oauth("")}}})
		},
		"a rule without a route": func(e *Edit) error { return e.SetRule(Rule{}) },
		"a rule for no domain":   func(e *Edit) error { return e.SetRule(Rule{Sender: "a b", Route: Direct}) },
		"reports as a recipient": func(e *Edit) error { return e.SetRule(Rule{Recipient: NullSender, Route: Direct}) },
		"below a literal":        func(e *Edit) error { return e.SetRule(Rule{Recipient: ".[192.0.2.1]", Route: Direct}) },
		"a source that is none":  func(e *Edit) error { return e.SetSource("here", "", nil) },
		"a source of everything": func(e *Edit) error { return e.SetSource("0.0.0.0", "", nil) },
		"a source's name":        func(e *Edit) error { return e.SetSource("192.0.2.1", "a b", nil) },
		"a source's sender":      func(e *Edit) error { return e.SetSource("192.0.2.1", "", []string{"a b"}) },
		"too many senders":       func(e *Edit) error { return e.SetSource("192.0.2.1", "", make([]string, MaxSenders+1)) },
	} {
		s, _ := open(t)
		_, err := s.Update(t.Context(), false, f)
		if invalid := (ErrInvalid{}); !errors.As(err, &invalid) || invalid.Why == "" || strings.Contains(err.Error(), "p\nq") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, _ := open(t)
	must(t, s, func(e *Edit) error {
		return errors.Join(e.SetRoute(simple("office", "a.example")), e.SetRule(Rule{Route: "office"}))
	})
	_, err := s.Update(t.Context(), false, func(e *Edit) error { return e.RemoveRoute("office", false) })
	if used := (ErrInUse{}); !errors.As(err, &used) || len(used.Rules) != 1 {
		t.Error(err)
	}
	for what, f := range map[string]func(*Edit) error{
		"offcie": func(e *Edit) error { return e.RemoveRoute("offcie", true) }, "from x.example": func(e *Edit) error { return e.RemoveRule("x.example", "") },
		"192.0.2.9": func(e *Edit) error { return e.RemoveSource("192.0.2.9") },
	} {
		_, err := s.Update(t.Context(), false, f)
		if unknown := (ErrUnknown{}); !errors.As(err, &unknown) || unknown.Name != what || what == "offcie" && unknown.Near != "office" {
			t.Error(what, err)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	r := Route{Name: "a", Relays: []Relay{{Host: "a.example", User: "u", Password: "hush", OAuth: &OAuth{RefreshToken: "hush", ClientSecret: "hush"}}}}
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(&b, nil))
	log.Info("x", "secret", r.Relays[0].Password)
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x", r, r, r, r.Relays[0].Password, r.Relays[0].Password, r.Relays[0].Password)
	fmt.Fprint(&b, r.Relays[0].String(), *r.Relays[0].OAuth)
	if strings.Contains(b.String(), "hush") || strings.Contains(b.String(), "68757368") {
		t.Error(b.String())
	}
	if r.Relays[0].Password.Reveal() != "hush" {
		t.Error("nor when asked")
	}
}

func TestDamagedRowsAreAnError(t *testing.T) {
	for _, v := range []string{"", "\x02{}", "\x01", "\x01{\"name\":1}", "\x01{\"colour\":\"red\"}"} {
		_, db := open(t)
		err := db.Update(t.Context(), part, func(txn kv.Txn) error {
			txn.Put(mail.TableRelayRoute, []byte("office"), []byte(v))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := Open(t.Context(), db, time.Now)
		if !errors.Is(s.Snapshot().Err(), kv.ErrCorrupt) {
			t.Errorf("%q: %v", v, s.Snapshot().Err())
		}
		if _, err := s.Update(t.Context(), false, func(e *Edit) error { return e.SetRoute(simple("a", "a.example")) }); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%q was written over: %v", v, err)
		}
	}
}

func TestRotateKeepsWhatElseChanged(t *testing.T) {
	s, db := open(t)
	grant := func(token Secret) Relay {
		return Relay{Host: "a.example", User: "u", OAuth: &OAuth{TokenURL: "https://t.example", ClientID: "id", RefreshToken: token}}
	}
	must(t, s, func(e *Edit) error {
		return e.SetRoute(Route{Name: "a", Relays: []Relay{grant("old"), {Host: "b.example"}}})
	})
	for _, name := range []string{"gone", "a"} {
		if err := s.Rotate(t.Context(), name, "old", "fresh"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Rotate(t.Context(), "a", "old", "stray"); err != nil {
		t.Fatal(err)
	}
	r, _ := Open(t.Context(), db, time.Now).Snapshot().Route("a")
	if r.Relays[0].OAuth.RefreshToken.Reveal() != "fresh" || len(r.Relays) != 2 {
		t.Errorf("%+v", r)
	}
}

// failing is a store whose commits fail after they happened.
type failing struct{ kv.KV }

func (f failing) Update(ctx context.Context, p kv.Part, do func(kv.Txn) error) error {
	return errors.Join(f.KV.Update(ctx, p, do), io.ErrUnexpectedEOF)
}

func TestACommitThatFailedMayHaveHappened(t *testing.T) {
	s := Open(t.Context(), failing{memory.New()}, time.Now)
	_, err := s.Update(t.Context(), false, func(e *Edit) error { return e.SetRoute(simple("a", "a.example")) })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, ok := s.Snapshot().Route("a"); !ok {
		t.Error("it is in the rows and not in memory")
	}
}

func TestShippedPresets(t *testing.T) {
	p, err := LoadPresets(nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"gmail": "smtps://u@smtp.gmail.com:465", "outlook": "smtp://u@smtp-mail.outlook.com:587", "microsoft365": "smtp://u@smtp.office365.com:587",
		"yahoo": "smtps://u@smtp.mail.yahoo.com:465", "ses": "smtps://u@email-smtp.us-east-1.amazonaws.com:465", "sendgrid": "smtps://apikey@smtp.sendgrid.net:465",
		"mailgun": "smtps://u@smtp.mailgun.org:465", "postmark": "smtp://u@smtp.postmarkapp.com:587", "brevo": "smtps://u@smtp-relay.brevo.com:465",
	} {
		x, err := p.Find(id)
		if err != nil {
			t.Error(err)
			continue
		}
		r, err := x.Relay("", 0)
		if r.User == "" {
			r.User = "u"
		}
		r.Password = "p"
		c, cerr := r.canonical("x")
		if err != nil || cerr != nil || c.String() != want || r.String() != want {
			t.Errorf("%s: %s %v %v", id, r.String(), err, cerr)
		}
		for _, region := range x.Regions {
			if r, err := x.Relay(region, 0); err != nil || strings.ContainsAny(r.Host, "{}") {
				t.Error(id, region, r.Host, err)
			}
		}
	}
	gmail, _ := p.Find("gmail")
	if r, err := gmail.Relay("", 587); err != nil || r.TLS != TLSVerified || r.Port != 587 {
		t.Errorf("%+v %v", r, err)
	}
	eu, _ := p.Find("mailgun")
	if r, _ := eu.Relay("eu", 0); r.Host != "smtp.eu.mailgun.org" {
		t.Error(r.Host)
	}
	for _, f := range []func() error{
		func() error { _, err := gmail.Relay("", 25); return err },
		func() error { _, err := gmail.Relay("eu", 0); return err },
		func() error { _, err := p.Find("gmial"); return err },
	} {
		if f() == nil {
			t.Error("taken")
		}
	}
	if _, err := p.Find("gmial"); err.(ErrUnknown).Near != "gmail" {
		t.Error(err)
	}
}

func TestOwnPresetsAreBesideTheShipped(t *testing.T) {
	own := `{"version":1,"presets":[{"id":"house","name":"House","host":"relay.house.example","port":587,"tls":"verified","login":["password"],
		"user":"address","link":"https://house.example/","help":{"en":"a","fa":"b","ar":"c"}},
		{"id":"gmail","name":"Gmail","host":"smtp.gmail.com","port":587,"tls":"verified","login":["password"],
		"user":"address","link":"https://gmail.example/","help":{"en":"a","fa":"b","ar":"c"}}]}`
	p, err := LoadPresets([]byte(own))
	if err != nil {
		t.Fatal(err)
	}
	gmail, _ := p.Find("gmail")
	if _, err := p.Find("house"); err != nil || gmail.Port != 587 || len(p.All()) != 10 {
		t.Error(err, gmail, len(p.All()))
	}
	for name, change := range map[string][2]string{
		"version": {`"version":1`, `"version":2`}, "a field": {`"name"`, `"nmae"`}, "a host": {"relay.house.example", "a b"}, "a port": {`"port":587`, `"port":0`},
		"a mode": {`"verified"`, `"ssl"`}, "a login": {`["password"]`, `["magic"]`}, "oauth without an address": {`["password"]`, `["oauth"]`},
		"a link": {"https://house", "http://house"}, "a language": {`"fa":"b"`, `"fr":"b"`}, "an id": {`"house"`, `"House"`}, "no login": {`["password"]`, `[]`},
	} {
		if _, err := LoadPresets([]byte(strings.Replace(own, change[0], change[1], 1))); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := LoadPresets([]byte("not JSON")); err == nil {
		t.Error("anything is taken")
	}
	if b, err := json.Marshal(p.All()[0]); err != nil || !json.Valid(b) {
		t.Error(err)
	}
}

func BenchmarkChoose(b *testing.B) {
	snap := newSnapshot()
	for i := range MaxRules {
		r := &Rule{Recipient: fmt.Sprint("d", i, ".example"), Route: Direct}
		snap.rules[r.key()] = r
	}
	for b.Loop() {
		snap.Choose("shop.example", "mail.example.org")
	}
}

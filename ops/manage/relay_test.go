package manage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"barid/base/fault"
	"barid/flow/deliver/remote"
	"barid/flow/queue"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/ops/manage"
)

// relaying gives a manager of the store of routes, and its queue if it has one, that nothing carries on.
func relaying(t *testing.T, m *manage.Manager) *manage.Manager {
	t.Helper()
	m.Relaying = manage.Relaying{
		Store:   relay.Open(t.Context(), m.KV, time.Now),
		Levels:  remote.OpenLevels(m.KV),
		Presets: func() (*relay.Presets, error) { return relay.LoadPresets(nil) },
	}
	return m
}

func setRelay(t *testing.T, m *manage.Manager, in manage.RelayChange) (manage.RelayChanged, *fault.Fault) {
	t.Helper()
	return call[manage.RelayChanged](t, m, "relay.set", in)
}

func TestRelaysAsTheyAreTyped(t *testing.T) {
	secret := manage.RelayLogin{Password: "hush"}
	by := func(user string) manage.RelayLogin { return manage.RelayLogin{User: user, Password: "hush"} }
	for _, c := range []struct {
		in   manage.RelayChange
		want string // the relay, its TLS and login; or "B…" and words of the fault
	}{
		{manage.RelayChange{Target: "smtps://user@relay.example:465", RelayLogin: secret}, "smtps://user@relay.example:465 implicit password"},
		{manage.RelayChange{Target: "smtp://info@example.org@relay.example", RelayLogin: secret}, "smtp://info@example.org@relay.example:587 verified password"},
		{manage.RelayChange{Target: "smtp://info%40example.org@relay.example", RelayLogin: secret}, "smtp://info@example.org@relay.example:587 verified password"},
		{manage.RelayChange{Target: "submission://relay.example:465", RelayLogin: by("u")}, "smtps://u@relay.example:465 implicit password"},
		{manage.RelayChange{Target: "smtp://10.0.0.25", TLS: "offered"}, "smtp://10.0.0.25:25 offered none"},
		{manage.RelayChange{Target: "smtp://[2001:db8::1]:26/"}, "smtp://[2001:db8::1]:26 verified none"},
		{manage.RelayChange{Target: "smtp://مثال.إختبار"}, "smtp://xn--mgbh0fb.xn--kgbechtv:25 verified none"},
		{manage.RelayChange{Target: "gmail", RelayLogin: by("info@gmail.com")}, "smtps://info@gmail.com@smtp.gmail.com:465 implicit password"},
		{manage.RelayChange{Target: "Gmail:587", RelayLogin: by("info@gmail.com")}, "smtp://info@gmail.com@smtp.gmail.com:587 verified password"},
		{manage.RelayChange{Target: "sendgrid", RelayLogin: secret}, "smtps://apikey@smtp.sendgrid.net:465 implicit password"},
		{manage.RelayChange{Target: "ses", Region: "eu-west-1", RelayLogin: by("K")}, "smtps://K@email-smtp.eu-west-1.amazonaws.com:465 implicit password"},
		{manage.RelayChange{Target: "outlook", RelayLogin: manage.RelayLogin{User: "u", RefreshToken: "r", ClientID: "id"}}, "smtp://u@smtp-mail.outlook.com:587 verified oauth"},

		{manage.RelayChange{Target: "smtps://user:hush@relay.example"}, "B1009 smtps://user@relay.example --password-file"},
		{manage.RelayChange{Target: "smtps://us er:hush@relay.example:x"}, "B4003 smtps://us er@relay.example"},
		{manage.RelayChange{Target: "http://relay.example"}, "B4003 smtps://"},
		{manage.RelayChange{Target: "smtp://relay.example/in"}, "B4003 only a user"},
		{manage.RelayChange{Target: "smtp://relay.example:0"}, "B4003 1 to 65535"},
		{manage.RelayChange{Target: "smtp://:25"}, "B4003 only a user"},
		{manage.RelayChange{Target: "smtps://user@relay.example"}, "B4003 without a password"},
		{manage.RelayChange{Target: "smtp://relay.example", RelayLogin: secret}, "B4003 secret without a user"},
		{manage.RelayChange{Target: "gmail", RelayLogin: secret}, "B4003 needs a login"},
		{manage.RelayChange{Target: "gmial"}, `B4002 did you mean "gmail"?`},
		{manage.RelayChange{Target: "gmail:25", RelayLogin: by("u")}, "B4003 does not listen"},
		{manage.RelayChange{Target: "ses", Region: "eu-west-9", RelayLogin: by("K")}, `B4003 did you mean "eu-west-1"?`},
		{manage.RelayChange{Target: "smtp://relay.example", TLS: "ssl"}, "B4003 one of verified"},
		{manage.RelayChange{Target: "direct"}, "B4003 use a rule"},
		{manage.RelayChange{Target: "smtp://relay.example", Name: "Office"}, "B4003 a-z"},
	} {
		m := relaying(t, newManager(t))
		_, f := setRelay(t, m, c.in)
		if f != nil {
			var b strings.Builder
			f.Print(&b)
			code, words, _ := strings.Cut(c.want, " ")
			if f.Code != code || !strings.Contains(b.String(), words) || strings.Contains(b.String(), "hush") {
				t.Errorf("%s: want %s, got\n%s", c.in.Target, c.want, b.String())
			}
			continue
		}
		r, f := call[manage.RouteInfo](t, m, "relay.show", manage.Named{Name: relay.Default})
		if f != nil {
			t.Error(f)
			continue
		}
		if got := r.Relays[0].Relay + " " + r.Relays[0].TLS + " " + r.Relays[0].Login; got != c.want {
			t.Errorf("%s: %s, want %s", c.in.Target, got, c.want)
		}
	}
}

func TestTLSOfADomainCanBeForgotten(t *testing.T) {
	m := relaying(t, newManager(t))
	seen := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for domain, level := range map[string]remote.Level{"example.net": remote.Verified, "xn--mgbh0fb.xn--kgbechtv": remote.Encrypted} {
		if err := remote.OpenLevels(m.KV).Saw(t.Context(), domain, level, seen); err != nil {
			t.Fatal(err)
		}
	}
	want := manage.TLSInfo{Domain: "xn--mgbh0fb.xn--kgbechtv", Level: "encrypted", Last: seen}
	if out, f := call[manage.TLSForgotten](t, m, "relay.tls.forget", manage.Named{Name: "مثال.إختبار"}); f != nil || out.TLSInfo != want {
		t.Errorf("%+v %v", out, f)
	}
	if all, f := call[[]manage.TLSInfo](t, m, "relay.tls.list", nil); f != nil || len(all) != 1 || all[0].Domain != "example.net" || all[0].Level != "verified" {
		t.Errorf("%+v %v", all, f)
	}
	for name, code := range map[string]string{"مثال.إختبار": "B4002", "a b": "B4003"} {
		if _, f := call[manage.TLSForgotten](t, m, "relay.tls.forget", manage.Named{Name: name}); f == nil || f.Code != code {
			t.Errorf("%s: %v", name, f)
		}
	}
}

func TestRoutesAndRulesAreOneChange(t *testing.T) {
	m := relaying(t, newManager(t))
	at := func(name, host string, change func(*manage.RelayChange)) manage.RelayChanged {
		t.Helper()
		in := manage.RelayChange{Name: name, Target: "smtp://" + host}
		if change != nil {
			change(&in)
		}
		out, f := setRelay(t, m, in)
		if f != nil {
			t.Fatal(f)
		}
		return out
	}
	if out := at("office", "a.example", func(in *manage.RelayChange) { in.DryRun = true }); len(out.Changes) != 2 || !out.DryRun {
		t.Errorf("%+v", out)
	}
	if all, _ := call[[]manage.RouteInfo](t, m, "relay.list", nil); len(all) != 0 {
		t.Error("a dry run changed something")
	}
	at("office", "a.example", func(in *manage.RelayChange) {
		in.ForSenders, in.ForRecipients = []string{"s.example"}, []string{"r.example", ".r.example"}
	})
	if out := at("office", "b.example", nil); len(out.Changes) != 1 {
		t.Errorf("a route in use gets a rule of its own: %+v", out)
	}
	at("default", "c.example", nil)
	at("spare", "d.example", func(in *manage.RelayChange) { in.NoRule = true })
	if _, f := call[manage.RelayChanged](t, m, "relay.add", manage.RelayChange{Name: "office", Target: "direct"}); f != nil {
		t.Error(f)
	}
	if _, f := call[manage.RelayChanged](t, m, "relay.add", manage.RelayChange{Name: "ofice", Target: "direct"}); f == nil || f.Code != "B4002" {
		t.Error(f)
	}
	rules, _ := call[[]manage.RuleInfo](t, m, "relay.rule.list", nil)
	if len(rules) != 3 || rules[0] != (manage.RuleInfo{From: "s.example", To: "r.example", Route: "office"}) || rules[2] != (manage.RuleInfo{Route: "default"}) {
		t.Errorf("%+v", rules)
	}
	for to, want := range map[string]string{"info@r.example": "office", "x.r.example": "office", "else.example": "default"} {
		if w, f := call[manage.Way](t, m, "relay.which", manage.WayQuery{From: "info@s.example", To: to}); f != nil || w.Route != want {
			t.Errorf("%s: %+v %v", to, w, f)
		}
	}
	if _, f := call[manage.RelayChanged](t, m, "relay.rm", manage.RelayRemoval{Name: "office"}); f == nil || f.Code != "B4004" {
		t.Error(f)
	}
	if out, f := call[manage.RelayChanged](t, m, "relay.rm", manage.RelayRemoval{Name: "office", WithRules: true}); f != nil || len(out.Changes) != 3 {
		t.Errorf("%+v %v", out, f)
	}
	if _, f := call[manage.RelayTrials](t, m, "relay.test", manage.RelayTrial{Name: "default"}); f == nil || f.Code != "B2111" {
		t.Error(f)
	}
	if out, f := call[manage.RelayChanged](t, m, "relay.source.add", manage.SourceChange{Address: "192.0.2.7", Helo: "out.example", Senders: []string{"s.example"}}); f != nil || len(out.Changes) != 1 || len(out.Notes) != 1 {
		t.Errorf("%+v %v", out, f) // it is no address of ours, and that is told
	}
	if out, f := call[manage.RelayChanged](t, m, "relay.source.add", manage.SourceChange{Address: "127.0.0.1", DryRun: true}); f != nil || len(out.Notes) != 0 {
		t.Errorf("%+v %v", out, f)
	}
	if _, f := call[manage.RelayChanged](t, m, "relay.set", manage.RelayChange{Name: "far", Target: "smtp://relay.example", Region: "eu-west-1"}); f == nil || f.Code != "B4003" {
		t.Error(f)
	}
	if s, f := call[[]manage.SourceInfo](t, m, "relay.source.list", nil); f != nil || len(s) != 1 || s[0].Helo != "out.example" {
		t.Errorf("%+v %v", s, f)
	}
	if p, f := call[[]manage.RelayPreset](t, m, "relay.presets", nil); f != nil || len(p) < 9 {
		t.Errorf("%+v %v", p, f)
	}
}

func TestQueuedMailGoesTheNewWayAtOnce(t *testing.T) {
	m, db := newQueue(t)
	relaying(t, m)
	if _, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: "ours.test"}); f != nil {
		t.Fatal(f)
	}
	enqueue(t, db, "far", "info@ours.test", "a@far.test", 3, nil)
	enqueue(t, db, "report", "", "a@far.test", 3, nil)
	enqueue(t, db, "near", "info@ours.test", "a@near.test", 3, nil)
	enqueue(t, db, "chosen", "info@ours.test", "a@far.test", 3, func(e *spool.Entry) { e.Route = "other" })
	enqueue(t, db, "home", "info@ours.test", "info@ours.test", 0, nil)
	enqueue(t, db, "later", "info@ours.test", "b@far.test", 0, func(e *spool.Entry) { e.NotBefore = e.Next })
	lines := func() map[string]string {
		out := map[string]string{}
		for e, err := range m.Queue.Find(context.Background(), queue.Selector{All: true}) {
			if err != nil {
				t.Fatal(err)
			}
			out[e.Message.ID] = e.Route
			if e.Next.Before(time.Now()) {
				out[e.Message.ID] += " now"
			}
		}
		return out
	}
	expect := func(step string, queued int, out manage.RelayChanged, f *fault.Fault, want map[string]string) {
		t.Helper()
		got := lines()
		for id := range got {
			if got[id] != want[id] {
				t.Errorf("%s: %s stands in %q, want %q", step, id, got[id], want[id])
			}
		}
		if f != nil || out.Queued != queued {
			t.Errorf("%s: %+v %v", step, out, f)
		}
	}
	out, f := setRelay(t, m, manage.RelayChange{Target: "smtp://a.example", ForRecipients: []string{"far.test"}})
	expect("a rule for one domain", 2, out, f, map[string]string{"far": "rule/default now", "report": "rule/default now", "chosen": "other"})
	out, f = call[manage.RelayChanged](t, m, "relay.rule.add", manage.RuleChange{From: "<>", To: "far.test", Route: "direct"})
	expect("reports go themselves", 1, out, f, map[string]string{"far": "rule/default now", "report": " now", "chosen": "other"})
	out, f = setRelay(t, m, manage.RelayChange{Target: "smtp://b.example"})
	expect("another relay", 1, out, f, map[string]string{"far": "rule/default now", "report": " now", "chosen": "other"})
	out, f = call[manage.RelayChanged](t, m, "relay.rule.add", manage.RuleChange{Route: "default"})
	expect("all mail", 1, out, f, map[string]string{"far": "rule/default now", "report": " now", "near": "rule/default now", "chosen": "other"})
	out, f = call[manage.RelayChanged](t, m, "relay.rm", manage.RelayRemoval{Name: "default", WithRules: true, DryRun: true})
	expect("a dry run", 0, out, f, map[string]string{"far": "rule/default now", "report": " now", "near": "rule/default now", "chosen": "other"})
	out, f = call[manage.RelayChanged](t, m, "relay.rm", manage.RelayRemoval{Name: "default", WithRules: true})
	expect("no route", 2, out, f, map[string]string{"far": " now", "report": " now", "near": " now", "chosen": "other"})
}

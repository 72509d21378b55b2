package remote

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"barid/e2e/sink"
	"barid/e2e/world"
	"barid/mail/spool"
	"barid/store/memory"
)

const relays = zone + `
	$ORIGIN relay.test.
	one  A 127.0.0.11
	two  A 127.0.0.12
	;! ill rcode=SERVFAIL
`

// route is a route whose relays are at the scene's port.
func (s *scene) route(rs ...Relay) *Route {
	for i := range rs {
		rs[i].Port = s.port
	}
	return &Route{Name: "office", Relays: rs}
}

func TestARelayIsLoggedInto(t *testing.T) {
	id := certify(t, yesterday(), "one.relay.test")
	token := func(context.Context) (string, error) { return "t0ken", nil }
	long := strings.Repeat("x", 600)
	users := map[string]string{"office": "secret", "a=b,c": "t0ken", "long": long}
	for _, c := range []struct {
		name  string
		auth  string
		login Login
		want  string
	}{
		{"PLAIN", "LOGIN PLAIN", Login{User: "office", Password: "secret"}, relayed},
		{"LOGIN", "LOGIN CRAM-MD5", Login{User: "office", Password: "secret"}, relayed},
		{"a password longer than a line", "PLAIN", Login{User: "long", Password: long}, relayed},
		{"XOAUTH2", "PLAIN XOAUTH2", Login{User: "a=b,c", Token: token}, relayed},
		{"OAUTHBEARER", "PLAIN XOAUTH2 OAUTHBEARER", Login{User: "office", Token: func(context.Context) (string, error) { return "secret", nil }}, relayed},
		{"a wrong password", "PLAIN", Login{User: "office", Password: "wrong"}, "deferred 4.7.8 auth"},
		{"a wrong password by LOGIN", "LOGIN", Login{User: "office", Password: "wrong"}, "deferred 4.7.8 auth"},
		{"an old token", "XOAUTH2", Login{User: "office", Token: token}, "deferred 4.7.8 auth"},
		{"no token", "XOAUTH2", Login{User: "office", Token: func(context.Context) (string, error) { return "", errors.New("no") }}, "deferred 4.7.8 auth"},
		{"no way to log in", "CRAM-MD5", Login{User: "office", Password: "secret"}, "deferred 4.7.8 auth"},
		{"a token where only passwords are taken", "PLAIN LOGIN", Login{User: "office", Token: token}, "deferred 4.7.8 auth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, relays, func(d *Deps) { d.Roots = id.roots })
			k := s.sinkAt("127.0.0.11", sink.Options{TLS: id.server, Users: users, Auth: c.auth})
			s.d.Routes = &Table{Rules: []Rule{{Route: s.route(Relay{Host: "one.relay.test", Login: &c.login})}}}
			out := s.expect(s.entry(letterText), c.want)
			if c.want == relayed {
				if m := k.Messages()[0]; m.User != c.login.User || m.TLS != "one.relay.test" {
					t.Errorf("%+v", m)
				}
				s.expect(s.entry(letterText), relayed)
				if k.Conns() != 1 {
					t.Errorf("%d connections", k.Conns())
				}
			} else if k.Count() > 0 {
				t.Errorf("%+v", out)
			}
			if strings.Contains(out[0].Answer.Text, "secret") || strings.Contains(out[0].Answer.Text, "t0ken") {
				t.Errorf("a password is told: %q", out[0].Answer.Text)
			}
		})
	}
}

func TestRelaysDemandTLS(t *testing.T) {
	good, bad := certify(t, yesterday(), "one.relay.test"), certify(t, yesterday(), "other.test")
	login := &Login{User: "office", Password: "secret"}
	users := map[string]string{"office": "secret"}
	for _, c := range []struct {
		name   string
		server sink.Options
		relay  Relay
		want   string
	}{
		{"verified", sink.Options{TLS: good.server}, Relay{TLS: VerifiedTLS}, relayed},
		{"verified, wrong certificate", sink.Options{TLS: bad.server}, Relay{TLS: VerifiedTLS}, "deferred 4.7.5 tls"},
		{"verified, none offered", sink.Options{}, Relay{TLS: VerifiedTLS}, "deferred 4.7.10 tls"},
		{"verified, handshake fails", sink.Options{TLS: good.server, Behave: map[sink.Stage]sink.Behaviour{sink.Handshake: {Close: true}}}, Relay{}, "deferred 4.7.5 tls"},
		{"implicit", sink.Options{TLS: good.server, Implicit: true}, Relay{TLS: ImplicitTLS}, relayed},
		{"implicit, wrong certificate", sink.Options{TLS: bad.server, Implicit: true}, Relay{TLS: ImplicitTLS}, "deferred 4.7.5 tls"},
		{"any certificate", sink.Options{TLS: bad.server}, Relay{TLS: UnverifiedTLS}, relayed},
		{"any certificate, none offered", sink.Options{}, Relay{TLS: UnverifiedTLS}, "deferred 4.7.10 tls"},
		{"if offered", sink.Options{}, Relay{TLS: OfferedTLS}, relayed},
		{"if offered, and it is", sink.Options{TLS: bad.server}, Relay{TLS: OfferedTLS}, relayed},
		{"never", sink.Options{TLS: good.server}, Relay{TLS: NoTLS}, relayed},
		{"a login in clear on loopback", sink.Options{Users: users}, Relay{TLS: NoTLS, Login: login}, relayed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, relays, func(d *Deps) {
				d.Roots, d.Memory, d.Settings.AllowPrivate = good.roots, OpenLevels(memory.New()), false
			})
			k := s.sinkAt("127.0.0.11", c.server)
			c.relay.Host = "one.relay.test"
			s.d.Routes = &Table{Rules: []Rule{{Route: s.route(c.relay)}}}
			out := s.expect(s.entry(letterText), c.want)
			if c.want == relayed && (out[0].TLS != "") != (c.server.TLS != nil && c.relay.TLS != NoTLS) {
				t.Errorf("%q", out[0].TLS)
			}
			if c.want != relayed && (k.Count() > 0 || strings.Contains(commands(k), "AUTH")) {
				t.Error(commands(k))
			}
			if l, _, _ := s.d.Memory.Level(t.Context(), "there.test"); l != Clear {
				t.Error("a relay's TLS says nothing about the domain")
			}
		})
	}
}

func TestALoginIsNotSaidInClear(t *testing.T) {
	s := &session{level: Clear}
	for addr, want := range map[string]bool{"127.0.0.1:25": true, "192.0.2.1:25": false, "[::1]:25": true} {
		s.addr = mustAddrPort(addr)
		if s.mayLogin() != want {
			t.Errorf("%s: %v", addr, !want)
		}
	}
	s.level = Encrypted
	if !s.mayLogin() {
		t.Error("nor over TLS")
	}
}

func TestAChainOfRelays(t *testing.T) {
	down := sink.Behaviour{Reply: "421 4.3.2 down"}
	for _, c := range []struct {
		name     string
		one, two map[sink.Stage]sink.Behaviour
		want     string
		at       int // relay that has it
	}{
		{"the first works", nil, nil, relayed, 1},
		{"the first is down", map[sink.Stage]sink.Behaviour{sink.Greeting: down}, nil, relayed, 2},
		{"the first does not let us in", map[sink.Stage]sink.Behaviour{sink.Auth: {Reply: "535 5.7.8 no"}}, nil, relayed, 2},
		{"the first has a full disk", map[sink.Stage]sink.Behaviour{sink.End: {Reply: "452 4.3.1 full"}}, nil, relayed, 2},
		{"the first refuses the message", map[sink.Stage]sink.Behaviour{sink.End: {Reply: "550 5.7.1 spam"}}, nil, "failed 5.7.1 data", 0},
		{"both are down", map[sink.Stage]sink.Behaviour{sink.Greeting: down}, map[sink.Stage]sink.Behaviour{sink.Greeting: down}, "deferred 4.3.2 greeting", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, relays, nil)
			users := map[string]string{"office": "secret"}
			one := s.sinkAt("127.0.0.11", sink.Options{Users: users, Behave: c.one})
			two := s.sinkAt("127.0.0.12", sink.Options{Users: users, Behave: c.two})
			login := &Login{User: "office", Password: "secret"}
			s.d.Routes = &Table{Rules: []Rule{{Route: s.route(
				Relay{Host: "one.relay.test", TLS: NoTLS, Login: login}, Relay{Host: "127.0.0.12", TLS: NoTLS, Login: login})}}}
			s.expect(s.entry(letterText), c.want)
			if one.Count() != map[int]int{1: 1}[c.at] || two.Count() != map[int]int{2: 1}[c.at] {
				t.Errorf("%d and %d messages", one.Count(), two.Count())
			}
			if c.at == 2 && c.one[sink.End].Reply == "" { // its health is known now
				before := one.Conns()
				s.expect(s.entry(letterText), relayed)
				if one.Conns() != before || len(s.d.Health()) != 1 {
					t.Errorf("%d connections, %+v", one.Conns()-before, s.d.Health())
				}
			}
		})
	}
}

func TestAChainMayEndWithTheMailExchangers(t *testing.T) {
	for _, order := range [][]Relay{
		{{Host: "one.relay.test", TLS: NoTLS}, {}},
		{{}, {Host: "one.relay.test", TLS: NoTLS}},
		{{Host: "missing.relay.test", TLS: NoTLS}, {Host: "ill.relay.test", TLS: NoTLS}, {}},
	} {
		s := newScene(t, relays, nil)
		k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Reply: "421 down"}}})
		relay := s.sinkAt("127.0.0.11", sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Reply: "421 down"}}})
		s.d.Routes = &Table{Rules: []Rule{{Route: s.route(order...)}}}
		s.expect(s.entry(letterText), "deferred 4.3.2 greeting")
		k.Set(sink.Greeting, sink.Behaviour{Reply: "220 up"})
		s.expect(s.entry(letterText), relayed)
		if k.Count() != 1 || relay.Count() != 0 {
			t.Errorf("%d %d", k.Count(), relay.Count())
		}
	}
	s := newScene(t, relays, nil)
	s.d.Routes = &Table{Rules: []Rule{{Route: s.route(Relay{}, Relay{Host: "one.relay.test", TLS: NoTLS})}}}
	s.sinkAt("127.0.0.11", sink.Options{})
	s.expect(s.entry(letterText, "info@missing.test"), "failed 5.1.2 dns") // a relay can not help
	s.dns.Set("there.test", world.Behaviour{RCode: 2})
	s.expect(s.entry(letterText), relayed)
}

func TestRelaysThatCanNotBeFoundDefer(t *testing.T) {
	for host, want := range map[string]string{
		"missing.relay.test": "deferred 4.4.4 dns", "ill.relay.test": "deferred 4.4.4 dns", "127.0.0.99": "deferred 4.4.6 dns", "127.0.0.98": "deferred 4.4.1 connect",
	} {
		s := newScene(t, relays, func(d *Deps) { d.Settings.Listen = append(d.Settings.Listen, mustAddrPort("127.0.0.99:0")) })
		s.d.Routes = &Table{Rules: []Rule{{Route: s.route(Relay{Host: host, TLS: NoTLS})}}}
		s.expect(s.entry(letterText), want)
	}
}

func TestRoutesAreChosen(t *testing.T) {
	a, b, c, d := &Route{Name: "a"}, &Route{Name: "b"}, &Route{Name: "c"}, &Route{Name: "d"}
	table := &Table{Rules: []Rule{
		{Sender: "shop.test", Recipient: "there.test", Route: a},
		{Sender: "shop.test", Route: b},
		{Recipient: ".inside.test"},
		{Recipient: "there.test", Route: c},
	}, Routes: []*Route{d}}
	for _, x := range []struct {
		name, from, to string
		want           *Route
	}{
		{"", "<x@shop.test>", "there.test", a},
		{"", "<x@shop.test>", "else.test", b},
		{"", "<x@else.test>", "there.test", c},
		{"", "<>", "there.test", c},
		{"", "<>", "deep.inside.test", nil},
		{"", "<>", "inside.test", nil},
		{"d", "<x@shop.test>", "there.test", d},
		{"b", "<>", "else.test", b},
	} {
		if got, err := table.Route(t.Context(), x.name, path(t, x.from), x.to); got != x.want || err != nil {
			t.Errorf("%+v: %v %v", x, got, err)
		}
	}
	s := newScene(t, zone, func(d *Deps) { d.Routes = table })
	e := s.entry(letterText)
	e.Route = "gone"
	s.expect(e, "deferred 4.3.5 dns")
	var unknown *UnknownRoute
	if _, err := table.Route(t.Context(), "gone", e.From, ""); !errors.As(err, &unknown) || unknown.Name != "gone" {
		t.Error(err)
	}
	for want, r := range map[uint16]Relay{465: {TLS: ImplicitTLS}, 587: {Login: &Login{}}, 25: {}, 99: {Port: 99, TLS: ImplicitTLS}} {
		if r.port() != want {
			t.Errorf("%+v: port %d", r, r.port())
		}
	}
}

func TestREQUIRETLSOverARelay(t *testing.T) {
	id := certify(t, yesterday(), "one.relay.test")
	s := newScene(t, relays, func(d *Deps) { d.Roots = id.roots })
	k := s.sinkAt("127.0.0.11", sink.Options{TLS: id.server, With: []string{"REQUIRETLS"}})
	s.d.Routes = &Table{Rules: []Rule{{Route: s.route(Relay{Host: "one.relay.test", TLS: OfferedTLS})}}}
	e := s.entry(letterText)
	e.RequireTLS = true
	s.expect(e, relayed)
	if !strings.Contains(commands(k), "REQUIRETLS") {
		t.Error(commands(k))
	}
}

func TestAnEntryIsNotChanged(t *testing.T) {
	s := newScene(t, zone, nil)
	s.sink(1, sink.Options{Rcpts: map[string]sink.Behaviour{"b@there.test": {Reply: "550 no"}}})
	e := s.entry(letterText, "a@there.test", "b@there.test")
	before := *e
	rcpts := append([]spool.Rcpt(nil), e.Rcpts...)
	s.send(e)
	for i := range rcpts {
		if e.Rcpts[i] != rcpts[i] {
			t.Errorf("%+v", e.Rcpts[i])
		}
	}
	if e.Message != before.Message || e.Attempts != before.Attempts || !e.Next.Equal(before.Next) {
		t.Errorf("%+v", e)
	}
}

func TestTheQueueMayStopAMessageBeforeItsEnd(t *testing.T) {
	for _, without := range []string{"", "CHUNKING"} {
		stop := errors.New("the lease ends")
		asked := 0
		s := newScene(t, zone, func(d *Deps) {
			d.Ready = func(context.Context, *spool.Entry) error { asked++; return stop }
		})
		k := s.sink(1, sink.Options{Without: []string{without}})
		for _, text := range []string{letterText, letterText + strings.Repeat("x\r\n", 100_000)} {
			s.expect(s.entry(text), "deferred 4.3.2 local")
		}
		if k.Count() != 0 || asked != 2 {
			t.Errorf("%d messages, asked %d times", k.Count(), asked)
		}
		stop = nil
		s.expect(s.entry(letterText), relayed)
	}
}

func TestAMessageThatCanNotBeReadWaits(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{})
	e := s.entry(letterText)
	e.Blob[3]++
	s.expect(e, "deferred 4.3.0 local")
	if k.Conns() > 0 {
		t.Error("connected for nothing")
	}
}

func TestHealthIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	h := newHealth(time.Minute, func() time.Time { return now })
	for i := range 2*maxUnwell + 5 {
		h.failed(itoa(i), "x")
	}
	if n := len(h.list()); n > maxUnwell {
		t.Errorf("%d hosts", n)
	}
	h.failed("a", "x")
	h.failed("a", "y")
	if !h.down("a") || h.down("b") {
		t.Error("down")
	}
	now = now.Add(2 * time.Minute)
	if h.down("a") {
		t.Error("down for ever")
	}
	h.well("a")
	for _, x := range h.list() {
		if x.Host == "a" {
			t.Error("well, and listed")
		}
	}
}

func TestSeveralHostsOutOfReachAndNoneReachedMeansWeAreCutOff(t *testing.T) {
	h := newHealth(time.Minute, time.Now)
	for i, name := range []string{"a", "a", "b", "c"} {
		if h.cutOff() {
			t.Errorf("cut off after %d failures", i)
		}
		h.failed(name, "timeout")
	}
	if !h.cutOff() {
		t.Error("three hosts out of reach say nothing")
	}
	if h.well("d"); h.cutOff() {
		t.Error("cut off, and a host was reached")
	}
}

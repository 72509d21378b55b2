package remote

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"barid/base/kv"
	"barid/e2e/sink"
	"barid/mail"
	"barid/mail/relay"
	"barid/store/memory"
)

// liveScene is a scene whose routes are in a store.
func liveScene(t *testing.T, set func(*Deps)) (*scene, *relay.Store) {
	t.Helper()
	store := relay.Open(t.Context(), memory.New(), time.Now)
	return newScene(t, relays, func(d *Deps) {
		live := NewLive(store, nil)
		d.Routes, d.Sources = live, live.Sources
		if set != nil {
			set(d)
		}
	}), store
}

// change changes the store.
func change(t *testing.T, store *relay.Store, f func(*relay.Edit) error) {
	t.Helper()
	if _, err := store.Update(t.Context(), false, f); err != nil {
		t.Fatal(err)
	}
}

func TestQueuedMailFollowsTheRules(t *testing.T) {
	s, store := liveScene(t, nil)
	mx, one, two := s.sink(1, sink.Options{}), s.sinkAt("127.0.0.11", sink.Options{}), s.sinkAt("127.0.0.12", sink.Options{})
	at := func(step string, e string, want *sink.Sink) {
		t.Helper()
		before := want.Count()
		entry := s.entry(letterText)
		entry.Route = e
		s.expect(entry, relayed)
		if want.Count() != before+1 {
			t.Errorf("%s: mx %d, one %d, two %d", step, mx.Count(), one.Count(), two.Count())
		}
	}
	at("no rule", "", mx)
	change(t, store, func(e *relay.Edit) error {
		return errors.Join(
			e.SetRoute(relay.Route{Name: "one", Relays: []relay.Relay{{Host: "one.relay.test", Port: s.port, TLS: relay.TLSNone}}}),
			e.SetRoute(relay.Route{Name: "two", Relays: []relay.Relay{{Host: "two.relay.test", Port: s.port, TLS: relay.TLSOffered}}}),
			e.SetRule(relay.Rule{Route: "one"}))
	})
	at("a rule for all mail", "", one)
	at("the note of a rule that is no more", relay.Hint("gone"), one)
	at("an operator's choice", "two", two)
	at("an operator's choice of the mail exchangers", relay.Direct, mx)
	change(t, store, func(e *relay.Edit) error { return e.SetRule(relay.Rule{Recipient: "there.test", Route: "two"}) })
	at("a nearer rule", relay.Hint("one"), two)
	change(t, store, func(e *relay.Edit) error {
		return e.SetRule(relay.Rule{Sender: "here.test", Recipient: "there.test", Route: relay.Direct})
	})
	at("the nearest rule says direct", relay.Hint("one"), mx)
	change(t, store, func(e *relay.Edit) error { return e.RemoveRoute("two", true) })
	at("its rules are gone", "", mx)
	e := s.entry(letterText)
	e.Route = "two"
	s.expect(e, "deferred 4.3.5 dns")
}

func TestRoutesThatCanNotBeReadDefer(t *testing.T) {
	db := memory.New()
	err := db.Update(t.Context(), kv.Part{Kind: kv.Directory}, func(txn kv.Txn) error {
		txn.Put(mail.TableRelayRule, []byte("\x00"), []byte{1, '{'})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	live := NewLive(relay.Open(t.Context(), db, time.Now), nil)
	s := newScene(t, zone, func(d *Deps) { d.Routes, d.Sources = live, live.Sources })
	k := s.sink(1, sink.Options{})
	s.expect(s.entry(letterText), "deferred 4.3.5 dns")
	if k.Conns() > 0 {
		t.Error("sent another way")
	}
}

func TestSourcesChangeWhileItRuns(t *testing.T) {
	s, store := liveScene(t, func(d *Deps) { d.Settings.MaxIdle = -1 })
	k := s.sink(1, sink.Options{})
	s.expect(s.entry(letterText), relayed)
	change(t, store, func(e *relay.Edit) error { return e.SetSource("127.0.0.77", "shop.test", []string{"here.test"}) })
	s.expect(s.entry(letterText), relayed)
	m := k.Messages()
	if m[0].Helo != "out.test" || m[1].Helo != "shop.test" || !strings.HasPrefix(m[1].Peer, "127.0.0.77") {
		t.Errorf("%+v", m)
	}
}

// grants is a token server. It gives the n-th token, and another refresh token each time.
func grants(t *testing.T) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		if r.FormValue("refresh_token") != "r"+itoa(int(n)) || r.FormValue("scope") != "smtp" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": "t" + itoa(int(n)), "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r" + itoa(int(n)+1),
		})
	}))
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return s.URL, asked
}

func TestARelayIsLoggedIntoWithARefreshToken(t *testing.T) {
	url, asked := grants(t)
	s, store := liveScene(t, func(d *Deps) { d.Settings.MaxIdle = -1 })
	k := s.sinkAt("127.0.0.1", sink.Options{Users: map[string]string{"office": "t1"}, Auth: "XOAUTH2"})
	set := func(refresh relay.Secret) {
		change(t, store, func(e *relay.Edit) error {
			return errors.Join(e.SetRule(relay.Rule{Route: "office"}), e.SetRoute(relay.Route{Name: "office", Relays: []relay.Relay{{
				Host: "127.0.0.1", Port: s.port, TLS: relay.TLSNone, User: "office",
				OAuth: &relay.OAuth{TokenURL: url, ClientID: "id", Scope: "smtp", RefreshToken: refresh},
			}}}))
		})
	}
	set("r1")
	for range 3 {
		s.expect(s.entry(letterText), relayed)
	}
	if asked.Load() != 1 || k.Count() != 3 {
		t.Errorf("%d tokens for %d messages", asked.Load(), k.Count())
	}
	r, _ := store.Snapshot().Route("office")
	if r.Relays[0].OAuth.RefreshToken.Reveal() != "r2" {
		t.Errorf("the new refresh token was not kept: %q", r.Relays[0].OAuth.RefreshToken.Reveal())
	}
	change(t, store, func(e *relay.Edit) error { return e.SetRule(relay.Rule{Recipient: "else.test", Route: relay.Direct}) })
	s.expect(s.entry(letterText), relayed) // the token outlives a change of something else
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	set("revoked")
	out := s.expect(s.entry(letterText), "deferred 4.7.8 auth")
	if h := s.d.Health(); len(h) != 1 || !strings.Contains(h[0].Why, "access token") || strings.Contains(out[0].Answer.Text, "revoked") {
		t.Errorf("%+v, %q", h, out[0].Answer.Text)
	}
}

func TestATrialShowsTheDialogue(t *testing.T) {
	id := certify(t, yesterday(), "one.relay.test")
	for _, c := range []struct {
		name  string
		relay Relay
		sink  sink.Options
		said  string
		want  string
	}{
		{
			"all is well",
			Relay{Login: &Login{User: "office", Password: "secret"}},
			sink.Options{},
			"|EHLO out.test|STARTTLS|(TLS)|EHLO out.test|AUTH PLAIN (secret)|MAIL FROM:<>|RSET|QUIT", "",
		},
		{
			"LOGIN",
			Relay{Login: &Login{User: "office", Password: "secret"}},
			sink.Options{Auth: "LOGIN"},
			"|EHLO out.test|STARTTLS|(TLS)|EHLO out.test|AUTH LOGIN|(secret)|(secret)|MAIL FROM:<>|RSET|QUIT", "",
		},
		{
			"a wrong password",
			Relay{Login: &Login{User: "office", Password: "wrong"}},
			sink.Options{},
			"|EHLO out.test|STARTTLS|(TLS)|EHLO out.test|AUTH PLAIN (secret)", "4.7.8 auth",
		},
		{
			"the sender is refused",
			Relay{Login: &Login{User: "office", Password: "secret"}},
			sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Mail: {Reply: "550 5.7.1 not you"}}},
			"|EHLO out.test|STARTTLS|(TLS)|EHLO out.test|AUTH PLAIN (secret)|MAIL FROM:<>", "5.7.1 mail",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, relays, func(d *Deps) { d.Roots = id.roots })
			c.sink.TLS, c.sink.Users = id.server, map[string]string{"office": "secret"}
			k := s.sinkAt("127.0.0.11", c.sink)
			c.relay.Host, c.relay.Port = "one.relay.test", s.port
			out := s.d.Try(t.Context(), &c.relay, "<>")
			var said []string
			for _, x := range out.Heard {
				if x.TLS != "" {
					x.Said, x.Code, x.Reply = "(TLS)", 1, x.TLS
				}
				if said = append(said, x.Said); x.Code == 0 || x.Reply == "" {
					t.Errorf("%+v", x)
				}
			}
			got := ""
			if out.Trouble != nil {
				got = out.Trouble.Enhanced + " " + out.Trouble.Stage
			}
			if strings.Join(said, "|") != c.said || got != c.want || out.Timing.Connect == 0 {
				t.Errorf("%s %s\n%+v", strings.Join(said, "|"), got, out)
			}
			if k.Count() != 0 || len(s.d.Health()) != 0 {
				t.Error("something was sent, or noted")
			}
			if open, _ := s.d.Connections(); open != 0 {
				t.Error("a connection is left")
			}
		})
	}
	s := newScene(t, relays, nil)
	for host, want := range map[string]string{"missing.relay.test": "4.4.4 dns", "127.0.0.98": "4.4.1 connect"} {
		out := s.d.Try(t.Context(), &Relay{Host: host, Port: s.port}, "<>")
		if out.Trouble == nil || out.Trouble.Enhanced+" "+out.Trouble.Stage != want {
			t.Errorf("%s: %+v", host, out)
		}
	}
}

package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/e2e/sink"
	"barid/e2e/world"
	"barid/mail"
	"barid/store/memory"
)

func TestTLSIsUsedWhereItIsOffered(t *testing.T) {
	good := certify(t, yesterday(), "mx1.there.test")
	for _, c := range []struct {
		name string
		id   identity
		want string // of the outcome's TLS
	}{
		{"a certificate for the name", good, "TLS1.3 TLS_AES_128_GCM_SHA256 verified"},
		{"a certificate for another name", certify(t, yesterday(), "other.test"), "TLS1.3 TLS_AES_128_GCM_SHA256 unverified"},
		{"an old certificate", certify(t, time.Now().Add(-72*time.Hour), "mx1.there.test"), "TLS1.3 TLS_AES_128_GCM_SHA256 unverified"},
		{"a certificate of somebody unknown", identity{certify(t, yesterday(), "mx1.there.test").server, good.roots}, "TLS1.3 TLS_AES_128_GCM_SHA256 unverified"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, func(d *Deps) { d.Roots = c.id.roots })
			k := s.sink(1, sink.Options{TLS: c.id.server})
			for range 2 { // the second over the connection of the first
				if out := s.expect(s.entry(letterText), relayed); out[0].TLS != c.want {
					t.Errorf("%q", out[0].TLS)
				}
			}
			m := k.Messages()[1]
			if m.TLS != "mx1.there.test" || k.Conns() != 1 { // SNI (D11)
				t.Errorf("%+v over %d connections", m, k.Conns())
			}
			if got := strings.Count(strings.Join(k.Lines(), "\n"), "EHLO"); got != 2 {
				t.Errorf("%d EHLOs: what was said in clear must be forgotten", got)
			}
		})
	}
}

// noTLS are servers whose TLS does not work. A domain that was never reached with TLS gets its mail in clear.
var noTLS = []struct {
	name  string
	set   func(*sink.Options)
	known string // outcome when the domain is known to have TLS
}{
	{"STARTTLS is no more offered", func(o *sink.Options) { o.TLS = nil }, "deferred 4.7.10 tls"},
	{"STARTTLS is answered 454", func(o *sink.Options) {
		o.Behave = map[sink.Stage]sink.Behaviour{sink.StartTLS: {Reply: "454 4.7.0 not available"}}
	}, "deferred 4.7.10 tls"},
	{"the handshake is cut", func(o *sink.Options) { o.Behave = map[sink.Stage]sink.Behaviour{sink.Handshake: {Close: true}} }, "deferred 4.7.5 tls"},
	{"the handshake is junk", func(o *sink.Options) {
		o.Behave = map[sink.Stage]sink.Behaviour{sink.Handshake: {Raw: "no TLS today\r\n", Leave: true, Delay: 20 * time.Millisecond}}
	}, "deferred 4.7.5 tls"},
	{"the server speaks only old TLS", func(o *sink.Options) {
		o.TLS = o.TLS.Clone()
		o.TLS.MinVersion, o.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}, "deferred 4.7.5 tls"},
	{"EHLO is no more known", func(o *sink.Options) { o.Behave = map[sink.Stage]sink.Behaviour{sink.EHLO: {Reply: "502 no"}} }, "deferred 4.7.10 tls"},
}

func TestADomainNeverFallsBelowALevelOnceSeen(t *testing.T) {
	id := certify(t, yesterday(), "mx1.there.test")
	for _, c := range noTLS {
		for _, level := range []Level{Clear, Encrypted, Verified} {
			t.Run(c.name+" after "+level.String(), func(t *testing.T) {
				memory := OpenLevels(memory.New())
				s := newScene(t, zone, func(d *Deps) { d.Roots, d.Memory = id.roots, memory })
				if level > Clear {
					if err := memory.Saw(t.Context(), "there.test", level, s.d.now()); err != nil {
						t.Fatal(err)
					}
				}
				o := sink.Options{TLS: id.server}
				c.set(&o)
				k := s.sink(1, o)
				e := s.entry(letterText)
				if level == Clear {
					if out := s.expect(e, relayed); out[0].TLS != "" {
						t.Errorf("%q", out[0].TLS)
					}
					return
				}
				out := s.expect(e, c.known)
				if !strings.Contains(out[0].Answer.Text, "last reached with "+level.String()+" TLS") {
					t.Errorf("%q", out[0].Answer.Text)
				}
				e.Arrived = e.Arrived.Add(-s.d.set.DowngradeAfter)
				s.expect(e, strings.Replace(c.known, "deferred 4", "failed 5", 1)) // now its sender hears of it
				if k.Count() != 0 || strings.Contains(commands(k), "MAIL") {
					t.Errorf("sent in clear:\n%s", commands(k))
				}
				if l, _, _ := memory.Level(t.Context(), "there.test"); l != level {
					t.Errorf("now %v is remembered", l)
				}
			})
		}
	}
}

// RFC 8689 §5: "TLS-Required: No" goes out in clear where nothing else works, and nothing is forgotten for it.
func TestASenderMayRatherHaveItInClear(t *testing.T) {
	id := certify(t, yesterday(), "mx1.there.test")
	memory := OpenLevels(memory.New())
	s := newScene(t, zone, func(d *Deps) { d.Roots, d.Memory = id.roots, memory })
	if err := memory.Saw(t.Context(), "there.test", Verified, s.d.now()); err != nil {
		t.Fatal(err)
	}
	s.sink(1, sink.Options{})
	e := s.entry(letterText)
	e.TLSOptional = true
	if out := s.expect(e, relayed); out[0].TLS != "" {
		t.Errorf("%q", out[0].TLS)
	}
	if l, _, _ := memory.Level(t.Context(), "there.test"); l != Verified {
		t.Errorf("now %v is remembered", l)
	}
	s.expect(s.entry(letterText), "deferred 4.7.10 tls")
}

func TestAVerifiedDomainDoesNotTakeAnyCertificate(t *testing.T) {
	good, bad := certify(t, yesterday(), "mx1.there.test"), certify(t, yesterday(), "evil.test")
	m := OpenLevels(memory.New())
	s := newScene(t, zone, func(d *Deps) { d.Roots, d.Memory = good.roots, m; d.Settings.MaxIdle = -1 })
	k := s.sink(1, sink.Options{TLS: good.server})
	s.expect(s.entry(letterText), relayed)
	if l, at, err := m.Level(t.Context(), "there.test"); l != Verified || time.Since(at) > time.Minute || err != nil {
		t.Fatal(l, at, err)
	}
	k.Stop()
	k = s.sink(1, sink.Options{TLS: bad.server})
	e := s.entry(letterText)
	s.expect(e, "deferred 4.7.5 tls")
	e.Arrived = e.Arrived.Add(-s.d.set.DowngradeAfter)
	s.expect(e, "failed 5.7.5 tls")
	if k.Count() > 0 {
		t.Error("sent")
	}
	if err := m.Forget(t.Context(), "there.test"); err != nil {
		t.Fatal(err)
	}
	s.expect(s.entry(letterText), relayed)
	if l, _, _ := m.Level(t.Context(), "there.test"); l != Encrypted {
		t.Error(l)
	}
}

func TestWhatIsSaidInClearBehindSTARTTLSIsDropped(t *testing.T) {
	id := certify(t, yesterday(), "mx1.there.test")
	s := newScene(t, zone, func(d *Deps) { d.Roots = id.roots })
	k := s.sink(1, sink.Options{TLS: id.server, Behave: map[sink.Stage]sink.Behaviour{
		sink.StartTLS: {Inject: "250-sink.test\r\n250 AUTH PLAIN\r\n250 2.1.0 ok\r\n"},
	}})
	out := s.expect(s.entry(letterText), "deferred 4.7.0 tls")
	if !strings.Contains(out[0].Answer.Text, "in clear") || k.Count() != 0 || strings.Contains(commands(k), "MAIL") {
		t.Errorf("%+v\n%s", out[0].Answer, commands(k))
	}
}

func TestAMemoryThatDoesNotAnswerDefers(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) { d.Memory = noMemory{} })
	k := s.sink(1, sink.Options{})
	s.expect(s.entry(letterText), "deferred 4.3.0 tls")
	if k.Conns() != 0 {
		t.Error("connected")
	}
}

type noMemory struct{}

func (noMemory) Level(context.Context, string) (Level, time.Time, error) {
	return 0, time.Time{}, kv.ErrUnavailable
}
func (noMemory) Saw(context.Context, string, Level, time.Time) error { return kv.ErrUnavailable }

func TestREQUIRETLS(t *testing.T) {
	id := certify(t, yesterday(), "mx1.there.test")
	other := certify(t, yesterday(), "other.test")
	proven := world.Behaviour{AD: true}
	for _, c := range []struct {
		name   string
		server sink.Options
		proven bool
		want   string
	}{
		{"all is well", sink.Options{TLS: id.server, With: []string{"REQUIRETLS"}}, true, relayed},
		{"not offered", sink.Options{TLS: id.server}, true, "failed 5.7.30 tls"},
		{"no TLS", sink.Options{With: []string{"REQUIRETLS"}}, true, "failed 5.7.30 tls"},
		{"wrong certificate", sink.Options{TLS: other.server, With: []string{"REQUIRETLS"}}, true, "failed 5.7.30 tls"},
		{"nothing proves the MX", sink.Options{TLS: id.server, With: []string{"REQUIRETLS"}}, false, "failed 5.7.30 tls"},
		{"the handshake fails", sink.Options{TLS: id.server, Behave: map[sink.Stage]sink.Behaviour{sink.Handshake: {Close: true}}}, true, "deferred 4.7.5 tls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, func(d *Deps) { d.Roots = id.roots })
			if c.proven {
				s.dns.Set("there.test", proven)
			}
			k := s.sink(1, c.server)
			e := s.entry(letterText)
			e.RequireTLS = true
			s.expect(e, c.want)
			if c.want == relayed {
				if !strings.Contains(commands(k), " REQUIRETLS") {
					t.Error(commands(k))
				}
			} else if k.Count() > 0 {
				t.Error("sent")
			}
		})
	}
}

func TestPooledConnectionsProveNothingForREQUIRETLS(t *testing.T) {
	id := certify(t, yesterday(), "mx1.there.test")
	s := newScene(t, zone+`
	$ORIGIN other.test.
	@ MX 10 mx1.there.test.
	;! @ ad
	`, func(d *Deps) { d.Roots = id.roots })
	s.dns.Set("other.test", world.Behaviour{AD: true})
	k := s.sink(1, sink.Options{TLS: id.server, With: []string{"REQUIRETLS"}})
	e := s.entry(letterText, "info@other.test")
	e.RequireTLS = true
	s.expect(e, relayed)
	e = s.entry(letterText)
	e.RequireTLS = true
	s.expect(e, "failed 5.7.30 tls")
	if k.Count() != 1 {
		t.Error("sent")
	}
}

func TestPooledConnectionsAreNoWayAroundALevel(t *testing.T) {
	m := OpenLevels(memory.New())
	s := newScene(t, zone+`
	$ORIGIN safe.test.
	@ MX 10 mx1.there.test.
	`, func(d *Deps) { d.Memory = m })
	k := s.sink(1, sink.Options{})
	if err := m.Saw(t.Context(), "safe.test", Encrypted, s.d.now()); err != nil {
		t.Fatal(err)
	}
	s.expect(s.entry(letterText), relayed) // leaves a connection in clear
	s.expect(s.entry(letterText, "info@safe.test"), "deferred 4.7.10 tls")
	if k.Count() != 1 {
		t.Error("sent in clear over an idle connection")
	}
}

func TestLevels(t *testing.T) {
	db := memory.New()
	m := OpenLevels(db)
	ctx := t.Context()
	day := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	level := func(m *Levels, domain string, want Level, at time.Time) {
		t.Helper()
		if l, seen, err := m.Level(ctx, domain); l != want || !seen.Equal(at) || err != nil {
			t.Errorf("%s: %v %v %v, want %v %v", domain, l, seen, err, want, at)
		}
	}
	saw := func(domain string, l Level, at time.Time) {
		t.Helper()
		if err := m.Saw(ctx, domain, l, at); err != nil {
			t.Fatal(err)
		}
	}
	level(m, "a.test", Clear, time.Time{})
	saw("a.test", Clear, day)
	level(m, "a.test", Clear, time.Time{})
	saw("a.test", Encrypted, day)
	saw("b.test", Verified, day)
	saw("b.test", Encrypted, day.Add(48*time.Hour)) // lower: nothing changes
	saw("b.test", Clear, day.Add(48*time.Hour))
	level(m, "b.test", Verified, day)
	saw("a.test", Encrypted, day.Add(time.Hour)) // too early to be worth a write
	level(m, "a.test", Encrypted, day)
	saw("a.test", Encrypted, day.Add(25*time.Hour))
	saw("a.test", Verified, day.Add(26*time.Hour))
	level(OpenLevels(db), "a.test", Verified, day.Add(26*time.Hour)) // another process
	var all []string
	if err := m.All(ctx, func(r Remembered) bool { all = append(all, r.Domain+" "+r.Level.String()); return true }); err != nil || strings.Join(all, ",") != "a.test verified,b.test verified" {
		t.Error(all, err)
	}
	n := 0
	if err := m.All(ctx, func(Remembered) bool { n++; return false }); err != nil || n != 1 {
		t.Error(n, err)
	}
	db.Fail(func() error { return kv.ErrFull })
	if err := m.Saw(ctx, "c.test", Verified, day); !errors.Is(err, kv.ErrFull) {
		t.Error(err)
	}
	db.Fail(nil)
	level(m, "c.test", Clear, time.Time{})
	if err := db.Update(ctx, levelPart, func(tx kv.Txn) error {
		tx.Put(mail.TableTLSMemory, []byte("d.test"), []byte{9, 9})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Level(ctx, "d.test"); !errors.Is(err, kv.ErrCorrupt) {
		t.Error(err)
	}
}

// TestStoredLevel fixes the form on disk.
func TestStoredLevel(t *testing.T) {
	b := seen{Verified, 0x0102030405}.append(nil)
	if want := "\x01\x02\x00\x00\x00\x01\x02\x03\x04\x05"; string(b) != want {
		t.Errorf("%x", b)
	}
	for _, bad := range []string{"", "\x01", "\x02\x02\x00\x00\x00\x01\x02\x03\x04\x05", "\x01\x03\x00\x00\x00\x01\x02\x03\x04\x05", string(b) + "x"} {
		if _, err := parseSeen("x", []byte(bad)); err == nil {
			t.Errorf("%x was read", bad)
		}
	}
}

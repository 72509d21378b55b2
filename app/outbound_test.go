package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/app/config"
	"barid/base/dns"
	"barid/base/fault"
	"barid/base/log"
	"barid/e2e/world"
	"barid/mail/account"
	"barid/rfc/addr"
)

// opened is an installation in memory that hosts two domains.
func opened(t *testing.T, change func(*config.Config)) *System {
	t.Helper()
	cfg, err := config.Load("", nil, []string{"data=" + t.TempDir(), "hostname=mx.example.test", "policy.iprev=off", "resolver=127.0.0.1:9"})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(cfg)
	}
	s, err := open(t.Context(), cfg, log.Nothing(), opening{inMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, d := range []string{"example.test", "مثال.إختبار"} {
		if _, err := s.directory.AddDomain(t.Context(), account.Domain{Name: d}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestATwinIsAnotherAddressOfTheSameAccount(t *testing.T) {
	s := opened(t, nil)
	for _, a := range []account.Account{
		{Name: "فروش@example.test", Addresses: []string{"sales@مثال.إختبار", "sales@example.test"}},
		{Name: "پشتیبانی@example.test"},
		{Name: "خزانه@example.test", Addresses: []string{"safe@مثال.إختبار"}},
	} {
		if _, err := s.directory.AddAccount(t.Context(), a, "correct-horse-battery"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.directory.AddAlias(t.Context(), account.Alias{Address: "همه@example.test", Members: []string{"فروش@example.test", "خزانه@example.test"}}); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"فروش@example.test":     "sales@example.test", // in the same domain
		"خزانه@example.test":    "safe@xn--mgbh0fb.xn--kgbechtv",
		"پشتیبانی@example.test": "", // nothing in ASCII
		"همه@example.test":      "", // several people
		"فروش+x@example.test":   "", // what is behind the + would be lost
		"کسی@example.test":      "",
		"info@elsewhere.test":   "",
	} {
		m, err := addr.ParseMailbox(address, true)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := s.twin(t.Context(), m)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v %v, want %q", address, got, ok, want)
		}
	}
}

func TestWhereWeTakeMailIsKnown(t *testing.T) {
	s := &System{cfg: &config.Config{Listeners: []config.Listener{
		{Protocol: "smtp", Address: "[::]:25"},
		{Protocol: "submission", Address: "192.0.2.1:587"},
		{Protocol: "lmtp", Address: ":24"},
		{Protocol: "smtp", Address: "127.0.0.1:0"},
		{Protocol: "smtp", Address: "localhost:2525"},
		{Protocol: "imap", Address: "[::]:143"},
	}}}
	if got := fmt.Sprint(s.smtpAddresses()); got != "[[::]:25 192.0.2.1:587 [::]:24]" {
		t.Error(got)
	}
}

func TestOwnPresetsAreReadWhenAskedFor(t *testing.T) {
	s := opened(t, nil)
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.cfg.Data, presetsName)
	for text, want := range map[string]string{
		`{"version":1,"presets":[]}`: "",
		`{"version":7,"presets":[]}`: "can not be used",
		strings.Repeat(" ", 2<<20):   "too long",
		"":                           "can not be used",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := s.presets()
		if want == "" && (err != nil || len(p.All()) < 9) || want != "" && (err == nil || !strings.Contains(fault.Of(err).What, want)) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
	_ = os.Remove(file)
	if _, err := s.presets(); err != nil {
		t.Error(err)
	}
}

// TestTokenServersAreFoundByTheConfiguredResolvers gives a name that only our DNS knows.
func TestTokenServersAreFoundByTheConfiguredResolvers(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }))
	defer web.Close()
	_, port, _ := net.SplitHostPort(web.Listener.Addr().String())
	w := world.Start(t, "$ORIGIN example.test.\n$TTL 0\ntokens A 127.0.0.1\n")
	r, err := dns.New(dns.Config{Servers: []string{w.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := tokenClient(r)
	defer c.CloseIdleConnections()
	resp, err := c.Get("http://tokens.example.test:" + port)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if _, err := c.Get("http://missing.example.test:" + port); err == nil {
		t.Error("a name that is not there was found")
	}
}

func TestServersThatMailGoesToAreFoundWithoutADNS(t *testing.T) {
	w := world.Start(t, "$ORIGIN example.test.\n@ 1 MX 10 mx\nmx 1 A 127.0.0.1\nother 1 A 127.0.0.2\n")
	known := dns.NewKnown(knownNames)
	r, err := dns.New(dns.Config{Servers: []string{w.Addr()}, Stale: known.Has})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	mx := mxResolver{r, known}
	if _, err := mx.LookupMX(t.Context(), "example.test"); err != nil {
		t.Fatal(err)
	}
	if _, err := mx.LookupAddrs(t.Context(), "mx.example.test"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"example.test": true, "mx.example.test": true, "other.example.test": false} {
		if known.Has(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// TestResolversAreNamed: whose answers mail depends on is in the log, also when the system chose them.
func TestResolversAreNamed(t *testing.T) {
	var b bytes.Buffer
	s := &System{cfg: &config.Config{Resolver: []string{"127.0.0.1:5353"}}, log: slog.New(slog.NewTextHandler(&b, nil)), reg: newRegistry()}
	if err := s.openResolver(); err != nil {
		t.Fatal(err)
	}
	defer s.resolver.Close()
	if got := b.String(); !strings.Contains(got, "127.0.0.1:5353") || !strings.Contains(got, "from=barid.toml") {
		t.Error(got)
	}
	b.Reset()
	s.cfg.Resolver = nil
	if s.sayResolvers(); !strings.Contains(b.String(), "from=/etc/resolv.conf") {
		t.Error(b.String())
	}
}

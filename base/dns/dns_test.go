package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/base/dns"
	"barid/e2e/world"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const zone = `
	$ORIGIN example.test.
	$TTL 300
	@         SOA ns hostmaster 1 3600 600 86400 60
	@         MX 20 mx2
	@         MX 10 MX1
	@         TXT "v=spf1 " "-all"
	@         TXT "quote \" back \\ slash \200"
	null      MX 0 .
	mx1       A 127.0.0.1
	mx1       AAAA ::1
	mx2       A 127.0.0.2
	only6     AAAA ::2
	www       CNAME web
	web       CNAME mx1
	bare      CNAME web
	dangling  CNAME nowhere
	self      CNAME self
	ring1     CNAME ring2
	ring2     CNAME ring1
	_25._tcp.mx1  TLSA 3 1 1 00ff10
	_imaps._tcp   SRV 10 5 993 mx1
	_imaps._tcp   SRV 10 50 993 mx2
	_imaps._tcp   SRV 0 1 993 mx2
	with\032space TXT "spaced"
	fresh 0   A 127.0.0.4
	half      A 127.0.0.5
	;! half/AAAA rcode=SERVFAIL
	;! bare   bare
	;! ring1  bare
	;! ring2  bare
	;! ill    rcode=SERVFAIL ede=22:no_reachable_authority
	;! bogus  rcode=SERVFAIL ede=6:bad
	;! no     rcode=REFUSED
	;! dead   silent
	;! cut    truncate
	cut       A 127.0.0.6
	;! garble lie=garbage
	garble    A 127.0.0.7
	;! forged lie=first
	forged    A 127.0.0.8
	;! liar   lie=id
	;! other  lie=question
	;! noedns noedns
	noedns    A 127.0.0.9
	;! secure ad ede=3:old
	secure    A 127.0.0.10
	;! lame   lame
	;! noans/MX ad
	noans     A 127.0.0.11
	;! fat    pad=70000
	;! plump  pad=30000
	plump     A 127.0.0.12
	fat       A 127.0.0.13
	;! lower  lie=case
	lower     A 127.0.0.14
	;! cutreset truncate reset
	cutreset  A 127.0.0.15
`

const reverse = `
	$ORIGIN 0.0.127.in-addr.arpa.
	1 PTR mx1.example.test.
	1 PTR MX2.example.test.
`

func start(t *testing.T, c dns.Config, zones ...string) (*dns.Resolver, *world.World) {
	t.Helper()
	w := world.Start(t, append(zones, zone, reverse)...)
	c.Servers = append(c.Servers, w.Addr())
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	r, err := dns.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, w
}

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestTypedLookUps(t *testing.T) {
	r, _ := start(t, dns.Config{})
	ctx := t.Context()
	for _, c := range []struct {
		what string
		got  func() (any, error)
		want any
	}{
		{"MX by preference, names folded", func() (any, error) { x, err := r.LookupMX(ctx, "Example.TEST"); return x.Records, err }, []dns.MX{{10, "mx1.example.test"}, {20, "mx2.example.test"}}},
		{"null MX", func() (any, error) { x, err := r.LookupMX(ctx, "null.example.test."); return x.Records, err }, []dns.MX{{0, ""}}},
		{"A", func() (any, error) { x, err := r.LookupA(ctx, "mx1.example.test"); return x.Records, err }, addrs("127.0.0.1")},
		{"AAAA", func() (any, error) { x, err := r.LookupAAAA(ctx, "mx1.example.test"); return x.Records, err }, addrs("::1")},
		{"TXT joined, as bytes", func() (any, error) { x, err := r.LookupTXT(ctx, "example.test"); return x.Records, err }, []string{"v=spf1 -all", "quote \" back \\ slash \xc8"}},
		{"TXT of a name with a space", func() (any, error) { x, err := r.LookupTXT(ctx, "with space.example.test"); return x.Records, err }, []string{"spaced"}},
		{"PTR", func() (any, error) { return r.PTR(ctx, netip.MustParseAddr("::ffff:127.0.0.1")) }, []string{"mx1.example.test", "mx2.example.test"}},
		{"SRV by priority and weight", func() (any, error) { x, err := r.LookupSRV(ctx, "_imaps._tcp.example.test"); return x.Records, err }, []dns.SRV{{0, 1, 993, "mx2.example.test"}, {10, 50, 993, "mx2.example.test"}, {10, 5, 993, "mx1.example.test"}}},
		{"TLSA", func() (any, error) { x, err := r.LookupTLSA(ctx, "_25._tcp.mx1.example.test"); return x.Records, err }, []dns.TLSA{{3, 1, 1, []byte{0, 0xff, 0x10}}}},
		{"CNAME itself", func() (any, error) { x, err := r.LookupCNAME(ctx, "www.example.test"); return x.Records, err }, []string{"web.example.test"}},
		{"both families", func() (any, error) { return r.Addrs(ctx, "mx1.example.test") }, addrs("::1", "127.0.0.1")},
		{"IPv4 only", func() (any, error) { return r.Addrs(ctx, "mx2.example.test") }, addrs("127.0.0.2")},
		{"IPv6 only", func() (any, error) { return r.Addrs(ctx, "only6.example.test") }, addrs("::2")},
		{"cut by UDP", func() (any, error) { return r.Addrs(ctx, "cut.example.test") }, addrs("127.0.0.6")},
		{"unreadable by UDP, a forgery comes first", func() (any, error) { x, err := r.LookupA(ctx, "forged.example.test"); return x.Records, err }, addrs("127.0.0.8")},
		{"server without EDNS", func() (any, error) { return r.Addrs(ctx, "noedns.example.test") }, addrs("127.0.0.9")},
		{"30 kB answer", func() (any, error) { return r.Addrs(ctx, "plump.example.test") }, addrs("127.0.0.12")},
	} {
		if got, err := c.got(); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, %v; want %#v", c.what, got, err, c.want)
		}
	}
}

func TestAliasesAreFollowedHereWhenTheResolverDoesNot(t *testing.T) {
	r, w := start(t, dns.Config{})
	for _, name := range []string{"www.example.test", "bare.example.test"} {
		x, err := r.LookupA(t.Context(), name)
		if err != nil || len(x.Records) != 1 || x.Target != "mx1.example.test" || x.Name != name {
			t.Errorf("%s: %+v, %v", name, x, err)
		}
	}
	if w.Asked("web.example.test/A") != 1 {
		t.Errorf("the bare alias was not followed by a question of our own")
	}
}

func TestFailuresTellWhatWentWrong(t *testing.T) {
	r, _ := start(t, dns.Config{Timeout: 150 * time.Millisecond, Attempts: 1})
	for _, c := range []struct {
		name     string
		kind     dns.Kind
		notFound bool
	}{
		{"none.example.test", dns.NXDomain, true},
		{"dangling.example.test", dns.NXDomain, true},
		{"mx1.example.test", dns.NoData, true},
		{"www.example.test", dns.NoData, true},
		{"a..example.test", dns.BadName, true},
		{"", dns.BadName, true},
		{strings.Repeat("a", 64) + ".test", dns.BadName, true},
		{strings.Repeat("abcdefg.", 40) + "test", dns.BadName, true},
		{"ill.example.test", dns.ServFail, false},
		{"bogus.example.test", dns.Bogus, false},
		{"no.example.test", dns.Refused, false},
		{"dead.example.test", dns.Timeout, false},
		{"liar.example.test", dns.Timeout, false},
		{"other.example.test", dns.Timeout, false},
		{"self.example.test", dns.Loop, false},
		{"ring1.example.test", dns.Loop, false},
		{"lame.example.test", dns.ServFail, false},
		{"garble.example.test", dns.Malformed, false},
		{"cutreset.example.test", dns.Network, false},
	} {
		_, err := r.LookupMX(t.Context(), c.name)
		var e *dns.Error
		if !errors.As(err, &e) || e.Kind != c.kind {
			t.Errorf("%s: got %v, want %v", c.name, err, c.kind)
			continue
		}
		if dns.IsNotFound(err) != c.notFound || dns.IsTemporary(err) == c.notFound {
			t.Errorf("%s: IsNotFound %v, IsTemporary %v", c.name, dns.IsNotFound(err), dns.IsTemporary(err))
		}
		if dns.IsNXDomain(err) != (c.kind == dns.NXDomain) {
			t.Errorf("%s: IsNXDomain %v", c.name, dns.IsNXDomain(err))
		}
	}
	if dns.IsTemporary(nil) || dns.IsNotFound(nil) {
		t.Error("no error is neither")
	}
}

func TestADBitAndExtendedErrorsAreCarriedAlong(t *testing.T) {
	r, _ := start(t, dns.Config{})
	x, err := r.LookupA(t.Context(), "secure.example.test")
	if err != nil || !x.Authentic || !reflect.DeepEqual(x.Extended, []dns.Extended{{Code: 3, Text: "old"}}) {
		t.Errorf("got %+v, %v", x.Meta, err)
	}
	if x, _ := r.LookupA(t.Context(), "mx1.example.test"); x.Authentic {
		t.Error("AD without a reason")
	}
	_, err = r.LookupMX(t.Context(), "noans.example.test")
	var e *dns.Error
	if !errors.As(err, &e) || e.Kind != dns.NoData || !e.Authentic {
		t.Errorf("proven absence: %v", err)
	}
	_, err = r.LookupA(t.Context(), "ill.example.test")
	if !errors.As(err, &e) || !reflect.DeepEqual(e.Extended, []dns.Extended{{Code: 22, Text: "no reachable authority"}}) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(err.Error(), "extended error 22 no reachable authority") {
		t.Errorf("text: %v", err)
	}
}

func TestHalfAnAddressComesWithItsError(t *testing.T) {
	r, _ := start(t, dns.Config{})
	got, err := r.Addrs(t.Context(), "half.example.test")
	if !dns.IsTemporary(err) || !reflect.DeepEqual(got, addrs("127.0.0.5")) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := r.Addrs(t.Context(), "none.example.test"); !dns.IsNXDomain(err) || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTTLZeroIsNotCached(t *testing.T) {
	r, w := start(t, dns.Config{})
	for range 3 {
		if x, err := r.LookupA(t.Context(), "fresh.example.test"); err != nil || x.Cached {
			t.Fatalf("%+v, %v", x, err)
		}
		if x, err := r.LookupA(t.Context(), "mx1.example.test"); err != nil || x.TTL > 300*time.Second {
			t.Fatalf("%+v, %v", x, err)
		}
		_, _ = r.LookupA(t.Context(), "none.example.test")
	}
	for name, want := range map[string]int{"fresh.example.test": 3, "mx1.example.test": 1, "none.example.test": 1} {
		if got := w.Asked(name); got != want {
			t.Errorf("%s was asked %d times, want %d", name, got, want)
		}
	}
}

func TestManyCallersAskOnce(t *testing.T) {
	r, w := start(t, dns.Config{})
	release := w.Hold("mx2.example.test")
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if x, err := r.LookupA(t.Context(), "mx2.example.test"); err != nil || len(x.Records) != 1 {
				t.Errorf("%v, %v", x, err)
			}
		})
	}
	gaveUp, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.LookupA(gaveUp, "mx2.example.test"); !errors.Is(err, context.Canceled) || !dns.IsTemporary(err) {
		t.Errorf("a caller that gives up: %v", err)
	}
	release()
	callers.Wait()
	if n := w.Asked("mx2.example.test"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestTheNextServerAnswersWhenTheFirstDoesNot(t *testing.T) {
	for what, knob := range map[string]string{"silent": "silent", "failing": "rcode=SERVFAIL", "refusing": "rcode=REFUSED", "lame": "lame", "garbled": "lie=garbage"} {
		t.Run(what, func(t *testing.T) {
			bad := world.Start(t, "$ORIGIN example.test.\nmx1 A 127.0.0.66\n;! mx1 "+knob+"\n")
			r, good := start(t, dns.Config{Servers: []string{bad.Addr()}, Timeout: 200 * time.Millisecond})
			x, err := r.LookupA(t.Context(), "mx1.example.test")
			if err != nil || !reflect.DeepEqual(x.Records, addrs("127.0.0.1")) {
				t.Fatalf("%v, %v", x, err)
			}
			if bad.Asked("mx1.example.test") == 0 || good.Asked("mx1.example.test") != 1 {
				t.Errorf("asked %d and %d times", bad.Asked("mx1.example.test"), good.Asked("mx1.example.test"))
			}
			if what == "silent" { // and is asked last from now on
				_, _ = r.LookupA(t.Context(), "mx2.example.test")
				if bad.Asked("mx2.example.test") != 0 {
					t.Error("a silent server was asked first again")
				}
			}
		})
	}
}

func TestRandomCaseIsCheckedAndForgivenByTCPOnly(t *testing.T) {
	r, w := start(t, dns.Config{CaseRandom: true, CacheBytes: -1})
	for range 10 {
		if x, err := r.LookupA(t.Context(), "mx1.example.test"); err != nil || x.Name != "mx1.example.test" || x.Target != x.Name {
			t.Fatalf("%+v, %v", x, err)
		}
		if _, err := r.LookupA(t.Context(), "lower.example.test"); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Asked("lower.example.test/A"); n < 15 {
		t.Errorf("a server that folds case was believed by UDP: asked %d times", n)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	r, w := start(t, dns.Config{Timeout: time.Hour, Total: time.Hour})
	defer w.Hold("mx1.example.test")()
	result := make(chan error)
	go func() {
		_, err := r.LookupA(context.Background(), "mx1.example.test")
		result <- err
	}()
	w.Await("mx1.example.test", 1)
	r.Close()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := r.LookupA(t.Context(), "mx2.example.test"); !dns.IsTemporary(err) {
		t.Errorf("after Close: %v", err)
	}
}

func TestServersComeFromTheConfigurationOrVisiblyFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("search example.test\nnameserver 127.0.0.77\nnameserver ::1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config dns.Config
		want   string
	}{
		{dns.Config{Servers: []string{"127.77.0.1:5353", "127.0.0.2", "[::1]:54", "::1"}, ResolvConf: file}, "[127.77.0.1:5353 127.0.0.2:53 [::1]:54 [::1]:53]"},
		{dns.Config{ResolvConf: file}, "[127.0.0.77:53 [::1]:53]"},
		{dns.Config{Servers: []string{"ns.example.test"}}, "error"},
		{dns.Config{Servers: []string{"127.0.0.1:0"}}, "error"},
		{dns.Config{ResolvConf: file + ".missing"}, "error"},
		{dns.Config{ResolvConf: os.DevNull}, "error"},
	} {
		got := "error"
		if r, err := dns.New(c.config); err == nil {
			got = fmt.Sprint(r.Servers())
			r.Close()
		}
		if got != c.want {
			t.Errorf("%+v: got %s, want %s", c.config.Servers, got, c.want)
		}
	}
}

func TestReverseNames(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "1.2.0.192.in-addr.arpa", "::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa",
		"fe80::1%lo": "1." + strings.Repeat("0.", 28) + "8.e.f.ip6.arpa",
	} {
		if got := dns.Reverse(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if dns.Reverse(netip.Addr{}) != "" {
		t.Error("the zero address has no name")
	}
}

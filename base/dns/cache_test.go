package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	mdns "github.com/miekg/dns"
)

// script is a transport that answers from records and is silent while down; its time is that of a synctest bubble.
type script struct {
	zone  map[string]string // "A name." -> records, one a line; "" is NoData, missing NXDOMAIN
	soa   string            // for negative answers; "" none
	down  bool
	rcode int
	asked int
}

func (s *script) udp(ctx context.Context, _ netip.AddrPort, query []byte, accept func([]byte) bool) error {
	s.asked++
	if s.down {
		<-ctx.Done()
		return ctx.Err()
	}
	q := new(mdns.Msg)
	if err := q.Unpack(query); err != nil {
		return err
	}
	m := new(mdns.Msg).SetReply(q)
	m.Rcode = s.rcode
	rrs, ok := s.zone[mdns.TypeToString[q.Question[0].Qtype]+" "+q.Question[0].Name]
	for line := range strings.Lines(rrs) {
		m.Answer = append(m.Answer, parse(line))
	}
	if !ok && s.rcode == 0 {
		m.Rcode = mdns.RcodeNameError
	}
	if len(m.Answer) == 0 && s.soa != "" {
		m.Ns = append(m.Ns, parse(s.soa))
	}
	b, err := m.Pack()
	if err != nil {
		return err
	}
	if !accept(b) {
		return errors.New("the answer was not taken")
	}
	return nil
}

func (s *script) tcp(context.Context, netip.AddrPort, []byte, func([]byte) bool) error {
	return os.ErrDeadlineExceeded
}

func parse(s string) mdns.RR {
	rr, err := mdns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return rr
}

func scripted(t *testing.T, c Config, s *script) *Resolver {
	t.Helper()
	c.Servers = []string{"127.0.0.1:53"} // never dialled
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.wire = s
	t.Cleanup(r.Close)
	return r
}

// TestHowLongAnswersAreKept asks, lets time pass, and asks again.
func TestHowLongAnswersAreKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		script script
		wait   time.Duration
		asked  int
	}{
		{"within the TTL", Config{}, script{zone: map[string]string{"A a.": "a. 60 A 127.0.0.1"}}, 59 * time.Second, 1},
		{"past the TTL", Config{}, script{zone: map[string]string{"A a.": "a. 60 A 127.0.0.1"}}, 60 * time.Second, 2},
		{"TTL 0", Config{}, script{zone: map[string]string{"A a.": "a. 0 A 127.0.0.1"}}, 0, 2},
		{"TTL with the top bit set (RFC 2181 §8)", Config{}, script{zone: map[string]string{"A a.": "a. 2147483648 A 127.0.0.1"}}, 0, 2},
		{"the shortest of the records", Config{}, script{zone: map[string]string{"A a.": "a. 60 A 127.0.0.1\na. 5 A 127.0.0.2"}}, 6 * time.Second, 2},
		{"the shortest of the chain", Config{}, script{zone: map[string]string{"A a.": "a. 5 CNAME b.\nb. 60 A 127.0.0.2"}}, 6 * time.Second, 2},
		{"a week, capped", Config{MaxTTL: time.Hour}, script{zone: map[string]string{"A a.": "a. 604800 A 127.0.0.1"}}, time.Hour, 2},
		{"no such name, within MINIMUM (RFC 2308 §5)", Config{}, script{soa: ". 60 SOA ns. h. 1 1 1 1 30"}, 29 * time.Second, 1},
		{"no such name, past MINIMUM", Config{}, script{soa: ". 60 SOA ns. h. 1 1 1 1 30"}, 30 * time.Second, 2},
		{"no such name, past the SOA's TTL", Config{}, script{soa: ". 20 SOA ns. h. 1 1 1 1 30"}, 20 * time.Second, 2},
		{"no such name, no SOA", Config{}, script{}, 0, 2},
		{"no such name, capped", Config{}, script{soa: ". 86400 SOA ns. h. 1 1 1 1 86400"}, time.Hour, 2},
		{"no data", Config{}, script{zone: map[string]string{"A a.": ""}, soa: ". 60 SOA ns. h. 1 1 1 1 30"}, 29 * time.Second, 1},
		{"no data at the end of a chain", Config{}, script{zone: map[string]string{"A a.": "a. 10 CNAME b.", "A b.": ""}, soa: ". 60 SOA ns. h. 1 1 1 1 30"}, 9 * time.Second, 2},
		{"failure (RFC 9520 §3.2)", Config{}, script{rcode: mdns.RcodeServerFailure}, 999 * time.Millisecond, 1},
		{"failure, later", Config{}, script{rcode: mdns.RcodeServerFailure}, time.Second, 2},
		{"failure, not kept", Config{FailureTTL: -1}, script{rcode: mdns.RcodeServerFailure}, 0, 2},
		{"no cache", Config{CacheBytes: -1}, script{zone: map[string]string{"A a.": "a. 60 A 127.0.0.1"}}, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := scripted(t, c.config, &c.script)
				first, err1 := r.LookupA(t.Context(), "a")
				time.Sleep(c.wait)
				again, err2 := r.LookupA(t.Context(), "A.")
				if c.script.asked != c.asked {
					t.Errorf("asked %d times, want %d", c.script.asked, c.asked)
				}
				if fmt.Sprint(first.Records, err1) != fmt.Sprint(again.Records, err2) {
					t.Errorf("the answers differ: %v %v and %v %v", first, err1, again, err2)
				}
				if again.Cached != (c.asked == 1 && err2 == nil) && err2 == nil {
					t.Errorf("Cached is %v", again.Cached)
				}
				if err2 == nil && again.Cached && again.TTL != first.TTL-c.wait {
					t.Errorf("TTL %v after %v of %v", again.TTL, c.wait, first.TTL)
				}
			})
		})
	}
}

// TestStaleAnswers is RFC 8767: only for chosen names, only while all fails, not for ever, and not asked for each time.
func TestStaleAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{zone: map[string]string{"A mx.": "mx. 60 A 127.0.0.1", "A other.": "other. 60 A 127.0.0.2", "A zero.": "zero. 0 A 127.0.0.3"}}
		r := scripted(t, Config{Stale: func(n string) bool { return n != "other" }, StaleFor: time.Hour}, s)
		for _, name := range []string{"mx", "other", "zero"} {
			if x, err := r.LookupA(t.Context(), name); err != nil || x.Stale {
				t.Fatal(x, err)
			}
		}
		time.Sleep(61 * time.Second)
		s.down, s.asked = true, 0
		for _, name := range []string{"mx", "zero"} {
			x, err := r.LookupA(t.Context(), name)
			if err != nil || !x.Stale || x.TTL != 0 || len(x.Records) != 1 {
				t.Errorf("%s: %+v, %v", name, x, err)
			}
		}
		if _, err := r.LookupA(t.Context(), "other"); !IsTemporary(err) {
			t.Errorf("a name that was not chosen: %v", err)
		}
		s.asked = 0
		if x, err := r.LookupA(t.Context(), "mx"); err != nil || !x.Stale || s.asked != 0 {
			t.Errorf("asked again at once: %+v, %v, %d", x, err, s.asked)
		}
		time.Sleep(staleRecheck)
		if x, err := r.LookupA(t.Context(), "mx"); err != nil || !x.Stale || s.asked == 0 {
			t.Errorf("not asked again: %+v, %v", x, err)
		}
		time.Sleep(staleRecheck)
		s.down = false
		if x, err := r.LookupA(t.Context(), "mx"); err != nil || x.Stale {
			t.Errorf("the server is back: %+v, %v", x, err)
		}
		s.down = true
		time.Sleep(61*time.Second + time.Hour)
		if _, err := r.LookupA(t.Context(), "mx"); !IsTemporary(err) {
			t.Errorf("too old: %v", err)
		}
		s.down = false
		delete(s.zone, "A zero.")
		if _, err := r.LookupA(t.Context(), "zero"); !IsNXDomain(err) {
			t.Errorf("a name that is gone for sure: %v", err)
		}
	})
}

func TestTimeOfALookUpIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{down: true}
		r := scripted(t, Config{}, s)
		began := time.Now()
		if _, err := r.LookupA(t.Context(), "a"); !IsTemporary(err) || time.Since(began) != 4*time.Second || s.asked != 2 {
			t.Errorf("%v after %v and %d tries", err, time.Since(began), s.asked)
		}
		r = scripted(t, Config{Attempts: 100, Total: 7 * time.Second}, s)
		began = time.Now()
		var e *Error
		if _, err := r.LookupA(t.Context(), "a"); !errors.As(err, &e) || e.Kind != Timeout || time.Since(began) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache(100 << 10)
	for i := range 10000 {
		a := &answer{key: key{fmt.Sprintf("n%d.", i), mdns.TypeA}, records: []mdns.RR{parse("a. 60 A 127.0.0.1")}, expires: time.Now().Add(time.Hour)}
		c.put(a, a.expires)
		if got, _ := c.get(key{"n0.", mdns.TypeA}, time.Now()); got == nil {
			t.Fatal("an answer that is used was dropped")
		}
	}
	if n := len(c.byKey); n < 50 || n > 400 || c.used > 100<<10 || c.order.Len() != n {
		t.Errorf("%d entries of %d bytes", n, c.used)
	}
	big := &answer{key: key{"big.", mdns.TypeTXT}, extended: []Extended{{Text: strings.Repeat("x", maxEntry)}}}
	c.put(big, time.Now().Add(time.Hour))
	if got, _ := c.get(big.key, time.Now()); got != nil {
		t.Error("a huge answer was kept")
	}
}

func TestTextOfStrangersIsCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\r\nb\x00\x1b[31mc\x7f": "ab[31mc", "\xff\xfeok": "ok", "سلام": "سلام",
		strings.Repeat("é", 150): strings.Repeat("é", 100), "x" + strings.Repeat("é", 150): "x" + strings.Repeat("é", 99),
	} {
		if got := cleanText(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestNamesHaveOneForm(t *testing.T) {
	for in, want := range map[string]string{
		"Example.TEST": "example.test.", "example.test.": "example.test.", ".": ".", `\065bc.test`: "abc.test.", "a b.test": `a\ b.test.`, `a\032b.test`: `a\ b.test.`,
		`a\.b.test`: `a\.b.test.`, "é.test": `\195\169.test.`, "": "!", "..": "!", ".test": "!", "a..test": "!",
		strings.Repeat("a", 63) + ".test": strings.Repeat("a", 63) + ".test.", strings.Repeat("a", 64) + ".test": "!",
	} {
		got, ok := canonical(in)
		if !ok {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if again, _ := canonical(got); ok && again != got {
			t.Errorf("%q: not the final form", got)
		}
	}
}

// FuzzAnswers feeds the jury and the chain with whatever a network may bring.
func FuzzAnswers(f *testing.F) {
	q := question("a.example.", mdns.TypeA, true, false)
	q.Id = 0x1234
	good := new(mdns.Msg).SetReply(q)
	good.Answer = []mdns.RR{parse("a.example. 60 CNAME b.example."), parse("b.example. 60 A 127.0.0.1")}
	good.SetEdns0(1232, false)
	good.IsEdns0().Option = []mdns.EDNS0{&mdns.EDNS0_EDE{InfoCode: 22, ExtraText: "no way"}}
	wire, _ := good.Pack()
	f.Add(wire)
	good.Compress = true
	wire, _ = good.Pack()
	f.Add(wire)
	f.Add(wire[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, accept := range []func(*jury, []byte) bool{(*jury).datagram, (*jury).stream} {
			j := &jury{q: q}
			accept(j, b)
			if j.m == nil {
				continue
			}
			if j.m.Id != q.Id || !j.m.Response {
				t.Fatal("a foreign answer was taken")
			}
			c := chain{key: key{"a.example.", mdns.TypeA}, at: "a.example.", seen: map[string]bool{"a.example.": true}, ttl: time.Hour}
			if judge(j.m) == nil && c.take(j.m) == chainFound {
				for _, rr := range c.records {
					if fold(rr.Header().Name) != c.at {
						t.Fatal("a record of another name was taken")
					}
				}
				if a := c.found(); a.ttl < 0 || a.ttl > time.Hour {
					t.Fatalf("TTL %v", a.ttl)
				}
			}
		}
	})
}

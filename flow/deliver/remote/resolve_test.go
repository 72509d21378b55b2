package remote

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"barid/e2e/sink"
	"barid/flow/queue"
	"barid/mail/spool"
)

// ways are domains of a zone, and what becomes of mail to them. mx1 is 127.0.0.1 and takes mail, mx2 is
// 127.0.0.2 and takes mail, nobody listens at 127.0.0.9.
const ways = `
	$ORIGIN test.
	$TTL 0
	mx1            A 127.0.0.1
	mx2            A 127.0.0.2
	dead           A 127.0.0.9
	out            A 127.0.0.1
	private        A 10.1.2.3
	lies           A 192.168.1.1
	ours           A 127.0.0.77
	alias          CNAME mx1
	v6             AAAA ::1
	both           AAAA ::1
	both           A 127.0.0.1
	slow           A 127.0.0.1
	loop           CNAME loop2
	loop2          CNAME loop

	plain          MX 10 mx1
	implicit       A 127.0.0.2
	nothing        TXT "neither MX nor address"
	null           MX 0 .
	nullish        MX 0 .
	nullish        MX 10 mx1
	second         MX 10 dead
	second         MX 20 mx2
	gone           MX 10 none
	gone2          MX 10 none
	gone2          MX 20 mx1
	cnamed         CNAME plain
	viaalias       MX 10 alias
	looping        CNAME looping2
	looping2       CNAME looping
	mxloops        MX 10 loop
	numeric        MX 10 127.0.0.1.
	six            MX 10 v6
	dual           MX 10 both
	self           MX 10 out
	selfsecond     MX 10 mx1
	selfsecond     MX 20 out
	selfsecond     MX 30 mx2
	selfequal      MX 10 mx1
	selfequal      MX 10 ours
	selfaddr       MX 10 ours
	behindself     MX 10 dead
	behindself     MX 20 out
	behindself     MX 30 mx2
	broken         MX 10 mx1
	;! broken      rcode=SERVFAIL
	silent         MX 10 mx1
	;! silent      silent
	refused        MX 10 mx1
	;! refused     rcode=REFUSED
	liar           MX 10 mx1
	;! liar        lie=question
	garbage        MX 10 mx1
	;! garbage     lie=garbage
	big            MX 10 mx1
	;! big         truncate
	huge           MX 10 mx1
	;! huge        truncate pad=30000
	hostill        MX 10 ill
	ill            A 127.0.0.1
	;! ill         rcode=SERVFAIL
	hostill2       MX 10 ill
	hostill2       MX 20 mx2
	halfill        MX 10 half
	half           A 127.0.0.1
	;! half/AAAA   rcode=SERVFAIL
`

func newWays(t *testing.T, set func(*Deps)) (s *scene, mx1, mx2, v6 *sink.Sink) {
	t.Helper()
	s = newScene(t, ways, func(d *Deps) {
		d.Settings.Listen = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.77"), 0)}
		d.Settings.OwnNames = []string{"Out.Test."}
		d.Settings.HeloName = "helo.test"
		if set != nil {
			set(d)
		}
	})
	mx1, mx2 = s.sink(1, sink.Options{Name: "mx1.test"}), s.sink(2, sink.Options{Name: "mx2.test"})
	if hasIPv6() {
		v6 = s.sinkAt("::1", sink.Options{Name: "v6.test"})
	}
	return s, mx1, mx2, v6
}

// hasIPv6 tells whether the machine's loopback has an IPv6 address; containers often have none.
func hasIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}

func TestWaysOfDomains(t *testing.T) {
	for _, c := range []struct {
		name, domain, want string
		to                 int // number of the server it must reach; 6: ::1
		says               string
	}{
		{"one server", "plain.test", relayed, 1, ""},
		{"no MX is the domain itself", "implicit.test", relayed, 2, ""},
		{"no MX and no address", "nothing.test", "failed 5.1.2 dns", 0, "neither"},
		{"no such domain", "missing.test", "failed 5.1.2 dns", 0, "does not exist"},
		{"a null MX takes no mail", "null.test", "failed 5.1.10 dns", 0, "null MX"},
		{"a null MX beside another is no null MX", "nullish.test", relayed, 1, ""},
		{"the second server when the first does not answer", "second.test", relayed, 2, ""},
		{"an MX that does not exist", "gone.test", "failed 5.4.4 dns", 0, "no address"},
		{"an MX that does not exist beside one that does", "gone2.test", relayed, 1, ""},
		{"the domain is an alias", "cnamed.test", relayed, 1, ""},
		{"the MX is an alias", "viaalias.test", relayed, 1, ""},
		{"the domain is an alias of itself", "looping.test", "deferred 4.4.3 dns", 0, "alias loop"},
		{"the MX is an alias of itself", "mxloops.test", "deferred 4.4.3 dns", 0, "alias loop"},
		{"the MX is an address", "numeric.test", "failed 5.4.4 dns", 0, ""},
		{"IPv6 only", "six.test", relayed, 6, ""},
		{"IPv6 first", "dual.test", relayed, 6, ""},
		{"we are the only MX", "self.test", "failed 5.4.6 dns", 0, "loops back"},
		{"we are the second MX and the first works", "selfsecond.test", relayed, 1, ""},
		{"we are one of two equals", "selfequal.test", "failed 5.4.6 dns", 0, "loops back"},
		{"the MX has our address", "selfaddr.test", "failed 5.4.6 dns", 0, "loops back"},
		{"servers behind us are never asked", "behindself.test", "deferred 4.4.1 connect", 0, "refused"},
		{"the resolver fails", "broken.test", "deferred 4.4.3 dns", 0, "the resolver failed"},
		{"the resolver refuses", "refused.test", "deferred 4.4.3 dns", 0, "refused"},
		{"the answer can not be read", "garbage.test", "deferred 4.4.3 dns", 0, ""},
		{"the answer is cut off", "big.test", relayed, 1, ""},
		{"the answer is huge", "huge.test", relayed, 1, ""},
		{"the MX's address can not be found out", "hostill.test", "deferred 4.4.3 dns", 0, "addresses of ill.test"},
		{"the first MX's address can not be found out", "hostill2.test", relayed, 2, ""},
		{"the MX's IPv6 address can not be found out", "halfill.test", relayed, 1, ""},
		{"an address literal", "[127.0.0.1]", "failed 5.1.2 dns", 0, "literals"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.to == 6 && !hasIPv6() {
				t.Skip("this machine has no ::1")
			}
			s, mx1, mx2, v6 := newWays(t, nil)
			out := s.expect(s.entry(letterText, "info@"+c.domain), c.want)
			if !strings.Contains(out[0].Answer.Text, c.says) || strings.Contains(out[0].Answer.Text, s.dns.Addr()) {
				t.Errorf("%+v", out[0].Answer)
			}
			for n, k := range map[int]*sink.Sink{1: mx1, 2: mx2, 6: v6} {
				if k == nil {
					continue // without IPv6
				}
				if want := n == c.to; k.Count() != map[bool]int{true: 1}[want] || !want && k.Conns() > 0 {
					t.Errorf("server %d: %d messages, %d connections", n, k.Count(), k.Conns())
				}
			}
		})
	}
}

// TestAResolverThatAnswersNothingDefers: it is silent, or speaks of something else.
func TestAResolverThatAnswersNothingDefers(t *testing.T) {
	s := newScene(t, ways, nil)
	s.d.Close()
	s.deps.Resolver = resolver(t, s.dns, 200*time.Millisecond)
	s.d = New(s.deps)
	t.Cleanup(s.d.Close)
	for _, domain := range []string{"silent.test", "liar.test"} {
		if out := s.expect(s.entry(letterText, "info@"+domain), "deferred 4.4.3 dns"); !strings.Contains(out[0].Answer.Text, "in time") {
			t.Errorf("%s: %+v", domain, out[0].Answer)
		}
	}
}

func TestAddressLiterals(t *testing.T) {
	s, mx1, _, v6 := newWays(t, func(d *Deps) { d.Settings.AllowLiterals = true })
	s.expect(s.entry(letterText, "info@[127.0.0.1]"), relayed)
	if mx1.Count() != 1 {
		t.Error(mx1.Count())
	}
	if v6 != nil {
		s.expect(s.entry(letterText, "info@[IPv6:::1]"), relayed)
		if v6.Count() != 1 {
			t.Error(v6.Count())
		}
	}
	s.expect(s.entry(letterText, "info@[127.0.0.77]"), "failed 5.4.6 dns")
}

func TestPrivateAddressesAreNoPlaceForMail(t *testing.T) {
	s, mx1, _, _ := newWays(t, func(d *Deps) { d.Settings.AllowPrivate, d.Settings.AllowLiterals = false, true })
	for _, domain := range []string{"plain.test", "private.test", "lies.test", "six.test", "[127.0.0.1]", "[10.0.0.1]", "second.test"} {
		out := s.expect(s.entry(letterText, "info@"+domain), "failed 5.4.4 dns")
		if !strings.Contains(out[0].Answer.Text, "no public address") {
			t.Errorf("%+v", out[0].Answer)
		}
	}
	if mx1.Conns() != 0 {
		t.Error("connected")
	}
}

func TestIsPublic(t *testing.T) {
	for a, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.32.0.1": true, "2a00::1": true,
		"2606:4700::1111": true, "64:ff9b::808:808": true, "2002:808:808::1": true,
		"0.0.0.0": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "169.254.169.254": false, "172.16.0.1": false,
		"192.168.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "::8.8.8.8": false, "fc00::1": false, "fe80::1%eth0": false,
		"fec0::1": false, "ff02::1": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::1": false, "2001:db8::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
	if isPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestOwnAddresses(t *testing.T) {
	now := time.Unix(1000, 0)
	asked := 0
	me := newSelf(&Settings{OwnNames: []string{"mail.test", "localhost"}, Listen: []netip.AddrPort{
		netip.MustParseAddrPort("0.0.0.0:25"), netip.MustParseAddrPort("[2a00::25]:2525"), netip.MustParseAddrPort("192.0.2.7:0"),
	}}, func() []Source { return []Source{{Helo: "Out.test."}} }, func() []netip.Addr {
		asked++
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2a00::1")}
	},
		func() time.Time { return now })
	for ap, want := range map[string]bool{
		"192.0.2.1:25": true, "192.0.2.1:26": false, "192.0.2.2:25": false, "127.0.0.1:25": true, "[2a00::1]:25": true, "[::ffff:192.0.2.1]:25": true,
		"[2a00::25]:2525": true, "[2a00::25]:25": false, "192.0.2.7:9": true,
	} {
		if got := me.addr(netip.MustParseAddrPort(ap)); got != want {
			t.Errorf("%s: %v", ap, got)
		}
	}
	if asked != 1 {
		t.Errorf("interfaces were listed %d times", asked)
	}
	if now = now.Add(2 * localFor); !me.addr(netip.MustParseAddrPort("192.0.2.1:25")) || asked != 2 {
		t.Error("the list is believed for ever")
	}
	if !me.name("MAIL.test.") || !me.name("out.test") || me.name("localhost") || me.name("other.test") {
		t.Error("names")
	}
}

func TestEqualsShareTheLoad(t *testing.T) {
	s := newScene(t, `
		$ORIGIN there.test.
		$TTL 0
		@ MX 10 a
		@ MX 10 b
		@ MX 10 c
		@ MX 5  first
		@ MX 20 last
	`, nil)
	count := map[string]int{}
	const n = 3000
	for range n {
		x, tr := s.d.exchangers(context.Background(), "there.test")
		if tr != nil || len(x.classes) != 3 || x.classes[0][0] != "first.there.test" || len(x.classes[1]) != 3 || x.classes[2][0] != "last.there.test" {
			t.Fatal(x, tr)
		}
		count[strings.Join(x.classes[1], " ")]++
	}
	if len(count) != 6 {
		t.Fatalf("orders: %v", count)
	}
	for order, c := range count { // 500 expected, standard deviation 20
		if c < 400 || c > 600 {
			t.Errorf("%s: %d of %d", order, c, n)
		}
	}
}

func TestBackupServers(t *testing.T) {
	two := `
		$ORIGIN there.test.
		$TTL 0
		@ MX 10 a
		@ MX 20 b
		a A 127.0.0.1
		b A 127.0.0.2
	`
	for _, c := range []struct {
		name  string
		stage sink.Stage
		do    sink.Behaviour
		want  string
		next  bool // the second server is asked
	}{
		{"greeting 421", sink.Greeting, sink.Behaviour{Reply: "421 busy"}, relayed, true},
		{"greeting 554", sink.Greeting, sink.Behaviour{Reply: "554 not here"}, relayed, true},
		{"greeting 450 by policy", sink.Greeting, sink.Behaviour{Reply: "450 4.7.1 grey"}, "deferred 4.7.1 greeting", false},
		{"closes at EHLO", sink.EHLO, sink.Behaviour{Close: true}, relayed, true},
		{"MAIL 452 full disk", sink.Mail, sink.Behaviour{Reply: "452 4.3.1 full"}, relayed, true},
		{"MAIL 421", sink.Mail, sink.Behaviour{Reply: "421 bye", Leave: true}, relayed, true},
		{"MAIL 451 policy", sink.Mail, sink.Behaviour{Reply: "451 4.7.1 slow down"}, "deferred 4.7.1 mail", false},
		{"MAIL 550", sink.Mail, sink.Behaviour{Reply: "550 5.7.1 no"}, "failed 5.7.1 mail", false},
		{"closes at RCPT", sink.Rcpt, sink.Behaviour{Close: true}, relayed, true},
		{"RCPT 450", sink.Rcpt, sink.Behaviour{Reply: "450 4.2.1 no"}, "deferred 4.2.1 rcpt", false},
		{"message 451 of the server", sink.End, sink.Behaviour{Reply: "451 4.3.0 later"}, relayed, true},
		{"message 550", sink.End, sink.Behaviour{Reply: "550 5.7.1 spam"}, "failed 5.7.1 data", false},
		{"closes after the final dot", sink.End, sink.Behaviour{Close: true}, "deferred 4.4.2 data", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, two, nil)
			s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{c.stage: c.do}})
			b := s.sink(2, sink.Options{})
			s.expect(s.entry(letterText), c.want)
			if (b.Conns() > 0) != c.next {
				t.Errorf("the second server had %d connections", b.Conns())
			}
		})
	}
}

func TestAllServersSayNo(t *testing.T) {
	s := newScene(t, `
		$ORIGIN there.test.
		$TTL 0
		@ MX 10 a
		@ MX 20 b
		a A 127.0.0.1
		b A 127.0.0.2
	`, nil)
	a := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Reply: "554 5.7.1 blocked"}}})
	b := s.sink(2, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Reply: "554 5.7.1 blocked"}}})
	s.expect(s.entry(letterText), "failed 5.7.1 greeting")
	b.Set(sink.Greeting, sink.Behaviour{Reply: "421 4.3.2 later"}) // one of them may still take it
	s.expect(s.entry(letterText), "deferred 4.3.2 greeting")
	a.Set(sink.Greeting, sink.Behaviour{Close: true})
	s.expect(s.entry(letterText), "deferred 4.3.2 greeting")
}

func TestAHostThatIsDownIsTriedLast(t *testing.T) {
	now := time.Now()
	s := newScene(t, `
		$ORIGIN there.test.
		$TTL 0
		@ MX 10 a
		@ MX 20 b
		a A 127.0.0.1
		b A 127.0.0.2
	`, func(d *Deps) { d.Now = func() time.Time { return now }; d.Settings.MaxIdle = -1 })
	a := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Reply: "421 down", Times: 1}}})
	b := s.sink(2, sink.Options{})
	s.expect(s.entry(letterText), relayed)
	s.expect(s.entry(letterText), relayed)
	if a.Conns() != 1 || b.Count() != 2 {
		t.Errorf("%d connections to the first, %d messages at the second", a.Conns(), b.Count())
	}
	b.Set(sink.Greeting, sink.Behaviour{Reply: "421 down", Times: 1})
	s.expect(s.entry(letterText), relayed)
	if a.Count() != 1 {
		t.Error("a host that is down is not tried at all")
	}
	now = now.Add(s.d.set.DownFor + time.Second)
	s.expect(s.entry(letterText), relayed)
	if a.Count() != 2 || len(s.d.Health()) != 1 {
		t.Errorf("%d, %+v", a.Count(), s.d.Health())
	}
}

func TestMoreServersThanWeTry(t *testing.T) {
	var z strings.Builder
	z.WriteString("$ORIGIN there.test.\n$TTL 0\n")
	for i := range 200 {
		z.WriteString("@ MX " + itoa(i) + " h" + itoa(i) + "\nh" + itoa(i) + " A 127.0.1." + itoa(i) + "\n")
	}
	s := newScene(t, z.String(), func(d *Deps) { d.Settings.MaxHosts = 4 })
	s.expect(s.entry(letterText), "deferred 4.4.1 connect")
	if n := len(s.d.Health()); n != 4 {
		t.Errorf("%d hosts were tried", n)
	}
}

func TestTheAddressOfAServerThatWorksIsFound(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this machine has no ::1")
	}
	s := newScene(t, `
		$ORIGIN there.test.
		$TTL 0
		@  MX 10 mx
		mx AAAA ::1
		mx A 127.0.0.1
		mx A 127.0.0.2
	`, nil)
	six := s.sinkAt("::1", sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Close: true}}})
	k := s.sink(2, sink.Options{})
	out := s.expect(s.entry(letterText), relayed)
	if k.Count() != 1 || six.Conns() != 1 || out[0].Answer.Remote != "mx.there.test [127.0.0.2]" {
		t.Errorf("%d %d %s", k.Count(), six.Conns(), out[0].Answer.Remote)
	}
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	for _, stage := range []sink.Stage{sink.Greeting, sink.EHLO, sink.Mail, sink.Rcpt, sink.End} {
		s := newScene(t, zone, nil)
		k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{stage: {Hang: true}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan []queue.Outcome)
		go func() { done <- s.d.Deliver(ctx, s.entry(letterText)) }()
		k.AwaitStage(stage, 1)
		begin := time.Now()
		cancel()
		out := <-done
		if took := time.Since(begin); took > patience/2 {
			t.Errorf("%s: %v", stage, took)
		}
		if out[0].Kind != queue.Deferred || stage == sink.Mail && out[0].Answer.Stage == spool.StageConnect {
			t.Errorf("%s: %+v", stage, out[0])
		}
	}
}

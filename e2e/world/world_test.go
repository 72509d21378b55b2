package world

import (
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const zone = `
	$ORIGIN example.test.
	$TTL 60
	@        SOA ns hostmaster 1 3600 600 86400 30
	@        MX 10 mx
	mx       A 127.0.0.1
	mx       AAAA ::1
	www      CNAME mx
	*.wild   TXT "any"
	a.b.deep A 127.0.0.2
	;! ill   rcode=SERVFAIL ede=22:no_way
	;! mx/AAAA rcode=REFUSED
	;! cut   truncate
	cut      A 127.0.0.3
`

func ask(t *testing.T, w *World, network, name string, qtype uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.SetEdns0(1232, false)
	m, _, err := (&dns.Client{Net: network}).Exchange(q, w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestZonesAnswerAsTheDNSDoes(t *testing.T) {
	w := Start(t, zone)
	for _, c := range []struct {
		name   string
		qtype  uint16
		rcode  int
		answer int
		soa    int
	}{
		{"example.test.", dns.TypeMX, dns.RcodeSuccess, 1, 0},
		{"EXAMPLE.test.", dns.TypeMX, dns.RcodeSuccess, 1, 0},
		{"www.example.test.", dns.TypeA, dns.RcodeSuccess, 2, 0},
		{"www.example.test.", dns.TypeTXT, dns.RcodeSuccess, 1, 1},
		{"x.wild.example.test.", dns.TypeTXT, dns.RcodeSuccess, 1, 0},
		{"b.deep.example.test.", dns.TypeA, dns.RcodeSuccess, 0, 1},
		{"none.example.test.", dns.TypeA, dns.RcodeNameError, 0, 1},
		{"elsewhere.invalid.", dns.TypeA, dns.RcodeNameError, 0, 1},
		{"ill.example.test.", dns.TypeA, dns.RcodeServerFailure, 0, 0},
		{"mx.example.test.", dns.TypeAAAA, dns.RcodeRefused, 0, 0},
	} {
		for _, network := range []string{"udp", "tcp"} {
			m := ask(t, w, network, c.name, c.qtype)
			if m.Rcode != c.rcode || len(m.Answer) != c.answer || len(m.Ns) != c.soa {
				t.Errorf("%s %s %s: got\n%v", network, c.name, dns.TypeToString[c.qtype], m)
			}
		}
	}
	if n := w.Asked("example.test/MX"); n != 4 {
		t.Errorf("counted %d questions for MX, want 4", n)
	}
}

func TestTruncatedByUDPIsWholeByTCP(t *testing.T) {
	w := Start(t, zone)
	if m := ask(t, w, "udp", "cut.example.test.", dns.TypeA); !m.Truncated || len(m.Answer) != 0 {
		t.Errorf("udp: %v", m)
	}
	if m := ask(t, w, "tcp", "cut.example.test.", dns.TypeA); m.Truncated || len(m.Answer) != 1 {
		t.Errorf("tcp: %v", m)
	}
}

func TestAnOutageIsOfAllNamesAndEnds(t *testing.T) {
	w := Start(t, zone)
	w.SetAll(Behaviour{RCode: dns.RcodeServerFailure})
	if m := ask(t, w, "udp", "mx.example.test.", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("during it: %v", m)
	}
	if m := ask(t, w, "udp", "mx.example.test.", dns.TypeAAAA); m.Rcode != dns.RcodeRefused {
		t.Errorf("a name with a behaviour of its own: %v", m)
	}
	w.SetAll(Behaviour{})
	if m := ask(t, w, "udp", "mx.example.test.", dns.TypeA); m.Rcode != dns.RcodeSuccess {
		t.Errorf("after it: %v", m)
	}
}

func TestLoadReplacesAndRemoveForgets(t *testing.T) {
	w := Start(t, zone)
	if err := w.Load("$ORIGIN example.test.\nnew A 127.0.0.9\n"); err != nil {
		t.Fatal(err)
	}
	if m := ask(t, w, "udp", "mx.example.test.", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("old record still there: %v", m)
	}
	if m := ask(t, w, "udp", "new.example.test.", dns.TypeA); len(m.Answer) != 1 {
		t.Errorf("new record not there: %v", m)
	}
	w.Remove("example.test")
	if m := ask(t, w, "udp", "new.example.test.", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("removed record still there: %v", m)
	}
}

func TestWrongZonesAreRefused(t *testing.T) {
	for _, z := range []string{"mx A 127.0.0.1\n", "$ORIGIN e.test.\nx A nonsense\n", "$ORIGIN e.test.\n;! x knob\n", "$ORIGIN e.test.\n;! x\n", "$ORIGIN e.test.\n;! x rcode=ODD\n"} {
		if w, err := Run("127.0.0.1:0", z); err == nil {
			w.Stop()
			t.Errorf("zone %q was taken", z)
		}
	}
	if w, err := Run("0.0.0.0:0"); err == nil {
		w.Stop()
		t.Error("an address that is not loopback was taken")
	}
}

package remote

import (
	"slices"
	"strings"
	"testing"

	"barid/e2e/sink"
	"barid/store/memory"
)

func TestProbeTellsHowADomainTakesMail(t *testing.T) {
	id := certify(t, yesterday(), "mx1.there.test")
	m := OpenLevels(memory.New())
	s := newScene(t, zone+"\n@ MX 20 mx2\nmx2 A 127.0.0.2\n@ MX 30 none\n", func(d *Deps) { d.Roots, d.Memory = id.roots, m })
	k := s.sink(1, sink.Options{TLS: id.server, Name: "mx1.there.test"})
	s.sink(2, sink.Options{TLS: id.server, Behave: map[sink.Stage]sink.Behaviour{sink.Greeting: {Reply: "554 5.7.1 blocked"}}})
	p := s.d.Probe(t.Context(), "there.test")
	if p.Trouble != nil || len(p.Hosts) != 3 || p.Level != Clear {
		t.Fatalf("%+v", p)
	}
	one, two, three := p.Hosts[0], p.Hosts[1], p.Hosts[2]
	if one.Trouble != nil || one.Name != "mx1.there.test" || !strings.HasSuffix(one.TLS, " verified") || !slices.Contains(one.Extensions, "PIPELINING") ||
		slices.Contains(one.Extensions, "STARTTLS") || one.Timing.TLS == 0 {
		t.Errorf("%+v", one)
	}
	if !strings.HasPrefix(one.Banner, "220 mx1.there.test") || one.Cert == nil || one.Cert.DNSNames[0] != "mx1.there.test" || len(one.Dialogue) < 4 {
		t.Errorf("banner %q, certificate %v, %+v", one.Banner, one.Cert, one.Dialogue)
	}
	if two.Banner != "554 5.7.1 blocked" {
		t.Errorf("banner %q", two.Banner)
	}
	if two.Class != 1 || two.Trouble == nil || two.Trouble.Text != "blocked" || two.Trouble.Time.IsZero() {
		t.Errorf("%+v", two)
	}
	if three.Trouble == nil || three.Trouble.Enhanced != "5.4.4" {
		t.Errorf("%+v", three)
	}
	if open, _ := s.d.Connections(); open != 0 || strings.Contains(commands(k), "MAIL") {
		t.Error("left something behind")
	}
	k.AwaitStage(sink.Quit, 1)
	if p := s.d.Probe(t.Context(), "missing.test"); p.Trouble == nil || p.Trouble.Enhanced != "5.1.2" {
		t.Errorf("%+v", p)
	}
}

package world

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Load reads a zone and puts it in the place of an older one with the same apex. The apex is the owner of
// the SOA, or the first $ORIGIN of a zone without one, which then gets a SOA with a MINIMUM of 0.
func (w *World) Load(text string) error {
	knobs, origin, err := readKnobs(text)
	if err != nil {
		return err
	}
	rrs, err := readRecords(text)
	if err != nil {
		return err
	}
	soa := zoneSOA(rrs, origin)
	if soa == nil {
		return fmt.Errorf("a zone needs a SOA or an $ORIGIN")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(owner(soa))
	w.zones[owner(soa)] = soa
	w.add(soa)
	for _, rr := range rrs {
		if rr != dns.RR(soa) {
			w.add(rr)
		}
	}
	for q, b := range knobs {
		w.behaviour[q] = b
	}
	return nil
}

// Remove makes a zone not exist, with the behaviour of its names.
func (w *World) Remove(apex string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(canonical(apex))
}

func (w *World) add(rr dns.RR) {
	o := owner(rr)
	if w.records[o] == nil {
		w.records[o] = map[uint16][]dns.RR{}
	}
	t := rr.Header().Rrtype
	w.records[o][t] = append(w.records[o][t], rr)
}

func (w *World) remove(apex string) {
	if w.zones[apex] == nil || apex == "." {
		return
	}
	for name := range w.records {
		if w.apexOf(name) == apex {
			delete(w.records, name)
		}
	}
	for q := range w.behaviour {
		if w.apexOf(q.name) == apex {
			delete(w.behaviour, q)
		}
	}
	delete(w.zones, apex)
}

// apexOf finds the closest zone above a name.
func (w *World) apexOf(name string) string {
	for {
		if w.zones[name] != nil {
			return name
		}
		name = parent(name)
	}
}

func readKnobs(text string) (map[question]Behaviour, string, error) {
	knobs, origin, first := map[question]Behaviour{}, ".", ""
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "$ORIGIN"); ok {
			origin = dns.Fqdn(strings.TrimSpace(rest))
			if first == "" {
				first = strings.ToLower(origin)
			}
		}
		if rest, ok := strings.CutPrefix(line, ";!"); ok {
			q, b, err := parseKnobs(rest, origin)
			if err != nil {
				return nil, "", fmt.Errorf("line %d: %w", n+1, err)
			}
			knobs[q] = b
		}
	}
	return knobs, first, nil
}

// readRecords lets a zone be indented as Go source likes it: a tab or space before a name on a line does not count.
func readRecords(text string) ([]dns.RR, error) {
	var b strings.Builder
	for _, line := range strings.Split(text, "\n") {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	p := dns.NewZoneParser(strings.NewReader(b.String()), ".", "")
	p.SetDefaultTTL(300)
	var out []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		out = append(out, rr)
	}
	return out, p.Err()
}

func zoneSOA(rrs []dns.RR, origin string) *dns.SOA {
	for _, rr := range rrs {
		if s, ok := rr.(*dns.SOA); ok {
			return s
		}
	}
	if origin == "" {
		return nil
	}
	return makeSOA(origin)
}

func rootSOA() *dns.SOA { return makeSOA(".") }

func makeSOA(apex string) *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET},
		Ns:  "ns.invalid.", Mbox: "hostmaster.invalid.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400,
	}
}

func owner(rr dns.RR) string { return canonical(rr.Header().Name) }

// canonical is the form in which names come off the wire, in lower case.
func canonical(name string) string {
	var wire [255]byte
	n, err := dns.PackDomainName(dns.Fqdn(name), wire[:], 0, nil, false)
	if err != nil {
		return strings.ToLower(name)
	}
	name, _, _ = dns.UnpackDomainName(wire[:n], 0)
	return strings.ToLower(name)
}

// parent takes the first label off; that of the root is the root.
func parent(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

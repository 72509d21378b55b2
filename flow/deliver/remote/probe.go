package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
)

// Probe is what a look at a domain found, without any mail being sent.
type Probe struct {
	Domain  string
	Trouble *spool.Answer // why no mail exchanger can be asked; nil: there are some
	Level   Level         // the best that was ever used
	Last    time.Time     // when
	Hosts   []ProbedHost  // in the order in which mail would try them
}

// ProbedHost is one address of a mail exchanger.
type ProbedHost struct {
	Class      int // 0: the most preferred
	Host       string
	Addr       netip.AddrPort
	Self       bool          // it is us
	Trouble    *spool.Answer // nil: it would take mail
	Name       string        // what it calls itself
	TLS        string        // "" in clear
	Doubt      string        // why its certificate, or its TLS, is not good
	Extensions []string      // as it says them
	Banner     string        // what it says first, "220 mx1.example.org ESMTP"
	Dialogue   []Exchange    // all that was said
	Cert       *x509.Certificate
	Timing     queue.Timing
}

// Probe asks every address of a domain's mail exchangers, as far as the limits of an attempt go: greeting, EHLO,
// STARTTLS, EHLO, QUIT. Neither the pool nor what is remembered changes.
func (d *Deliverer) Probe(ctx context.Context, domain string) Probe {
	p := Probe{Domain: domain}
	if d.Memory != nil {
		p.Level, p.Last, _ = d.Memory.Level(ctx, domain)
	}
	x, t := d.exchangers(ctx, domain)
	if t != nil {
		p.Trouble = d.answer(t)
		return p
	}
	for class, names := range x.classes {
		for _, name := range names {
			if len(p.Hosts) < d.set.MaxHosts*d.set.MaxAddrs {
				p.Hosts = append(p.Hosts, d.probeHost(ctx, domain, name, class, &x)...)
			}
		}
	}
	return p
}

// answer dates a trouble.
func (d *Deliverer) answer(t *trouble) *spool.Answer {
	a := t.answer
	a.Time = d.now()
	return &a
}

func (d *Deliverer) probeHost(ctx context.Context, domain, name string, class int, x *exchangers) []ProbedHost {
	begin := time.Now()
	h, isSelf, t := d.exchanger(ctx, name, x)
	one := ProbedHost{Class: class, Host: name, Self: isSelf, Timing: queue.Timing{DNS: time.Since(begin)}}
	if t != nil {
		one.Trouble = d.answer(t)
	}
	if isSelf || t != nil || len(h.addrs) == 0 {
		return []ProbedHost{one}
	}
	out := make([]ProbedHost, 0, len(h.addrs))
	for _, addr := range h.addrs {
		out = append(out, d.probeAddr(ctx, domain, &h, addr, one))
	}
	return out
}

func (d *Deliverer) probeAddr(ctx context.Context, domain string, h *host, addr netip.AddrPort, p ProbedHost) ProbedHost {
	a := &attempt{d: d, e: &spool.Entry{Destination: domain}, timing: p.Timing}
	a.heard = func(x Exchange) {
		if x.Said == "" && x.TLS == "" && p.Banner == "" {
			p.Banner = x.Reply
		}
		p.Dialogue = append(p.Dialogue, x)
	}
	k := a.keyOf(h)
	p.Addr = addr
	s, _, _, t := a.dialNext(ctx, k, h, []netip.AddrPort{addr}, demand{offer: true})
	p.Timing = a.timing
	if t != nil {
		p.Trouble = d.answer(t)
		return p
	}
	p.Name, p.TLS, p.Extensions = s.caps.name, s.tls, s.caps.lines
	if s.doubt != nil {
		p.Doubt = plainError(s.doubt)
	}
	if tc, ok := s.wire.nc.(*tls.Conn); ok {
		if all := tc.ConnectionState().PeerCertificates; len(all) > 0 {
			p.Cert = all[0]
		}
	}
	s.quit(d.set.Timeouts.Quit)
	return p
}

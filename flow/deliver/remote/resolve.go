package remote

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"barid/base/dns"
	"barid/flow/queue"
	"barid/mail/spool"
)

// exchangers are where a domain takes mail: hosts of equal preference together, the best first.
type exchangers struct {
	classes   [][]string
	addrs     []netip.Addr // of an address literal, which has no name to look up
	implicit  bool         // the domain has no MX and is its own exchanger
	authentic bool         // the DNS proves it (RFC 4033), as far as the resolver can be trusted
}

// exchangers finds them (RFC 5321 §5.1): the MX records, or without any the domain itself. Aliases are
// followed by the resolver. Hosts from our own one on are left out.
func (d *Deliverer) exchangers(ctx context.Context, domain string) (exchangers, *trouble) {
	if strings.HasPrefix(domain, "[") {
		return d.literal(domain)
	}
	res, err := d.Resolver.LookupMX(ctx, domain)
	switch {
	case dns.IsNXDomain(err):
		return exchangers{}, ours(queue.Failed, spool.StageDNS, "5.1.2", "the domain "+domain+" does not exist").because(err)
	case dns.IsNotFound(err):
		return exchangers{classes: [][]string{{domain}}, implicit: true, authentic: dnsProves(err)}, nil
	case err != nil:
		return exchangers{}, noDNS(ctx, "mail exchangers of "+domain, err)
	}
	if isNullMX(res.Records) {
		return exchangers{}, ours(queue.Failed, spool.StageDNS, "5.1.10", "the domain "+domain+" takes no mail (null MX)")
	}
	classes, looped := d.classes(res.Records)
	if len(classes) == 0 {
		if looped {
			return exchangers{}, loop("mail for " + domain + " loops back to us: we are its best mail exchanger")
		}
		return exchangers{}, unroutable(domain)
	}
	return exchangers{classes: classes, authentic: res.Authentic}, nil
}

// isNullMX tells whether a domain takes no mail (RFC 7505 §3): a single record with an empty name.
func isNullMX(mxs []dns.MX) bool { return len(mxs) == 1 && mxs[0].Host == "" }

// classes sorts the hosts into classes of equal preference, each in random order. From the class of our own
// name on everything is dropped: those would give the mail to us.
func (d *Deliverer) classes(mxs []dns.MX) (out [][]string, looped bool) {
	for i := 0; i < len(mxs); {
		var class []string
		for at := mxs[i].Preference; i < len(mxs) && mxs[i].Preference == at; i++ {
			if d.self.name(mxs[i].Host) {
				return out, true
			}
			if mxs[i].Host != "" {
				class = append(class, mxs[i].Host)
			}
		}
		d.shuffle(class)
		if len(class) > 0 {
			out = append(out, class)
		}
	}
	return out, false
}

// shuffle spreads the load over equals (RFC 5321 §5.1).
func (d *Deliverer) shuffle(hosts []string) {
	d.rand(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
}

// literal is a domain such as "[192.0.2.1]" (RFC 5321 §4.1.3).
func (d *Deliverer) literal(domain string) (exchangers, *trouble) {
	if !d.set.AllowLiterals {
		return exchangers{}, ours(queue.Failed, spool.StageDNS, "5.1.2", "mail to address literals is not sent from here")
	}
	a, err := netip.ParseAddr(strings.TrimPrefix(strings.TrimPrefix(strings.Trim(domain, "[]"), "IPv6:"), "ipv6:"))
	if err != nil {
		return exchangers{}, ours(queue.Failed, spool.StageDNS, "5.1.3", "not an address literal").because(err)
	}
	return exchangers{classes: [][]string{{domain}}, addrs: []netip.Addr{a.Unmap()}}, nil
}

// host is a place to try.
type host struct {
	name      string // "mx1.example.org"
	port      uint16
	addrs     []netip.AddrPort
	relay     *Relay // nil: a mail exchanger of the domain
	authentic bool
}

// exchanger finds the addresses of a mail exchanger. Trouble of the kind Failed means that it can never be
// used as its zone stands; isSelf that it is us.
func (d *Deliverer) exchanger(ctx context.Context, name string, x *exchangers) (h host, isSelf bool, t *trouble) {
	h = host{name: name, port: d.set.Port, authentic: x.authentic}
	addrs := x.addrs
	if addrs == nil {
		res, err := d.Resolver.LookupAddrs(ctx, name)
		if len(res.Records) == 0 && err != nil {
			t := noHost(ctx, name, err)
			if x.implicit && t.kind == queue.Failed {
				t.answer.Enhanced, t.answer.Text = "5.1.2", "the domain "+name+" has neither mail exchangers nor an address"
			}
			return h, false, t
		}
		addrs = res.Records
	}
	private := false
	for _, a := range addrs {
		ap := netip.AddrPortFrom(a.Unmap(), h.port)
		switch {
		case d.self.addr(ap):
			return h, true, nil
		case !d.set.AllowPrivate && !isPublic(a):
			private = true
		default:
			h.addrs = append(h.addrs, ap)
		}
	}
	if len(h.addrs) == 0 && private {
		return h, false, ours(queue.Failed, spool.StageDNS, "5.4.4", "the mail exchanger "+name+" has no public address").orNext()
	}
	h.addrs = interleave(h.addrs, d.set.MaxAddrs)
	return h, false, nil
}

// relayHost finds the addresses of a relay. An operator chose it, so private ones are as good as others.
func (d *Deliverer) relayHost(ctx context.Context, r *Relay) (host, *trouble) {
	h := host{name: hostName(r.Host), port: r.port(), relay: r, authentic: true}
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(strings.Trim(r.Host, "[]")); err == nil {
		addrs = []netip.Addr{a}
	} else {
		res, err := d.Resolver.LookupAddrs(ctx, h.name)
		if len(res.Records) == 0 && err != nil {
			t := noHost(ctx, h.name, err)
			t.kind, t.answer.Enhanced = queue.Deferred, "4.4.4" // a mistake of ours is no reason to bounce
			return h, t
		}
		addrs = res.Records
	}
	for _, a := range addrs {
		ap := netip.AddrPortFrom(a.Unmap(), h.port)
		if d.self.addr(ap) {
			t := loop("the relay " + h.name + " is ourselves")
			t.kind, t.answer.Enhanced = queue.Deferred, "4.4.6"
			return h, t.orNext()
		}
		h.addrs = append(h.addrs, ap)
	}
	h.addrs = interleave(h.addrs, d.set.MaxAddrs)
	return h, nil
}

// interleave lets the families take turns, beginning with the first address's (RFC 8305 §4), and keeps max.
func interleave(in []netip.AddrPort, max int) []netip.AddrPort {
	if len(in) < 2 {
		return in
	}
	first := in[0].Addr().Is6()
	var turn [2][]netip.AddrPort
	for _, a := range in {
		if a.Addr().Is6() == first {
			turn[0] = append(turn[0], a)
		} else {
			turn[1] = append(turn[1], a)
		}
	}
	out := make([]netip.AddrPort, 0, min(len(in), max))
	for i := 0; len(out) < cap(out); i++ {
		for _, t := range turn {
			if i < len(t) && len(out) < cap(out) {
				out = append(out, t[i])
			}
		}
	}
	return out
}

// noHost is a mail exchanger without addresses.
func noHost(ctx context.Context, name string, err error) *trouble {
	if dns.IsNotFound(err) {
		return ours(queue.Failed, spool.StageDNS, "5.4.4", "the mail exchanger "+name+" has no address").because(err).orNext()
	}
	return noDNS(ctx, "addresses of "+name, err).orNext()
}

// noDNS is a question that found no answer.
func noDNS(ctx context.Context, what string, err error) *trouble {
	if ctx.Err() != nil {
		return broken(ctx, spool.StageDNS, "", err)
	}
	return ours(queue.Deferred, spool.StageDNS, "4.4.3", "the DNS does not tell the "+what+": "+dnsReason(err)).because(err)
}

// dnsReason says what went wrong, without the resolver's address.
func dnsReason(err error) string {
	var e *dns.Error
	if errors.As(err, &e) {
		return e.Kind.String()
	}
	return "no answer"
}

// unroutable is a domain whose mail exchangers can not be used.
func unroutable(domain string) *trouble {
	return ours(queue.Failed, spool.StageDNS, "5.4.4", "no mail exchanger of "+domain+" can be used")
}

// dnsProves tells whether an absence is proven.
func dnsProves(err error) bool {
	var e *dns.Error
	return errors.As(err, &e) && e.Authentic
}

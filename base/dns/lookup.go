package dns

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"sort"
	"time"

	mdns "github.com/miekg/dns"
)

// LookupMX gives the mail exchangers of a domain by preference; equals stay in the order of the answer, and
// choosing among them is the sender's business (RFC 5321 §5.1). A domain without MX is an error of kind
// NoData: the implicit MX is not made up here.
func (r *Resolver) LookupMX(ctx context.Context, name string) (Result[MX], error) {
	res, err := lookup(ctx, r, name, mdns.TypeMX, func(rr *mdns.MX) (MX, bool) {
		return MX{rr.Preference, plain(rr.Mx)}, true
	})
	sort.SliceStable(res.Records, func(i, j int) bool { return res.Records[i].Preference < res.Records[j].Preference })
	return res, err
}

// LookupA gives the IPv4 addresses of a name.
func (r *Resolver) LookupA(ctx context.Context, name string) (Result[netip.Addr], error) {
	return lookup(ctx, r, name, mdns.TypeA, func(rr *mdns.A) (netip.Addr, bool) {
		a, ok := netip.AddrFromSlice(rr.A)
		return a.Unmap(), ok
	})
}

// LookupAAAA gives the IPv6 addresses of a name (RFC 3596).
func (r *Resolver) LookupAAAA(ctx context.Context, name string) (Result[netip.Addr], error) {
	return lookup(ctx, r, name, mdns.TypeAAAA, func(rr *mdns.AAAA) (netip.Addr, bool) {
		return netip.AddrFromSlice(rr.AAAA)
	})
}

// LookupTXT gives the texts of a name, each with its strings joined, as the bytes that were published.
func (r *Resolver) LookupTXT(ctx context.Context, name string) (Result[string], error) {
	return lookup(ctx, r, name, mdns.TypeTXT, func(rr *mdns.TXT) (string, bool) { return text(rr.Txt), true })
}

// LookupPTR gives the names an address claims to have. Anybody can publish any name there: see flow/policy/iprev.
func (r *Resolver) LookupPTR(ctx context.Context, a netip.Addr) (Result[string], error) {
	return lookup(ctx, r, Reverse(a), mdns.TypePTR, func(rr *mdns.PTR) (string, bool) { return plain(rr.Ptr), true })
}

// LookupCNAME gives what a name itself is an alias of. The other look-ups follow aliases by themselves; see Meta.Target.
func (r *Resolver) LookupCNAME(ctx context.Context, name string) (Result[string], error) {
	return lookup(ctx, r, name, mdns.TypeCNAME, func(rr *mdns.CNAME) (string, bool) { return plain(rr.Target), true })
}

// LookupSRV gives the places of a service by priority, then falling weight (RFC 2782). name is whole:
// "_submissions._tcp.example.test".
func (r *Resolver) LookupSRV(ctx context.Context, name string) (Result[SRV], error) {
	res, err := lookup(ctx, r, name, mdns.TypeSRV, func(rr *mdns.SRV) (SRV, bool) {
		return SRV{rr.Priority, rr.Weight, rr.Port, plain(rr.Target)}, true
	})
	sort.SliceStable(res.Records, func(i, j int) bool {
		a, b := res.Records[i], res.Records[j]
		return a.Priority < b.Priority || a.Priority == b.Priority && a.Weight > b.Weight
	})
	return res, err
}

// LookupTLSA gives the certificate associations of a service: "_25._tcp.mx.example.test" (RFC 7672). They mean
// something only if Authentic.
func (r *Resolver) LookupTLSA(ctx context.Context, name string) (Result[TLSA], error) {
	return lookup(ctx, r, name, mdns.TypeTLSA, func(rr *mdns.TLSA) (TLSA, bool) {
		data, err := hex.DecodeString(rr.Certificate)
		return TLSA{rr.Usage, rr.Selector, rr.MatchingType, data}, err == nil
	})
}

// LookupAddrs gives the addresses of both families, IPv6 first, asked at the same time. If one family could
// not be found out, the records of the other come together with that error: only a caller whom the missing
// half can not mislead may go on. A family that has no address is no error as long as the other has one.
func (r *Resolver) LookupAddrs(ctx context.Context, name string) (Result[netip.Addr], error) {
	type answer struct {
		Result[netip.Addr]
		err error
	}
	six := make(chan answer, 1)
	go func() {
		res, err := r.LookupAAAA(ctx, name)
		six <- answer{res, err}
	}()
	v4, err4 := r.LookupA(ctx, name)
	v6 := <-six
	return joinAddrs(v4, err4, v6.Result, v6.err)
}

func joinAddrs(v4 Result[netip.Addr], err4 error, v6 Result[netip.Addr], err6 error) (Result[netip.Addr], error) {
	switch {
	case err4 == nil && err6 == nil:
		v6.Records = append(v6.Records, v4.Records...)
		v6.Extended = append(v6.Extended[:len(v6.Extended):len(v6.Extended)], v4.Extended...)
		v6.TTL = min(v4.TTL, v6.TTL)
		v6.Authentic = v4.Authentic && v6.Authentic
		v6.Stale = v4.Stale || v6.Stale
		v6.Cached = v4.Cached && v6.Cached
		return v6, nil
	case err4 == nil && IsNotFound(err6):
		v4.Authentic = v4.Authentic && authentic(err6)
		return v4, nil
	case err6 == nil && IsNotFound(err4):
		v6.Authentic = v6.Authentic && authentic(err4)
		return v6, nil
	case err4 == nil:
		return v4, err6
	case err6 == nil:
		return v6, err4
	case IsNotFound(err4) && IsTemporary(err6):
		return v6, err6
	}
	return v4, err4
}

func authentic(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Authentic
}

// PTR is LookupPTR for those who need the names only.
func (r *Resolver) PTR(ctx context.Context, a netip.Addr) ([]string, error) {
	res, err := r.LookupPTR(ctx, a)
	return res.Records, err
}

// Addrs is LookupAddrs for those who need the addresses only. As there, an error may come with addresses.
func (r *Resolver) Addrs(ctx context.Context, name string) ([]netip.Addr, error) {
	res, err := r.LookupAddrs(ctx, name)
	return res.Records, err
}

// lookup asks and turns the records into values; pick refuses a record that holds none.
func lookup[R mdns.RR, T any](ctx context.Context, r *Resolver, name string, qtype uint16, pick func(R) (T, bool)) (Result[T], error) {
	a, meta, err := r.resolve(ctx, name, qtype)
	r.c.Metrics.lookup(qtype, meta, err)
	if err != nil {
		return Result[T]{Meta: meta}, err
	}
	res := Result[T]{Records: make([]T, 0, len(a.records)), Meta: meta}
	for _, rr := range a.records {
		if own, ok := rr.(R); ok {
			if v, ok := pick(own); ok {
				res.Records = append(res.Records, v)
			}
		}
	}
	if len(res.Records) == 0 {
		return res, &Error{Kind: Malformed, Type: mdns.TypeToString[qtype], Name: meta.Name, RCode: mdns.RcodeSuccess}
	}
	return res, nil
}

// meta is what a caller sees of a at now.
func (a *answer) meta(now time.Time, cached, stale bool) Meta {
	return Meta{
		Name: plain(a.key.name), Target: a.target, TTL: max(0, a.expires.Sub(now)), Authentic: a.authentic,
		Extended: a.extended, Cached: cached, Stale: stale,
	}
}

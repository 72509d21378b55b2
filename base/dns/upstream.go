package dns

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

// upstreams knows the resolvers and which of them did not answer lately.
type upstreams struct {
	mu   sync.Mutex
	all  []netip.AddrPort
	down map[netip.AddrPort]time.Time // asked last until then
}

func newUpstreams(all []netip.AddrPort) *upstreams {
	return &upstreams{all: all, down: make(map[netip.AddrPort]time.Time)}
}

func (u *upstreams) addrs() []netip.AddrPort { return slices.Clone(u.all) }

// order gives all servers, those in trouble behind the others.
func (u *upstreams) order(now time.Time) []netip.AddrPort {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.down) == 0 {
		return u.all
	}
	good, bad := make([]netip.AddrPort, 0, len(u.all)), make([]netip.AddrPort, 0, len(u.all))
	for _, s := range u.all {
		if now.Before(u.down[s]) {
			bad = append(bad, s)
		} else {
			good = append(good, s)
		}
	}
	return append(good, bad...)
}

func (u *upstreams) answered(s netip.AddrPort, ok bool, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if ok {
		delete(u.down, s)
	} else {
		u.down[s] = now.Add(serverPenalty)
	}
}

// ask puts one question to the servers until one gives a definite answer. Servers that fail are asked once,
// those that are silent in every round.
func (r *Resolver) ask(ctx context.Context, name string, qtype uint16) (*mdns.Msg, string, *Error) {
	var last *Error
	failed := make(map[netip.AddrPort]bool, 1)
	for range r.c.Attempts {
		for _, s := range r.servers.order(time.Now()) {
			if failed[s] {
				continue
			}
			m, err := r.exchange(ctx, s, name, qtype)
			if err == nil {
				return m, s.String(), nil
			}
			err.Server = s.String()
			failed[s] = err.Kind != Timeout && err.Kind != Network
			if last == nil || failed[s] {
				last = err // a server that said something tells more than one that did not
			}
			if ctx.Err() != nil {
				return nil, "", last
			}
		}
	}
	return nil, "", last
}

// exchange puts one question to one server and judges the reply.
func (r *Resolver) exchange(ctx context.Context, s netip.AddrPort, name string, qtype uint16) (*mdns.Msg, *Error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, &Error{Kind: Timeout, RCode: -1, Cause: ctx.Err()}
	}
	started := time.Now()
	m, err := r.converse(ctx, s, name, qtype)
	r.c.Metrics.exchange(time.Since(started), err)
	if err != nil {
		if ctx.Err() == nil {
			r.servers.answered(s, !silent(err), time.Now())
		}
		return nil, &Error{Kind: kindOf(err), RCode: -1, Cause: err}
	}
	r.servers.answered(s, true, time.Now())
	if e := judge(m); e != nil {
		return nil, e
	}
	return m, nil
}

// judge turns a reply that settles nothing into an error (RFC 1035 §4.1.1, RFC 2308 §2.2 referrals).
func judge(m *mdns.Msg) *Error {
	x := extended(m)
	e := &Error{Kind: ServFail, RCode: m.Rcode, Extended: x}
	switch m.Rcode {
	case mdns.RcodeNameError:
		return nil
	case mdns.RcodeSuccess:
		if lame(m) {
			e.Cause = errors.New("it does not recurse for us")
			return e
		}
		return nil
	case mdns.RcodeRefused:
		e.Kind = Refused
	case mdns.RcodeServerFailure:
		if slices.ContainsFunc(x, bogus) {
			e.Kind = Bogus
		}
	default:
		e.Cause = errors.New("answer code " + mdns.RcodeToString[m.Rcode])
	}
	return e
}

// lame reports a referral: a server that only knows who might know.
func lame(m *mdns.Msg) bool {
	if m.Authoritative || len(m.Answer) > 0 || soa(m) != nil {
		return false
	}
	return slices.ContainsFunc(m.Ns, func(rr mdns.RR) bool { return rr.Header().Rrtype == mdns.TypeNS })
}

// bogus are the extended errors that say that validation failed (RFC 8914 §4.7 to §4.13).
func bogus(x Extended) bool { return x.Code >= 6 && x.Code <= 12 }

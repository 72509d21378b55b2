package remote

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"barid/mail/spool"
)

// id names a host for its health.
func (h *host) id() string {
	if h.relay != nil {
		return relayID(h.relay)
	}
	return h.name
}

// ID names a relay in HostHealth: "relay.example:465".
func (r *Relay) ID() string { return relayID(r) }

func relayID(r *Relay) string { return hostName(r.Host) + ":" + strconv.Itoa(int(r.port())) }

// visit gives the message to a host for all who are open, and tells whether another host should be tried.
func (a *attempt) visit(ctx context.Context, h *host, want demand) bool {
	if a.done(ctx) {
		return false
	}
	a.hosts++
	if want.require && !h.authentic {
		a.meet(noRequireTLS("nothing proves that " + h.name + " is a mail exchanger of the domain"))
		return true
	}
	t := a.serve(ctx, h, want)
	if t != nil {
		a.note(h, t)
		a.meet(t)
	}
	a.recall()
	return !a.done(ctx)
}

// serve gives the message to a host for all who are open, over as many connections as it takes.
func (a *attempt) serve(ctx context.Context, h *host, want demand) *trouble {
	for dead := 0; len(a.open) > 0; {
		s, t := a.reach(ctx, h, want)
		if t == nil {
			t = a.speak(ctx, s)
			a.leave(s, t)
		}
		if t == nil {
			continue // all is settled, or the connection has carried enough
		}
		if t.stale && dead < maxDead {
			dead++
			continue
		}
		return t
	}
	return nil
}

// recall opens those again whom a host could not serve for want of an extension: the next may.
func (a *attempt) recall() {
	if len(a.held) > 0 {
		a.meet(a.heldFor)
		a.open, a.held = append(a.open, a.held...), nil
	}
}

// maxDead is how many dead idle connections one visit puts up with.
const maxDead = 20

// done tells whether no further host should be tried.
func (a *attempt) done(ctx context.Context) bool {
	return len(a.open) == 0 || a.over || a.hosts >= a.d.set.MaxHosts || ctx.Err() != nil ||
		time.Since(a.began) >= a.d.set.Timeouts.Attempt
}

// meet joins a trouble to the verdict.
func (a *attempt) meet(t *trouble) {
	a.verdict = worse(a.verdict, t)
	if !t.next {
		a.verdict, a.over = t, true
	}
}

// note keeps what a trouble says about the host itself.
func (a *attempt) note(h *host, t *trouble) {
	switch t.answer.Stage {
	case spool.StageConnect, spool.StageGreeting, spool.StageEHLO, spool.StageAuth:
		if t.next {
			why := t.answer
			why.Remote = ""
			a.d.health.failed(h.id(), why.String())
		}
		if t.answer.Stage == spool.StageAuth {
			a.d.Log.Error("a relay does not let us in", "relay", h.id(), "code", t.answer.Code, "text", t.answer.Text)
		}
	}
}

// reach gets a session with a host: an idle one, or a new one over the first address that works.
func (a *attempt) reach(ctx context.Context, h *host, want demand) (*session, *trouble) {
	k := a.keyOf(h)
	for {
		s, err := a.d.pool.get(ctx, k, func(s *session) bool { return fit(s, want) })
		if err != nil {
			return nil, broken(ctx, spool.StageConnect, h.name, err)
		}
		if s != nil {
			a.d.Metrics.connection("reused")
			s.fresh, s.reused = true, true
			return s, nil
		}
		s, t := a.dialHost(ctx, k, h, want)
		if t == nil {
			a.d.pool.opened(k)
			a.d.Metrics.connection("opened")
			a.d.health.well(h.id())
			return s, nil
		}
		a.d.Metrics.connection("failed")
		if t.tooMany() && a.d.pool.full(k, time.Now()) {
			continue // waits for one of the others; without others it is told
		}
		if t.busy {
			a.d.pool.adapt(k, false)
		}
		a.d.pool.gone(k)
		return nil, t
	}
}

// tooMany tells whether a host refused a connection as one too many, as far as its words can be trusted.
func (t *trouble) tooMany() bool {
	return t.answer.Code == 421 && (t.answer.Stage == spool.StageGreeting || t.answer.Stage == spool.StageEHLO)
}

// fit tells whether an open session is good enough.
func fit(s *session, want demand) bool {
	return s.level >= want.least && (!want.require || s.caps.has(requireTLS))
}

func (a *attempt) keyOf(h *host) key {
	k := key{host: h.name, port: h.port, mode: direct, from: a.d.originOf(a.e.From.Domain)}
	if h.relay != nil {
		k.mode = h.relay.TLS
		if h.relay.Login != nil {
			k.login = h.relay.Login.User
		}
	}
	return k
}

// dialHost opens a session with one of the host's addresses. An address whose server can not be used is no
// reason not to try the others: IPv6 may lead to a dead end where IPv4 works.
func (a *attempt) dialHost(ctx context.Context, k key, h *host, want demand) (*session, *trouble) {
	addrs := k.from.usable(h.addrs)
	if len(addrs) == 0 {
		return nil, noFamily(h)
	}
	var all *trouble
	for len(addrs) > 0 {
		s, used, rest, t := a.dialNext(ctx, k, h, addrs, want)
		if t != nil && t.noTLS && want.mayBeClear() {
			want := want
			want.offer = false
			s, _, _, t = a.dialNext(ctx, k, h, []netip.AddrPort{used}, want)
		}
		if t == nil {
			return s, nil
		}
		if all = worse(all, t); !t.next {
			return nil, t
		}
		addrs = rest
	}
	return nil, all
}

// mayBeClear tells whether mail may go in clear when TLS can not be agreed on (RFC 7435 §3).
func (w *demand) mayBeClear() bool { return w.offer && w.least == Clear && !w.require }

// dialNext opens a session with the first of the addresses that takes a connection; rest are those left to try.
func (a *attempt) dialNext(ctx context.Context, k key, h *host, addrs []netip.AddrPort, want demand) (s *session, used netip.AddrPort, rest []netip.AddrPort, t *trouble) {
	begin := time.Now()
	nc, used, rest, err := a.d.dial(ctx, &k.from, addrs)
	a.timing.Connect += time.Since(begin)
	if err != nil {
		return nil, used, nil, unreachable(ctx, &k.from, h, err)
	}
	begin, tls := time.Now(), a.timing.TLS
	s, t = a.openSession(ctx, nc, k, h, used, want)
	a.timing.Dialogue += time.Since(begin) - (a.timing.TLS - tls)
	return s, used, rest, t
}

// leave gives the session back, or ends it.
func (a *attempt) leave(s *session, t *trouble) {
	if t != nil && t.busy {
		a.d.pool.adapt(s.key, false)
	} else if t == nil {
		a.d.pool.adapt(s.key, true)
	}
	if s.broken || t != nil && t.answer.Code == 421 || s.wire.in.Buffered() > 0 {
		s.drop()
		a.d.pool.lost(s.key)
	} else {
		_ = s.wire.nc.SetDeadline(time.Time{})
		a.d.pool.put(s)
	}
}

package remote

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
)

// attempt is one Deliver.
type attempt struct {
	d      *Deliverer
	e      *spool.Entry
	out    []queue.Outcome
	open   []int // places in out that have no outcome yet
	timing queue.Timing
	began  time.Time

	verdict *trouble // of the hosts tried so far, for those who are open at the end
	over    bool     // no further host is to be tried
	hosts   int      // tried so far

	demand    demand // of the domain's mail exchangers
	levelSeen time.Time
	relayed   Level // of the connection that took the message
	direct    bool  // some recipient was relayed by a mail exchanger

	letter      *letter
	conversions conversions
}

// newAttempt lists the waiting recipients, all deferred for now.
func newAttempt(d *Deliverer, e *spool.Entry) *attempt {
	a := &attempt{d: d, e: e, began: time.Now()}
	for i := range e.Rcpts {
		if e.Rcpts[i].State == spool.Waiting {
			a.open = append(a.open, len(a.out))
			a.out = append(a.out, queue.Outcome{Rcpt: i, Kind: queue.Deferred})
		}
	}
	return a
}

func (a *attempt) run(ctx context.Context) {
	if t := a.try(ctx); t != nil {
		a.meet(t)
	}
	if a.letter != nil {
		a.letter.close()
	}
	if len(a.open) > 0 {
		if a.verdict == nil {
			a.verdict = ours(queue.Deferred, spool.StageConnect, "4.4.4", "no server could be tried")
		}
		a.settle(a.open, a.verdict)
		a.open = nil
	}
	for i := range a.out {
		a.out[i].Timing = a.timing
	}
	if a.direct {
		a.remember(ctx)
	}
}

// try finds a way and goes it.
func (a *attempt) try(ctx context.Context) *trouble {
	if a.e.Hops > a.d.set.MaxHops {
		return loop("the message passed " + strconv.Itoa(a.e.Hops) + " servers: it is in a loop")
	}
	if t := a.readLetter(ctx); t != nil {
		return t
	}
	route, err := a.d.Routes.Route(ctx, a.e.Route, a.e.From, a.e.Destination)
	if err != nil {
		a.d.Log.Error("no route", "route", a.e.Route, "tx", a.e.ID, "err", err)
		return ours(queue.Deferred, spool.StageDNS, "4.3.5", "the route for this message can not be found").because(err)
	}
	if route == nil {
		return a.exchange(ctx)
	}
	return a.relay(ctx, route)
}

// exchange tries the mail exchangers of the destination, the best first, those that are down last.
func (a *attempt) exchange(ctx context.Context) *trouble {
	if t := a.remembered(ctx); t != nil {
		return t
	}
	begin := time.Now()
	x, t := a.d.exchangers(ctx, a.e.Destination)
	a.timing.DNS += time.Since(begin)
	if t != nil {
		return t
	}
	var down []host
	for i, class := range x.classes {
		hosts, looped := a.locate(ctx, class, &x)
		if looped {
			if i == 0 {
				return loop("mail for " + a.e.Destination + " loops back to us: we are its best mail exchanger")
			}
			break
		}
		for _, h := range hosts {
			if a.d.health.down(h.id()) {
				down = append(down, h)
			} else if !a.visit(ctx, &h, a.demand) {
				return nil
			}
		}
	}
	for i := range down {
		if !a.visit(ctx, &down[i], a.demand) {
			return nil
		}
	}
	if a.verdict == nil && len(a.open) > 0 {
		return unroutable(a.e.Destination)
	}
	return nil
}

// locate finds the addresses of a class of equals. looped: we are one of them, and none may be used.
func (a *attempt) locate(ctx context.Context, class []string, x *exchangers) (hosts []host, looped bool) {
	begin := time.Now()
	defer func() { a.timing.DNS += time.Since(begin) }()
	for _, name := range class[:min(len(class), a.d.set.MaxHosts)] {
		h, isSelf, t := a.d.exchanger(ctx, name, x)
		switch {
		case isSelf:
			return nil, true
		case t != nil:
			a.meet(t)
		case len(h.addrs) > 0:
			hosts = append(hosts, h)
		}
	}
	return hosts, false
}

// relay tries the relays of a route in order, those that are down last.
func (a *attempt) relay(ctx context.Context, r *Route) *trouble {
	var down []*Relay
	for i := range r.Relays {
		x := &r.Relays[i]
		if !x.direct() && a.d.health.down(relayID(x)) {
			down = append(down, x)
		} else if on, t := a.visitRelay(ctx, x); t != nil || !on {
			return t
		}
	}
	for _, x := range down {
		if on, t := a.visitRelay(ctx, x); t != nil || !on {
			return t
		}
	}
	return nil
}

// visitRelay is visit for a relay; on tells whether to go on with the next.
func (a *attempt) visitRelay(ctx context.Context, r *Relay) (on bool, t *trouble) {
	if r.direct() {
		t := a.exchange(ctx)
		if t != nil && t.kind == queue.Deferred { // the domain's DNS fails: a relay may know more
			a.meet(t.orNext())
			t = nil
		}
		return t == nil && !a.done(ctx), t
	}
	begin := time.Now()
	h, t := a.d.relayHost(ctx, r)
	a.timing.DNS += time.Since(begin)
	if t != nil {
		a.meet(t)
		return true, nil
	}
	want := demandOf(r.TLS)
	if want.require = a.e.RequireTLS; want.require {
		want.offer, want.least = !want.implicit, Verified
	}
	return a.visit(ctx, &h, want), nil
}

// id names a host for its health.
func (h *host) id() string {
	if h.relay != nil {
		return relayID(h.relay)
	}
	return h.name
}

func relayID(r *Relay) string { return hostName(r.Host) + ":" + strconv.Itoa(int(r.port())) }

// visit gives the message to a host for all who are open, and tells whether another host should be tried.
func (a *attempt) visit(ctx context.Context, h *host, want demand) bool {
	if a.done(ctx) {
		return false
	}
	a.hosts++
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
		a.note(h, t)
		a.meet(t)
		return !a.done(ctx)
	}
	return false
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
			a.d.health.failed(h.id(), t.answer.Text)
		}
		if t.answer.Stage == spool.StageAuth {
			a.d.Log.Error("a relay does not let us in", "relay", h.id(), "code", t.answer.Code, "text", t.answer.Text)
		}
	}
}

// reach gets a session with a host: an idle one, or a new one over the first address that works.
func (a *attempt) reach(ctx context.Context, h *host, want demand) (*session, *trouble) {
	k := a.keyOf(h)
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
	if t != nil {
		a.d.Metrics.connection("failed")
		if t.busy {
			a.d.pool.adapt(k, false)
		}
		a.d.pool.gone(k)
		return nil, t
	}
	a.d.Metrics.connection("opened")
	a.d.health.well(h.id())
	return s, nil
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
		return nil, used, nil, unreachable(ctx, h, err)
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
		_ = s.wire.nc.Close()
		a.d.pool.gone(s.key)
	} else {
		_ = s.wire.nc.SetDeadline(time.Time{})
		a.d.pool.put(s)
	}
}

// remembered finds the level of TLS that the domain's mail must have.
func (a *attempt) remembered(ctx context.Context) *trouble {
	a.demand = demand{offer: true}
	if m := a.d.Memory; m != nil {
		level, at, err := m.Level(ctx, a.e.Destination)
		if err != nil {
			a.d.Log.Error("remembered TLS can not be read", "domain", a.e.Destination, "err", err)
			return ours(queue.Deferred, spool.StageTLS, "4.3.0", "it can not be told how this domain was reached before").because(err)
		}
		a.demand.least, a.levelSeen = level, at
	}
	if a.e.RequireTLS {
		a.demand.require, a.demand.least = true, Verified
	}
	return nil
}

// remember notes the level that mail was delivered with. It is worth a moment after the attempt's own end.
func (a *attempt) remember(ctx context.Context) {
	if a.d.Memory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberIn)
	defer cancel()
	if err := a.d.Memory.Saw(ctx, a.e.Destination, a.relayed, a.d.now()); err != nil {
		a.d.Log.Error("the level of TLS can not be noted", "domain", a.e.Destination, "err", err)
	}
}

const rememberIn = 500 * time.Millisecond

// settle gives recipients their outcome.
func (a *attempt) settle(places []int, t *trouble) {
	now := a.d.now()
	for _, i := range places {
		o := &a.out[i]
		o.Kind, o.Answer, o.RetryAfter = t.kind, t.answer, t.retry
		o.Answer.Time = now
	}
	if t.cause != nil {
		a.d.Log.Debug("attempt ended", "tx", a.e.ID, "domain", a.e.Destination, "text", t.answer.Text, "err", t.cause)
	}
}

// close takes a place off the open ones.
func (a *attempt) close(place int) {
	for i, p := range a.open {
		if p == place {
			a.open = append(a.open[:i], a.open[i+1:]...)
			return
		}
	}
}

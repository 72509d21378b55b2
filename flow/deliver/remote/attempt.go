package remote

import (
	"context"
	"strconv"
	"sync"
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

	held    []int    // those that the present host can not serve
	heldFor *trouble // and why

	demand    demand // of the domain's mail exchangers
	levelSeen time.Time
	relayed   Level // of the connection that took the message
	direct    bool  // some recipient was relayed by a mail exchanger

	heard       func(Exchange) // listens to new connections; nil: nobody
	letter      *letter
	conversions conversions
	longLines   *trouble // a server's refusal of lines over 998 octets; the message is sent without them since
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
	found := make([]located, min(len(class), a.d.set.MaxHosts))
	var all sync.WaitGroup
	for i := range found[1:] {
		all.Go(func() { found[i+1].find(ctx, a.d, class[i+1], x) })
	}
	found[0].find(ctx, a.d, class[0], x)
	all.Wait()
	for i := range found {
		switch f := &found[i]; {
		case f.isSelf:
			return nil, true
		case f.t != nil:
			a.meet(f.t)
		case len(f.host.addrs) > 0:
			hosts = append(hosts, f.host)
		}
	}
	return hosts, false
}

// located is what was found out about a mail exchanger.
type located struct {
	host   host
	isSelf bool
	t      *trouble
}

func (l *located) find(ctx context.Context, d *Deliverer, name string, x *exchangers) {
	l.host, l.isSelf, l.t = d.exchanger(ctx, name, x)
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

// remembered finds the level of TLS that the domain's mail must have. A sender may rather have it in clear than not
// at all (RFC 8689 §5).
func (a *attempt) remembered(ctx context.Context) *trouble {
	a.demand = demand{offer: true}
	if m := a.d.Memory; m != nil && !a.e.TLSOptional {
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

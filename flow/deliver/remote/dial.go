package remote

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
)

// tcp is the system's Dialer.
type tcp struct{}

// Dial implements Dialer.
func (tcp) Dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	if from.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: from.AsSlice(), Zone: from.Zone()}
	}
	return d.DialContext(ctx, "tcp", to.String())
}

// origin is where mail leaves from and what we call ourselves there, by family. It is part of a pool's key.
type origin struct {
	v4, v6       netip.Addr
	helo4, helo6 string
	bound        bool // only the families that have an address are used
}

// originOf chooses for a sender's domain: the sources that name it, else those that name nobody.
func (d *Deliverer) originOf(domain string) origin {
	o := origin{helo4: d.set.HeloName, helo6: d.set.HeloName}
	sources := d.Sources()
	for _, own := range []bool{true, false} {
		for i := range sources {
			s := &sources[i]
			if own == (len(s.Domains) > 0) && (!own || isOneOf(domain, s.Domains)) {
				o.add(s, d.set.HeloName)
			}
		}
		if o.bound {
			break
		}
	}
	return o
}

// add takes the first source of each family.
func (o *origin) add(s *Source, helo string) {
	if s.Helo != "" {
		helo = s.Helo
	}
	a := s.Addr.Unmap()
	switch {
	case a.Is4() && !o.v4.IsValid():
		o.v4, o.helo4, o.bound = a, helo, true
	case a.Is6() && !o.v6.IsValid():
		o.v6, o.helo6, o.bound = a, helo, true
	}
}

func isOneOf(s string, list []string) bool {
	for _, x := range list {
		if hostName(x) == s {
			return true
		}
	}
	return false
}

// of gives source and name for connections to an address; ok is false if nothing leaves in its family.
func (o *origin) of(to netip.Addr) (from netip.Addr, helo string, ok bool) {
	if to.Is4() {
		return o.v4, o.helo4, !o.bound || o.v4.IsValid()
	}
	return o.v6, o.helo6, !o.bound || o.v6.IsValid()
}

// String names the addresses: "192.0.2.7" or "192.0.2.7 or 2001:db8::7".
func (o *origin) String() string {
	switch {
	case !o.v6.IsValid():
		return o.v4.String()
	case !o.v4.IsValid():
		return o.v6.String()
	}
	return o.v4.String() + " or " + o.v6.String()
}

// usable leaves out the addresses of families that nothing leaves in.
func (o *origin) usable(in []netip.AddrPort) []netip.AddrPort {
	if !o.bound {
		return in
	}
	out := make([]netip.AddrPort, 0, len(in))
	for _, a := range in {
		if _, _, ok := o.of(a.Addr()); ok {
			out = append(out, a)
		}
	}
	return out
}

// dial connects to the first address that answers (RFC 8305): the next one is begun when one failed, or when
// Stagger passed. rest are the addresses that did neither win nor fail.
func (d *Deliverer) dial(ctx context.Context, o *origin, addrs []netip.AddrPort) (nc net.Conn, used netip.AddrPort, rest []netip.AddrPort, err error) {
	if len(addrs) == 1 {
		nc, err = d.dialOne(ctx, o, addrs[0])
		return nc, addrs[0], nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := race{d: d, o: o, addrs: addrs, results: make(chan dialed, len(addrs)), failed: make([]bool, len(addrs))}
	nc, won, err := r.run(ctx)
	cancel()
	r.endLosers()
	if err != nil {
		return nil, netip.AddrPort{}, nil, err
	}
	for i, a := range addrs {
		if i != won && !r.failed[i] {
			rest = append(rest, a)
		}
	}
	return nc, addrs[won], rest, nil
}

// race is several tries for one connection.
type race struct {
	d       *Deliverer
	o       *origin
	addrs   []netip.AddrPort
	results chan dialed
	begun   int
	pending int
	failed  []bool
}

// dialed is the end of a try.
type dialed struct {
	nc  net.Conn
	at  int // index of its address
	err error
}

// begin starts the next try, if there is an address left.
func (r *race) begin(ctx context.Context) {
	if r.begun == len(r.addrs) {
		return
	}
	at := r.begun
	r.begun, r.pending = r.begun+1, r.pending+1
	go func() {
		nc, err := r.d.dialOne(ctx, r.o, r.addrs[at])
		r.results <- dialed{nc, at, err}
	}()
}

// run gives the winner, or the last error when all failed.
func (r *race) run(ctx context.Context) (nc net.Conn, won int, err error) {
	stagger := time.NewTimer(r.d.set.Timeouts.Stagger)
	defer stagger.Stop()
	for r.begin(ctx); r.pending > 0; r.begin(ctx) {
		select {
		case x := <-r.results:
			r.pending--
			if x.err == nil {
				return x.nc, x.at, nil
			}
			r.failed[x.at], err = true, x.err
		case <-stagger.C:
		}
		stagger.Reset(r.d.set.Timeouts.Stagger)
	}
	return nil, 0, err
}

// endLosers waits for the tries that still run, whose context has ended: nothing outlives the race.
func (r *race) endLosers() {
	for ; r.pending > 0; r.pending-- {
		if x := <-r.results; x.err == nil {
			_ = x.nc.Close()
		}
	}
}

// dialOne connects to one address.
func (d *Deliverer) dialOne(ctx context.Context, o *origin, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.set.Timeouts.Connect)
	defer cancel()
	from, _, _ := o.of(to.Addr())
	return d.Dialer.Dial(ctx, from, to)
}

// unreachable is a host none of whose addresses takes a connection, or to which nothing can leave from our source: that
// is no fault of the host, and others may reach it.
func unreachable(ctx context.Context, o *origin, h *host, err error) *trouble {
	if o.bound && errors.Is(err, syscall.EADDRNOTAVAIL) {
		return ours(queue.Deferred, spool.StageLocal, "4.3.5", "this mail is to leave from "+o.String()+", which is no address of the machine").
			because(err).orNext()
	}
	t := broken(ctx, spool.StageConnect, h.name, err)
	if ctx.Err() == nil {
		t.answer.Enhanced = "4.4.1"
		t.answer.Text = "no connection to " + h.name + ": " + plainError(err)
		t.busy = true
	}
	return t
}

// noFamily is a host that can only be reached in a family of addresses that nothing leaves in.
func noFamily(h *host) *trouble {
	return ours(queue.Deferred, spool.StageConnect, "4.4.4", "there is no source address for the addresses of "+h.name).orNext()
}

package remote

import (
	"context"
	"net"
	"net/netip"
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
	for _, own := range []bool{true, false} {
		for i := range d.set.Sources {
			s := &d.set.Sources[i]
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

// dialed is the end of a race for a connection.
type dialed struct {
	nc  net.Conn
	at  int // index of its address
	err error
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
	results := make(chan dialed, len(addrs))
	begun, pending, failed := 0, 0, make([]bool, len(addrs))
	begin := func() {
		at := begun
		begun, pending = begun+1, pending+1
		go func() {
			c, err := d.dialOne(ctx, o, addrs[at])
			results <- dialed{nc: c, at: at, err: err}
		}()
	}
	begin()
	stagger := time.NewTimer(d.set.Timeouts.Stagger)
	defer stagger.Stop()
	won := -1
	for pending > 0 && won < 0 {
		select {
		case r := <-results:
			pending--
			if r.err == nil {
				nc, won, err = r.nc, r.at, nil
				break
			}
			failed[r.at], err = true, r.err
			if begun < len(addrs) {
				begin()
				stagger.Reset(d.set.Timeouts.Stagger)
			}
		case <-stagger.C:
			if begun < len(addrs) {
				begin()
				stagger.Reset(d.set.Timeouts.Stagger)
			}
		}
	}
	cancel()
	for ; pending > 0; pending-- { // losers end at once: nothing outlives the race
		if r := <-results; r.err == nil {
			_ = r.nc.Close()
		}
	}
	if won < 0 {
		return nil, netip.AddrPort{}, nil, err
	}
	for i, a := range addrs {
		if i != won && !failed[i] {
			rest = append(rest, a)
		}
	}
	return nc, addrs[won], rest, nil
}

// dialOne connects to one address.
func (d *Deliverer) dialOne(ctx context.Context, o *origin, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.set.Timeouts.Connect)
	defer cancel()
	from, _, _ := o.of(to.Addr())
	return d.Dialer.Dial(ctx, from, to)
}

// unreachable is a host none of whose addresses takes a connection.
func unreachable(ctx context.Context, h *host, err error) *trouble {
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

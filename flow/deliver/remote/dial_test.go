package remote

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeNet is a network of addresses that answer after a while, or never.
type fakeNet struct {
	mu     sync.Mutex
	after  map[string]time.Duration // negative: refuses after that time; missing: never answers
	dialed []string
	open   int
}

type fakeConn struct {
	net.Conn
	n *fakeNet
}

func (c fakeConn) Close() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.n.open--
	return nil
}

var errRefused = errors.New("refused")

func (n *fakeNet) Dial(ctx context.Context, _ netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, to.Addr().String())
	d, ok := n.after[to.Addr().String()]
	n.mu.Unlock()
	if !ok {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case <-time.After(max(d, -d)):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if d < 0 {
		return nil, errRefused
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open++
	return fakeConn{n: n}, nil
}

func TestHappyEyeballs(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name  string
		addrs []string
		after map[string]time.Duration
		won   string
		took  time.Duration
		rest  int
	}{
		{"the first answers at once", []string{"::1", "127.0.0.1"}, map[string]time.Duration{"::1": s / 10, "127.0.0.1": 0}, "::1", s / 10, 1},
		{"the first is silent", []string{"::1", "127.0.0.1"}, map[string]time.Duration{"127.0.0.1": s / 10}, "127.0.0.1", s/4 + s/10, 1},
		{"the first refuses", []string{"::1", "127.0.0.1"}, map[string]time.Duration{"::1": -s / 100, "127.0.0.1": s / 10}, "127.0.0.1", s/100 + s/10, 0},
		{"the first is slower than the second", []string{"::1", "127.0.0.1"}, map[string]time.Duration{"::1": s, "127.0.0.1": s / 10}, "127.0.0.1", s/4 + s/10, 1},
		{"the third answers", []string{"::1", "127.0.0.1", "127.0.0.2"}, map[string]time.Duration{"127.0.0.2": s / 10}, "127.0.0.2", s/2 + s/10, 2},
		{"all refuse", []string{"::1", "127.0.0.1"}, map[string]time.Duration{"::1": -s / 10, "127.0.0.1": -s / 10}, "", s / 5, 0},
		{"all are silent", []string{"::1", "127.0.0.1"}, nil, "", 30*s + s/4, 0},
		{"one alone is silent", []string{"::1"}, nil, "", 30 * s, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &fakeNet{after: c.after}
				d := New(Deps{Dialer: n, Settings: Settings{HeloName: "x.test"}})
				var addrs []netip.AddrPort
				for _, a := range c.addrs {
					addrs = append(addrs, netip.AddrPortFrom(netip.MustParseAddr(a), 25))
				}
				begin := time.Now()
				nc, used, rest, err := d.dial(t.Context(), &origin{}, addrs)
				if took := time.Since(begin); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if (err == nil) != (c.won != "") || err == nil && (used.Addr().String() != c.won || len(rest) != c.rest) {
					t.Errorf("%v %v %v", used, rest, err)
				}
				if nc != nil {
					_ = nc.Close()
				}
				if n.open != 0 {
					t.Errorf("%d connections were forgotten", n.open)
				}
			})
		})
	}
}

func TestAddressesTakeTurns(t *testing.T) {
	parse := func(list ...string) (out []netip.AddrPort) {
		for _, a := range list {
			out = append(out, netip.AddrPortFrom(netip.MustParseAddr(a), 25))
		}
		return out
	}
	for _, c := range []struct {
		in, want []netip.AddrPort
		max      int
	}{
		{parse("::1", "::2", "::3", "1.1.1.1", "1.1.1.2"), parse("::1", "1.1.1.1", "::2", "1.1.1.2", "::3"), 8},
		{parse("1.1.1.1", "::1"), parse("1.1.1.1", "::1"), 8},
		{parse("::1", "::2", "::3", "1.1.1.1"), parse("::1", "1.1.1.1"), 2},
		{parse("1.1.1.1"), parse("1.1.1.1"), 8},
		{nil, nil, 8},
	} {
		got := interleave(c.in, c.max)
		if len(got) != len(c.want) {
			t.Errorf("%v", got)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v, want %v", got, c.want)
			}
		}
	}
}

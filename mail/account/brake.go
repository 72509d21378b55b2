package account

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Brake says how many wrong passwords a minute are tested. A password that is known to be wrong already
// costs nothing; a right one neither. An owner at an address where they logged in lately has a lane of their own
// there, so that no attack from elsewhere shuts them out.
type Brake struct {
	PerAddress int // one IPv4 address or IPv6 /64; 10
	PerNetwork int // one IPv4 /24 or IPv6 /48; 60
	PerAccount int // one account, from addresses where its owner did not log in lately; 30
	Global     int // all of them together; 600
}

func (b Brake) withDefaults() Brake {
	for _, f := range []struct {
		v    *int
		dflt int
	}{{&b.PerAddress, 10}, {&b.PerNetwork, 60}, {&b.PerAccount, 30}, {&b.Global, 600}} {
		if *f.v <= 0 {
			*f.v = f.dflt
		}
	}
	return b
}

// laneKind is what is counted in a lane.
type laneKind byte

const (
	laneAddress  laneKind = iota
	laneNetwork           // a wider network
	laneAccount           // one name, which may be nobody's
	laneGlobal            // everything
	laneHome              // one account at an address of its owner
	laneOvertime          // the same, when laneHome is used up: see Directory.overtime
	laneRepeat            // one address saying again what is known to be wrong
)

func (k laneKind) String() string {
	return [...]string{"address", "network", "account", "global", "home", "overtime", "repeat"}[k]
}

// lane names what is counted.
type lane struct {
	kind laneKind
	net  netip.Prefix
	name string
}

const (
	maxLanes     = 1 << 16 // lanes remembered
	maxLaneWaits = 1024    // attempts that wait for others from their lane
)

// brake counts wrong passwords in lanes, in a sliding window: never more than a lane's limit within any window,
// counting those that are being tested now.
type brake struct {
	limits Brake
	now    func() time.Time

	mu      sync.Mutex
	lanes   map[lane]*count
	changed chan struct{} // closed when a test ends
	waits   int
}

type count struct {
	failed  []time.Time // the latest, in order; at most the lane's limit
	testing int
}

func newBrake(b Brake, now func() time.Time) *brake {
	return &brake{limits: b, now: now, lanes: make(map[lane]*count), changed: make(chan struct{})}
}

// limit gives how many failures a lane may have within which time.
func (b *brake) limit(k laneKind) (n int, window time.Duration) {
	switch k {
	case laneNetwork:
		return b.limits.PerNetwork, time.Minute
	case laneAccount:
		return b.limits.PerAccount, time.Minute
	case laneGlobal:
		return b.limits.Global, time.Minute
	case laneOvertime:
		return 10 * b.limits.PerAddress, time.Hour
	}
	return b.limits.PerAddress, time.Minute
}

// strangerLanes are those of an attempt from anywhere.
func strangerLanes(remote netip.Addr, name string) []lane {
	return []lane{
		{kind: laneAddress, net: near(remote)},
		{kind: laneNetwork, net: wide(remote)},
		{kind: laneAccount, name: name},
		{kind: laneGlobal},
	}
}

// near is the network of one peer: the address, or an IPv6 /64, which one machine can have all of.
func near(a netip.Addr) netip.Prefix { return prefix(a, 32, 64) }

// wide is the network one customer or site may have.
func wide(a netip.Addr) netip.Prefix { return prefix(a, 24, 48) }

func prefix(a netip.Addr, bits4, bits6 int) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	p, _ := a.Prefix(bits) // the zero Addr gives the zero Prefix, a lane like any other
	return p
}

// enter asks to test one password. It waits while others of the lanes are being tested whose failure would
// use up the limit. If the limit is used up it gives ok=false and the lane. Else leave must be called.
func (b *brake) enter(ctx context.Context, lanes ...lane) (full laneKind, ok bool, err error) {
	for {
		b.mu.Lock()
		full, room, used := b.room(lanes)
		if room {
			for _, l := range lanes {
				b.count(l).testing++
			}
			b.mu.Unlock()
			return 0, true, nil
		}
		if used || b.waits >= maxLaneWaits {
			b.mu.Unlock()
			return full, false, nil
		}
		b.waits++
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		b.mu.Lock()
		b.waits--
		b.mu.Unlock()
		if err != nil {
			return 0, false, err
		}
	}
}

// room looks whether every lane has room now; used tells that failures alone fill one.
func (b *brake) room(lanes []lane) (full laneKind, room, used bool) {
	room = true
	for _, l := range lanes {
		c := b.count(l)
		n, _ := b.limit(l.kind)
		if len(c.failed) >= n {
			return l.kind, false, true
		}
		if len(c.failed)+c.testing >= n {
			full, room = l.kind, false
		}
	}
	return full, room, false
}

// leave ends a test. A failure is counted in the lanes and in those of also.
func (b *brake) leave(failed bool, lanes []lane, also ...lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range lanes {
		c := b.count(l)
		c.testing--
		if failed {
			b.fail(l, c)
		}
	}
	if failed {
		for _, l := range also {
			b.fail(l, b.count(l))
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// spend counts a failure if the lane has room.
func (b *brake) spend(l lane) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.count(l)
	if n, _ := b.limit(l.kind); len(c.failed) >= n {
		return false
	}
	b.fail(l, c)
	return true
}

// left tells whether the lane has room.
func (b *brake) left(l lane) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, _ := b.limit(l.kind)
	return len(b.count(l).failed) < n
}

func (b *brake) fail(l lane, c *count) {
	c.failed = append(c.failed, b.now())
	if n, _ := b.limit(l.kind); len(c.failed) > n {
		c.failed = c.failed[1:]
	}
}

// count gives the lane's count without what is out of its window.
func (b *brake) count(l lane) *count {
	c := b.lanes[l]
	if c == nil {
		if len(b.lanes) >= maxLanes {
			b.sweep()
		}
		c = new(count)
		b.lanes[l] = c
	}
	b.expire(l, c)
	return c
}

func (b *brake) expire(l lane, c *count) {
	_, window := b.limit(l.kind)
	old := b.now().Add(-window)
	n := 0
	for n < len(c.failed) && !c.failed[n].After(old) {
		n++
	}
	if c.failed = c.failed[n:]; len(c.failed) == 0 {
		c.failed = nil
	}
}

// sweep forgets lanes that count nothing and, if there are few of those, any others that nobody is in: an
// attacker with that many addresses meets the global lane, which is never forgotten.
func (b *brake) sweep() {
	for l, c := range b.lanes {
		if b.expire(l, c); len(c.failed) == 0 && c.testing == 0 {
			delete(b.lanes, l)
		}
	}
	for l, c := range b.lanes {
		if len(b.lanes) <= maxLanes*3/4 {
			return
		}
		if c.testing == 0 && l.kind != laneGlobal {
			delete(b.lanes, l)
		}
	}
}

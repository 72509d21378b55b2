package exchange

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/miekg/dns"

	"barid/e2e/world"
)

// Outages: how many at once, and how long one lasts at most.
const (
	maxOutages = 2
	maxOutage  = 1500 * time.Millisecond
	maxCalm    = 900 * time.Millisecond
)

// minKills is how many kills of Barids there are at least, however fast the senders are.
const minKills = 10

// Names of what is counted and judged.
const (
	killsOfBarid = "kills of Barid"
	stopsOfPeers = "stops of peers"
)

// chaos makes servers and names fail, at random moments of a seed.
type chaos struct {
	t       *testing.T
	members []*member
	world   *world.World
	rng     *rand.Rand
	open    []outage
	count   map[string]int
}

// outage is something that is ill and will be well again.
type outage struct {
	of    string
	until time.Time
	end   func()
}

func newChaos(t *testing.T, members []*member, w *world.World, seed uint64) *chaos {
	return &chaos{t: t, members: members, world: w, rng: rand.New(rand.NewPCG(seed, 0)), count: map[string]int{}}
}

// run makes outages until done is closed and there were enough, and heals everything then.
func (c *chaos) run(done <-chan struct{}) {
	for {
		if c.count[killsOfBarid] >= minKills {
			select {
			case <-done:
				c.heal(time.Time{})
				return
			default:
			}
		}
		time.Sleep(c.upTo(maxCalm))
		c.heal(time.Now())
		if len(c.open) < maxOutages {
			c.strike()
		}
	}
}

func (c *chaos) upTo(d time.Duration) time.Duration { return time.Duration(c.rng.Int64N(int64(d))) }

// heal ends the outages that are over at a time; all of them with the zero time.
func (c *chaos) heal(now time.Time) {
	var left []outage
	for _, o := range c.open {
		if now.IsZero() || now.After(o.until) {
			o.end()
		} else {
			left = append(left, o)
		}
	}
	c.open = left
}

func (c *chaos) isOpen(of string) bool {
	for _, o := range c.open {
		if o.of == of {
			return true
		}
	}
	return false
}

// strike begins an outage of somebody who is well: mostly a Barid is killed.
func (c *chaos) strike() {
	m := c.members[c.rng.IntN(len(c.members))]
	if c.rng.IntN(2) == 0 {
		m = c.members[c.rng.IntN(2)]
	}
	of, what := m.name, c.rng.IntN(4)
	if c.rng.IntN(8) == 0 {
		of = "names"
	}
	if c.isOpen(of) {
		return
	}
	var end func()
	switch {
	case of == "names":
		end = c.names(what)
	case m.barid != nil:
		end = c.barid(m, what)
	default:
		end = c.peer(m, what)
	}
	c.open = append(c.open, outage{of, time.Now().Add(c.upTo(maxOutage)), end})
}

// barid kills a Barid, or now and then stops it.
func (c *chaos) barid(m *member, what int) func() {
	m.gate.shut()
	if what == 0 {
		c.count["stops of Barid"]++
		m.barid.Stop()
	} else {
		c.count[killsOfBarid]++
		m.barid.Kill()
	}
	return func() {
		m.barid.Boot()
		m.gate.open()
	}
}

// peer stops a peer, so that it refuses connections, or lets it hang.
func (c *chaos) peer(m *member, what int) func() {
	if what < 2 {
		c.count["hangs of peers"]++
		m.site.Freeze()
		return m.site.Thaw
	}
	c.count[stopsOfPeers]++
	m.gate.shut()
	m.site.Stop()
	return func() {
		m.site.Start()
		m.gate.open()
	}
}

// names makes the world silent, ill or slow.
func (c *chaos) names(what int) func() {
	c.count["outages of DNS"]++
	c.world.SetAll([]world.Behaviour{{Silent: true}, {RCode: dns.RcodeServerFailure}, {RCode: dns.RcodeRefused}, {Delay: 300 * time.Millisecond}}[what])
	return func() { c.world.SetAll(world.Behaviour{}) }
}

package listen

import (
	"net/netip"
	"sync"
)

// count keeps the numbers of connections, in all and for each network.
type count struct {
	mu    sync.Mutex
	total int
	nets  map[netip.Prefix]int
}

// network is what counts as one peer: an IPv4 address, an IPv6 /64. A socket without addresses is none.
func network(a netip.Addr) (p netip.Prefix, ok bool) {
	a = a.Unmap()
	if !a.IsValid() {
		return netip.Prefix{}, false
	}
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// add counts one connection unless there are max already.
func (c *count) add(max int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= max {
		return false
	}
	c.total++
	return true
}

func (c *count) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
}

// enter counts one connection of a's network unless it has max already.
func (c *count) enter(a netip.Addr, max int) bool {
	p, known := network(a)
	if !known {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nets[p] >= max {
		return false
	}
	if c.nets == nil {
		c.nets = make(map[netip.Prefix]int)
	}
	c.nets[p]++
	return true
}

// leave takes back what enter counted.
func (c *count) leave(a netip.Addr) {
	p, known := network(a)
	if !known {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nets[p]--; c.nets[p] == 0 {
		delete(c.nets, p)
	}
}

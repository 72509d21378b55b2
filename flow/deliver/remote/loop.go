package remote

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
)

// localFor is how long the list of the machine's addresses is believed.
const localFor = time.Minute

// self knows what we are called and where we take mail, so that we never send to ourselves (RFC 5321 §5.1).
type self struct {
	names   map[string]bool
	sources func() []Source // whose names are ours too
	listen  []netip.AddrPort
	list    func() []netip.Addr
	now     func() time.Time

	mu    sync.Mutex
	local map[netip.Addr]bool
	until time.Time
}

func newSelf(s *Settings, sources func() []Source, list func() []netip.Addr, now func() time.Time) *self {
	if list == nil {
		list = interfaces
	}
	me := &self{names: map[string]bool{}, sources: sources, listen: s.Listen, list: list, now: now}
	for _, n := range s.OwnNames {
		me.names[n] = true
	}
	return me
}

// name tells whether a host is called as we are. "localhost" is everybody's name and says nothing.
func (s *self) name(host string) bool {
	n := hostName(host)
	if n == "localhost" || n == "" {
		return false
	}
	return s.names[n] || slices.ContainsFunc(s.sources(), func(x Source) bool { return x.Helo != "" && hostName(x.Helo) == n })
}

// addr tells whether a connection to ap would reach a listener of ours.
func (s *self) addr(ap netip.AddrPort) bool {
	ip := ap.Addr().Unmap().WithZone("")
	for _, l := range s.listen {
		if l.Port() != 0 && l.Port() != ap.Port() {
			continue
		}
		if own := l.Addr().Unmap().WithZone(""); own == ip || own.IsUnspecified() && s.isLocal(ip) {
			return true
		}
	}
	return false
}

// isLocal tells whether an address belongs to this machine.
func (s *self) isLocal(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.After(s.until) {
		s.local, s.until = map[netip.Addr]bool{}, now.Add(localFor)
		for _, a := range s.list() {
			s.local[a.Unmap().WithZone("")] = true
		}
	}
	return s.local[ip]
}

// interfaces lists the addresses of the machine's interfaces.
func interfaces() []netip.Addr {
	var out []netip.Addr
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, ip)
			}
		}
	}
	return out
}

// loop is mail that would come back to us (RFC 3463 §3.5, x.4.6).
func loop(text string) *trouble {
	return ours(queue.Failed, spool.StageDNS, "5.4.6", text)
}

package remote

import (
	"sort"
	"sync"
	"time"
)

// maxUnwell is how many hosts that can not be reached are remembered.
const maxUnwell = 10_000

// HostHealth is a host that could not be reached, or refused everybody, lately.
type HostHealth struct {
	Host  string // "mx1.example.org", or "smtp.example.com:587" of a relay
	Fails int    // in a row
	Since time.Time
	Until time.Time // it is tried last until then
	Why   string
}

// health remembers hosts that are down, so that not every message waits for them first (D101). It never keeps a
// host from being tried at all.
type health struct {
	downFor time.Duration
	now     func() time.Time

	mu      sync.Mutex
	unwell  map[string]HostHealth
	reached bool // some host, once
}

func newHealth(downFor time.Duration, now func() time.Time) *health {
	return &health{downFor: downFor, now: now, unwell: map[string]HostHealth{}}
}

// down tells whether a host should be tried last.
func (h *health) down(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	x, ok := h.unwell[host]
	return ok && h.now().Before(x.Until)
}

// failed notes that a host could not be used.
func (h *health) failed(host, why string) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	x, ok := h.unwell[host]
	if !ok {
		if len(h.unwell) >= maxUnwell {
			h.forget(now)
		}
		x = HostHealth{Host: host, Since: now}
	}
	x.Fails++
	x.Until, x.Why = now.Add(h.downFor), why
	h.unwell[host] = x
}

// forget makes room: first the hosts whose time is over, then any.
func (h *health) forget(now time.Time) {
	for k, x := range h.unwell {
		if now.After(x.Until) {
			delete(h.unwell, k)
		}
	}
	if len(h.unwell) >= maxUnwell {
		clear(h.unwell)
	}
}

// well notes that a host answered.
func (h *health) well(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reached = true
	if len(h.unwell) > 0 {
		delete(h.unwell, host)
	}
}

// cutOffHosts is how many different hosts have to be out of reach before the fault is sought on our side.
const cutOffHosts = 3

// cutOff tells whether several hosts were tried and none was ever reached.
func (h *health) cutOff() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.reached && len(h.unwell) >= cutOffHosts
}

// list gives those that are not well, by name.
func (h *health) list() []HostHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]HostHealth, 0, len(h.unwell))
	for _, x := range h.unwell {
		out = append(out, x)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Host < out[j].Host })
	return out
}

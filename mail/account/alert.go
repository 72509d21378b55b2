package account

import (
	"sync"
	"time"
)

// alerts keeps what we tell the operator to one line a minute for each kind.
type alerts struct {
	mu   sync.Mutex
	last map[laneKind]time.Time
}

func newAlerts() *alerts { return &alerts{last: make(map[laneKind]time.Time)} }

func (a *alerts) due(k laneKind, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.last[k]; ok && now.Sub(last) < time.Minute {
		return false
	}
	a.last[k] = now
	return true
}

package account

import (
	"hash/maphash"
	"sync"

	"barid/mail"
	"barid/mail/allowance"
)

const (
	cacheShards     = 16
	cachePerShard   = 1024 // addresses in each of a shard's two halves
	maxCachedTarget = 64   // destinations; larger targets are not remembered
)

// targetCache remembers where addresses lead, until the directory changes. Memory: at most
// 2·cacheShards·cachePerShard addresses.
type targetCache struct {
	seed   maphash.Seed
	shards [cacheShards]targetShard
}

// targetShard forgets in halves: when recent is full it becomes older, and what was older is gone.
type targetShard struct {
	mu            sync.Mutex
	changes       uint64
	recent, older map[string]cached
}

// cached is a target and the local part as it was written, which the case of Detail depends on.
type cached struct {
	local string
	t     Target
}

func newTargetCache() *targetCache { return &targetCache{seed: maphash.MakeSeed()} }

func (c *targetCache) shard(key string) *targetShard {
	return &c.shards[maphash.String(c.seed, key)%cacheShards]
}

// get gives what was put for key under the same count of changes.
func (c *targetCache) get(key, local string, changes uint64) (Target, bool) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != changes {
		return Target{}, false
	}
	e, ok := s.recent[key]
	if !ok {
		if e, ok = s.older[key]; ok {
			s.keep(key, e)
		}
	}
	if !ok || e.t.Detail != "" && e.local != local {
		return Target{}, false
	}
	return e.t, true
}

// put remembers t, which was read when the count of changes was not above changes.
func (c *targetCache) put(key, local string, changes uint64, t Target) {
	if len(t.Accounts)+len(t.Forward) > maxCachedTarget {
		return
	}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if changes < s.changes {
		return
	}
	if changes > s.changes {
		s.changes, s.recent, s.older = changes, nil, nil
	}
	s.keep(key, cached{local: local, t: t})
}

func (s *targetShard) keep(key string, e cached) {
	if s.recent == nil || len(s.recent) >= cachePerShard {
		s.older, s.recent = s.recent, make(map[string]cached)
	}
	s.recent[key] = e
}

// grantCache remembers what logins may send, until the directory changes.
type grantCache struct {
	mu      sync.Mutex
	changes uint64
	of      map[application][]allowance.Grant
}

// maxCachedGrants is how many logins are remembered before all are forgotten.
const maxCachedGrants = 1 << 14

func newGrantCache() *grantCache { return &grantCache{of: make(map[application][]allowance.Grant)} }

func (c *grantCache) get(id mail.AccountID, app mail.ApplicationID, changes uint64) ([]allowance.Grant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return nil, false
	}
	g, ok := c.of[application{id, app}]
	return g, ok
}

// put remembers g, which was read when the count of changes was not above changes.
func (c *grantCache) put(id mail.AccountID, app mail.ApplicationID, changes uint64, g []allowance.Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes < c.changes {
		return
	}
	if changes > c.changes || len(c.of) >= maxCachedGrants {
		c.changes = changes
		clear(c.of)
	}
	c.of[application{id, app}] = g
}

package embedded

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"barid/base/kv"
)

const partShards = 64

// partition is the lock and the version of one partition.
type partition struct {
	name    kv.Part
	mu      sync.Mutex
	ver     kv.Ver       // guarded by mu
	kept    any          // guarded by mu; what Keep left at version keptAt
	keptAt  kv.Ver       // guarded by mu
	gen     uint64       // guarded by mu; the generation of the table in which ver was given
	pending atomic.Int64 // commits that are applied and not yet durable
	users   atomic.Int64 // who holds or waits for mu
}

// partTable knows the partitions in use. Versions come from one counter, so that a partition that was
// forgotten and comes back has a higher one than ever before.
type partTable struct {
	max    int // of a shard
	ver    atomic.Uint64
	gen    atomic.Uint64 // raised when an instance of Pebble was fenced: all versions jump
	shards [partShards]struct {
		sync.Mutex
		m map[kv.Part]*partition
	}
}

func newPartTable(limit int) *partTable {
	t := &partTable{max: max(1, limit/partShards)}
	for i := range t.shards {
		t.shards[i].m = map[kv.Part]*partition{}
	}
	return t
}

func (t *partTable) nextVer() kv.Ver { return kv.Ver(t.ver.Add(1)) }

// lock gives p, locked.
func (t *partTable) lock(p kv.Part) *partition {
	sh := &t.shards[(p.ID*0x9e3779b97f4a7c15>>32^uint64(p.Kind))%partShards]
	sh.Lock()
	e := sh.m[p]
	if e == nil {
		if len(sh.m) >= t.max {
			forget(sh.m)
		}
		e = &partition{name: p, ver: t.nextVer(), gen: t.gen.Load()}
		sh.m[p] = e
	}
	e.users.Add(1)
	sh.Unlock()
	e.mu.Lock()
	if g := t.gen.Load(); e.gen != g {
		e.ver, e.gen = t.nextVer(), g
	}
	return e
}

// forget drops some partitions that nobody uses. The caller holds the shard.
func forget(m map[kv.Part]*partition) {
	looked := 0
	for p, e := range m {
		if e.users.Load() == 0 && e.pending.Load() == 0 {
			delete(m, p)
		}
		if looked++; looked == 16 {
			return
		}
	}
}

func (e *partition) unlock() {
	e.mu.Unlock()
	e.users.Add(-1)
}

// lockMany locks ps in the order of their names, and gives them in the order of ps.
func (t *partTable) lockMany(ps []kv.Part) ([]*partition, error) {
	order := slices.Clone(ps)
	slices.SortFunc(order, comparePart)
	for i := 1; i < len(order); i++ {
		if order[i] == order[i-1] {
			return nil, fmt.Errorf("embedded: partition %c/%d is named twice", order[i].Kind, order[i].ID)
		}
	}
	locked := make(map[kv.Part]*partition, len(ps))
	for _, p := range order {
		locked[p] = t.lock(p)
	}
	out := make([]*partition, len(ps))
	for i, p := range ps {
		out[i] = locked[p]
	}
	return out, nil
}

func comparePart(a, b kv.Part) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

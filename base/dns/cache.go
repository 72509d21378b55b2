package dns

import (
	"container/list"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

// cache keeps answers by key, the least recently used leave first when the bytes are used up.
type cache struct {
	mu    sync.Mutex
	limit int
	used  int
	byKey map[key]*list.Element
	order *list.List // of *entry, most recently used first
}

type entry struct {
	*answer
	until   time.Time // after expires it is of use only as a stale answer
	recheck time.Time // a stale answer is given without asking until then
	cost    int
}

func newCache(limit int) *cache {
	return &cache{limit: limit, byKey: make(map[key]*list.Element), order: list.New()}
}

// get gives a valid answer, or a stale one while a recheck is not due, or nil.
func (c *cache) get(k key, now time.Time) (a *answer, stale bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byKey[k]
	if el == nil {
		return nil, false
	}
	e := el.Value.(*entry)
	switch {
	case now.Before(e.expires):
		c.order.MoveToFront(el)
		return e.answer, false
	case now.Before(e.until) && now.Before(e.recheck):
		return e.answer, true
	case !now.Before(e.until):
		c.drop(el)
	}
	return nil, false
}

// stale gives an expired answer that may still be used, and until recheck get will give it too.
func (c *cache) stale(k key, now, recheck time.Time) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byKey[k]
	if el == nil || !now.Before(el.Value.(*entry).until) {
		return nil
	}
	e := el.Value.(*entry)
	e.recheck = recheck
	return e.answer
}

// put keeps a until the time given. It takes the place of an older answer.
func (c *cache) put(a *answer, until time.Time) {
	e := &entry{answer: a, until: until, cost: cost(a)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.byKey[a.key]; el != nil {
		c.drop(el)
	}
	if e.cost > min(maxEntry, c.limit) {
		return
	}
	c.byKey[a.key] = c.order.PushFront(e)
	c.used += e.cost
	for c.used > c.limit {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(el *list.Element) {
	e := el.Value.(*entry)
	c.order.Remove(el)
	delete(c.byKey, e.key)
	c.used -= e.cost
}

// cost is about what a takes in memory, in bytes.
func cost(a *answer) int {
	n := 400 + 2*len(a.key.name) + len(a.target)
	for _, rr := range a.records {
		n += 100 + mdns.Len(rr)
	}
	for _, x := range a.extended {
		n += 32 + len(x.Text)
	}
	return n
}

package rate

import "sync"

// Slots limits how many of each key there are at once, and how many in all. The zero value allows none.
type Slots[K comparable] struct {
	perKey, total int

	mu   sync.Mutex
	held map[K]int
	all  int
}

// NewSlots gives slots: perKey for each key, total for all keys together.
func NewSlots[K comparable](perKey, total int) *Slots[K] {
	return &Slots[K]{perKey: perKey, total: total, held: make(map[K]int)}
}

// Acquire takes a slot of key if one is free. Then Release must be called once.
func (s *Slots[K]) Acquire(key K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.total || s.held[key] >= s.perKey {
		return false
	}
	s.all++
	s.held[key]++
	return true
}

// Release gives a slot of key back. To release what was not acquired is a broken invariant and panics.
func (s *Slots[K]) Release(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := s.held[key]; n {
	case 0:
		panic("rate: Release without Acquire")
	case 1:
		delete(s.held, key)
	default:
		s.held[key] = n - 1
	}
	s.all--
}

// Held gives the number of slots taken of key, and of all keys.
func (s *Slots[K]) Held(key K) (ofKey, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[key], s.all
}

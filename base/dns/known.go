package dns

import "sync"

// Known is a bounded set of names that are of use to us, for Config.Stale: a server that mail goes to every day should
// be found also while every resolver fails. When it is full the names that were not noted lately are forgotten. It is
// for many goroutines; nil holds nothing.
type Known struct {
	mu         sync.Mutex
	half       int
	young, old map[string]struct{}
}

// NewKnown gives a set of at most max names.
func NewKnown(max int) *Known {
	return &Known{half: max / 2, young: map[string]struct{}{}, old: map[string]struct{}{}}
}

// Note adds a name.
func (k *Known) Note(name string) {
	name = plain(name)
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.young[name]; ok {
		return
	}
	if len(k.young) >= k.half {
		k.young, k.old = map[string]struct{}{}, k.young
	}
	k.young[name] = struct{}{}
}

// Has tells whether a name was noted.
func (k *Known) Has(name string) bool {
	if k == nil {
		return false
	}
	name = plain(name)
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.young[name]; ok {
		return true
	}
	_, ok := k.old[name]
	return ok
}

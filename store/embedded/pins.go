package embedded

import (
	"sync"

	"barid/base/kv"
)

// pins protects bodies between their first byte on disk and the Close of their writer.
type pins struct {
	mu sync.Mutex
	m  map[kv.BlobID]*locator // nil: a body of one record, or a stream that is not committed
}

func newPins() *pins { return &pins{m: map[kv.BlobID]*locator{}} }

func (p *pins) add(b kv.BlobID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[b] = nil
}

// place tells where the records of a committed stream are.
func (p *pins) place(b kv.BlobID, l *locator) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[b] = l
}

func (p *pins) drop(b kv.BlobID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.m, b)
}

// all gives everything that is protected now.
func (p *pins) all() map[kv.BlobID]struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[kv.BlobID]struct{}, len(p.m))
	for b := range p.m {
		out[b] = struct{}{}
	}
	return out
}

func (p *pins) locator(b kv.BlobID) *locator {
	if b[0] != kindStream {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m[b]
}

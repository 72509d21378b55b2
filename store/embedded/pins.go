package embedded

import (
	"sync"

	"barid/base/kv"
)

// pins protects bodies between their first byte on disk and the Close of their writer.
type pins struct {
	mu sync.Mutex
	m  map[kv.BlobID]pin
}

type pin struct {
	at     *locator // nil: a body of one record, or a stream that is not committed
	linked bool     // by a commit that is durable
}

func newPins() *pins { return &pins{m: map[kv.BlobID]pin{}} }

func (p *pins) add(b kv.BlobID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[b] = pin{}
}

// place tells where the records of a committed stream are.
func (p *pins) place(b kv.BlobID, l *locator) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[b] = pin{at: l}
}

// drop ends the protection, and says whether the body was linked meanwhile.
func (p *pins) drop(b kv.BlobID) (linked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	linked = p.m[b].linked
	delete(p.m, b)
	return linked
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
	return p.m[b].at
}

// fresh tells whether a body is protected, and the locator of a stream.
func (p *pins) fresh(b kv.BlobID) (*locator, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.m[b]
	return n.at, ok
}

// link notes that bodies are linked for good.
func (p *pins) link(bs []kv.BlobID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range bs {
		if n, ok := p.m[b]; ok {
			n.linked = true
			p.m[b] = n
		}
	}
}

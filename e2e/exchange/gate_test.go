package exchange

import (
	"context"
	"sync"
)

// gate keeps clients from dialling while nobody listens.
type gate struct {
	mu sync.Mutex
	up chan struct{} // closed: the server answers
}

func newGate() *gate { return &gate{up: make(chan struct{})} }

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.up)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.up = make(chan struct{})
}

// wait waits until the server answers; false: the test is over.
func (g *gate) wait(ctx context.Context) bool {
	g.mu.Lock()
	up := g.up
	g.mu.Unlock()
	select {
	case <-up:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

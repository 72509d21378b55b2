package queue

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"barid/base/kv"
)

// interrupted is a store on which something happens right after a read, before the reader goes on.
type interrupted struct {
	db
	after atomic.Pointer[func()]
}

func (s *interrupted) Update(ctx context.Context, p kv.Part, f func(kv.Txn) error) error {
	err := s.db.Update(ctx, p, f)
	if after := s.after.Load(); after != nil {
		(*after)()
	}
	return err
}

// TestMailThatComesWhileABacklogIsReadIsNotForgotten: entries are committed behind every scan, also the one that
// empties the backlog of their lane; none may wait for the next tick.
func TestMailThatComesWhileABacklogIsReadIsNotForgotten(t *testing.T) {
	inBubble(t, Settings{Lane: 4, Line: 16, Concurrency: 1, Tick: time.Hour}, func(b *bed) {
		between := &interrupted{db: b.db}
		b.db, b.f.takes = between, time.Second
		b.start()
		sleep(time.Millisecond)
		sent := 0
		submit := func() { sent++; b.submit("a.example", nil) }
		for range 6 { // one is tried, four wait, one is on disk only
			submit()
		}
		var busy atomic.Bool
		late := func() {
			if sent < 40 && b.few() && busy.CompareAndSwap(false, true) {
				submit()
				busy.Store(false)
			}
		}
		between.after.Store(&late)
		sleep(2 * time.Minute)
		between.after.Store(nil)
		if n := len(b.f.seen()); sent < 7 || n != sent {
			t.Errorf("%d of %d were tried", n, sent)
		}
		b.empty()
	})
}

// few tells whether some lane is short of entries while it has more on disk.
func (b *bed) few() bool {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	for _, l := range b.q.lines {
		for _, la := range l.lanes {
			if b.q.needs(la) {
				return true
			}
		}
	}
	return false
}

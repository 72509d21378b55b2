package embedded

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"barid/base/kv"
)

// TestFatalDoesNotKill: when Pebble declares itself dead the process lives on, and the store heals.
func TestFatalDoesNotKill(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	a := newActor(1, 41)
	steps(t, s, a, 5)
	old := s.rows
	go (&pebbleLogger{log: s.o.Logger, r: old}).Fatalf("broken: %d", 1) // this goroutine stands still for good
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for s.healed.Load() == 0 {
		if ctx.Err() != nil {
			t.Fatal("not healed")
		}
		runtime.Gosched()
	}
	settle(t, s, a)
	steps(t, s, a, 5)
	a.check(t, s, 10, 10)
	mustClose(t, s)
}

// TestNothingLeaks: Close ends every goroutine.
func TestNothingLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := mustOpen(t, t.TempDir(), Options{GCInterval: time.Hour})
	linkBody(t, s, owner1, 1, content{1, 1000})
	if err := s.Update(t.Context(), owner1, func(x kv.Txn) error { x.Put(1, nil, nil); return nil }); err != nil {
		t.Fatal(err)
	}
	mustGC(t, s)
	mustClose(t, s)
	goleak.VerifyNone(t, before)
}

// TestPartitionTableIsBounded: forgotten partitions come back with higher versions.
func TestPartitionTableIsBounded(t *testing.T) {
	tab := newPartTable(partShards)
	p := kv.Part{Kind: kv.Account, ID: 1}
	e := tab.lock(p)
	e.ver = tab.nextVer()
	seen := e.ver
	e.unlock()
	for id := uint64(2); id < 5000; id++ {
		tab.lock(kv.Part{Kind: kv.Account, ID: id}).unlock()
	}
	n := 0
	for i := range tab.shards {
		n += len(tab.shards[i].m)
	}
	if n > 2*partShards {
		t.Errorf("%d partitions are remembered, limit %d", n, partShards)
	}
	e = tab.lock(p)
	defer e.unlock()
	if e.ver <= seen {
		t.Errorf("version %d after %d", e.ver, seen)
	}
}

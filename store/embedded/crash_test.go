package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// seeds gives how many histories to run: BARID_SEEDS, or n.
func seeds(t *testing.T, n int) int {
	if v, err := strconv.Atoi(os.Getenv("BARID_SEEDS")); err == nil {
		return v
	}
	if testing.Short() {
		return n / 10
	}
	return n
}

// TestPowerCuts runs random histories, cuts the power at a random write call, keeps a random share of what
// was not synced, and compares what is found with the model. Set BARID_SEEDS=10000 for the long run, or
// BARID_SEED for one.
func TestPowerCuts(t *testing.T) {
	if v, err := strconv.ParseUint(os.Getenv("BARID_SEED"), 10, 64); err == nil {
		powerCut(t, v)
		return
	}
	n := seeds(t, 1000)
	const lanes = 4
	var cuts, moved atomic.Int64
	for lane := range lanes {
		t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
			t.Parallel()
			for seed := lane; seed < n; seed += lanes {
				early, bytes := powerCut(t, uint64(seed))
				if early {
					cuts.Add(1)
				}
				moved.Add(bytes)
				if t.Failed() {
					t.Fatalf("BARID_SEED=%d repeats the choices of this run", seed)
				}
			}
		})
	}
	t.Cleanup(func() {
		if c := cuts.Load(); c < int64(n)/2 {
			t.Errorf("only %d of %d histories were cut in the middle", c, n)
		}
		if moved.Load() == 0 {
			t.Error("no collection moved a body")
		}
	})
}

// cutter clones the file system when the n-th write-like call begins.
type cutter struct {
	fs     *vfs.MemFS
	left   atomic.Int64
	rng    *rand.Rand
	actors []*actor

	mu    sync.Mutex
	clone *vfs.MemFS
	acked []int // of each actor: acknowledged before the cut
	begun []int // and begun before the clone was complete
}

func (c *cutter) String() string { return "cutter" }

// MaybeError implements errorfs.Injector.
func (c *cutter) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.left.Add(-1) == 0 {
		c.cut()
	}
	return nil
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clone != nil {
		return
	}
	for _, a := range c.actors {
		c.acked = append(c.acked, int(a.acked.Load()))
	}
	c.clone = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(5) * 25, RNG: c.rng})
	for _, a := range c.actors {
		c.begun = append(c.begun, int(a.begun.Load()))
	}
}

// powerCut runs one history of two cuts and says whether a cut came before its end, and how many bytes of
// bodies collections moved.
func powerCut(t *testing.T, seed uint64) (early bool, moved int64) {
	rng := rand.New(rand.NewPCG(seed, 99))
	actors := []*actor{newActor(1, seed), newActor(2, seed), newActor(3, seed)}
	fs := vfs.NewCrashableMem()
	for round := range 2 {
		c := &cutter{fs: fs, rng: rand.New(rand.NewPCG(seed, uint64(round))), actors: actors}
		o := small(nil)
		o.FS = inject(fs, c)
		s := mustOpen(t, "data", o)
		if round > 0 {
			checkAfterCut(t, s, actors, nil, nil)
		}
		c.left.Store(1 + rng.Int64N(250))
		moved += history(t, s, actors, 6+rng.IntN(8), seed)
		early = early || c.left.Load() <= 0
		c.cut()
		mustClose(t, s)
		fs = c.clone
		s = mustOpen(t, "data", small(fs))
		checkAfterCut(t, s, actors, c.acked, c.begun)
		mustClose(t, s)
		if t.Failed() {
			return early, moved
		}
	}
	return early, moved
}

// history lets all actors work at the same time, and the collector beside them.
func history(t *testing.T, s *Store, actors []*actor, steps int, seed uint64) (moved int64) {
	var wg sync.WaitGroup
	for _, a := range actors {
		wg.Go(func() {
			for range steps {
				if err := a.step(context.Background(), s); err != nil {
					t.Errorf("seed %d: %v: %v", seed, a.part, err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 3 {
			st, err := s.GC(context.Background())
			if err != nil {
				t.Errorf("seed %d: GC: %v", seed, err)
			}
			moved += st.MovedBytes
		}
	})
	wg.Wait()
	return moved
}

// checkAfterCut compares the store with the model and rewinds the model to what was found.
func checkAfterCut(t *testing.T, s *Store, actors []*actor, acked, begun []int) {
	t.Helper()
	shared := sharedSteps(t, s)
	for i, a := range actors {
		lo, hi := len(a.states)-1, len(a.states)-1
		if acked != nil {
			lo, hi = acked[i], begun[i]
		}
		step := a.check(t, s, lo, hi)
		if shared[a.part.ID] != step {
			t.Fatalf("%v: own partition is at %d, the shared one at %d: a commit was torn", a.part, step, shared[a.part.ID])
		}
		a.rewind(step)
	}
	sound(t, s)
}

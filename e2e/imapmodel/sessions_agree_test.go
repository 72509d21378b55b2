package imapmodel

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const steps = 120 // of a history

// seeds are those to play: BARID_SEED, or BARID_SEEDS of them, or n.
func seeds(n int) (first, last uint64) {
	if v, err := strconv.ParseUint(os.Getenv("BARID_SEED"), 10, 64); err == nil {
		return v, v + 1
	}
	if v, err := strconv.Atoi(os.Getenv("BARID_SEEDS")); err == nil && v > 0 {
		n = v
	}
	return 0, uint64(n)
}

// TestSessionsAgreeWithTheModel plays histories over store/memory.
func TestSessionsAgreeWithTheModel(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 40
	}
	first, last := seeds(n)
	playAll(t, first, last, func() string { return "" })
}

// TestSessionsAgreeWithTheModelOnDisk plays a hundredth as many over store/embedded.
func TestSessionsAgreeWithTheModelOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a disk")
	}
	first, last := seeds(300)
	if last-first > 1 {
		last = (last + 99) / 100
	}
	playAll(t, first, last, t.TempDir)
}

// playAll plays seeds on all processors, and shows at most three failures.
func playAll(t *testing.T, first, last uint64, dir func() string) {
	var next, failures atomic.Uint64
	next.Store(first)
	began := time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for failures.Load() < 3 {
				seed := next.Add(1) - 1
				if seed >= last {
					return
				}
				if _, f := play(compose(seed, steps), dir(), false); f != nil {
					failures.Add(1)
					t.Errorf("BARID_SEED=%d: %s", seed, explain(compose(seed, steps), dir, f))
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	t.Logf("%d histories of %d steps in %v, %.0f/s", last-first, steps, took.Round(time.Millisecond), float64(last-first)/took.Seconds())
}

// explain makes a history that fails short and shows its dialog.
func explain(set setup, dir func() string, f *failure) string {
	short := shrink(set, dir)
	for range 5 { // what depends on which goroutine runs first may need another try
		if h, again := play(short, dir(), true); again != nil {
			return fmt.Sprintf("%s\nshorter, in %d of %d steps: %s\n%s", f, len(short.steps), len(set.steps), again, h.dialog.String())
		}
	}
	return fmt.Sprintf("%s\n(it did not fail again)", f)
}

// shrink leaves out steps as long as the rest still fails, for a while.
func shrink(set setup, dir func() string) setup {
	deadline := time.Now().Add(15 * time.Second)
	for size := len(set.steps) / 2; size >= 1; size /= 2 {
		for at := 0; at < len(set.steps) && time.Now().Before(deadline); {
			try := set
			try.patience = time.Second / 2
			try.steps = append(append([]step(nil), set.steps[:at]...), set.steps[min(len(set.steps), at+size):]...)
			if _, f := play(try, dir(), false); f != nil {
				set = try
			} else {
				at += size
			}
		}
	}
	return set
}

package embedded

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

// misuses is a log that counts what it is told of rows that were deleted in the wrong way.
type misuses struct{ atomic.Int64 }

func (m *misuses) Write(p []byte) (int, error) {
	m.Add(int64(bytes.Count(p, []byte("put more than once"))))
	return len(p), nil
}

func openLogged(t *testing.T) (*Store, *misuses) {
	l := &misuses{}
	o := small(vfs.NewMem())
	o.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelError}))
	s := mustOpen(t, "data", o)
	t.Cleanup(func() { mustClose(t, s) })
	return s, l
}

// TestDelOnceStaysDeleted: however puts, deletes of both kinds and ranges are spread over memory and tables, what was
// deleted does not come back when they are merged.
func TestDelOnceStaysDeleted(t *testing.T) {
	s, l := openLogged(t)
	rng := rand.New(rand.NewPCG(1, 2))
	p := kv.Part{Kind: kv.Queue, ID: 1}
	puts := map[string]int{} // since the row was not there
	for step := range 2000 {
		k := fmt.Sprintf("k%02d", rng.IntN(30))
		noError(t, s.Update(t.Context(), p, func(x kv.Txn) error {
			switch n := rng.IntN(9); {
			case n < 4:
				x.Put(1, []byte(k), fmt.Append(nil, step))
				puts[k]++
			case n == 8:
				x.DelRange(1, []byte(k), []byte(k+"~"))
				puts[k] = 0
			case puts[k] > 1:
				x.Del(1, []byte(k))
				puts[k] = 0
			default:
				x.DelOnce(1, []byte(k))
				puts[k] = 0
			}
			return nil
		}))
		switch {
		case rng.IntN(100) == 0:
			noError(t, s.rows.db.Compact(t.Context(), []byte{0}, []byte{255}, false))
		case rng.IntN(10) == 0:
			noError(t, s.rows.db.Flush())
		}
		for k, n := range puts {
			if there := rowThere(t, s, p, k); there != (n > 0) {
				t.Fatalf("step %d: %s is there: %v, after %d puts", step, k, there, n)
			}
		}
	}
	if n := l.Load(); n != 0 {
		t.Errorf("%d times the store found a row that was put more than once", n)
	}
}

func rowThere(t *testing.T, s *Store, p kv.Part, k string) (there bool) {
	t.Helper()
	noError(t, s.View(t.Context(), p, func(r kv.Reader) (err error) {
		_, there, err = r.Get(1, []byte(k))
		return err
	}))
	return there
}

// TestDelOnceLeavesNothing: rows that come and go in memory never reach a table, not even as a mark.
func TestDelOnceLeavesNothing(t *testing.T) {
	s, _ := openLogged(t)
	p := kv.Part{Kind: kv.Queue, ID: 1}
	for i := range 100 {
		k := fmt.Append(nil, "k", i)
		noError(t, s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, k, k); return nil }))
		noError(t, s.Update(t.Context(), p, func(x kv.Txn) error { x.DelOnce(1, k); return nil }))
	}
	noError(t, s.rows.db.Flush())
	tables, err := s.rows.db.SSTables(pebble.WithProperties())
	noError(t, err)
	for _, level := range tables {
		for i := range level {
			if n := level[i].Properties.NumEntries; n > 0 {
				t.Errorf("%d entries in a table", n)
			}
		}
	}
}

// TestDelOnceOfWhatWasPutTwiceIsTold: the mistake is heard of.
func TestDelOnceOfWhatWasPutTwiceIsTold(t *testing.T) {
	s, l := openLogged(t)
	p := kv.Part{Kind: kv.Queue, ID: 1}
	for range 2 {
		noError(t, s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, []byte("k"), nil); return nil }))
	}
	noError(t, s.Update(t.Context(), p, func(x kv.Txn) error { x.DelOnce(1, []byte("k")); return nil }))
	noError(t, s.rows.db.Flush())
	if n := l.Load(); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

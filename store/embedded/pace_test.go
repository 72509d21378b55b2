package embedded

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

// TestPaceFollowsTheLoad: syncs are held up only while many bodies are being stored, and every writer is counted
// out again however it ended.
func TestPaceFollowsTheLoad(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	defer mustClose(t, s)
	var ws []kv.BlobWriter
	for i := range int64(paceRowsFrom) {
		if got := s.storing.Load(); got != i || s.paceRows() != 0 {
			t.Fatalf("with %d writers: counted %d, pace %v", i, got, s.paceRows())
		}
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ws = append(ws, w)
	}
	if s.paceRows() != paceWait {
		t.Errorf("with %d writers: pace %v", len(ws), s.paceRows())
	}
	for i, w := range ws {
		if i%2 == 0 {
			if _, err := w.Commit([]byte("x"), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
	}
	if got := s.storing.Load(); got != 0 {
		t.Errorf("%d writers left", got)
	}
}

package remote

import (
	"context"
	"runtime"
	"testing"

	"barid/base/kv"
	"barid/e2e/sink"
)

// giant is a store of one message that is longer than memory would like.
type giant struct{ size int64 }

func (g giant) Create(context.Context) (kv.BlobWriter, error)          { return nil, kv.ErrUnavailable }
func (g giant) Open(context.Context, kv.BlobID) (kv.BlobReader, error) { return g, nil }
func (g giant) Size() int64                                            { return g.size }
func (g giant) Close() error                                           { return nil }

const giantLine = ".a line that begins with a dot, so that it must be doubled....\r\n"

func (g giant) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = giantLine[(off+int64(i))%int64(len(giantLine))]
	}
	return len(p), nil
}

func TestAGiantMessageNeedsNoMemory(t *testing.T) {
	g := giant{int64(len(giantLine)) << 20} // 64 MiB
	for _, without := range []string{"", "CHUNKING"} {
		s := newScene(t, zone, func(d *Deps) { d.Blobs = g })
		k := s.sink(1, sink.Options{Discard: true, MaxBytes: 1 << 30, Without: []string{without}})
		e := s.entry(letterText)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.expect(e, relayed)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
			t.Errorf("%d octets were allocated", grown)
		}
		if k.Octets() != g.size {
			t.Errorf("%d octets arrived of %d", k.Octets(), g.size)
		}
	}
}

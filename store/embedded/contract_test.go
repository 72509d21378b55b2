package embedded_test

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/store/embedded"
	"barid/store/storetest"
)

func engine(t *testing.T, dir string, o embedded.Options) storetest.Engine {
	t.Helper()
	s, err := embedded.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return storetest.Engine{
		KV: s, Blobs: s,
		GC: func(ctx context.Context) error { _, err := s.GC(ctx); return err },
		Reopen: func(t *testing.T) storetest.Engine {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return engine(t, dir, o)
		},
	}
}

func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		return engine(t, "data", embedded.Options{FS: vfs.NewMem(), GCInterval: -1})
	})
}

// Small segments and memtables, so that everything rolls over, and collection at any pretext.
func TestContractSmall(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		return engine(t, "data", embedded.Options{
			FS: vfs.NewMem(), GCInterval: -1, GCBytesPerSecond: -1, GCLiveShare: 1,
			SegmentBytes: 300 << 10, MemtableBytes: 256 << 10, Partitions: 1,
		})
	})
}

func TestContractOnDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		return engine(t, t.TempDir(), embedded.Options{GCInterval: -1})
	})
}

package embedded

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Limits of rows, in bytes.
const (
	maxKey   = 1 << 10
	maxValue = 4 << 20
	maxTxn   = 32 << 20
)

// Options shape a store. The zero value is good for a server.
type Options struct {
	FS      vfs.FS       // nil: the operating system's
	Logger  *slog.Logger // nil: silent
	Metrics *Metrics     // nil: none

	CacheBytes    int64 // row blocks in memory; 0: 64 MiB
	MemtableBytes int   // rows not yet in a table file, up to 4 times; 0: 16 MiB
	SegmentBytes  int64 // a segment is closed when it has reached this; 0: 128 MiB
	ReserveBytes  int64 // free space below which new bodies are refused, half of it: rows; at most 1/16 of the disk; 0: 64 MiB, <0: none
	Partitions    int   // partitions whose Ver is remembered; 0: 65,536

	GCInterval       time.Duration // between looks for garbage; 0: 1 minute, <0: only when GC is called
	GCBytesPerSecond int64         // pace of rewriting segments; 0: 32 MiB/s, <0: no limit
	GCLiveShare      float64       // segments with a smaller live share are rewritten; 0: 0.5

	RetryMin, RetryMax time.Duration // waits between attempts to heal; 0: 50 ms and 2 s
}

func (o Options) withDefaults() Options {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	def(&o.CacheBytes, 64<<20)
	def(&o.SegmentBytes, 128<<20)
	def(&o.ReserveBytes, 64<<20)
	def(&o.GCBytesPerSecond, 32<<20)
	if o.MemtableBytes == 0 {
		o.MemtableBytes = 16 << 20
	}
	if o.Partitions == 0 {
		o.Partitions = 1 << 16
	}
	if o.GCInterval == 0 {
		o.GCInterval = time.Minute
	}
	if o.GCLiveShare == 0 {
		o.GCLiveShare = 0.5
	}
	if o.RetryMin == 0 {
		o.RetryMin = 50 * time.Millisecond
	}
	if o.RetryMax == 0 {
		o.RetryMax = 2 * time.Second
	}
	return o
}

package embedded

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// journals knows, of each log that instances of Pebble wrote in this process, how much of it was synced.
//
// A record whose write succeeded and whose sync failed stays in the system's cache: whoever reads the log
// afterwards sees it, although it may be gone after the next power cut. So the instance that takes a fenced
// one's place reads each log only as far as it was synced. What it shows is durable, and what was never
// acknowledged is gone for good and does not come back by chance.
//
// Table files and manifests need none of this: they only ever hold what was read from a synced log, because
// Pebble syncs a log before it flushes the memtable that belongs to it.
type journals struct {
	mu     sync.Mutex
	synced map[string]int64 // by path; a log of an earlier process is not in it
}

func newJournals() *journals { return &journals{synced: map[string]int64{}} }

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// begin is told of a log that is about to be written from its start.
func (j *journals) begin(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.synced[name] = 0
}

// reached is told that the first n bytes of a log are durable.
func (j *journals) reached(name string, n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.synced[name] = max(n, j.synced[name])
}

func (j *journals) forget(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.synced, name)
}

// end gives how much of a log may be believed; false if another process wrote it.
func (j *journals) end(name string) (int64, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, ok := j.synced[name]
	return n, ok
}

// logFile is a log being written by a guarded instance.
type logFile struct {
	guardFile
	name    string
	written atomic.Int64 // bytes that the file system has taken
}

// Write implements vfs.File.
func (f *logFile) Write(p []byte) (int, error) {
	err := f.put(func() error {
		n, err := f.File.Write(p)
		if err == nil {
			f.written.Add(int64(n))
		}
		return err
	})
	return len(p), err
}

// Sync implements vfs.File.
func (f *logFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData implements vfs.File.
func (f *logFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *logFile) sync(op func() error) error {
	return f.put(func() error {
		n := f.written.Load() // before: what is written meanwhile may not be synced
		err := op()
		if err == nil && !f.g.fenced() {
			f.g.logs.reached(f.name, n)
		}
		return err
	})
}

// cutFile is a log being read that ends where it is durable.
type cutFile struct {
	vfs.File
	left int64
}

// Read implements vfs.File.
func (f *cutFile) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.EOF
	}
	n, err := f.File.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	return n, err
}

package embedded

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard stands between one instance of Pebble and the disk.
//
// Pebble answers a failed write of its log or manifest by a panic, sometimes with a mutex in a state that
// even recover can not mend, or by Logger.Fatalf. A mail server must not die of a full disk. So such a
// failure is never shown to Pebble: the guard remembers it, fences the instance, and from then on lets
// every write succeed without touching the disk. The instance goes on serving reads from what it has; its
// commits are refused by the engine, which asks fenced after each sync and before it acknowledges.
//
// Invariant: the fence is up before the call that failed returns, so no sync that depends on it can be
// taken for durable.
//
// Writing table files is different: Pebble handles those errors and tries again. They are passed on, with
// a pause before the next attempt, because Pebble itself makes none. After the fence they fail.
type guard struct {
	vfs.FS
	dir     string // of Pebble; what it writes elsewhere (checkpoints) gets its errors
	logs    *journals
	onFence func(error)

	running sync.RWMutex // read-held during each write-like call; see drain
	up      atomic.Bool
	once    sync.Once
	cause   error // set before up

	loading   atomic.Bool   // the instance is being opened
	lastTable atomic.Int64  // when writing a table last failed, unix ns
	free      chan struct{} // closed when the instance is to be closed: nobody waits any more
	freeOnce  sync.Once
}

// tablePause is the wait before a table file is begun after one failed.
const tablePause = 100 * time.Millisecond

func newGuard(fs vfs.FS, dir string, logs *journals, onFence func(error)) *guard {
	return &guard{FS: fs, dir: dir, logs: logs, onFence: onFence, free: make(chan struct{})}
}

// fence stops all writes of the instance for good.
func (g *guard) fence(err error) {
	g.once.Do(func() {
		g.cause = err
		g.up.Store(true)
		g.onFence(err)
	})
}

func (g *guard) fenced() bool { return g.up.Load() }

// drain waits for the calls that were on their way to the disk when the fence went up. After it nothing
// of this instance can land beneath the next one.
func (g *guard) drain() {
	g.running.Lock()
	defer g.running.Unlock()
}

// release lets the fenced instance's background work end, so that it can be closed.
func (g *guard) release() { g.freeOnce.Do(func() { close(g.free) }) }

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// ours says whether name lies in Pebble's folder.
func (g *guard) ours(name string) bool { return name == g.dir || g.FS.PathDir(name) == g.dir }

// change runs a write-like operation that Pebble must believe to have succeeded.
func (g *guard) change(f func() error) error {
	g.running.RLock()
	defer g.running.RUnlock()
	if g.fenced() {
		return nil
	}
	if err := f(); err != nil {
		g.fence(err)
	}
	return nil
}

// file runs an operation that makes a file, and gives a file without a disk if it can not.
func (g *guard) file(name string, f func() (vfs.File, error)) (vfs.File, error) {
	if !g.ours(name) {
		return f()
	}
	if isTable(name) {
		return g.tableFile(f)
	}
	g.running.RLock()
	defer g.running.RUnlock()
	if !g.fenced() {
		if isLog(name) {
			g.logs.begin(name)
		}
		inner, err := f()
		if err == nil && isLog(name) {
			return &logFile{guardFile: guardFile{File: inner, g: g}, name: name}, nil
		}
		if err == nil {
			return &guardFile{File: inner, g: g}, nil
		}
		g.fence(err)
	}
	return &guardFile{File: voidFile{name: name}, g: g}, nil
}

func (g *guard) tableFile(f func() (vfs.File, error)) (vfs.File, error) {
	g.pause()
	if g.fenced() {
		<-g.free // nothing this instance could write is of use
	}
	g.running.RLock()
	defer g.running.RUnlock()
	if g.fenced() {
		return nil, errFenced
	}
	inner, err := f()
	if err != nil {
		return nil, g.tableFailed(err)
	}
	return &guardFile{File: inner, g: g, table: true}, nil
}

func (g *guard) tableFailed(err error) error {
	if err != nil {
		g.lastTable.Store(time.Now().UnixNano())
	}
	return err
}

func (g *guard) pause() {
	last := g.lastTable.Load()
	wait := tablePause - time.Duration(time.Now().UnixNano()-last)
	if last == 0 || wait <= 0 {
		return
	}
	t := time.NewTimer(min(wait, tablePause))
	defer t.Stop()
	select {
	case <-t.C:
	case <-g.free:
	}
}

// Open implements vfs.FS. What an instance replays while it is opened is checked, and cut where it is not durable. So is
// a log that a checkpoint copies: it grows meanwhile, and in a log that is used again old octets lie behind its end, so
// the copy would have a hole between what one read saw of it and what the next one saw.
func (g *guard) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name, o...)
	base := g.FS.PathBase(name)
	if err != nil || !isLog(base) && !isManifest(base) {
		return f, err
	}
	end, known := g.logs.end(name)
	if !known && !g.loading.Load() {
		return f, nil
	}
	if !known {
		end = -1
	}
	if err := checkJournal(f, base, end); err != nil {
		_ = f.Close()
		return nil, err
	}
	if known {
		return &cutFile{File: f, left: end}, nil
	}
	return f, nil
}

// Create implements vfs.FS.
func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(name, func() (vfs.File, error) { return g.FS.Create(name, c) })
}

// OpenReadWrite implements vfs.FS.
func (g *guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.file(name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(name, func() (vfs.File, error) {
		f, err := g.FS.ReuseForWrite(old, name, c)
		if err == nil {
			g.logs.forget(old)
		}
		return f, err
	})
}

// OpenDir implements vfs.FS. Directories are opened in order to be synced.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	d, err := g.FS.OpenDir(name)
	if err != nil || !g.ours(name) {
		return d, err
	}
	return &guardFile{File: d, g: g}, nil
}

// Link implements vfs.FS. Only checkpoints link, and they take the error.
func (g *guard) Link(old, name string) error {
	g.running.RLock()
	defer g.running.RUnlock()
	if g.fenced() {
		return errFenced
	}
	return g.FS.Link(old, name)
}

// Remove implements vfs.FS. A file that can not be removed is only litter.
func (g *guard) Remove(name string) error {
	g.running.RLock()
	defer g.running.RUnlock()
	if g.fenced() {
		return nil
	}
	err := g.FS.Remove(name)
	if err == nil && isLog(name) {
		g.logs.forget(name)
	}
	return err
}

// RemoveAll implements vfs.FS.
func (g *guard) RemoveAll(name string) error {
	g.running.RLock()
	defer g.running.RUnlock()
	if g.fenced() {
		return nil
	}
	return g.FS.RemoveAll(name)
}

// Rename implements vfs.FS.
func (g *guard) Rename(old, name string) error {
	if !g.ours(name) {
		return g.FS.Rename(old, name)
	}
	return g.change(func() error { return g.FS.Rename(old, name) })
}

// MkdirAll implements vfs.FS.
func (g *guard) MkdirAll(dir string, perm os.FileMode) error {
	if !g.ours(dir) {
		return g.FS.MkdirAll(dir, perm)
	}
	return g.change(func() error { return g.FS.MkdirAll(dir, perm) })
}

// Lock implements vfs.FS. The store's own lock covers the folder; and while an instance heals, two of
// them (one fenced) are open.
func (g *guard) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

// guardFile is a file of a guarded instance.
type guardFile struct {
	vfs.File
	g     *guard
	table bool
}

// put runs a write-like operation of the file.
func (f *guardFile) put(op func() error) error {
	if !f.table {
		return f.g.change(op)
	}
	f.g.running.RLock()
	defer f.g.running.RUnlock()
	if f.g.fenced() {
		return errFenced
	}
	return f.g.tableFailed(op())
}

// Write implements vfs.File.
func (f *guardFile) Write(p []byte) (n int, err error) {
	n = len(p)
	err = f.put(func() error {
		m, err := f.File.Write(p)
		if f.table {
			n = m
		}
		return err
	})
	if err != nil && n == len(p) {
		n = 0
	}
	return n, err
}

// WriteAt implements vfs.File.
func (f *guardFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.put(func() error { _, err := f.File.WriteAt(p, off); return err })
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Sync implements vfs.File.
func (f *guardFile) Sync() error { return f.put(f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardFile) SyncData() error { return f.put(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *guardFile) SyncTo(n int64) (full bool, err error) {
	err = f.put(func() error { full, err = f.File.SyncTo(n); return err })
	return full, err
}

// Preallocate implements vfs.File. If it fails the write will tell.
func (f *guardFile) Preallocate(off, n int64) error {
	if !f.g.fenced() {
		_ = f.File.Preallocate(off, n)
	}
	return nil
}

// Close implements vfs.File.
func (f *guardFile) Close() error {
	err := f.File.Close()
	if err == nil || f.table {
		return err
	}
	f.g.fence(err)
	return nil
}

// voidFile takes everything and keeps nothing: a log or manifest of a fenced instance.
type voidFile struct{ name string }

var errVoid = errors.New("embedded: file of a fenced instance")

func (voidFile) Close() error                           { return nil }
func (voidFile) Read([]byte) (int, error)               { return 0, errVoid }
func (voidFile) ReadAt([]byte, int64) (int, error)      { return 0, errVoid }
func (voidFile) Write(p []byte) (int, error)            { return len(p), nil }
func (voidFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (voidFile) Preallocate(int64, int64) error         { return nil }
func (voidFile) Sync() error                            { return nil }
func (voidFile) SyncTo(int64) (bool, error)             { return true, nil }
func (voidFile) SyncData() error                        { return nil }
func (voidFile) Prefetch(int64, int64) error            { return nil }
func (voidFile) Fd() uintptr                            { return vfs.InvalidFd }
func (v voidFile) Stat() (vfs.FileInfo, error)          { return voidInfo(v), nil }

type voidInfo struct{ name string }

func (i voidInfo) Name() string         { return i.name }
func (voidInfo) Size() int64            { return 0 }
func (voidInfo) Mode() os.FileMode      { return 0o600 }
func (voidInfo) ModTime() time.Time     { return time.Time{} }
func (voidInfo) IsDir() bool            { return false }
func (voidInfo) Sys() any               { return nil }
func (voidInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }

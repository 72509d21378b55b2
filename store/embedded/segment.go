package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

const (
	segmentMagic   = "BARIDSEG"
	segmentVersion = 1
	segmentHeader  = 64 // bytes: magic 8, version 4, segment 4, store identity 16, zeros, CRC 4
	maxOpenFiles   = 256
	preallocStep   = 16 << 20
)

func segmentName(id uint32) string { return fmt.Sprintf("seg-%08x", id) }

func parseSegmentName(name string) (uint32, bool) {
	hex, ok := strings.CutPrefix(name, "seg-")
	if !ok || len(hex) != 8 {
		return 0, false
	}
	id, err := strconv.ParseUint(hex, 16, 32)
	return uint32(id), err == nil
}

func encodeSegmentHeader(id uint32, store [16]byte) []byte {
	b := make([]byte, segmentHeader)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], segmentVersion)
	binary.LittleEndian.PutUint32(b[12:], id)
	copy(b[16:], store[:])
	binary.LittleEndian.PutUint32(b[60:], checksum(b[:60]))
	return b
}

func checkSegmentHeader(b []byte, id uint32) error {
	if len(b) < segmentHeader || string(b[:8]) != segmentMagic ||
		binary.LittleEndian.Uint32(b[60:]) != checksum(b[:60]) {
		return corrupt("%s: header", segmentName(id))
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > segmentVersion {
		return fmt.Errorf("%s has segment format %d, this program knows up to %d: %w", segmentName(id), v, segmentVersion, ErrFormat)
	}
	if got := binary.LittleEndian.Uint32(b[12:]); got != id {
		return corrupt("%s: is segment %d", segmentName(id), got)
	}
	return nil
}

// segment is one file of records.
type segment struct {
	id     uint32
	size   atomic.Int64 // end of what was written
	synced atomic.Int64 // end of what is durable
	lost   atomic.Bool  // a sync failed: nothing past synced may be believed

	// Guarded by segments.mu.
	file   vfs.File
	refs   int
	doomed bool // removed from the table; the last user closes the file
}

// ReadAt reads without any check.
func (g *segment) ReadAt(p []byte, off int64) (int, error) { return g.file.ReadAt(p, off) }

// segments is the table of all segments. Files are opened when needed and at most maxOpenFiles stay open
// without a user.
type segments struct {
	fs     vfs.FS
	dir    string
	store  [16]byte
	mu     sync.Mutex
	table  map[uint32]*segment
	open   int
	holds  int        // running backups: no file is deleted
	doomed []*segment // to be deleted when holds is 0
}

func (t *segments) path(id uint32) string { return t.fs.PathJoin(t.dir, segmentName(id)) }

// load finds the segments of the folder.
func (t *segments) load() error {
	names, err := t.fs.List(t.dir)
	if err != nil {
		return storageError("list segments", err)
	}
	for _, name := range names {
		id, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		st, err := t.fs.Stat(t.fs.PathJoin(t.dir, name))
		if err != nil {
			return storageError("stat segment", err)
		}
		g := &segment{id: id}
		g.size.Store(st.Size())
		g.synced.Store(st.Size())
		t.table[id] = g
	}
	return nil
}

// ids gives the numbers of all segments in ascending order.
func (t *segments) ids() []uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]uint32, 0, len(t.table))
	for id := range t.table {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// acquire gives a segment whose file is open until release, or nil if there is none of that number.
func (t *segments) acquire(id uint32) (*segment, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.table[id]
	if g == nil {
		return nil, nil
	}
	if g.file == nil {
		f, err := t.fs.Open(t.path(id), vfs.RandomReadsOption)
		if err != nil {
			return nil, storageError("open "+segmentName(id), err)
		}
		t.evict()
		g.file = f
		t.open++
	}
	g.refs++
	return g, nil
}

// evict closes one unused file when too many are open. The caller holds mu.
func (t *segments) evict() {
	if t.open < maxOpenFiles {
		return
	}
	for _, g := range t.table {
		if g.refs == 0 && g.file != nil {
			_ = g.file.Close() // it was only read
			g.file = nil
			t.open--
			return
		}
	}
}

func (t *segments) exists(id uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table[id] != nil
}

func (t *segments) release(g *segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g.refs--
	t.closeIfDone(g)
}

func (t *segments) closeIfDone(g *segment) {
	if g.refs == 0 && g.doomed && g.file != nil {
		_ = g.file.Close() // the file is deleted already or belongs to a closed store
		g.file = nil
		t.open--
	}
}

// create makes a new, empty, durable segment that its caller holds and writes.
func (t *segments) create(id uint32) (*segment, error) {
	f, err := t.fs.OpenReadWrite(t.path(id), "barid-bodies")
	if err != nil {
		return nil, err
	}
	if err := t.initialise(f, id); err != nil {
		_ = f.Close()
		_ = t.fs.Remove(t.path(id))
		return nil, err
	}
	g := &segment{id: id, file: f, refs: 1}
	g.size.Store(segmentHeader)
	g.synced.Store(segmentHeader)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.table[id] = g
	t.open++
	return g, nil
}

func (t *segments) initialise(f vfs.File, id uint32) error {
	if _, err := f.WriteAt(encodeSegmentHeader(id, t.store), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(t.fs, t.dir)
}

// openForWrite opens the last segment so that the log can append to it.
func (t *segments) openForWrite(id uint32) (*segment, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.table[id]
	f, err := t.fs.OpenReadWrite(t.path(id), "barid-bodies")
	if err != nil {
		return nil, err
	}
	g.file = f
	g.refs = 1
	t.open++
	return g, nil
}

// remove takes a segment out of the table and deletes its file, or leaves that to the end of a backup.
// Readers that hold it finish undisturbed.
func (t *segments) remove(g *segment) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.table, g.id)
	g.doomed = true
	t.closeIfDone(g)
	if t.holds > 0 {
		t.doomed = append(t.doomed, g)
		return nil
	}
	return t.fs.Remove(t.path(g.id))
}

// hold keeps every file from being deleted until the function it gives is called.
func (t *segments) hold() (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holds++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.holds--; t.holds > 0 {
			return
		}
		for _, g := range t.doomed {
			_ = t.fs.Remove(t.path(g.id)) // a file left behind is found as garbage at the next start
		}
		t.doomed = nil
	}
}

// closeAll closes the files; those in use are closed by their last user.
func (t *segments) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range t.table {
		g.doomed = true
		t.closeIfDone(g)
	}
	t.table = map[uint32]*segment{}
}

// readFull reads exactly len(p) bytes; a short file is damage.
func (g *segment) readFull(p []byte, off int64) error {
	n, err := g.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return corrupt("%s: ends before %d", segmentName(g.id), off+int64(len(p)))
	}
	return storageError("read "+segmentName(g.id), err)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// makeDir makes a folder and the missing ones above it, each durable.
func makeDir(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil || !isNotExist(err) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := syncDir(fs, parent); err != nil {
		_ = fs.Remove(dir) // so that the next attempt makes it, and syncs again
		return err
	}
	return nil
}

func isNotExist(err error) bool { return errors.Is(err, os.ErrNotExist) }

// damaged says whether an error is about stored bytes rather than about the disk.
func damaged(err error) bool { return errors.Is(err, kv.ErrCorrupt) }

// sizeOf gives the bytes written to a segment, 0 if there is none of that number.
func (t *segments) sizeOf(id uint32) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.table[id]; g != nil {
		return g.size.Load()
	}
	return 0
}

package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// Store is an open data folder. It implements kv.KV and kv.Blobs. Use Open; Close it.
type Store struct {
	o        Options
	dir      string
	id       [16]byte // of the folder
	lock     *folderLock
	cache    *pebble.Cache
	metrics  *Metrics
	space    *space
	parts    *partTable
	segs     *segments
	log      *bodyLog
	pins     *pins
	buffers  buffers
	journals *journals
	gc       collector

	storing atomic.Int64 // body writers that are not closed

	mu     sync.RWMutex // guards rows, closed and whole
	rows   *rows
	closed bool

	sick   chan struct{}  // the current instance is fenced
	quit   chan struct{}  // Close was called
	tasks  sync.WaitGroup // background goroutines
	closes sync.WaitGroup // instances being closed
	healed atomic.Uint64
	whole  chan struct{} // guarded by mu: closed when the store has healed; nil while it is well
}

// Open opens or makes the data folder dir. Only one process at a time may have it open.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{
		o:        o.withDefaults(),
		dir:      dir,
		sick:     make(chan struct{}, 1),
		quit:     make(chan struct{}),
		pins:     newPins(),
		journals: newJournals(),
	}
	s.metrics = s.o.Metrics
	if err := s.open(); err != nil {
		return nil, err
	}
	s.tasks.Add(1)
	go s.healer()
	if s.o.GCInterval > 0 {
		s.tasks.Add(1)
		go s.collect()
	}
	return s, nil
}

// open undoes what it did if it fails.
func (s *Store) open() (err error) {
	fs := s.o.FS
	if err := makeDir(fs, s.dir); err != nil {
		return storageError("make data folder", err)
	}
	if s.lock, err = lockFolder(fs, s.dir); err != nil {
		return err
	}
	s.cache = pebble.NewCache(s.o.CacheBytes)
	defer func() {
		if err != nil {
			s.cache.Unref()
			err = errors.Join(err, s.lock.Close())
		}
	}()
	if s.id, err = openFormat(fs, s.dir); err != nil {
		return err
	}
	bodies := fs.PathJoin(s.dir, "bodies")
	for _, d := range []string{fs.PathJoin(s.dir, "rows"), bodies} {
		if err := makeDir(fs, d); err != nil {
			return storageError("make folder", err)
		}
	}
	// Always, because an earlier attempt may have made them and then failed, or been killed.
	for _, d := range []string{fs.PathDir(s.dir), s.dir, bodies} {
		if err := syncDir(fs, d); err != nil {
			return storageError("sync folder", err)
		}
	}
	s.dropCheckpoint() // of a backup that was broken off
	s.space = newSpace(fs, s.dir)
	s.parts = newPartTable(s.o.Partitions)
	s.segs = &segments{fs: fs, dir: bodies, store: s.id, table: map[uint32]*segment{}}
	if err := s.segs.load(); err != nil {
		return err
	}
	if err := s.bothHalves(); err != nil {
		return err
	}
	r, err := openRows(s, s.onFence)
	if err != nil {
		return storageError("open rows", err)
	}
	s.mu.Lock()
	s.rows = r
	s.mu.Unlock()
	s.look(r)
	if err := s.openLog(); err != nil {
		s.rows.close(s.o.Logger)
		s.segs.closeAll()
		return err
	}
	return s.gc.load(s)
}

// bothHalves refuses a folder that has bodies and no rows. Rows come first in a new one, so these were lost; with
// empty ones in their place all bodies would be collected as garbage.
func (s *Store) bothHalves() error {
	names, err := s.o.FS.List(s.o.FS.PathJoin(s.dir, "rows"))
	if err != nil {
		return storageError("list rows", err)
	}
	if len(names) == 0 && len(s.segs.ids()) > 0 {
		return fmt.Errorf("%s holds bodies but its rows are gone; restore a backup into another folder, "+
			"or take the mail out with barid store salvage: %w", s.dir, ErrFormat)
	}
	return nil
}

// openLog finds the end of the last segment and makes it durable: what a killed process left in the
// system's cache must not be lost under what is appended behind it.
func (s *Store) openLog() error {
	ids := s.segs.ids()
	if len(ids) == 0 {
		s.log = newBodyLog(s, nil, 0, 1)
		return nil
	}
	last := ids[len(ids)-1]
	g, err := s.segs.openForWrite(last)
	if err != nil {
		return storageError("open "+segmentName(last), err)
	}
	head := make([]byte, segmentHeader)
	if n, _ := g.ReadAt(head, 0); checkSegmentHeader(head[:n], last) != nil {
		if err := checkSegmentHeader(head[:n], last); errors.Is(err, ErrFormat) {
			return err
		}
		s.segs.release(g) // never used: its header was not durable yet, or damaged; leave it alone
		s.log = newBodyLog(s, nil, 0, last+1)
		return nil
	}
	found, err := recoverTail(last, g, g.size.Load(), s.tailHint(last))
	if err != nil {
		return err
	}
	if found.torn > 0 || found.damaged > 0 {
		s.o.Logger.Info("store: end of the last segment was cut", "segment", segmentName(last),
			"at", found.end, "torn_bytes", found.torn, "damaged_bytes", found.damaged)
	}
	if err := g.file.Sync(); err != nil {
		return storageError("sync "+segmentName(last), err)
	}
	g.size.Store(found.end)
	g.synced.Store(found.end)
	s.log = newBodyLog(s, g, found.end, last+1)
	return nil
}

func (s *Store) tailHint(seg uint32) int64 {
	v, c, err := s.rows.db.Get(metaKey(metaTail))
	if err != nil {
		return segmentHeader
	}
	defer c.Close()
	if len(v) != 12 || binary.BigEndian.Uint32(v) != seg {
		return segmentHeader
	}
	return max(segmentHeader, int64(binary.BigEndian.Uint64(v[4:])))
}

// noteTail stores how far the open segment is known to be whole, so that the next start looks only at
// what is behind.
func (s *Store) noteTail(db *pebble.DB) error {
	ids := s.segs.ids()
	if len(ids) == 0 {
		return nil
	}
	last := ids[len(ids)-1]
	g, err := s.segs.acquire(last)
	if err != nil || g == nil {
		return err
	}
	defer s.segs.release(g)
	v := binary.BigEndian.AppendUint32(nil, last)
	v = binary.BigEndian.AppendUint64(v, uint64(g.synced.Load()))
	return db.Set(metaKey(metaTail), v, pebble.NoSync)
}

// Close ends all work and closes the folder. Running transactions finish first.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.quit)
	s.tasks.Wait()
	r := s.rows // nobody replaces it any more
	s.log.close()
	r.users.Wait()
	if !r.guard.fenced() {
		if err := errors.Join(s.countLeft(r), s.noteTail(r.db), seal(r.db)); err != nil {
			s.o.Logger.Warn("store: note the garbage and the tail", "err", err)
		}
	}
	r.close(s.o.Logger)
	s.closes.Wait()
	s.segs.closeAll()
	s.cache.Unref()
	return s.lock.Close()
}

// use gives the current instance. The caller calls r.users.Done when it is through with it.
func (s *Store) use() (*rows, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	if s.rows == nil {
		return nil, kv.ErrUnavailable // still opening
	}
	s.rows.users.Add(1)
	return s.rows, nil
}

// task starts a long job on behalf of a caller. Close breaks it off and waits for it.
func (s *Store) task(ctx context.Context) (_ context.Context, done func(), err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ctx, nil, kv.ErrClosed
	}
	s.tasks.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		select {
		case <-s.quit:
			cancel()
		case <-over:
		}
	}()
	return ctx, func() { close(over); cancel(); s.tasks.Done() }, nil
}

// Caps implements kv.KV. All partitions go together.
func (s *Store) Caps() kv.Caps {
	return kv.Caps{MaxKey: maxKey, MaxValue: maxValue, MaxTxn: maxTxn}
}

// Stats tell how the store is.
type Stats struct {
	Healthy      bool   `json:"healthy"`
	Healed       uint64 `json:"healed"`     // times the store went on with a new instance after a failed write
	FreeBytes    int64  `json:"free_bytes"` // -1 if unknown
	RowBytes     uint64 `json:"row_bytes"`  // on disk
	Segments     int    `json:"segments"`
	SegmentBytes int64  `json:"segment_bytes"`
	DeadBytes    int64  `json:"dead_bytes"` // known garbage in segments
	CacheHits    int64  `json:"cache_hits"`
	CacheMisses  int64  `json:"cache_misses"`
}

// Stats gives the current figures; it costs some microseconds.
func (s *Store) Stats() (Stats, error) {
	r, err := s.use()
	if err != nil {
		return Stats{}, err
	}
	defer r.users.Done()
	m := r.db.Metrics()
	st := Stats{
		Healthy:     !r.guard.fenced() && r.flushTrouble.Load() == nil,
		Healed:      s.healed.Load(),
		FreeBytes:   s.space.ask(),
		RowBytes:    m.DiskSpaceUsage(),
		CacheHits:   m.BlockCache.Hits,
		CacheMisses: m.BlockCache.Misses,
		DeadBytes:   s.gc.deadBytes(),
	}
	s.segs.mu.Lock()
	defer s.segs.mu.Unlock()
	for _, g := range s.segs.table {
		st.Segments++
		st.SegmentBytes += g.size.Load()
	}
	return st, nil
}

// WaitHealthy returns when writes can be taken again, or with ctx's error.
func (s *Store) WaitHealthy(ctx context.Context) error {
	for {
		s.mu.RLock()
		whole, closed := s.whole, s.closed
		s.mu.RUnlock()
		if closed {
			return kv.ErrClosed
		}
		if whole == nil {
			return nil
		}
		select {
		case <-whole:
		case <-ctx.Done():
			return fmt.Errorf("embedded: still not healthy: %w", ctx.Err())
		}
	}
}

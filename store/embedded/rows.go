package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// rows is one instance of Pebble. After a failed write a store goes on with a new one (heal.go).
type rows struct {
	db    *pebble.DB
	guard *guard
	users sync.WaitGroup

	flushTrouble atomic.Pointer[error] // the last flush failed: memtables can not be emptied
	looking      sync.Mutex            // so that an older look does not overwrite a younger
	queued       atomic.Int64          // bytes of memtables over maxQueued times their size
	crowd        atomic.Int32          // sublevels of L0 over l0Crowded: writers are slowed down
	parked       atomic.Bool           // Pebble declared itself dead; it can not be closed
	still        bool                  // opened behind a fence: it shows what is durable, and takes nothing
}

// Write pressure: memtables, and sublevels of L0.
const (
	maxQueued = 4
	never     = 32
	l0Crowded = 24
	l0Slowest = 50 * time.Millisecond // and 1 ms for each sublevel over l0Crowded
	l0Never   = 1000                  // Pebble's own stop, which can not be waited for with a context, is out of reach
)

// openRows opens Pebble behind a guard. onFence is called once, by the goroutine whose write failed.
func openRows(s *Store, onFence func(error)) (_ *rows, err error) {
	r := &rows{guard: newGuard(s.o.FS, s.o.FS.PathJoin(s.dir, "rows"), s.journals, onFence)}
	return r, r.open(s)
}

// openStill opens Pebble for reading only, behind a fence that is up already: it needs no disk that can be written.
func openStill(s *Store, cause error) (_ *rows, err error) {
	r := &rows{guard: newGuard(s.o.FS, s.o.FS.PathJoin(s.dir, "rows"), s.journals, func(error) {}), still: true}
	r.guard.fence(cause)
	return r, r.open(s)
}

func (r *rows) open(s *Store) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("open rows: %v", p)
		}
		if err != nil {
			r.guard.fence(err) // whatever is still running must not write any more
			r.guard.release()
		}
	}()
	r.guard.loading.Store(true)
	defer r.guard.loading.Store(false)
	had, err := pebble.Peek(r.guard.dir, r.guard)
	if err != nil {
		return err
	}
	if r.db, err = pebble.Open(r.guard.dir, r.options(s)); err != nil {
		return err
	}
	if had.FormatMajorVersion < pebble.FormatWALSyncChunks && !r.still {
		// The log that was begun before the format was raised can not be checked for damage: begin another.
		if _, err := r.db.AsyncFlush(); err != nil {
			return err
		}
	}
	if r.guard.fenced() && !r.still {
		r.close(s.o.Logger)
		return r.guard.cause
	}
	return nil
}

// lost says whether what this instance shows may not be durable.
func (r *rows) lost() bool { return r.guard.fenced() && !r.still }

func (r *rows) options(s *Store) *pebble.Options {
	o := &pebble.Options{
		FS:                          r.guard,
		ReadOnly:                    r.still,
		Cache:                       s.cache,
		FormatMajorVersion:          pebble.FormatWALSyncChunks,
		MemTableSize:                uint64(s.o.MemtableBytes),
		MemTableStopWritesThreshold: never,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       l0Never,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                1000,
		BytesPerSync:                1 << 20,
		WALMinSyncInterval:          s.paceRows,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		MaxManifestFileSize:         16 << 20,
		Logger:                      &pebbleLogger{log: s.o.Logger, r: r},
		EventListener:               r.events(s),
	}
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	return o
}

func (r *rows) events(s *Store) *pebble.EventListener {
	var flushed error // what FlushEnd said; not every error there is a failure. Pebble's mutex guards it
	l := &pebble.EventListener{
		BackgroundError: func(err error) {
			if err == flushed { //nolint:errorlint // the same error: it is the flush that failed
				r.flushTrouble.Store(&err)
			}
			s.o.Logger.Warn("store: background work failed; it will be tried again", "err", err)
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			s.o.Logger.Error("store: damaged row data", "what", i.String())
			s.metrics.damage()
		},
		PossibleAPIMisuse: func(i pebble.PossibleAPIMisuseInfo) {
			if i.Kind == pebble.NondeterministicSingleDelete {
				s.o.Logger.Error("store: a row was put more than once and deleted as if it was not", "what", i.String())
				s.metrics.damage()
			}
		},
		FlushEnd: func(i pebble.FlushInfo) {
			flushed = i.Err
			r.flushTrouble.Store(nil)
			go s.look(r)
		},
		WALCreated: func(pebble.WALCreateInfo) { go s.look(r) }, // one for each memtable
		CompactionEnd: func(pebble.CompactionInfo) {
			if r.crowd.Load() > 0 {
				go s.look(r)
			}
		},
	}
	l.EnsureDefaults(nil)
	return l
}

// admit says whether a write may begin now, and holds it up while Pebble can not keep pace. Pebble's own
// stop is never reached: it holds locks and knows no context.
func (r *rows) admit(ctx context.Context) error {
	for {
		if r.lost() {
			return storageError("write", r.guard.cause)
		}
		if r.flushTrouble.Load() != nil || r.still {
			return nil // waiting would not help; what writes is refused by commit.room
		}
		queued, crowd := r.queued.Load() > 0, r.crowd.Load()
		if !queued && crowd == 0 {
			return nil
		}
		t := time.NewTimer(min(l0Slowest, time.Duration(1+crowd)*time.Millisecond))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		if !queued {
			return nil // slowed down once
		}
	}
}

// close waits for all users and closes Pebble. A healthy instance is closed with everything on disk.
func (r *rows) close(log *slog.Logger) {
	r.guard.release()
	r.users.Wait()
	if r.parked.Load() {
		return // a goroutine of Pebble stands still with its mutex; the memory is all it costs
	}
	if err := r.db.Close(); err != nil && !r.guard.fenced() {
		log.Warn("store: closing rows", "err", err)
	}
}

// pebbleLogger passes on what Pebble has to say.
type pebbleLogger struct {
	log *slog.Logger
	r   *rows
}

func (l *pebbleLogger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("store: " + fmt.Sprintf(format, args...))
	}
}

func (l *pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("store: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return, and must not end the process. It fences the instance and stops the goroutine;
// the store heals itself with a new instance. Reached only by broken invariants inside Pebble, because the
// guard hides failed writes.
func (l *pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.log.Error("store: rows declared themselves dead", "err", err)
	l.r.parked.Store(true)
	l.r.guard.fence(err)
	select {}
}

// probe writes and syncs a small file, to learn whether the disk takes writes.
func probe(fs vfs.FS, dir string) error {
	name := fs.PathJoin(dir, "probe")
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	err = errors.Join(err, f.Sync(), f.Close(), fs.Remove(name))
	return err
}

package embedded

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spaceEvery is how often the file system is asked for its free space while there is plenty.
const spaceEvery = 20 * time.Millisecond

// space knows about how much of the disk is free.
type space struct {
	fs    vfs.FS
	dir   string
	start time.Time
	next  atomic.Int64 // ns since start at which to ask again
	avail atomic.Int64 // bytes; -1 unknown
	total atomic.Int64 // bytes of the file system; 0 unknown
}

// reserveShare is the largest part of a file system that is kept free, as a divisor: a reserve made for a disk
// must not fill a small volume.
const reserveShare = 16

// reserve is the free space below which new bodies are refused, and half of which rows are; not over 0: none.
func (s *Store) reserve() int64 {
	if total := s.space.total.Load(); total > 0 {
		return min(s.o.ReserveBytes, total/reserveShare)
	}
	return s.o.ReserveBytes
}

func newSpace(fs vfs.FS, dir string) *space {
	s := &space{fs: fs, dir: dir, start: time.Now()}
	s.avail.Store(-1)
	s.ask()
	return s
}

// low says whether less than reserve bytes are free. A file system that can not tell has enough.
// Near the limit every call asks.
func (s *space) low(reserve int64) bool {
	if reserve <= 0 {
		return false
	}
	now := int64(time.Since(s.start))
	avail := s.avail.Load()
	if now >= s.next.Load() || avail >= 0 && avail < 4*reserve {
		s.next.Store(now + int64(spaceEvery))
		avail = s.ask()
	}
	return avail >= 0 && avail < reserve
}

func (s *space) ask() int64 {
	u, err := s.fs.GetDiskUsage(s.dir)
	avail := int64(min(u.AvailBytes, 1<<62))
	if err != nil {
		if !errors.Is(err, vfs.ErrUnsupported) {
			return s.avail.Load()
		}
		avail = -1
	}
	s.total.Store(int64(min(u.TotalBytes, 1<<62)))
	s.avail.Store(avail)
	return avail
}

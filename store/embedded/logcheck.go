package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"barid/base/kv"
)

// Pebble ends the replay of its last log, and of its manifest, at the first chunk that it can not read, and takes
// it for the unfinished end that a power cut leaves; often also if readable chunks follow. One damaged byte would
// make acknowledged rows vanish without a word. So both are checked for damage before they are replayed.
//
// A chunk of a log says how far the log was synced when the chunk was written, or less: Pebble counts only what it
// wrote of its last block. So an unreadable place had been durable if a chunk behind it says that it was, or if
// chunks behind it say three different things, a, b, c: the sync that made b of a ended after the chunk with a was
// written, and the one that made c of b began after that, so it covered all that is before the chunk with a.
// A manifest is synced after each record, so any readable record behind the unreadable place proves it durable.
//
// Not proven, and cut off as unfinished: damage in what the last two syncs before a crash wrote. A clean Close
// leaves proof behind (seal).
const (
	chunkBlock   = 32 << 10 // chunks do not cross multiples of this
	chunkHead    = 7        // CRC 4, length 2, encoding 1
	chunkHeadNum = 11       // and number of the log 4
	chunkHeadEnd = 19       // and synced offset 8
)

// chunk is one piece of a record.
type chunk struct {
	len    int   // with its header
	synced int64 // of a log: at least the bytes before this offset were durable
	first  bool  // of its record
}

// journalCheck reads one log or manifest.
type journalCheck struct {
	file vfs.File
	name string
	log  bool
	num  uint32 // of a log: its number, which each chunk repeats
	buf  [chunkBlock]byte
}

// isManifest says whether name, without folders, is one of Pebble's manifests.
func isManifest(name string) bool { return strings.HasPrefix(name, "MANIFEST-") }

// checkJournal looks for damage in a log or manifest called name. end is where it is known to be durable, -1 if
// that is not known.
func checkJournal(f vfs.File, name string, end int64) error {
	c := &journalCheck{file: f, name: name, log: isLog(name)}
	if num, _, ok := wal.ParseLogFilename(name); ok {
		c.num = uint32(num)
	} else if c.log {
		return nil // not Pebble's
	}
	bad, err := c.walk(end)
	if err != nil || bad < 0 {
		return err
	}
	proves := c.provesManifest
	if c.log {
		proves = c.provesLog
	}
	if end < 0 {
		if proven, err := proves(bad); err != nil || !proven {
			return err
		}
	}
	return fmt.Errorf("rows/%s is damaged at byte %d, and what follows there was acknowledged; restore a backup into another "+
		"folder, or take the mail out with barid store salvage: %w", name, bad, kv.ErrCorrupt)
}

// walk gives the offset of the first unreadable chunk, -1 if there is none.
func (c *journalCheck) walk(end int64) (int64, error) {
	for at := int64(0); end < 0 || at < end; at += chunkBlock {
		want := int64(chunkBlock)
		if end >= 0 {
			want = min(want, end-at)
		}
		n, err := c.file.ReadAt(c.buf[:want], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, storageError("read rows/"+c.name, err)
		}
		b := c.buf[:n]
		for i := 0; i < n; {
			if c.padding(b[i:], n) {
				break
			}
			if c.trailer(b[i:]) {
				return -1, nil
			}
			k, ok := c.chunk(b[i:])
			if !ok {
				return at + int64(i), nil
			}
			i += k.len
		}
		if int64(n) < want && end >= 0 {
			return at + int64(n), nil // shorter than it was
		}
		if n < chunkBlock {
			return -1, nil
		}
	}
	return -1, nil
}

// padding says whether b, the rest of a block of n bytes, is what is left free because no header fits.
func (c *journalCheck) padding(b []byte, n int) bool {
	limit := chunkHead
	if c.log {
		limit = chunkHeadEnd
	}
	if n < chunkBlock || len(b) >= limit {
		return false
	}
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// trailer says whether b begins with what ends a log that was closed.
func (c *journalCheck) trailer(b []byte) bool {
	return c.log && len(b) >= chunkHeadNum && binary.LittleEndian.Uint32(b) == 0 && binary.LittleEndian.Uint16(b[4:]) == 0 &&
		b[6] != 0 && binary.LittleEndian.Uint32(b[7:]) == c.num+1
}

// chunk reads the chunk at the start of b. If it is not ok, len is what it seems to be, 0 if it does not look like one.
func (c *journalCheck) chunk(b []byte) (k chunk, ok bool) {
	if len(b) < chunkHead {
		return k, false
	}
	head, e := chunkHead, b[6]
	switch {
	case !c.log && e >= 1 && e <= 4:
	case c.log && e >= 5 && e <= 8:
		head = chunkHeadNum
	case c.log && e >= 9 && e <= 12:
		head = chunkHeadEnd
	default:
		return k, false
	}
	n := head + int(binary.LittleEndian.Uint16(b[4:]))
	if n > len(b) || c.log && binary.LittleEndian.Uint32(b[7:]) != c.num {
		return k, false
	}
	k.len, k.first = n, (e-1)%4 < 2
	if head == chunkHeadEnd {
		k.synced = int64(binary.LittleEndian.Uint64(b[11:]))
	}
	sum := crc32.Checksum(b[6:k.len], castagnoli)
	return k, binary.LittleEndian.Uint32(b) == (sum>>15|sum<<17)+0xa282ead8
}

// provesLog says whether chunks behind bad show that the one there had been durable. Chunks are looked for only where
// they must begin, so that nobody can make one up inside his mail.
func (c *journalCheck) provesLog(bad int64) (bool, error) {
	said, values := int64(-1), 0
	for at := bad - bad%chunkBlock; ; at += chunkBlock {
		n, err := c.file.ReadAt(c.buf[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, storageError("read rows/"+c.name, err)
		}
		for b := c.buf[max(0, min(int64(n), bad-at)):n]; len(b) > 0; {
			k, ok := c.chunk(b)
			if ok && k.synced > said {
				said = k.synced
				values++
			}
			if ok && (k.synced > bad || values == 3) {
				return true, nil
			}
			b = b[max(0, min(k.len, len(b))):]
			if k.len == 0 {
				break
			}
		}
		if n < chunkBlock {
			return false, nil
		}
	}
}

// provesManifest says whether a record begins behind bad. The length at bad may be wrong, so it is looked for everywhere.
func (c *journalCheck) provesManifest(bad int64) (bool, error) {
	for at := bad - bad%chunkBlock; ; at += chunkBlock {
		n, err := c.file.ReadAt(c.buf[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, storageError("read rows/"+c.name, err)
		}
		for i := max(0, bad+1-at); i < int64(n); i++ {
			if k, ok := c.chunk(c.buf[i:n]); ok && k.first {
				return true, nil
			}
		}
		if n < chunkBlock {
			return false, nil
		}
	}
}

// seal leaves proof that what is in the log now is durable: chunks in three further blocks, each synced.
func seal(db *pebble.DB) error {
	for range 4 {
		if err := db.LogData(make([]byte, chunkBlock), pebble.Sync); err != nil {
			return err
		}
	}
	return nil
}

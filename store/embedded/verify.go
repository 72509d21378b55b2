package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// maxDamaged bounds the list of damaged bodies in a Report, maxHolders that of each one's holders.
const (
	maxDamaged = 1000
	maxHolders = 16
)

// Report is what Verify found. The store is sound if Sound says so.
type Report struct {
	Rows         int64         `json:"rows"`       // of everybody
	RowDamage    int           `json:"row_damage"` // places where rows could not be read
	Segments     int           `json:"segments"`
	Records      int64         `json:"records"`
	RecordBytes  int64         `json:"record_bytes"`
	DamagedBytes int64         `json:"damaged_bytes"`  // of segments: not recognisable as records any more
	DamagedCount int           `json:"damaged_bodies"` // that are linked and can not be read
	Damaged      []DamagedBody `json:"damaged,omitempty"`
	Links        int64         `json:"links"`
	Bodies       int64         `json:"bodies"`  // with at least one link
	Orphans      int64         `json:"orphans"` // records of bodies without a link: garbage that collection has not removed yet
	OrphanBytes  int64         `json:"orphan_bytes"`
}

// DamagedBody is a body that can not be read, and who links it. A Report names at most 1,000, with at most 16
// holders each. Example: {"11000000010000000200004b5eed5eed", "seg-00000001", {"account 42: 17"}}.
type DamagedBody struct {
	ID      string   `json:"id"`      // hexadecimal
	Segment string   `json:"segment"` // where it was written first
	HeldBy  []string `json:"held_by"` // partition and owner; of an account the owner is the number of the message
}

// Sound says whether everything that somebody owns can be read.
func (r *Report) Sound() bool {
	return r.RowDamage == 0 && r.DamagedCount == 0 && r.DamagedBytes == 0
}

func (r *Report) hurt(id kv.BlobID) {
	r.DamagedCount++
	if len(r.Damaged) == maxDamaged {
		return
	}
	d := DamagedBody{ID: hex.EncodeToString(id[:])}
	if loc, err := parseID(id); err == nil {
		d.Segment = segmentName(loc.seg)
	}
	r.Damaged = append(r.Damaged, d)
}

// held notes who links a body, if it is the one that was hurt last.
func (r *Report) held(link []byte) {
	if len(r.Damaged) == 0 || len(link) != linkLen {
		return
	}
	d := &r.Damaged[len(r.Damaged)-1]
	if d.ID != hex.EncodeToString(link[1:17]) || len(d.HeldBy) == maxHolders {
		return
	}
	kind := map[kv.Kind]string{kv.Global: "global", kv.Directory: "directory", kv.Account: "account", kv.Queue: "queue"}
	d.HeldBy = append(d.HeldBy, fmt.Sprintf("%s %d: %d", kind[kv.Kind(link[17])],
		binary.BigEndian.Uint64(link[18:]), binary.BigEndian.Uint64(link[26:])))
}

// Verify reads everything and checks every CRC and every link. It runs beside other work; what happens
// meanwhile may or may not be counted. progress, if not nil, is told of bytes of segments.
// An error means that Verify could not do its work, not that it found damage.
func (s *Store) Verify(ctx context.Context, progress func(done, total int64)) (Report, error) {
	var rep Report
	ctx, done, err := s.task(ctx)
	if err != nil {
		return rep, err
	}
	defer done()
	r, err := s.use()
	if err != nil {
		return rep, err
	}
	defer r.users.Done()
	release := s.segs.hold()
	defer release()
	bad := map[kv.BlobID]struct{}{}
	if err := s.verifySegments(ctx, r, &rep, bad, progress); err != nil {
		return rep, err
	}
	if err := s.verifyLinks(ctx, r, &rep, bad); err != nil {
		return rep, err
	}
	return rep, s.verifyRows(ctx, r, &rep)
}

func (s *Store) verifySegments(ctx context.Context, r *rows, rep *Report, bad map[kv.BlobID]struct{}, progress func(done, total int64)) error {
	lv, err := newLiveness(s, r.db)
	if err != nil {
		return err
	}
	defer lv.close()
	var done, total int64
	ids := s.segs.ids()
	for _, id := range ids {
		total += s.segs.sizeOf(id)
	}
	for _, id := range ids {
		g, err := s.segs.acquire(id)
		if err != nil || g == nil {
			if err != nil {
				return err
			}
			continue
		}
		err = s.verifySegment(ctx, g, lv, rep, bad)
		s.segs.release(g)
		if err != nil {
			return err
		}
		if done += s.segs.sizeOf(id); progress != nil {
			progress(done, total)
		}
	}
	return nil
}

func (s *Store) verifySegment(ctx context.Context, g *segment, lv *liveness, rep *Report, bad map[kv.BlobID]struct{}) error {
	rep.Segments++
	buf := s.buffers.get(bufferClasses[len(bufferClasses)-1])
	defer s.buffers.put(buf)
	w := &walker{id: g.id, win: newWindow(g), end: g.synced.Load(), gap: func(_, n int64) { rep.DamagedBytes += n }}
	_, err := w.walk(segmentHeader, func(h header, off int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		rep.Records++
		rep.RecordBytes += h.recordLen()
		linked, err := lv.linked(h.origin)
		if err != nil {
			return err
		}
		if !linked {
			rep.Orphans++
			rep.OrphanBytes += h.recordLen()
			return nil
		}
		rec := buf
		if int64(len(rec)) < h.recordLen() {
			rec = make([]byte, h.recordLen())
		}
		rec = rec[:h.recordLen()]
		if err := g.readFull(rec, off); err != nil && !damaged(err) {
			return err
		}
		if _, ok := checkRecord(rec, g.id); !ok && len(bad) < 1<<20 {
			bad[h.origin] = struct{}{}
		}
		return nil
	})
	return err
}

// verifyLinks looks whether each linked body can be found, and has no record that is known to be bad.
func (s *Store) verifyLinks(ctx context.Context, r *rows, rep *Report, bad map[kv.BlobID]struct{}) error {
	it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceLink}, UpperBound: []byte{spaceLink + 1}})
	if err != nil {
		return storageError("read links", err)
	}
	var last kv.BlobID
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, it.Close())
		}
		rep.Links++
		id := kv.BlobID(it.Key()[1:17])
		if id != last {
			last = id
			rep.Bodies++
			if _, known := bad[id]; known || !s.complete(ctx, id) {
				rep.hurt(id)
			}
		}
		rep.held(it.Key())
	}
	return storageError("read links", it.Close())
}

// complete says whether all records of a body are where they should be. Their payloads were checked before.
func (s *Store) complete(ctx context.Context, id kv.BlobID) bool {
	b, err := s.Open(ctx, id)
	if err != nil {
		return false
	}
	defer b.Close()
	r := b.(*blobReader)
	if r.whole != nil {
		return true
	}
	for i := range r.pieces {
		if r.load(&r.pieces[i]) != nil {
			return false
		}
	}
	return true
}

// verifyRows reads all rows. Behind a damaged place it goes on with the next partition.
func (s *Store) verifyRows(ctx context.Context, r *rows, rep *Report) error {
	var from []byte
	for {
		it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: from})
		if err != nil {
			return storageError("read rows", err)
		}
		ok := it.First()
		for ; ok && ctx.Err() == nil; ok = it.Next() {
			if _, err := it.ValueAndErr(); err != nil {
				break
			}
			rep.Rows++
			from = append(from[:0], it.Key()...)
		}
		err = it.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return nil
		}
		if !pebble.IsCorruptionError(err) {
			return storageError("read rows", err)
		}
		rep.RowDamage++
		if from = nextPartition(from); from == nil || rep.RowDamage >= maxDamaged {
			return nil
		}
	}
}

// nextPartition gives the first possible key of the partition behind k's, nil behind the last.
func nextPartition(k []byte) []byte {
	if len(k) < 9 {
		return []byte{0, 0, 0, 0, 0, 0, 0, 0, 1}
	}
	next := bytes.Clone(k[:9])
	id := binary.BigEndian.Uint64(next[1:]) + 1
	binary.BigEndian.PutUint64(next[1:], id)
	if id == 0 {
		if next[0]++; next[0] == 0 {
			return nil
		}
	}
	return next
}

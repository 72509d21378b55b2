package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// copyUpTo: values up to this many bytes are copied out of Pebble; larger ones are borrowed until the end.
const copyUpTo = 8 << 10

// rowReader reads the rows of one partition from src: a snapshot, the database or an indexed batch.
type rowReader struct {
	part    kv.Part
	src     pebble.Reader
	key     [64]byte // scratch, enough for most keys
	values  []byte   // values handed out
	borrows []io.Closer
}

func (r *rowReader) close() {
	for _, c := range r.borrows {
		_ = c.Close() // it only reads
	}
	r.borrows = nil
}

func (r *rowReader) get(src pebble.Reader, t kv.Table, k []byte) ([]byte, bool, error) {
	v, c, err := src.Get(appendKey(r.key[:0], r.part, t, k))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, storageError("get", err)
	}
	if len(v) > copyUpTo {
		r.borrows = append(r.borrows, c)
		return v, true, nil
	}
	v = r.keep(v)
	return v, true, storageError("get", c.Close())
}

// keep copies v to memory that stays as it is until the end of the transaction.
func (r *rowReader) keep(v []byte) []byte {
	if cap(r.values)-len(r.values) < len(v) {
		r.values = make([]byte, 0, max(128, 2*len(v), min(2*cap(r.values), 16<<10)))
	}
	n := len(r.values)
	r.values = append(r.values, v...)
	return r.values[n:len(r.values):len(r.values)]
}

func (r *rowReader) getMany(src pebble.Reader, t kv.Table, keys [][]byte, f func(i int, v []byte) error) error {
	if len(keys) == 0 {
		return nil
	}
	it, err := src.NewIter(&pebble.IterOptions{
		LowerBound: appendKey(nil, r.part, t, keys[0]),
		UpperBound: appendEnd(nil, r.part, t),
	})
	if err != nil {
		return storageError("get many", err)
	}
	for i, k := range keys {
		v, err := seekExact(it, appendKey(r.key[:0], r.part, t, k))
		if err == nil {
			err = f(i, v)
		}
		if err != nil {
			_ = it.Close()
			return stopped(err)
		}
	}
	return storageError("get many", it.Close())
}

// seekExact gives the value of k, or nil. Keys that lie close behind the iterator are reached by steps,
// which Pebble does by itself inside SeekGE.
func seekExact(it *pebble.Iterator, k []byte) ([]byte, error) {
	if !it.SeekGE(k) || !bytes.Equal(it.Key(), k) {
		return nil, storageError("get many", it.Error())
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return nil, storageError("get many", err)
	}
	if v == nil {
		v = []byte{}
	}
	return v, nil
}

func (r *rowReader) scan(src pebble.Reader, t kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	opt := &pebble.IterOptions{LowerBound: appendKey(nil, r.part, t, lo)}
	if hi != nil {
		opt.UpperBound = appendKey(nil, r.part, t, hi)
	} else {
		opt.UpperBound = appendEnd(nil, r.part, t)
	}
	it, err := src.NewIter(opt)
	if err != nil {
		return storageError("scan", err)
	}
	if err := iterate(it, o, f); err != nil {
		_ = it.Close()
		return stopped(err)
	}
	return storageError("scan", it.Close())
}

func iterate(it *pebble.Iterator, o kv.ScanOpt, f func(k, v []byte) error) error {
	first, next := it.First, it.Next
	if o.Reverse {
		first, next = it.Last, it.Prev
	}
	n := 0
	for ok := first(); ok; ok = next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return storageError("scan", err)
		}
		if err := f(it.Key()[prefixLen:], v); err != nil {
			return err
		}
		if n++; n == o.Limit {
			return nil
		}
	}
	return storageError("scan", it.Error())
}

// view is the reader of View.
type view struct{ rowReader }

func (v *view) Get(t kv.Table, k []byte) ([]byte, bool, error) { return v.get(v.src, t, k) }

func (v *view) GetMany(t kv.Table, keys [][]byte, f func(int, []byte) error) error {
	return v.getMany(v.src, t, keys, f)
}

func (v *view) Scan(t kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	return v.scan(v.src, t, lo, hi, o, f)
}

// txn is one partition of a commit. Tables it has not written are read straight from the database, which
// stands still for this partition while the lock is held.
type txn struct {
	rowReader
	c       *commit
	ver     kv.Ver
	p       *partition
	dirty   [4]uint64 // tables written
	applied []func(kv.Ver)
	keep    any
}

func (t *txn) init(c *commit, p *partition) {
	t.c, t.p, t.part, t.ver, t.src = c, p, p.name, p.ver, c.rows.db
}

func (t *txn) Part() kv.Part { return t.part }
func (t *txn) Ver() kv.Ver   { return t.ver }

// from gives what to read a table from.
func (t *txn) from(tb kv.Table) (pebble.Reader, error) {
	if t.dirty[tb/64]&(1<<(tb%64)) == 0 {
		return t.src, nil
	}
	return t.c.index()
}

func (t *txn) Get(tb kv.Table, k []byte) ([]byte, bool, error) {
	src, err := t.from(tb)
	if err != nil {
		return nil, false, err
	}
	return t.get(src, tb, k)
}

func (t *txn) GetMany(tb kv.Table, keys [][]byte, f func(int, []byte) error) error {
	src, err := t.from(tb)
	if err != nil {
		return err
	}
	return t.getMany(src, tb, keys, f)
}

func (t *txn) Scan(tb kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	src, err := t.from(tb)
	if err != nil {
		return err
	}
	return t.scan(src, tb, lo, hi, o, f)
}

// mark remembers that a table was written and checks the sizes.
func (t *txn) mark(tb kv.Table, key, value int) bool {
	t.dirty[tb/64] |= 1 << (tb % 64)
	if key > maxKey || value > maxValue {
		t.c.fail(fmt.Errorf("%w: row of table %d with %d and %d bytes", ErrLimit, tb, key, value))
		return false
	}
	return t.c.err == nil
}

func (t *txn) Put(tb kv.Table, k, v []byte) {
	if !t.mark(tb, len(k), len(v)) {
		return
	}
	b := t.c.writes(prefixLen + len(k) + len(v))
	op := b.SetDeferred(prefixLen+len(k), len(v))
	appendKey(op.Key[:0], t.part, tb, k)
	copy(op.Value, v)
	t.finish(op)
}

func (t *txn) Del(tb kv.Table, k []byte) { t.del(tb, k, (*pebble.Batch).DeleteDeferred) }

// DelOnce leaves a mark that goes with the one value when a flush or merge finds both: Pebble's single delete.
func (t *txn) DelOnce(tb kv.Table, k []byte) { t.del(tb, k, (*pebble.Batch).SingleDeleteDeferred) }

// deferred begins an operation on a key of so many bytes.
type deferred func(b *pebble.Batch, keyLen int) *pebble.DeferredBatchOp

func (t *txn) del(tb kv.Table, k []byte, begin deferred) {
	if !t.mark(tb, len(k), 0) {
		return
	}
	op := begin(t.c.writes(prefixLen+len(k)), prefixLen+len(k))
	appendKey(op.Key[:0], t.part, tb, k)
	t.finish(op)
}

func (t *txn) finish(op *pebble.DeferredBatchOp) {
	if err := op.Finish(); err != nil {
		t.c.fail(storageError("write to batch", err))
	}
}

func (t *txn) DelRange(tb kv.Table, lo, hi []byte) {
	if hi != nil && bytes.Compare(lo, hi) >= 0 || !t.mark(tb, max(len(lo), len(hi)), 0) {
		return
	}
	from, to := appendKey(nil, t.part, tb, lo), appendEnd(nil, t.part, tb)
	if hi != nil {
		to = appendKey(nil, t.part, tb, hi)
	}
	if err := t.c.writes(len(from)+len(to)).DeleteRange(from, to, nil); err != nil {
		t.c.fail(storageError("write to batch", err))
	}
}

// Link writes a link row blindly, and for a fresh stream the row that says where it is.
func (t *txn) Link(b kv.BlobID, owner uint64) {
	if _, err := parseID(b); err != nil {
		t.c.fail(err)
		return
	}
	l, fresh := t.c.s.pins.fresh(b)
	if fresh {
		if t.c.fresh == nil {
			t.c.fresh = t.c.few[:0]
		}
		t.c.fresh = append(t.c.fresh, b)
	}
	if l != nil {
		t.own(blobKey(spaceMoved, b), l.encode())
	}
	t.own(linkKey(b, t.part, owner), nil)
}

// Unlink drops the link row and leaves a note for garbage collection.
func (t *txn) Unlink(b kv.BlobID, owner uint64) { t.unlink(b, owner, (*pebble.Batch).DeleteDeferred) }

// UnlinkOnce is to Unlink what DelOnce is to Del.
func (t *txn) UnlinkOnce(b kv.BlobID, owner uint64) {
	t.unlink(b, owner, (*pebble.Batch).SingleDeleteDeferred)
}

func (t *txn) unlink(b kv.BlobID, owner uint64, begin deferred) {
	if _, err := parseID(b); err != nil {
		t.c.fail(err)
		return
	}
	op := begin(t.c.writes(linkLen), linkLen)
	appendLink(op.Key[:0], b, t.part, owner)
	t.finish(op)
	t.own(blobKey(spaceSuspect, b), nil)
}

// own writes a row of the engine's own spaces.
func (t *txn) own(k, v []byte) {
	if t.c.err != nil {
		return
	}
	if err := t.c.writes(len(k)+len(v)).Set(k, v, nil); err != nil {
		t.c.fail(storageError("write to batch", err))
	}
}

func (t *txn) Applied(f func(kv.Ver)) { t.applied = append(t.applied, f) }

func (t *txn) Keep(v any) { t.keep = v }

func (t *txn) Kept() any {
	if t.keep == nil && t.p.keptAt == t.ver {
		return t.p.kept
	}
	return t.keep
}

// runApplied ends the transaction under the partition's lock.
func (t *txn) runApplied() {
	if t.keep != nil {
		t.p.kept, t.p.keptAt = t.keep, t.p.ver
	}
	for _, f := range t.applied {
		f(t.p.ver)
	}
}

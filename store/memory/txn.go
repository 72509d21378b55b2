package memory

import (
	"bytes"
	"errors"

	"barid/base/kv"
)

// reader reads one version of a partition.
type reader struct{ root *node }

// rowKey puts the table in front, so that tables are disjoint ranges of one tree.
func rowKey(t kv.Table, k []byte) []byte {
	return append([]byte{byte(t)}, k...)
}

// bounds gives the range of full keys for lo <= key < hi of a table.
func bounds(t kv.Table, lo, hi []byte) (from, to []byte) {
	from = rowKey(t, lo)
	switch {
	case hi != nil:
		to = rowKey(t, hi)
	case t == 255:
		to = bytes.Repeat([]byte{255}, maxKey+2) // above every key
	default:
		to = []byte{byte(t) + 1}
	}
	return from, to
}

// Get implements kv.Reader.
func (r reader) Get(t kv.Table, k []byte) ([]byte, bool, error) {
	v, ok := r.root.get(rowKey(t, k))
	return v, ok, nil
}

// GetMany implements kv.Reader.
func (r reader) GetMany(t kv.Table, keys [][]byte, f func(i int, v []byte) error) error {
	for i, k := range keys {
		v, ok := r.root.get(rowKey(t, k))
		if ok && v == nil {
			v = []byte{}
		}
		if err := f(i, v); err != nil {
			if errors.Is(err, kv.ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// Scan implements kv.Reader.
func (r reader) Scan(t kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	var err error
	n := 0
	step := func(k, v []byte) bool {
		if err = f(k[1:], v); err != nil {
			return false
		}
		n++
		return o.Limit == 0 || n < o.Limit
	}
	from, to := bounds(t, lo, hi)
	if o.Reverse {
		r.root.descend(from, to, step)
	} else {
		r.root.ascend(from, to, step)
	}
	if errors.Is(err, kv.ErrStop) {
		return nil
	}
	return err
}

// link is one Link or Unlink of a transaction.
type link struct {
	blob  kv.BlobID
	owner uint64
	on    bool
}

// txn writes to its own root; commit publishes it.
type txn struct {
	store   *Store
	part    *part
	name    kv.Part
	ver     kv.Ver
	root    *node
	links   []link
	applied []func(kv.Ver)
	keep    any
	size    int // bytes written, and 1 more for each operation
	err     error
}

func (t *txn) Part() kv.Part { return t.name }
func (t *txn) Ver() kv.Ver   { return t.ver }

func (t *txn) Get(tb kv.Table, k []byte) ([]byte, bool, error) { return reader{t.root}.Get(tb, k) }

func (t *txn) GetMany(tb kv.Table, keys [][]byte, f func(int, []byte) error) error {
	return reader{t.root}.GetMany(tb, keys, f)
}

func (t *txn) Scan(tb kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	return reader{t.root}.Scan(tb, lo, hi, o, f)
}

func (t *txn) Put(tb kv.Table, k, v []byte) {
	if len(k) > maxKey || len(v) > maxValue {
		t.err = errLimit
		return
	}
	t.size += len(k) + len(v) + 1
	t.root = t.root.put(rowKey(tb, k), append([]byte{}, v...))
}

func (t *txn) Del(tb kv.Table, k []byte) {
	t.size += len(k) + 1
	full := rowKey(tb, k)
	t.root = t.root.delRange(full, append(bytes.Clone(full), 0))
}

func (t *txn) DelOnce(tb kv.Table, k []byte) {
	if n := t.root.find(rowKey(tb, k)); n != nil && n.again {
		t.err = errOnce
		return
	}
	t.Del(tb, k)
}

func (t *txn) DelRange(tb kv.Table, lo, hi []byte) {
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return
	}
	t.size += len(lo) + len(hi) + 1
	from, to := bounds(tb, lo, hi)
	t.root = t.root.delRange(from, to)
}

func (t *txn) Link(b kv.BlobID, owner uint64)   { t.addLink(link{b, owner, true}) }
func (t *txn) Unlink(b kv.BlobID, owner uint64) { t.addLink(link{b, owner, false}) }

func (t *txn) UnlinkOnce(b kv.BlobID, owner uint64) {
	if t.linkedAgain(b, owner) {
		t.err = errOnce
		return
	}
	t.Unlink(b, owner)
}

func (t *txn) addLink(l link) {
	t.size++
	t.links = append(t.links, l)
}

func (t *txn) Applied(f func(kv.Ver)) { t.applied = append(t.applied, f) }

func (t *txn) Keep(v any) { t.keep = v }

func (t *txn) Kept() any {
	if t.keep == nil && t.part.keptAt == t.ver {
		return t.part.kept
	}
	return t.keep
}

func (t *txn) runApplied() {
	if t.keep != nil {
		t.part.kept, t.part.keptAt = t.keep, t.part.ver
	}
	for _, f := range t.applied {
		f(t.part.ver)
	}
}

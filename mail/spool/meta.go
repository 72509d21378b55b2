package spool

import (
	"errors"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// ErrLostLease means that somebody else owns the shard now: what the caller knows of it is old.
var ErrLostLease = errors.New("spool: the shard has another owner now")

// Lease is the right to work a shard. Every write of an owner carries it and fails when it has moved.
type Lease struct {
	Epoch uint64 // grows with every owner
	Owner string
	Until time.Time // zero: as long as the store is open, which it is for one process at a time
}

// Counts are what a shard holds.
type Counts struct {
	Entries int64
	Bytes   int64 // sum of the messages' sizes; one with several destinations counts for each
}

// Meta is the one row of TableQueueMeta.
type Meta struct {
	Lease
	Counts
	Next ID    // the next entry's
	Low  int64 // milliseconds: no row of the schedule is before it
}

func metaKey() []byte { return []byte{0} }

func (m *Meta) encode() []byte {
	b := make([]byte, 0, 64)
	b = putUint(append(b, format), uint64(m.Next))
	for _, v := range [...]int64{m.Low, m.Entries, m.Bytes} {
		b = putInt(b, v)
	}
	b = putText(putUint(b, m.Epoch), m.Owner)
	return putTime(b, m.Until)
}

func decodeMeta(v []byte) (Meta, error) {
	d := newDecoder(v)
	m := Meta{Next: ID(d.uint()), Low: d.int(), Counts: Counts{Entries: d.int(), Bytes: d.int()}}
	m.Lease = Lease{Epoch: d.uint(), Owner: d.text(), Until: d.time()}
	if !d.end() || m.Next == 0 {
		return Meta{}, corrupt("row of a shard")
	}
	return m, nil
}

// ReadMeta gives the shard's row; a new shard has Next 1 and nothing else.
func ReadMeta(r kv.Reader) (Meta, error) {
	v, ok, err := r.Get(mail.TableQueueMeta, metaKey())
	if err != nil || !ok {
		return Meta{Next: 1}, err
	}
	return decodeMeta(v)
}

// meta is ReadMeta for a transaction: mostly the transaction before has left the row.
func meta(t kv.Txn) (Meta, error) {
	if m, ok := t.Kept().(Meta); ok {
		return m, nil
	}
	return ReadMeta(t)
}

func (m *Meta) put(t kv.Txn) {
	t.Put(mail.TableQueueMeta, metaKey(), m.encode())
	t.Keep(*m)
}

// never is the low mark of an empty schedule.
const never = 1 << 62

// First is where a scan of the schedule begins.
func (m *Meta) First() Cursor { return Cursor{Due: m.Low, Priority: MaxPriority} }

// lower keeps the invariant of the low mark.
func (m *Meta) lower(due int64) { m.Low = min(m.Low, due) }

// Acquire takes the shard for owner and gives the lease with the next epoch. Whoever had it before can not
// write any more.
func Acquire(t kv.Txn, owner string, until time.Time) (Lease, error) {
	m, err := meta(t)
	if err != nil {
		return Lease{}, err
	}
	m.Lease = Lease{Epoch: m.Epoch + 1, Owner: cut(owner, maxName), Until: fromMillis(millis(until))}
	m.put(t)
	return m.Lease, nil
}

// owned reads the shard's row and checks that l still holds.
func owned(t kv.Txn, l Lease) (Meta, error) {
	m, err := meta(t)
	if err == nil && m.Epoch != l.Epoch {
		err = ErrLostLease
	}
	return m, err
}

// RaiseLow moves the low mark to the first row of the schedule, so that later scans need not step over the
// rows that are gone. It reads from the old mark on.
func RaiseLow(t kv.Txn, l Lease) error {
	m, err := owned(t, l)
	if err != nil {
		return err
	}
	first := int64(never)
	err = ScanSchedule(t, m.First(), Cursor{}, 1, func(s Slot) error {
		first = s.Due
		return kv.ErrStop
	})
	if err == nil && first > m.Low {
		m.Low = first
		m.put(t)
	}
	return err
}

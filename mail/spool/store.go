package spool

import (
	"encoding/binary"
	"fmt"

	"barid/base/kv"
	"barid/mail"
)

// Enqueue writes e inside the caller's transaction, links its blob and sets e.ID and e.Shard. t must be a
// transaction of ShardOf(e.Destination, e.Route). After the commit call the queue's Submitted.
func Enqueue(t kv.Txn, e *Entry) error { return EnqueueAll(t, e) }

// EnqueueAll is Enqueue for several entries of one shard.
func EnqueueAll(t kv.Txn, es ...*Entry) error {
	m, err := meta(t)
	if err != nil {
		return err
	}
	if m.Next == 1 && m.Entries == 0 {
		m.Low = never // the first entry sets it
	}
	for _, e := range es {
		if err := m.enqueue(t, e); err != nil {
			return err
		}
	}
	m.put(t)
	for _, e := range es {
		t.Link(e.Blob, uint64(e.ID))
	}
	return nil
}

func (m *Meta) enqueue(t kv.Txn, e *Entry) error {
	e.normalise()
	if err := e.check(); err != nil {
		return err
	}
	e.Shard = ShardOf(e.Destination, e.Route)
	if t.Part() != e.Shard.Part() {
		return fmt.Errorf("%w: %s belongs to shard %d", ErrInvalid, e.Queue(), e.Shard)
	}
	e.ID = m.Next
	m.Next++
	m.Entries++
	m.Bytes += e.Size
	e.due, e.stored = 0, false
	m.write(t, e)
	return nil
}

// write puts the rows of e where they belong now.
func (m *Meta) write(t kv.Txn, e *Entry) {
	old := e.Cursor()
	e.due = 0
	if !e.Hold {
		e.due = e.dueAt()
	}
	if e.stored && old.Due != 0 && old.Due != e.due {
		t.Del(mail.TableQueueSchedule, old.key())
	}
	e.once = !e.stored
	buf := make([]byte, 0, 256)
	if e.due != 0 {
		m.lower(e.due)
		s := e.Slot()
		t.Put(mail.TableQueueSchedule, s.key(), s.encode(buf))
	}
	t.Put(mail.TableQueueEntry, entryKey(e.ID), appendEntry(buf, e))
	e.stored = true
}

// Load gives an entry, or nil if there is none.
func Load(r kv.Reader, shard Shard, id ID) (*Entry, error) {
	v, ok, err := r.Get(mail.TableQueueEntry, entryKey(id))
	if err != nil || !ok {
		return nil, err
	}
	return decodeEntry(shard, id, v)
}

// Update writes an entry that Load gave in the same transaction, after the caller changed its progress:
// Rcpts, Attempts, Next, Must, Hold, DelayTold, ReportTries, Expires, Arrived. One that is settled is
// removed instead. Destination, Route and Priority can not change: use Move.
func Update(t kv.Txn, l Lease, es ...*Entry) error {
	m, err := owned(t, l)
	if err != nil {
		return err
	}
	before := m
	for _, e := range es {
		if e.Settled() {
			m.remove(t, e)
			continue
		}
		e.normalise()
		if err := e.check(); err != nil {
			return err
		}
		m.write(t, e)
	}
	if m != before {
		m.put(t)
	}
	for _, e := range es {
		if !e.stored {
			t.UnlinkOnce(e.Blob, uint64(e.ID))
		}
	}
	return nil
}

// Remove deletes the rows of an entry that Load gave in the same transaction and unlinks its blob.
func Remove(t kv.Txn, l Lease, e *Entry) error {
	m, err := owned(t, l)
	if err != nil {
		return err
	}
	m.remove(t, e)
	m.put(t)
	t.UnlinkOnce(e.Blob, uint64(e.ID))
	return nil
}

// remove deletes the rows of e. Its blob is linked once, by Enqueue; its rows were put once if they were never
// changed, as those of mail that the first attempt gets rid of.
func (m *Meta) remove(t kv.Txn, e *Entry) {
	del := t.Del
	if e.once {
		del = t.DelOnce
	}
	if e.due != 0 {
		del(mail.TableQueueSchedule, e.Cursor().key())
	}
	del(mail.TableQueueEntry, entryKey(e.ID))
	m.Entries--
	m.Bytes -= e.Size
	e.due, e.stored = 0, false
}

// Move takes e, which Load gave in from, to the shard of another destination or route: as a new entry of
// to, in one commit. from and to may be the same transaction.
func Move(from, to kv.Txn, l Lease, e *Entry, destination, route string) (*Entry, error) {
	moved := *e
	moved.Destination, moved.Route = destination, route
	if err := Enqueue(to, &moved); err != nil {
		return nil, err
	}
	return &moved, Remove(from, l, e)
}

// Scan calls f with the entries from id on, in order. kv.ErrStop ends it. A row that can not be read is
// given to bad (nil: ignored) and skipped.
func Scan(r kv.Reader, shard Shard, from ID, limit int, bad func(ID, error), f func(*Entry) error) error {
	return r.Scan(mail.TableQueueEntry, entryKey(from), nil, kv.ScanOpt{Limit: limit}, func(k, v []byte) error {
		if len(k) != 8 {
			return nil
		}
		id := ID(binary.BigEndian.Uint64(k))
		e, err := decodeEntry(shard, id, v)
		if err == nil {
			return f(e)
		}
		if bad != nil {
			bad(id, err)
		}
		return nil
	})
}

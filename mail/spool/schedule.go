package spool

import (
	"encoding/binary"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Slot is what a row of the schedule tells of an entry.
type Slot struct {
	Cursor                 // where it is
	Queue   string         // the line it stands in, see Entry.Queue
	Account mail.AccountID // whose turn it is
	Size    int64          // octets of the message
	Must    time.Time      // something must happen then even if the destination can not be tried; zero: never
	Retry   bool           // it was tried before
	Noted   bool           // Must was set by whoever schedules, and holds
}

// Cursor is a place in a shard's schedule. The zero Cursor is its beginning.
type Cursor struct {
	Due      int64 // milliseconds since 1970
	Priority int8
	ID       ID
}

// Less orders places.
func (c Cursor) Less(d Cursor) bool {
	if c.Due != d.Due {
		return c.Due < d.Due
	}
	if c.Priority != d.Priority {
		return c.Priority > d.Priority
	}
	return c.ID < d.ID
}

// At is the place before everything that is due at t or later.
func At(t time.Time) Cursor { return Cursor{Due: millis(t), Priority: MaxPriority} }

// After is the place right behind c.
func (c Cursor) After() Cursor {
	c.ID++
	return c
}

func (c Cursor) key() []byte { return scheduleKey(c.Due, c.Priority, c.ID) }

// Cursor gives the entry's place in the schedule.
func (e *Entry) Cursor() Cursor { return Cursor{e.due, e.Priority, e.ID} }

// Slot gives what the schedule tells of e.
func (e *Entry) Slot() Slot {
	return Slot{
		Cursor: e.Cursor(), Queue: e.Queue(), Account: e.Account, Size: e.Size, Must: e.must(),
		Retry: e.Attempts > 0, Noted: !e.Must.IsZero(),
	}
}

func (s *Slot) encode(b []byte) []byte {
	b = append(b, format, byte(bit(s.Retry)|bit(s.Noted)<<1))
	b = putUint(putUint(b, uint64(s.Account)), uint64(s.Size))
	return putText(putTime(b, s.Must), s.Queue)
}

func decodeSlot(k, v []byte) (Slot, error) {
	d := newDecoder(v)
	flags := d.byte()
	s := Slot{Retry: flags&1 != 0, Noted: flags&2 != 0}
	s.Account, s.Size = mail.AccountID(d.uint()), int64(d.uint())
	s.Must, s.Queue = d.time(), d.text()
	if !d.end() || len(k) != 17 || k[8] > MaxPriority-MinPriority {
		return Slot{}, corrupt("row of the schedule")
	}
	s.Cursor = Cursor{int64(binary.BigEndian.Uint64(k)), MaxPriority - int8(k[8]), ID(binary.BigEndian.Uint64(k[9:]))}
	return s, nil
}

// ScanSchedule calls f with the slots from lo to before hi (zero hi: to the end), at most limit of them
// (0: all). kv.ErrStop from f ends the scan without an error. A row that can not be read is skipped.
func ScanSchedule(r kv.Reader, lo, hi Cursor, limit int, f func(Slot) error) error {
	return r.Scan(mail.TableQueueSchedule, lo.key(), hi.keyOrEnd(), kv.ScanOpt{Limit: limit}, slots(f))
}

// ScanScheduleBack is ScanSchedule from hi down to lo.
func ScanScheduleBack(r kv.Reader, lo, hi Cursor, limit int, f func(Slot) error) error {
	return r.Scan(mail.TableQueueSchedule, lo.key(), hi.keyOrEnd(), kv.ScanOpt{Limit: limit, Reverse: true}, slots(f))
}

func slots(f func(Slot) error) func(k, v []byte) error {
	return func(k, v []byte) error {
		s, err := decodeSlot(k, v)
		if err != nil {
			return nil
		}
		return f(s)
	}
}

func (c Cursor) keyOrEnd() []byte {
	if c == (Cursor{}) {
		return nil
	}
	return c.key()
}

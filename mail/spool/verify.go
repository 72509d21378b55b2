package spool

import (
	"fmt"

	"barid/base/kv"
	"barid/mail"
)

// Verify checks all rows of a shard against the truth table of this package and gives the ids of its
// entries with their blobs. It reads everything: for tests and for an operator who has doubts.
func Verify(r kv.Reader, shard Shard) (map[ID]kv.BlobID, error) {
	m, err := ReadMeta(r)
	if err != nil {
		return nil, err
	}
	found := map[ID]kv.BlobID{}
	scheduled := map[ID]Slot{}
	rows := 0
	err = r.Scan(mail.TableQueueSchedule, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		s, err := decodeSlot(k, v)
		if err == nil && s.Due < m.Low {
			err = fmt.Errorf("spool: entry %d is before the low mark", s.ID)
		}
		rows++
		scheduled[s.ID] = s
		return err
	})
	if err != nil {
		return nil, err
	}
	var c Counts
	err = r.Scan(mail.TableQueueEntry, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		e, err := verifyEntry(shard, k, v, scheduled, &m)
		if err == nil {
			found[e.ID] = e.Blob
			c.Entries++
			c.Bytes += e.Size
			if !e.Hold {
				rows--
			}
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case rows != 0:
		return nil, fmt.Errorf("spool: shard %d: %d rows of the schedule without an entry", shard, rows)
	case c != m.Counts:
		return nil, fmt.Errorf("spool: shard %d: counts are %+v, rows make %+v", shard, m.Counts, c)
	}
	return found, nil
}

func verifyEntry(shard Shard, k, v []byte, scheduled map[ID]Slot, m *Meta) (*Entry, error) {
	if len(k) != 8 {
		return nil, corrupt("key of an entry")
	}
	var id ID
	for _, c := range k {
		id = id<<8 | ID(c)
	}
	e, err := decodeEntry(shard, id, v)
	if err != nil {
		return nil, err
	}
	s, ok := scheduled[id]
	switch {
	case id >= m.Next:
		return nil, fmt.Errorf("spool: entry %v has an id that is not given out yet", e.Name())
	case e.Hold == ok:
		return nil, fmt.Errorf("spool: entry %v: hold is %v, scheduled is %v", e.Name(), e.Hold, ok)
	case ok && s != e.Slot():
		return nil, fmt.Errorf("spool: entry %v: scheduled as %+v, is %+v", e.Name(), s, e.Slot())
	case ShardOf(e.Destination, e.Route) != shard:
		return nil, fmt.Errorf("spool: entry %v is in the wrong shard", e.Name())
	}
	return e, nil
}

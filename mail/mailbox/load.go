package mailbox

import (
	"encoding/binary"

	"barid/base/kv"
	"barid/mail"
)

// readSummary gives what is known of a mailbox without its messages: from its last change record, or from
// its row when a snapshot took in all records.
func (x *tx) readSummary(i *info) (summary, error) {
	sum := i.snap
	lo, hi := boxKey(i.id), boxKey(i.id+1)
	err := x.t.Scan(logTable, lo, hi, kv.ScanOpt{Reverse: true, Limit: 1}, func(k, v []byte) error {
		m, err := keyModSeq(k)
		if err != nil || m <= i.snap.modseq {
			return err
		}
		sum, err = decodeSummary(v, m)
		return err
	})
	return sum, err
}

// keyModSeq gives the modseq of a HotLog key.
func keyModSeq(k []byte) (ModSeq, error) {
	if len(k) != 12 {
		return 0, corrupt("key of a change record")
	}
	return ModSeq(binary.BigEndian.Uint64(k[4:])), nil
}

// load brings the messages of a mailbox into memory: its pages, then the records since the snapshot. It
// reads through the transaction, so what the transaction wrote already is in.
func (x *tx) load(b *boxTx) error {
	if b.d != nil {
		return nil
	}
	d := &draft{View: View{validity: b.info.validity, keywords: b.info.keywords, sum: b.info.snap}, owned: true}
	if err := readPages(x.t, b.info.id, d); err != nil {
		return err
	}
	d.sum = b.info.snap
	n, err := readLog(x.t, b.info, d)
	if err != nil {
		return err
	}
	weight := d.sum.weight
	d.sum.recount(&d.View)
	d.sum.weight = weight
	b.d, b.sum, b.rows = d, d.sum, b.info.rows+n
	x.tally.loads++
	return nil
}

// readPages fills d with the snapshot of a mailbox.
func readPages(r kv.Reader, id ID, d *draft) error {
	var last UID
	err := r.Scan(pageTable, boxKey(id), boxKey(id+1), kv.ScanOpt{}, func(k, v []byte) error {
		if len(k) != 8 {
			return corrupt("key of a page")
		}
		c, err := decodePage(v, binary.BigEndian.Uint32(k[4:]))
		if err != nil {
			return err
		}
		if c.first() <= last {
			return corrupt("page out of order")
		}
		last = c.last()
		if d.tail.n > 0 {
			d.full = append(d.full, d.tail)
		}
		c.start = d.tail.start + d.tail.n
		d.tail = c
		return nil
	})
	return err
}

// readLog replays the records after the snapshot and counts them.
func readLog(r kv.Reader, i *info, d *draft) (n uint64, err error) {
	err = r.Scan(logTable, hotKey(i.id, i.snap.modseq+1), boxKey(i.id+1), kv.ScanOpt{}, func(k, v []byte) error {
		m, err := keyModSeq(k)
		if err != nil {
			return err
		}
		rec, err := decodeRecord(v, m)
		if err != nil {
			return err
		}
		n++
		return rec.replay(d)
	})
	return n, err
}

// snapshot writes the pages that changed and notes in the mailbox's row that they hold everything up to
// now, so that the next reader need not replay the records. It also forgets records past KeepChanges.
func (x *tx) snapshot(b *boxTx) error {
	if err := x.load(b); err != nil {
		return err
	}
	for _, p := range b.d.gonePages {
		x.t.Del(pageTable, pageKey(b.info.id, p))
	}
	for k := range b.d.chunks() {
		if c := b.d.chunk(k); c.dirty && c.n > 0 {
			x.t.Put(pageTable, pageKey(b.info.id, c.page), encodePage(c))
		}
	}
	b.d.clean()
	x.tally.snapshots++
	b.sum.weight = 0
	i := x.editInfo(b)
	i.snap = b.sum
	if err := x.prune(b, i); err != nil {
		return err
	}
	i.rows = b.rows
	return nil
}

// prune forgets the older half of a mailbox's change records when there are more than KeepChanges. All are
// in the pages by now, so only QRESYNC and the change feed need them.
func (x *tx) prune(b *boxTx, i *info) error {
	keep := uint64(x.a.s.opt.KeepChanges)
	if b.rows <= keep {
		return nil
	}
	floor, n, err := x.cutLog(i.id, b.rows-keep/2)
	if err != nil || n == 0 {
		return err
	}
	b.rows -= n
	i.floor = floor
	return nil
}

// cutLog deletes the first n records of a log and gives the modseq of the last one deleted.
func (x *tx) cutLog(id ID, n uint64) (floor ModSeq, cut uint64, err error) {
	o := kv.ScanOpt{Limit: int(n)}
	err = x.t.Scan(logTable, boxKey(id), boxKey(id+1), o, func(k, _ []byte) (err error) {
		cut++
		floor, err = keyModSeq(k)
		return err
	})
	if err == nil && cut > 0 {
		x.t.DelRange(logTable, boxKey(id), hotKey(id, floor+1))
	}
	return floor, cut, err
}

// logBoxes writes a change of the list of mailboxes, in the log of mailbox 0.
func (x *tx) logBoxes(kind ChangeKind, id ID, destroyed msgSet) error {
	m := x.next()
	r := record{kind: kind, box: id, destroyed: destroyed}
	x.buf = r.encode(x.buf[:0])
	x.t.Put(logTable, hotKey(0, m), x.buf)
	x.st.feedRows++
	if keep := uint64(x.a.s.opt.KeepChanges); x.st.feedRows > keep {
		floor, n, err := x.cutLog(0, x.st.feedRows-keep/2)
		if err != nil {
			return err
		}
		x.st.feedFloor = floor
		x.st.feedRows -= n
	}
	return nil
}

// putInfo writes a mailbox's row and makes it part of the catalog.
func (x *tx) putInfo(i *info) {
	x.editCat().set(i)
	x.t.Put(mail.TableMailbox, boxKey(i.id), i.encode())
	for _, b := range x.boxes {
		if b.info.id == i.id {
			b.info = i
		}
	}
}

// delInfo takes a mailbox's row away.
func (x *tx) delInfo(i *info) {
	x.editCat().del(i)
	x.t.Del(mail.TableMailbox, boxKey(i.id))
}

package mailbox

import (
	"encoding/binary"
	"math"

	"barid/mail"
)

// hotKey is the key of a HotLog row: mailbox, modseq. Mailbox 0 is the account's list of mailboxes.
func hotKey(id ID, m ModSeq) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 12), uint32(id))
	return binary.BigEndian.AppendUint64(b, uint64(m))
}

// boxKey is the key of a mailbox row and the prefix of a mailbox's HotLog and HotPage rows.
func boxKey(id ID) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 0, 4), uint32(id))
}

// pageKey is the key of a HotPage row: mailbox, page.
func pageKey(id ID, page uint32) []byte {
	return binary.BigEndian.AppendUint32(boxKey(id), page)
}

// Limits of one change record, so that a value stays far below what a store takes.
const (
	recordRanges  = 32 << 10 // ranges of UIDs
	recordEntries = 8 << 10  // appended messages
)

// recordWeight is what reading a record back costs: one for the row, more for what is in it. A snapshot
// takes it back to zero.
func recordWeight(entries, ranges, touched int) uint32 {
	return uint32(1 + entries/4 + ranges/4 + touched/64)
}

// record is one change of one mailbox. The key carries mailbox and modseq.
type record struct {
	kind      ChangeKind
	sum       summary // of the mailbox after the change
	first     UID     // ChangeAppend: UID of the first entry; the others follow without gaps
	entries   []Entry // ChangeAppend
	op        flagOp  // ChangeFlags
	uids      UIDSet  // ChangeFlags, ChangeExpunge
	destroyed msgSet  // ChangeExpunge, ChangeRemoved: messages that are in no mailbox now
	box       ID      // list of mailboxes: which one
}

func (r *record) encode(b []byte) []byte {
	version := byte(format)
	if r.kind == ChangeAppend {
		version = formatSaved
	}
	b = append(b, version, byte(r.kind))
	switch r.kind {
	case ChangeAppend:
		b = r.sum.append(b)
		b = r.appendEntries(b)
	case ChangeFlags:
		b = r.sum.append(b)
		b = append(b, byte(r.op.mode))
		b = putUint(b, uint64(r.op.mask))
		b = putUIDs(b, r.uids)
	case ChangeExpunge:
		b = r.sum.append(b)
		b = putUIDs(b, r.uids)
		b = putMsgs(b, r.destroyed)
	default:
		b = putUint(b, uint64(r.box))
		b = putMsgs(b, r.destroyed)
	}
	return b
}

func (r *record) appendEntries(b []byte) []byte {
	b = putUint(b, uint64(len(r.entries)))
	b = putUint(b, uint64(r.first))
	var msg MsgNo
	var date int64
	for i := range r.entries {
		e := &r.entries[i]
		b = putInt(b, int64(e.Msg-msg))
		b = putUint(b, uint64(e.bits()))
		b = putUint(b, uint64(e.Size))
		b = putInt(b, e.Date-date)
		b = putInt(b, e.Saved-e.Date)
		msg, date = e.Msg, e.Date
	}
	return b
}

// decodeRecord reads a HotLog value; m is the modseq of its key.
func decodeRecord(v []byte, m ModSeq) (r record, err error) {
	d := newDecoderOf(v, formatSaved)
	r.kind = ChangeKind(d.byte())
	switch r.kind {
	case ChangeAppend:
		r.sum = d.summary(m)
		d.entries(&r, m)
	case ChangeFlags:
		r.sum = d.summary(m)
		r.op = flagOp{mode: Mode(d.byte()), mask: Flags(d.uint())}
		r.uids = d.uids()
	case ChangeExpunge:
		r.sum = d.summary(m)
		r.uids, r.destroyed = d.uids(), d.msgs()
	case ChangeCreated, ChangeInfo, ChangeRemoved:
		r.box, r.destroyed = ID(d.uint()), d.msgs()
	default:
		d.fail()
	}
	if !d.end() || r.op.mode > Replace {
		return record{}, corrupt("change record")
	}
	return r, nil
}

// decodeSummary reads only the summary of a HotLog value of a mailbox.
func decodeSummary(v []byte, m ModSeq) (summary, error) {
	d := newDecoderOf(v, formatSaved)
	k := ChangeKind(d.byte())
	s := d.summary(m)
	if d.bad || k < ChangeAppend || k > ChangeExpunge {
		return summary{}, corrupt("change record")
	}
	return s, nil
}

func (d *decoder) entries(r *record, m ModSeq) {
	n := d.count()
	r.first = UID(d.uint())
	if uint64(r.first)+uint64(n) > uint64(MaxUID) {
		d.fail()
		return
	}
	r.entries = make([]Entry, 0, n)
	var msg MsgNo
	var date int64
	for i := range n {
		msg += MsgNo(d.int())
		f, size := Flags(d.uint()), d.uint()
		date += d.int()
		saved := int64(0)
		if d.format >= formatSaved {
			saved = date + d.int()
		}
		if size > MaxMessageBytes || saved < 0 || saved > math.MaxUint32 {
			d.fail()
			return
		}
		e := Entry{UID: r.first + UID(i), Msg: msg, ModSeq: m, Size: int64(size), Date: date, Saved: saved}
		e.setBits(f)
		r.entries = append(r.entries, e)
	}
}

// replay makes the change in a draft.
func (r *record) replay(d *draft) error {
	switch r.kind {
	case ChangeAppend:
		if n := d.Len(); n > 0 && len(r.entries) > 0 && d.At(n-1).UID >= r.first {
			return corrupt("change record out of order")
		}
		for _, e := range r.entries {
			d.add(e)
		}
	case ChangeFlags:
		d.mark(r.uids, r.op, r.sum.modseq)
	case ChangeExpunge:
		d.drop(r.uids, func(Entry) {})
	}
	d.sum = r.sum
	return nil
}

// tables that hold rows of one mailbox, keyed by it.
const (
	logTable  = mail.TableHotLog
	pageTable = mail.TableHotPage
)

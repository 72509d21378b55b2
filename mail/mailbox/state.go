package mailbox

import "encoding/binary"

// state is the one row of TableState: the counters of an account. It is written by every transaction that
// changes anything.
type state struct {
	// tag is different after every change, in every process. It tells a copy in memory from rows that
	// went another way, as they do when a commit failed.
	tag uint64

	nextMsg  MsgNo
	modseq   ModSeq // the last one given out
	nextBox  ID
	validity uint32 // the last UIDVALIDITY given out

	bytes, messages int64 // usage
	quota           Quota
	dead            int64 // messages that are in no mailbox but whose rows are still there

	feedFloor ModSeq // changes of the list of mailboxes are known after this
	feedRows  uint64 // records of such changes that are kept
	removing  bool
}

// stateKey is the key of the one row.
func stateKey() []byte { return []byte{0} }

func (s *state) encode() []byte {
	b := make([]byte, 0, 64)
	b = append(b, format)
	b = binary.BigEndian.AppendUint64(b, s.tag)
	for _, v := range [...]uint64{uint64(s.nextMsg), uint64(s.modseq), uint64(s.nextBox), uint64(s.validity)} {
		b = putUint(b, v)
	}
	for _, v := range [...]int64{s.bytes, s.messages, s.quota.Bytes, s.quota.Messages, s.dead} {
		b = putInt(b, v)
	}
	b = putUint(b, uint64(s.feedFloor))
	b = putUint(b, s.feedRows)
	return append(b, bit(s.removing, 1))
}

func decodeState(v []byte) (s state, err error) {
	d := newDecoder(v)
	if t := d.take(8); t != nil {
		s.tag = binary.BigEndian.Uint64(t)
	}
	s.nextMsg, s.modseq = MsgNo(d.uint()), ModSeq(d.uint())
	s.nextBox, s.validity = ID(d.uint()), uint32(d.uint())
	s.bytes, s.messages = d.int(), d.int()
	s.quota = Quota{Bytes: d.int(), Messages: d.int()}
	s.dead = d.int()
	s.feedFloor, s.feedRows = ModSeq(d.uint()), d.uint()
	s.removing = d.byte()&1 != 0
	if !d.end() {
		return state{}, corrupt("account state")
	}
	return s, nil
}

// bit gives mask if on, else 0.
func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

// summary is what is known of a mailbox without its messages. Every change record carries the one after
// it, so that delivery and STATUS need only the last record of a mailbox.
type summary struct {
	modseq          ModSeq // of the last change
	uidNext         UID
	count           uint32
	unseen, deleted uint32
	bytes           int64
	weight          uint32 // cost of replaying the records since the last snapshot; see recordWeight
}

// came counts a new message.
func (s *summary) came(e Entry) {
	s.count++
	s.bytes += e.Size
	s.flags(e.Flags, +1)
	s.uidNext = e.UID + 1
}

// went counts a message that goes.
func (s *summary) went(e Entry) {
	s.count--
	s.bytes -= e.Size
	s.flags(e.Flags, -1)
}

func (s *summary) flags(f Flags, by int32) {
	if f&Seen == 0 {
		s.unseen = uint32(int32(s.unseen) + by)
	}
	if f&Deleted != 0 {
		s.deleted = uint32(int32(s.deleted) + by)
	}
}

// append codes all but the modseq, which is in the key or beside it.
func (s *summary) append(b []byte) []byte {
	for _, v := range [...]uint32{uint32(s.uidNext), s.count, s.unseen, s.deleted, s.weight} {
		b = putUint(b, uint64(v))
	}
	return putInt(b, s.bytes)
}

func (d *decoder) summary(m ModSeq) summary {
	s := summary{modseq: m, uidNext: UID(d.uint())}
	s.count, s.unseen, s.deleted, s.weight = uint32(d.uint()), uint32(d.uint()), uint32(d.uint()), uint32(d.uint())
	s.bytes = d.int()
	return s
}

// recount sets the counters from a View's chunks.
func (s *summary) recount(v *View) {
	s.count, s.unseen, s.deleted, s.bytes = uint32(v.Len()), 0, 0, 0
	for k := range v.chunks() {
		c := v.chunk(k)
		s.unseen += uint32(c.unseen)
		s.deleted += uint32(c.deleted)
		for _, n := range c.fix0().size[:c.n] {
			s.bytes += int64(n)
		}
	}
	if n := v.Len(); n > 0 {
		s.uidNext = max(s.uidNext, v.At(n-1).UID+1)
	}
}

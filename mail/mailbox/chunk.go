package mailbox

// chunkLen is the number of messages in a full chunk, which is also a HotPage row.
const chunkLen = 512

// fixed are the columns of a chunk that never change for a message.
type fixed struct {
	uid  []uint32
	msg  []uint64
	date []int64
	size []uint32
	save []uint32
}

// loose are the columns a STORE changes.
type loose struct {
	flags  []Flags
	modseq []ModSeq
}

// chunk is a run of messages. It is a value; its columns are shared by all Views that hold it.
//
// Invariant: slots below n of a chunk that some View holds are never written again. The last chunk of the
// newest View takes appends in place, in slots from n on, which no View covers yet.
type chunk struct {
	fix             *fixed
	mut             *loose
	start, n        int // index of the first message in the mailbox; number of messages
	unseen, deleted int
	page            uint32 // number of its HotPage row; pages ascend as UIDs do
	dirty           bool   // differs from its HotPage row
}

// entryBytes is what one message costs in memory.
const entryBytes = 4 + 8 + 8 + 4 + 4 + 8 + 8

// capacity gives the slots to allocate for n messages: small mailboxes stay small.
func capacity(n int) int {
	for _, c := range [...]int{8, 32, 128} {
		if n <= c {
			return c
		}
	}
	return chunkLen
}

func newFixed(slots int) *fixed {
	return &fixed{
		uid:  make([]uint32, slots),
		msg:  make([]uint64, slots),
		date: make([]int64, slots),
		size: make([]uint32, slots),
		save: make([]uint32, slots),
	}
}

func newLoose(slots int) *loose {
	return &loose{flags: make([]Flags, slots), modseq: make([]ModSeq, slots)}
}

// newChunk makes an empty chunk with room for n.
func newChunk(n int, page uint32) chunk {
	slots := capacity(n)
	return chunk{fix: newFixed(slots), mut: newLoose(slots), page: page, dirty: true}
}

func (c *chunk) slots() int {
	if c.fix == nil {
		return 0
	}
	return len(c.fix.uid)
}

func (c *chunk) entry(j int) Entry {
	e := Entry{
		UID:    UID(c.fix.uid[j]),
		Msg:    MsgNo(c.fix.msg[j]),
		ModSeq: c.mut.modseq[j],
		Size:   int64(c.fix.size[j]),
		Date:   c.fix.date[j],
		Saved:  int64(c.fix.save[j]),
	}
	e.setBits(c.mut.flags[j])
	return e
}

func (c *chunk) first() UID { return UID(c.fix.uid[0]) }
func (c *chunk) last() UID  { return UID(c.fix.uid[c.n-1]) }

// from gives the first slot with a UID >= uid; n if there is none.
func (c *chunk) from(uid UID) int {
	// Most chunks have few holes, so the slot is at most as far as the UIDs are.
	lo, hi := 0, c.n
	if hi > 0 {
		if first := c.fix.uid[0]; uint32(uid) <= first {
			return 0
		} else if d := uint64(uid) - uint64(first); d < uint64(hi) {
			hi = int(d) + 1
			if c.fix.uid[d] == uint32(uid) {
				return int(d)
			}
		}
	}
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if c.fix.uid[m] < uint32(uid) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// put writes e behind the last message. The caller made room.
func (c *chunk) put(e Entry) {
	j := c.n
	c.fix.uid[j] = uint32(e.UID)
	c.fix.msg[j] = uint64(e.Msg)
	c.fix.date[j] = e.Date
	c.fix.size[j] = uint32(e.Size)
	c.fix.save[j] = uint32(e.Saved)
	c.mut.flags[j] = e.bits()
	c.mut.modseq[j] = e.ModSeq
	c.n++
	c.count(e.Flags, 1)
	c.dirty = true
}

// count keeps the counters for a message that came or went.
func (c *chunk) count(f Flags, by int) {
	if f&Seen == 0 {
		c.unseen += by
	}
	if f&Deleted != 0 {
		c.deleted += by
	}
}

// grow moves the chunk to columns with room for n messages.
func (c *chunk) grow(n int) {
	slots := capacity(n)
	f, l := newFixed(slots), newLoose(slots)
	if c.n > 0 {
		copy(f.uid, c.fix.uid[:c.n])
		copy(f.msg, c.fix.msg[:c.n])
		copy(f.date, c.fix.date[:c.n])
		copy(f.size, c.fix.size[:c.n])
		copy(f.save, c.fix.save[:c.n])
		copy(l.flags, c.mut.flags[:c.n])
		copy(l.modseq, c.mut.modseq[:c.n])
	}
	c.fix, c.mut = f, l
}

// own gives the chunk loose columns of its own.
func (c *chunk) own() {
	l := newLoose(len(c.mut.flags))
	copy(l.flags, c.mut.flags[:c.n])
	copy(l.modseq, c.mut.modseq[:c.n])
	c.mut, c.dirty = l, true
}

// without gives a copy of the chunk that leaves out the slots for which gone is set.
func (c *chunk) without(gone *[chunkLen]bool, left int) chunk {
	out := newChunk(left, c.page)
	for j := range c.n {
		if !gone[j] {
			out.put(c.entry(j))
		}
	}
	return out
}

// fix0 gives the fixed columns, empty ones for an empty chunk that has none.
func (c *chunk) fix0() *fixed {
	if c.fix == nil {
		return &fixed{}
	}
	return c.fix
}

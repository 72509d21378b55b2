package mailbox

import "slices"

// draft is a View under change inside a transaction. The View it began from stays as it was.
//
// Live changes and the replay of change records run through the same methods, so a mailbox that is read
// back equals the one that was in memory.
type draft struct {
	View
	owned bool // full is not shared with another View
}

// edit begins a draft of v.
func (v *View) edit() *draft { return &draft{View: *v} }

// table makes the table of full chunks the draft's own.
func (d *draft) table() {
	if !d.owned {
		d.full = append(make([]chunk, 0, len(d.full)+4), d.full...)
		d.owned = true
	}
}

// add appends a message. Its UID must be above all that are there.
func (d *draft) add(e Entry) {
	if d.tail.n == chunkLen {
		d.seal()
	}
	if d.tail.n == d.tail.slots() {
		d.tail.grow(d.tail.n + 1)
	}
	d.tail.put(e)
}

// seal makes the tail a full chunk. The slot of the table behind the last one may be shared with an older
// View, which does not cover it.
func (d *draft) seal() {
	d.full = append(d.full, d.tail)
	next := newChunk(chunkLen, d.tail.page+1)
	next.start = d.tail.start + d.tail.n
	d.tail = next
}

// mutable gives the k-th chunk so that it can be replaced or changed.
func (d *draft) mutable(k int) *chunk {
	if k == len(d.full) {
		return &d.tail
	}
	d.table()
	return &d.full[k]
}

// spans calls f with the chunks and the slots lo <= j < hi that set covers, in order.
func (d *draft) spans(set UIDSet, f func(k, lo, hi int)) {
	for _, r := range set {
		k, j := d.locate(r.Lo)
		for ; k < d.chunks(); k, j = k+1, 0 {
			c := d.chunk(k)
			if c.n == 0 || c.fix.uid[0] > uint32(r.Hi) {
				break
			}
			end := c.n
			if c.last() > r.Hi {
				end = c.from(r.Hi + 1)
			}
			if j < end {
				f(k, j, end)
			}
			if end < c.n {
				break
			}
		}
	}
}

// mark sets the flags of all messages in set as op says and gives them the modseq. It returns how many
// messages it touched, and how many more are unseen and deleted after it.
func (d *draft) mark(set UIDSet, op flagOp, m ModSeq) (touched, unseen, deleted int) {
	owned := -1
	d.spans(set, func(k, lo, hi int) {
		c := d.mutable(k)
		if k != owned {
			c.own()
			owned = k
		}
		unseen, deleted = unseen-c.unseen, deleted-c.deleted
		flags, seqs := c.mut.flags[lo:hi], c.mut.modseq[lo:hi]
		for j, old := range flags {
			f := op.apply(old)
			if (f^old)&(Seen|Deleted) != 0 {
				c.count(old, -1)
				c.count(f, +1)
			}
			flags[j], seqs[j] = f, m
		}
		unseen, deleted = unseen+c.unseen, deleted+c.deleted
		touched += hi - lo
	})
	return touched, unseen, deleted
}

// drop removes the messages in set. It calls f with each before.
func (d *draft) drop(set UIDSet, f func(Entry)) {
	gone := map[int]*[chunkLen]bool{}
	d.spans(set, func(k, lo, hi int) {
		g := gone[k]
		if g == nil {
			g = new([chunkLen]bool)
			gone[k] = g
		}
		c := d.chunk(k)
		for j := lo; j < hi; j++ {
			g[j] = true
			f(c.entry(j))
		}
	})
	if len(gone) > 0 {
		d.rebuild(gone)
	}
}

// rebuild makes the table anew without the slots in gone.
func (d *draft) rebuild(gone map[int]*[chunkLen]bool) {
	kept := make([]chunk, 0, d.chunks()+4)
	nextPage := d.tail.page + 1
	d.gonePages = slices.Clip(d.gonePages)
	for k := range d.chunks() {
		c := *d.chunk(k)
		if g := gone[k]; g != nil {
			left := c.n
			for _, x := range g[:c.n] {
				if x {
					left--
				}
			}
			c = c.without(g, left)
		}
		if c.n == 0 {
			d.gonePages = append(d.gonePages, c.page)
			continue
		}
		kept = append(kept, c)
	}
	d.arrange(kept, nextPage)
}

// sparse is how many times more chunks than needed a mailbox may have before they are packed together.
const sparse = 2

// arrange makes chunks the draft's table.
func (d *draft) arrange(chunks []chunk, nextPage uint32) {
	n := 0
	for i := range chunks {
		n += chunks[i].n
	}
	if len(chunks) > sparse*(n/chunkLen)+4 {
		chunks = d.pack(chunks)
	}
	d.owned = true
	if len(chunks) == 0 {
		d.full, d.tail = nil, chunk{page: nextPage, dirty: true}
		return
	}
	start := 0
	for i := range chunks {
		chunks[i].start = start
		start += chunks[i].n
	}
	d.full, d.tail = chunks[:len(chunks)-1:len(chunks)-1], chunks[len(chunks)-1]
}

// pack fills chunks up. The first ones keep their pages, which ascend already.
func (d *draft) pack(in []chunk) []chunk {
	var out []chunk
	for i := range in {
		for j := range in[i].n {
			if len(out) == 0 || out[len(out)-1].n == chunkLen {
				out = append(out, newChunk(chunkLen, in[len(out)].page))
			}
			out[len(out)-1].put(in[i].entry(j))
		}
	}
	for i := len(out); i < len(in); i++ {
		d.gonePages = append(d.gonePages, in[i].page)
	}
	return out
}

// clean notes that all chunks are in their HotPage rows.
func (d *draft) clean() {
	d.table()
	for k := range d.full {
		d.full[k].dirty = false
	}
	d.tail.dirty = d.tail.n == 0
	d.gonePages = nil
}

// flagOp is a change of flags with keywords as bits.
type flagOp struct {
	mode Mode
	mask Flags
}

func (o flagOp) apply(f Flags) Flags {
	switch o.mode {
	case Add:
		return f | o.mask
	case Remove:
		return f &^ (o.mask &^ hasOrigin)
	}
	return o.mask | f&hasOrigin
}

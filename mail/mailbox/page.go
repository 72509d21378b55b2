package mailbox

import "math"

// encodePage packs a chunk column by column: UIDs as gaps, message numbers, modseqs and dates as steps.
// 512 usual messages take about 6 KiB.
func encodePage(c *chunk) []byte {
	b := make([]byte, 0, 16+c.n*14)
	b = append(b, formatSaved)
	b = putUint(b, uint64(c.n))
	var uid uint32
	for _, u := range c.fix.uid[:c.n] {
		b = putUint(b, uint64(u-uid))
		uid = u
	}
	var msg uint64
	for _, m := range c.fix.msg[:c.n] {
		b = putInt(b, int64(m-msg))
		msg = m
	}
	for _, f := range c.mut.flags[:c.n] {
		b = putUint(b, uint64(f))
	}
	var seq ModSeq
	for _, m := range c.mut.modseq[:c.n] {
		b = putInt(b, int64(m-seq))
		seq = m
	}
	for _, n := range c.fix.size[:c.n] {
		b = putUint(b, uint64(n))
	}
	var date int64
	for _, t := range c.fix.date[:c.n] {
		b = putInt(b, t-date)
		date = t
	}
	for j, t := range c.fix.save[:c.n] {
		b = putInt(b, int64(t)-c.fix.date[j])
	}
	return b
}

// decodePage unpacks what encodePage made.
func decodePage(v []byte, page uint32) (chunk, error) {
	d := newDecoderOf(v, formatSaved)
	n := d.count()
	if n == 0 || n > chunkLen {
		return chunk{}, corrupt("page of messages")
	}
	c := newChunk(n, page)
	c.n, c.dirty = n, false
	ok := d.columns(&c)
	if !d.end() || !ok {
		return chunk{}, corrupt("page of messages")
	}
	for _, f := range c.mut.flags[:n] {
		c.count(f, +1)
	}
	return c, nil
}

func (d *decoder) columns(c *chunk) (ok bool) {
	ok = true
	var uid, msg, size uint64
	for j := range c.n {
		gap := d.uint()
		uid += gap
		ok = ok && gap > 0 && uid <= uint64(MaxUID)
		c.fix.uid[j] = uint32(uid)
	}
	for j := range c.n {
		msg += uint64(d.int())
		c.fix.msg[j] = msg
	}
	for j := range c.n {
		c.mut.flags[j] = Flags(d.uint())
	}
	var seq ModSeq
	for j := range c.n {
		seq += ModSeq(d.int())
		c.mut.modseq[j] = seq
	}
	for j := range c.n {
		size = d.uint()
		ok = ok && size <= MaxMessageBytes
		c.fix.size[j] = uint32(size)
	}
	var date int64
	for j := range c.n {
		date += d.int()
		c.fix.date[j] = date
	}
	if d.format < formatSaved {
		return ok
	}
	for j := range c.n {
		saved := c.fix.date[j] + d.int()
		ok = ok && saved >= 0 && saved <= math.MaxUint32
		c.fix.save[j] = uint32(saved)
	}
	return ok
}

package mailbox

// Diff tells what is different in a newer View of the same mailbox: expunged is called with indexes in old,
// descending, so that each is a sequence number an IMAP client can be told in that order; then changed with
// indexes in new, ascending, for messages that were in old and have another modseq or other flags.
// Messages that are only in new are the last ones: those from old.Len() minus the number expunged on.
// Chunks that both share are not looked at.
func Diff(old, new *View, expunged func(i int, e Entry), changed func(i int, e Entry)) {
	if old == new {
		return
	}
	d := differ{old: old, new: new}
	if new.gone {
		d.goneFrom(0)
	} else {
		d.run()
	}
	for n := len(d.gone) - 1; n >= 0; n-- {
		expunged(d.gone[n], old.At(d.gone[n]))
	}
	for _, i := range d.other {
		changed(i, new.At(i))
	}
}

// differ walks two Views in step.
type differ struct {
	old, new   *View
	gone       []int // indexes in old
	other      []int // indexes in new
	ok, oj     int   // chunk and slot in old
	nk, nj     int   // chunk and slot in new
	oldC, newC *chunk
}

// goneFrom notes everything of old from index i on as expunged.
func (d *differ) goneFrom(i int) {
	for ; i < d.old.Len(); i++ {
		d.gone = append(d.gone, i)
	}
}

func (d *differ) run() {
	for d.align() {
		if d.shared() || d.same() {
			continue
		}
		o, n := d.oldC.fix.uid[d.oj], d.newC.fix.uid[d.nj]
		switch {
		case o == n:
			d.compare()
			d.oj++
			d.nj++
		case o < n:
			d.gone = append(d.gone, d.oldC.start+d.oj)
			d.oj++
		default:
			// A UID that is in new only, before one that is in old, can not be: UIDs are given in order.
			// Were it so, old is not an older View of new; leave the message out rather than loop.
			d.nj++
		}
	}
	if d.ok < d.old.chunks() {
		d.goneFrom(d.old.chunk(d.ok).start + d.oj)
	}
}

// align moves both cursors to a message; false when one side is at its end.
func (d *differ) align() bool {
	d.oldC = seek(d.old, &d.ok, &d.oj)
	d.newC = seek(d.new, &d.nk, &d.nj)
	return d.oldC != nil && d.newC != nil
}

func seek(v *View, k, j *int) *chunk {
	for *k < v.chunks() {
		c := v.chunk(*k)
		if *j < c.n {
			return c
		}
		*k, *j = *k+1, 0
	}
	return nil
}

// shared passes the chunks that both share, nearly all of a large mailbox. It reports whether there were any.
func (d *differ) shared() bool {
	from := d.ok
	for d.oj == 0 && d.nj == 0 && d.ok < len(d.old.full) && d.nk < len(d.new.full) {
		o, n := &d.old.full[d.ok], &d.new.full[d.nk]
		if o.mut != n.mut || o.fix != n.fix || o.n != n.n {
			break
		}
		d.ok++
		d.nk++
	}
	return d.ok > from
}

// same passes messages that both have in the same slots, as they have unless some were expunged there. What a STORE did not
// touch is not looked at.
func (d *differ) same() bool {
	o, n := d.oldC, d.newC
	if d.oj != d.nj || o.fix != n.fix || n.n < o.n {
		return false
	}
	if o.mut != n.mut {
		flags, seqs := o.mut.flags[:o.n], o.mut.modseq[:o.n]
		newFlags, newSeqs := n.mut.flags[:o.n], n.mut.modseq[:o.n]
		for j := d.oj; j < o.n; j++ {
			if seqs[j] != newSeqs[j] || flags[j] != newFlags[j] {
				d.other = append(d.other, n.start+j)
			}
		}
	}
	d.oj, d.nj = o.n, o.n
	return true
}

func (d *differ) compare() {
	o, n := d.oldC.mut, d.newC.mut
	if o.flags[d.oj] != n.flags[d.nj] || o.modseq[d.oj] != n.modseq[d.nj] {
		d.other = append(d.other, d.newC.start+d.nj)
	}
}

package mailbox

import "context"

// Expunge removes the messages with Deleted, within only if that is not nil (RFC 9051 §6.4.3, RFC 4315
// §2.1), in one commit. It gives the UIDs that went and the mailbox's modseq.
//
// The quota is right at once. Rows and bytes of more than Options.ReapInline messages are removed behind
// the answer; a durable note keeps track of them.
func (m *Mailbox) Expunge(ctx context.Context, only *UIDSet) (gone UIDSet, modseq ModSeq, err error) {
	err = m.b.a.update(ctx, func(x *tx) error {
		b, err := x.loaded(m.b.id)
		if err != nil {
			return err
		}
		set := All()
		if only != nil {
			set = *only
		}
		gone = b.d.deletedIn(set)
		err = x.expunge(b, gone, false)
		modseq = max(b.sum.modseq, 1)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return gone, modseq, nil
}

// Discard removes messages, whatever flags they have, in one commit: what is left of a MOVE to another account, whose
// messages never have Deleted on their way (RFC 9051 §6.4.8). It gives those that went, which may be fewer than set.
func (m *Mailbox) Discard(ctx context.Context, set UIDSet) (gone UIDSet, err error) {
	err = m.b.a.update(ctx, func(x *tx) error {
		b, err := x.loaded(m.b.id)
		if err != nil {
			return err
		}
		es, _ := b.d.collect(set)
		gone = nil
		for i := range es {
			gone = gone.Add(es[i].UID)
		}
		return x.expunge(b, gone, false)
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// deletedIn gives the messages of set that have Deleted.
func (d *draft) deletedIn(set UIDSet) (out UIDSet) {
	d.spans(set, func(k, lo, hi int) {
		c := d.chunk(k)
		if c.deleted == 0 {
			return
		}
		for j := lo; j < hi; j++ {
			if c.mut.flags[j]&Deleted != 0 {
				out = out.Add(UID(c.fix.uid[j]))
			}
		}
	})
	return out
}

// expunge removes messages from a mailbox and logs it. With moved they are in another mailbox of the
// account instead.
func (x *tx) expunge(b *boxTx, set UIDSet, moved bool) error {
	for len(set) > 0 {
		n := min(len(set), recordRanges)
		if err := x.expungeSome(b, set[:n:n], moved); err != nil {
			return err
		}
		set = set[n:]
	}
	return nil
}

func (x *tx) expungeSome(b *boxTx, set UIDSet, moved bool) error {
	es := make([]Entry, 0, min(set.Len(), int64(b.sum.count)))
	b.d.drop(set, func(e Entry) {
		b.sum.went(e)
		es = append(es, e)
	})
	r := record{kind: ChangeExpunge, uids: set}
	m := x.next()
	if !moved {
		var err error
		if r.destroyed, err = x.forsake(es, m); err != nil {
			return err
		}
	}
	x.tally.expunged += len(es)
	x.log(b, m, &r, recordWeight(0, len(set), len(es)))
	return nil
}

// forsake takes one mailbox's hold of messages away. Those that are nowhere now leave the usage at once,
// and the disk now or soon. It gives them.
func (x *tx) forsake(es []Entry, m ModSeq) (msgSet, error) {
	dead, err := x.dropRefs(es)
	if err != nil || len(dead) == 0 {
		return nil, err
	}
	msgs := make([]MsgNo, len(dead))
	for i, e := range dead {
		msgs[i] = e.Msg
		x.st.bytes -= e.Size
		x.st.messages--
	}
	set := msgSetOf(msgs)
	if len(dead) <= x.a.s.opt.ReapInline {
		return set, x.reap(msgs)
	}
	x.bury(m, msgs)
	return set, nil
}

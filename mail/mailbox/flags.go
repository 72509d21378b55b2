package mailbox

import "context"

// Mode is how a StoreOp changes flags.
type Mode byte

// The modes of STORE (RFC 9051 §6.4.6). The numbers are on disk.
const (
	Add     Mode = iota // +FLAGS
	Remove              // -FLAGS
	Replace             // FLAGS
)

// StoreOp is a change of flags.
type StoreOp struct {
	Mode           Mode
	Flags          Flags // system flags
	Keywords       []string
	UnchangedSince *ModSeq // RFC 7162 §3.1.3; nil: whatever their modseq
	Keep           Flags   // flags that Replace leaves as they are
}

// Store changes the flags of the messages in set, in one commit. modified are those it left alone because
// their modseq is past UnchangedSince. modseq is the mailbox's after the change, 0 if nothing changed, so that
// it is never that of somebody else's change; messages whose flags are as wanted already keep theirs. What
// changed is what Diff says of the Views.
func (m *Mailbox) Store(ctx context.Context, set UIDSet, op StoreOp) (modified UIDSet, modseq ModSeq, err error) {
	err = m.b.a.update(ctx, func(x *tx) error {
		b, err := x.loaded(m.b.id)
		if err != nil {
			return err
		}
		f, err := x.keywords(b, op.Keywords, op.Mode != Remove, false)
		if err != nil {
			return err
		}
		before := b.sum.modseq
		f |= op.Flags & SystemFlags
		if op.Mode == Replace && op.Keep != 0 {
			modified = x.replaceSome(b, set, f&^op.Keep, op)
		} else {
			modified = x.flag(b, set, flagOp{mode: op.Mode, mask: f}, op.UnchangedSince)
		}
		if modseq = 0; b.sum.modseq != before {
			modseq = b.sum.modseq
		}
		return nil
	})
	return modified, modseq, err
}

// replaceSome is Replace of all flags but those that are kept.
func (x *tx) replaceSome(b *boxTx, set UIDSet, want Flags, op StoreOp) (modified UIDSet) {
	modified = x.flag(b, set, flagOp{mode: Remove, mask: ^(op.Keep | want)}, op.UnchangedSince)
	var rest UIDSet
	es, _ := b.d.collect(set)
	for i := range es {
		if !modified.Contains(es[i].UID) {
			rest = rest.Add(es[i].UID)
		}
	}
	x.flag(b, rest, flagOp{mode: Add, mask: want}, nil)
	return modified
}

// loaded gives an open handle's mailbox with its messages in memory.
func (x *tx) loaded(id ID) (*boxTx, error) {
	b, err := x.byID(id)
	if err != nil {
		return nil, err
	}
	return b, x.load(b)
}

// flag changes flags and logs it.
func (x *tx) flag(b *boxTx, set UIDSet, op flagOp, since *ModSeq) (modified UIDSet) {
	p := picker{op: op, limit: ^ModSeq(0)}
	if since != nil {
		p.limit = *since
	}
	b.d.spans(set, func(k, lo, hi int) { p.pick(b.d.chunk(k), lo, hi) })
	for rest := p.change; len(rest) > 0; {
		n := min(len(rest), recordRanges)
		x.mark(b, rest[:n:n], op)
		rest = rest[n:]
	}
	return p.modified
}

// mark makes one change record of flags.
func (x *tx) mark(b *boxTx, set UIDSet, op flagOp) {
	m := x.next()
	touched, unseen, deleted := b.d.mark(set, op, m)
	b.sum.unseen = uint32(int(b.sum.unseen) + unseen)
	b.sum.deleted = uint32(int(b.sum.deleted) + deleted)
	x.log(b, m, &record{kind: ChangeFlags, op: op, uids: set}, recordWeight(0, len(set), touched))
}

// picker finds the messages whose flags a change would alter.
type picker struct {
	op       flagOp
	limit    ModSeq
	change   UIDSet // a range may span UIDs that are not there
	modified UIDSet
	next     int // index behind the last one in change
}

func (p *picker) pick(c *chunk, lo, hi int) {
	flags, seqs, uids := c.mut.flags[:hi], c.mut.modseq[:hi], c.fix.uid[:hi]
	for j := lo; j < hi; j++ {
		if seqs[j] > p.limit {
			p.modified = p.modified.Add(UID(uids[j]))
			continue
		}
		if p.op.apply(flags[j]) == flags[j] {
			continue
		}
		i := c.start + j
		if n := len(p.change); n > 0 && p.next == i {
			p.change[n-1].Hi = UID(uids[j])
		} else {
			p.change = append(p.change, UIDRange{UID(uids[j]), UID(uids[j])})
		}
		p.next = i + 1
	}
}

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

// StoreRequest is one of several changes of flags.
type StoreRequest struct {
	Set UIDSet
	Op  StoreOp
}

// StoreResult is what a change of flags came to.
type StoreResult struct {
	Modified UIDSet // left alone because their modseq is past UnchangedSince
	ModSeq   ModSeq // the mailbox's after the change, never that of somebody else's; 0: nothing changed
	Err      error  // no message was changed, e.g. because there are too many keywords; the other requests are done
}

// Store changes the flags of the messages in set, in one commit. Messages whose flags are as wanted already keep
// their modseq. What changed is what Diff says of the Views.
func (m *Mailbox) Store(ctx context.Context, set UIDSet, op StoreOp) (modified UIDSet, modseq ModSeq, err error) {
	var out [1]StoreResult
	if err := m.store(ctx, []StoreRequest{{set, op}}, out[:]); err != nil {
		return nil, 0, err
	}
	return out[0].Modified, out[0].ModSeq, out[0].Err
}

// StoreAll is Store for each request in its order, in one commit of all. If it fails nothing was changed.
func (m *Mailbox) StoreAll(ctx context.Context, requests []StoreRequest) ([]StoreResult, error) {
	out := make([]StoreResult, len(requests))
	if err := m.store(ctx, requests, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (m *Mailbox) store(ctx context.Context, requests []StoreRequest, out []StoreResult) error {
	return m.b.a.update(ctx, func(x *tx) error {
		b, err := x.loaded(m.b.id)
		if err != nil {
			return err
		}
		for i := range requests {
			out[i] = x.store(b, &requests[i])
		}
		if len(out) == 1 {
			return out[0].Err
		}
		return nil
	})
}

func (x *tx) store(b *boxTx, q *StoreRequest) (r StoreResult) {
	table, wanted := b.info.keywords, b.wanted
	f, err := x.keywords(b, q.Op.Keywords, q.Op.Mode != Remove, false)
	if err != nil {
		if len(table) != len(b.info.keywords) || b.wanted != wanted { // those in front of the one that is refused
			x.editInfo(b).keywords, b.wanted = table, wanted
		}
		return StoreResult{Err: err}
	}
	before := b.sum.modseq
	f |= q.Op.Flags & SystemFlags
	if q.Op.Mode == Replace && q.Op.Keep != 0 {
		r.Modified = x.replaceSome(b, q.Set, f&^q.Op.Keep, q.Op)
	} else {
		r.Modified = x.flag(b, q.Set, flagOp{mode: q.Op.Mode, mask: f}, q.Op.UnchangedSince)
	}
	if b.sum.modseq != before {
		r.ModSeq = b.sum.modseq
	}
	return r
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

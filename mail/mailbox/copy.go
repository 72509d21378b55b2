package mailbox

import (
	"context"
	"math/bits"
)

// CopyResult is COPYUID (RFC 4315 §3): From[i] became To[i].
type CopyResult struct {
	Mailbox     ID
	UIDValidity uint32
	From, To    []UID
}

// Copy copies messages to the mailbox dst of the account, with flags, keywords and INTERNALDATE, in one
// commit. The copies share number, rows and bytes with the originals and take nothing from the quota.
func (m *Mailbox) Copy(ctx context.Context, set UIDSet, dst string) (CopyResult, error) {
	return m.Transfer(ctx, set, dst, AllFlags, false)
}

// Move moves messages to the mailbox dst of the account (RFC 6851), in one commit.
func (m *Mailbox) Move(ctx context.Context, set UIDSet, dst string) (CopyResult, error) {
	return m.Transfer(ctx, set, dst, AllFlags, true)
}

// AllFlags are all system flags and keywords.
const AllFlags = ^Flags(0)

// Transfer is Copy, or Move, that leaves the copies only the flags of keep: those their destination's owner lets
// somebody else set.
func (m *Mailbox) Transfer(ctx context.Context, set UIDSet, dst string, keep Flags, move bool) (r CopyResult, err error) {
	err = m.b.a.update(ctx, func(x *tx) error {
		src, err := x.loaded(m.b.id)
		if err != nil {
			return err
		}
		to, err := x.named(dst)
		if err != nil {
			return err
		}
		r, err = x.transfer(src, to, set, keep, move)
		return err
	})
	if err != nil {
		return CopyResult{}, err
	}
	return r, nil
}

// transfer copies or moves between two mailboxes, which may be one.
func (x *tx) transfer(src, dst *boxTx, set UIDSet, keep Flags, move bool) (CopyResult, error) {
	r := CopyResult{Mailbox: dst.info.id, UIDValidity: dst.info.validity}
	es, used := src.d.collect(set)
	if len(es) == 0 {
		return r, nil
	}
	used &= keep
	for i := range es {
		es[i].Flags &= keep
	}
	if src != dst {
		m, err := x.mapKeywords(src, dst, used)
		if err != nil {
			return r, err
		}
		translate(es, &m)
	}
	r.From, r.To = make([]UID, len(es)), make([]UID, len(es))
	for i := range es {
		r.From[i] = es[i].UID
	}
	if err := x.insert(dst, es); err != nil {
		return r, err
	}
	for i := range es {
		r.To[i] = es[i].UID
	}
	if move {
		return r, x.expunge(src, setOfSorted(r.From), true)
	}
	return r, x.addRefs(numbers(es))
}

// collect gives the messages of set and all flags any of them has.
func (d *draft) collect(set UIDSet) (es []Entry, used Flags) {
	es = make([]Entry, 0, min(set.Len(), int64(d.Len())))
	d.spans(set, func(k, lo, hi int) {
		c := d.chunk(k)
		for j := lo; j < hi; j++ {
			e := c.entry(j)
			used |= e.Flags
			es = append(es, e)
		}
	})
	return es, used
}

// translate gives entries the keyword bits of another mailbox.
func translate(es []Entry, m *[64]Flags) {
	for i := range es {
		f := es[i].Flags
		out := f & SystemFlags
		for rest := f >> keywordShift << keywordShift; rest != 0; rest &= rest - 1 {
			out |= m[bits.TrailingZeros64(uint64(rest))]
		}
		es[i].Flags = out
	}
}

func setOfSorted(uids []UID) (s UIDSet) {
	for _, u := range uids {
		s = s.Add(u)
	}
	return s
}

func numbers(es []Entry) []MsgNo {
	out := make([]MsgNo, len(es))
	for i := range es {
		out[i] = es[i].Msg
	}
	return out
}

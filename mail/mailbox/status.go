package mailbox

import "context"

// Status are the figures of STATUS (RFC 9051 §6.3.11, RFC 7162 §3.1.2.1, RFC 8438).
type Status struct {
	ID            ID
	UIDValidity   uint32
	UIDNext       UID
	Messages      int
	Unseen        int
	Deleted       int
	Recent        int // at most; exact when the mailbox is in memory
	Bytes         int64
	HighestModSeq ModSeq
}

// Status gives figures of a mailbox. It reads at most one row, and none when the mailbox was used lately.
func (a *Account) Status(ctx context.Context, name string) (out Status, err error) {
	err = a.with(func(acc *account) error {
		out, err = acc.status(ctx, name)
		return err
	})
	return out, err
}

func (a *account) status(ctx context.Context, name string) (Status, error) {
	_, i, err := a.find(ctx, name)
	if err != nil {
		return Status{}, err
	}
	if i.shape != selectable {
		return Status{}, ErrNoSelect
	}
	b := a.box(i.id)
	if b.pub.Load() == nil {
		if err := a.update(ctx, func(x *tx) error { _, err := x.byID(i.id); return err }); err != nil {
			return Status{}, err
		}
	}
	return b.status(i), nil
}

func (b *box) status(i *info) Status {
	p := b.pub.Load()
	s := Status{
		ID: i.id, UIDValidity: i.validity, UIDNext: p.sum.uidNext, Messages: int(p.sum.count), Unseen: int(p.sum.unseen),
		Deleted: int(p.sum.deleted), Bytes: p.sum.bytes, HighestModSeq: max(p.sum.modseq, 1),
	}
	b.a.mu.Lock()
	recent := max(b.recent, i.recent, 1)
	b.a.mu.Unlock()
	if p.view != nil {
		s.Recent = p.view.Len() - p.view.IndexFrom(recent)
	} else if s.UIDNext > recent {
		s.Recent = min(s.Messages, int(s.UIDNext-recent))
	}
	return s
}

// Quota limits an account. Zero is without limit.
type Quota struct {
	Bytes    int64
	Messages int64
}

// Usage is what an account holds. Each message counts once, in however many mailboxes it is.
type Usage struct {
	Bytes    int64
	Messages int64
	Quota    Quota
}

// Usage gives what the account holds.
func (a *Account) Usage(ctx context.Context) (u Usage, err error) {
	err = a.with(func(acc *account) error {
		s, err := acc.shown(ctx)
		if err == nil {
			u = Usage{Bytes: s.st.bytes, Messages: s.st.messages, Quota: s.st.quota}
		}
		return err
	})
	return u, err
}

// SetQuota changes the limits. What is there already stays, also if it is more.
func (a *Account) SetQuota(ctx context.Context, q Quota) error { return a.change(ctx, setQuota(q)) }

func setQuota(q Quota) func(*tx) error {
	return func(x *tx) error {
		if x.st.quota != q {
			x.st.quota, x.changed = q, true
		}
		return nil
	}
}

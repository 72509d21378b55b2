package mailbox

import (
	"context"
	"errors"

	"barid/mail"
)

// Replace adds a message to the mailbox dst of the account and expunges the message uid of this one, in one commit
// (RFC 8508 §3). ErrGone: there is no such message any more, and nothing was changed. The message that goes does
// not count against the quota.
func (m *Mailbox) Replace(ctx context.Context, uid UID, dst string, by AppendMessage) (d Delivered, modseq ModSeq, err error) {
	if err := by.check(); err != nil {
		return Delivered{}, 0, err
	}
	ready := m.b.a.s.common(&by.Message, 1)
	err = m.b.a.update(ctx, func(x *tx) error {
		src, err := x.loaded(m.b.id)
		if err != nil {
			return err
		}
		set := UIDSet{{uid, uid}}
		if es, _ := src.d.collect(set); len(es) == 0 {
			return ErrGone
		}
		out, err := x.appendAll(dst, []AppendMessage{by}, []*coldCommon{ready})
		if err != nil {
			return err
		}
		d = out[0]
		if err := x.expunge(src, set, false); err != nil {
			return err
		}
		modseq = max(src.sum.modseq, 1)
		return x.withinQuota()
	})
	if errors.Is(err, errQuota) {
		err = &OverQuota{Accounts: []mail.AccountID{m.b.a.id}}
	}
	if err != nil {
		return Delivered{}, 0, err
	}
	return d, modseq, nil
}

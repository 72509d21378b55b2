package mailbox

import (
	"context"
	"encoding/binary"

	"barid/base/kv"
	"barid/mail"
)

// removeBatch is the number of messages removed in one transaction.
const removeBatch = 1000

// Remove removes everything of the account. It first marks the account, so that nothing comes in any more
// and everybody who holds a mailbox sees it gone; then it lets the bytes go in batches. When it is broken
// off, calling it again goes on. Calling it for an account that is not there does nothing.
func (a *Account) Remove(ctx context.Context) error {
	return a.with(func(acc *account) error {
		exists, err := acc.markRemoved(ctx)
		for more := exists; more && err == nil; {
			more, err = acc.removeSome(ctx)
		}
		if err != nil {
			return err
		}
		return a.s.forgetShares(ctx, a.id)
	})
}

// markRemoved writes the mark and makes all open mailboxes gone.
func (a *account) markRemoved(ctx context.Context) (exists bool, err error) {
	var x *tx
	err = a.s.db.Update(ctx, a.id.Part(), func(t kv.Txn) error {
		if _, err := a.refresh(t); err != nil {
			return err
		}
		a.setRemoved(true)
		if exists = a.cat != nil; !exists || a.st.removing {
			return nil
		}
		x = &tx{a: a, t: t, now: a.s.opt.Now(), ver: t.Ver(), st: a.st, cat: a.cat, changed: true}
		for _, i := range a.cat.byID {
			if i.shape == selectable {
				x.boxes = append(x.boxes, &boxTx{box: a.box(i.id), info: i, gone: true})
			}
		}
		x.st.removing = true
		return x.end()
	})
	if err == nil && x != nil {
		a.publish(x, x.ver)
	}
	return exists, err
}

// removeSome removes a batch of messages, or, when there are none left, all other rows.
func (a *account) removeSome(ctx context.Context) (more bool, err error) {
	err = a.s.db.Update(ctx, a.id.Part(), func(t kv.Txn) error {
		var last []byte
		n := 0
		lo, hi := []byte{coldPrefix}, []byte{coldPrefix + 1}
		var links []msgBlob
		err := t.Scan(mail.TableMessage, lo, hi, kv.ScanOpt{Limit: removeBatch}, func(k, v []byte) error {
			n++
			last = append(last[:0], k...)
			if r, err := decodeRoots(v); err == nil && !r.blob.IsZero() && len(k) == 9 {
				links = append(links, msgBlob{binary.BigEndian.Uint64(k[1:]), r.blob})
			}
			return nil
		})
		if err != nil {
			return err
		}
		if more = n > 0; !more {
			a.removeRows(t)
			return nil
		}
		for _, l := range links {
			t.Unlink(l.blob, l.msg)
		}
		t.DelRange(mail.TableMessage, lo, append(last, 0))
		return nil
	})
	return more, err
}

// msgBlob is a message's claim on bytes.
type msgBlob struct {
	msg  uint64
	blob kv.BlobID
}

// removeRows deletes all rows of the account but those of its messages.
func (a *account) removeRows(t kv.Txn) {
	for _, table := range [...]kv.Table{
		mail.TableState, mail.TableMailbox, mail.TableHotLog, mail.TableHotPage, mail.TableMessage, mail.TableThread,
		mail.TableMsgID, mail.TableSearch, mail.TableAnnotation, mail.TableAccess,
	} {
		t.DelRange(table, nil, nil)
	}
	t.Applied(func(kv.Ver) { a.forget() })
}

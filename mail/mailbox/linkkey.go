package mailbox

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// linkKeyBytes is the length of a key that signs URLs (RFC 4467 §5: at least 128 bits).
const linkKeyBytes = 32

// linkKey is the key of the row with a mailbox's key; id 0 is where those rows begin.
func linkKey(id ID) []byte { return binary.BigEndian.AppendUint32([]byte{1}, uint32(id)) }

// linkKnown is what was read of a mailbox's key while the account's keys were changed so many times.
type linkKnown struct {
	changes uint64
	key     []byte // nil: none
}

// LinkKey gives the key that signs URLs of a mailbox (RFC 4467 §5), nil if there is none; the caller must not change it.
// With create it is made then. What was read is remembered, for every SELECT asks.
func (m *Mailbox) LinkKey(ctx context.Context, create bool) (key []byte, err error) {
	changes := m.b.a.links.Load()
	if k := m.b.link.Load(); k != nil && k.changes == changes && (k.key != nil || !create) {
		return k.key, nil
	}
	read := func(r kv.Reader) error {
		v, ok, err := r.Get(mail.TableState, linkKey(m.b.id))
		if err != nil || !ok {
			return err
		}
		if key = slices.Clone(v); len(key) != linkKeyBytes {
			return corrupt("key of URLs")
		}
		return nil
	}
	if err := m.b.a.s.db.View(ctx, m.b.a.id.Part(), read); err != nil {
		return nil, err
	}
	if key != nil || !create {
		m.b.link.Store(&linkKnown{changes, key})
		return key, nil
	}
	err = m.b.a.updateLinks(ctx, func(t kv.Txn) error {
		if err := read(t); err != nil || key != nil {
			return err
		}
		fresh := make([]byte, linkKeyBytes)
		_, _ = rand.Read(fresh) // it never fails
		t.Put(mail.TableState, linkKey(m.b.id), fresh)
		key = fresh
		return nil
	})
	return key, err
}

// updateLinks changes keys, and has what was read before be forgotten, whether it fails or not.
func (a *account) updateLinks(ctx context.Context, f func(kv.Txn) error) error {
	defer a.links.Add(1)
	return a.s.db.Update(ctx, a.id.Part(), f)
}

func (x *tx) dropLinkKey(id ID) { x.t.Del(mail.TableState, linkKey(id)) }

// DropLinkKey makes all URLs that were signed for the mailbox worthless (RFC 4467 §6, RESETKEY).
func (m *Mailbox) DropLinkKey(ctx context.Context) error {
	return m.b.a.updateLinks(ctx, func(t kv.Txn) error {
		t.Del(mail.TableState, linkKey(m.b.id))
		return nil
	})
}

// DropLinkKeys is DropLinkKey for all mailboxes of the account.
func (a *Account) DropLinkKeys(ctx context.Context) error {
	return a.with(func(acc *account) error {
		return acc.updateLinks(ctx, func(t kv.Txn) error {
			t.DelRange(mail.TableState, linkKey(0), []byte{2})
			return nil
		})
	})
}

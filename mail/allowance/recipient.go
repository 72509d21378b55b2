package allowance

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
)

// MaxKnown is how many recipients are remembered for one account. Past it those go that were not written to for
// longest.
const MaxKnown = 50_000

// An account that knows too many forgets this share of MaxKnown at once.
const forgetShare = 8

// touchAfter is how old the note of a recipient may be, in days, before it is renewed.
const touchAfter = 30

// recipient stands for an address an account wrote to. It tells nothing about the address by itself, and nothing
// about whether two accounts wrote to the same one.
type recipient [8]byte

func recipientOf(id mail.AccountID, to addr.Mailbox) (r recipient) {
	b := make([]byte, 0, 128)
	b = append(append(b, accountKey(id)...), to.Key()...)
	sum := sha256.Sum256(b)
	copy(r[:], sum[:])
	return r
}

func accountKey(id mail.AccountID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

// recipientKey is the row of a recipient. The row of the account's key alone counts them.
func recipientKey(id mail.AccountID, r recipient) []byte { return append(accountKey(id), r[:]...) }

// knows tells whether an account wrote to a recipient before.
func (b *Book) knows(ctx context.Context, id mail.AccountID, r recipient) (known bool, err error) {
	b.mu.Lock()
	_, known = b.known[id][r]
	b.mu.Unlock()
	if known {
		return true, nil
	}
	err = b.db.View(ctx, part, func(t kv.Reader) error {
		_, known, err = t.Get(mail.TableCorrespondent, recipientKey(id, r))
		return err
	})
	return known, err
}

// learn notes that an account wrote to a recipient, and tells whether that waits to be written already. The
// caller holds mu.
func (b *Book) learn(id mail.AccountID, r recipient) (already bool) {
	of := b.known[id]
	if _, already = of[r]; already || b.pending >= maxPending {
		return already
	}
	if of == nil {
		of = make(map[recipient]struct{})
		b.known[id] = of
	}
	of[r] = struct{}{}
	b.pending++
	return false
}

// dayOf numbers days since 1970; it is good until 2149.
func dayOf(t time.Time) uint16 { return uint16(t.Unix() / (24 * 60 * 60)) }

// remember writes that an account wrote to recipients today.
func remember(t kv.Txn, id mail.AccountID, rs map[recipient]struct{}, today uint16) error {
	count, err := knownCount(t, id)
	if err != nil {
		return err
	}
	before := count
	for r := range rs {
		v, ok, err := t.Get(mail.TableCorrespondent, recipientKey(id, r))
		if err != nil {
			return err
		}
		if ok && len(v) == 2 && today-binary.BigEndian.Uint16(v) < touchAfter {
			continue
		}
		if !ok {
			count++
		}
		t.Put(mail.TableCorrespondent, recipientKey(id, r), binary.BigEndian.AppendUint16(nil, today))
	}
	if count > MaxKnown {
		gone, err := forget(t, id, count-MaxKnown+MaxKnown/forgetShare)
		if err != nil {
			return err
		}
		count -= gone
	}
	if count != before {
		t.Put(mail.TableCorrespondent, accountKey(id), binary.BigEndian.AppendUint32(nil, uint32(count)))
	}
	return nil
}

func knownCount(r kv.Reader, id mail.AccountID) (int, error) {
	v, ok, err := r.Get(mail.TableCorrespondent, accountKey(id))
	if err != nil || !ok {
		return 0, err
	}
	if len(v) != 4 {
		return 0, damaged("recipients of account " + id.String())
	}
	return int(binary.BigEndian.Uint32(v)), nil
}

// forget removes the n recipients of an account that were not written to for longest.
func forget(t kv.Txn, id mail.AccountID, n int) (gone int, err error) {
	byDay := make(map[uint16][]recipient)
	err = t.Scan(mail.TableCorrespondent, accountKey(id), accountKey(id+1), kv.ScanOpt{}, func(k, v []byte) error {
		if len(k) == 16 && len(v) == 2 {
			d := binary.BigEndian.Uint16(v)
			byDay[d] = append(byDay[d], recipient(k[8:]))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, d := range sortedKeys(byDay) {
		for _, r := range byDay[d] {
			if gone == n {
				return gone, nil
			}
			t.Del(mail.TableCorrespondent, recipientKey(id, r))
			gone++
		}
	}
	return gone, nil
}

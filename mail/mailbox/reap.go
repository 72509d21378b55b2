package mailbox

import (
	"context"
	"encoding/binary"

	"barid/base/kv"
	"barid/mail"
)

// A message that is in no mailbox any more is dead: it counts no longer, but its cold record, its thread
// row, its claims on message-ids and its link to the bytes are still there. They are reaped in the
// transaction that expunged it when it is one of few; else a row names the dead, and the background reaps
// reapBatch of them at a time. A crash loses nothing: state.dead says that there are such rows.

const (
	reapBatch = 256  // messages reaped in one transaction of the background
	deadPart  = 1024 // messages named by one row
)

// bury notes dead messages for the background.
func (x *tx) bury(m ModSeq, msgs []MsgNo) {
	for part := uint32(0); len(msgs) > 0; part++ {
		n := min(len(msgs), deadPart)
		k := binary.BigEndian.AppendUint32(messageKey(deadPrefix, uint64(m)), part)
		x.t.Put(mail.TableMessage, k, putMsgs([]byte{format}, msgSetOf(msgs[:n])))
		x.st.dead += int64(n)
		msgs = msgs[n:]
	}
	x.dead = true
}

// reap removes all rows of dead messages, whose numbers ascend, and their claims on bytes.
func (x *tx) reap(msgs []MsgNo) error {
	x.changed = true
	x.tally.reaped += len(msgs)
	keys := make([][]byte, len(msgs))
	for i, m := range msgs {
		keys[i] = coldKey(m)
	}
	found := make([]roots, len(msgs))
	err := x.t.GetMany(mail.TableMessage, keys, func(i int, v []byte) error {
		if v == nil {
			return nil
		}
		r, err := decodeRoots(v)
		if err != nil {
			// What a damaged record held on to can not be known. It must not keep the others from going.
			x.a.s.opt.Log.Warn("damaged record of a dead message", "account", x.a.id, "message", msgs[i])
			return nil
		}
		found[i] = r
		return nil
	})
	if err != nil {
		return err
	}
	for i, r := range found {
		if err := x.reapOne(msgs[i], keys[i], &r); err != nil {
			return err
		}
	}
	return nil
}

func (x *tx) reapOne(m MsgNo, key []byte, r *roots) error {
	if !r.blob.IsZero() {
		x.t.Unlink(r.blob, uint64(m))
	}
	if r.thread != 0 {
		x.t.Del(mail.TableThread, threadKey(r.thread, m))
	}
	x.t.Del(mail.TableMessage, key)
	for _, h := range r.claims {
		if h == (idHash{}) {
			continue
		}
		if err := x.unclaim(h); err != nil {
			return err
		}
	}
	return nil
}

// reapSome reaps one batch; more tells whether dead messages are left.
func (x *tx) reapSome() (more bool, err error) {
	var key []byte
	var set msgSet
	lo, hi := []byte{deadPrefix}, []byte{deadPrefix + 1}
	err = x.t.Scan(mail.TableMessage, lo, hi, kv.ScanOpt{Limit: 1}, func(k, v []byte) error {
		key = append(key, k...)
		d := newDecoder(v)
		if set = d.msgs(); !d.end() {
			return corrupt("list of dead messages")
		}
		return nil
	})
	if err != nil || key == nil {
		return false, err
	}
	msgs := set.all(deadPart)
	n := min(len(msgs), reapBatch)
	if err := x.reap(msgs[:n]); err != nil {
		return false, err
	}
	x.st.dead -= int64(n)
	if rest := msgs[n:]; len(rest) > 0 {
		x.t.Put(mail.TableMessage, key, putMsgs([]byte{format}, msgSetOf(rest)))
	} else {
		x.t.Del(mail.TableMessage, key)
	}
	return x.st.dead > 0, nil
}

// Reap removes what is left of dead messages of the account now.
func (a *Account) Reap(ctx context.Context) error {
	return a.with(func(acc *account) error {
		for more := true; more; {
			err := acc.update(ctx, func(x *tx) (err error) {
				if x.st.dead == 0 {
					more = false
					return nil
				}
				more, err = x.reapSome()
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Sweep removes what is left of dead messages of all accounts, as a crash may leave some behind in accounts
// that nobody uses since.
func (s *Store) Sweep(ctx context.Context) error {
	var ids []mail.AccountID
	err := s.db.Parts(ctx, kv.Account, func(p kv.Part) error {
		ids = append(ids, mail.AccountID(p.ID))
		return nil
	})
	for _, id := range ids {
		if err != nil {
			return err
		}
		err = s.sweepOne(ctx, id)
	}
	return err
}

func (s *Store) sweepOne(ctx context.Context, id mail.AccountID) error {
	var st state
	err := s.db.View(ctx, id.Part(), func(r kv.Reader) error {
		v, ok, err := r.Get(mail.TableState, stateKey())
		if ok && err == nil {
			st, err = decodeState(v)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case st.removing:
		return s.Account(id).Remove(ctx)
	case st.dead > 0:
		return s.Account(id).Reap(ctx)
	}
	return nil
}

package mailbox

import (
	"cmp"
	"context"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// ChangeKind is what a Change did. The numbers are on disk.
type ChangeKind byte

// The kinds of change.
const (
	ChangeAppend  ChangeKind = 1 + iota // UIDs came
	ChangeFlags                         // some of UIDs have other flags
	ChangeExpunge                       // UIDs went
	ChangeCreated                       // the mailbox came
	ChangeInfo                          // its name, use or subscription changed
	ChangeRemoved                       // the mailbox went
)

// maxDestroyed bounds Change.Destroyed; it is more than one record holds.
const maxDestroyed = 1 << 24

// Change is one record of the change feed.
type Change struct {
	ModSeq    ModSeq
	Mailbox   ID
	Kind      ChangeKind
	UIDs      UIDSet  // for flags, ranges may span UIDs that are not there
	Messages  []MsgNo // ChangeAppend: the messages of UIDs, in order
	Destroyed []MsgNo // ChangeExpunge, ChangeRemoved: messages that are in no mailbox any more
}

// VanishedSince gives the UIDs expunged after since (RFC 7162 §3.2.6). complete is false if that is no
// longer known; the set is then every UID below UIDNext that is not there, which a client may be told, too.
func (m *Mailbox) VanishedSince(ctx context.Context, since ModSeq) (gone UIDSet, complete bool, err error) {
	v := m.View()
	err = m.b.a.s.db.View(ctx, m.b.a.id.Part(), func(r kv.Reader) error {
		complete, err = knownSince(r, m.b.id, since)
		if err != nil || !complete {
			return err
		}
		gone, err = vanished(r, m.b.id, since, v.sum.modseq)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if !complete {
		gone = v.missing()
	}
	return gone, complete, nil
}

// knownSince reports whether all change records of a mailbox after since are kept.
func knownSince(r kv.Reader, id ID, since ModSeq) (bool, error) {
	v, ok, err := r.Get(mail.TableMailbox, boxKey(id))
	if err != nil || !ok {
		return false, err
	}
	i, err := decodeInfo(boxKey(id), v)
	return err == nil && since >= i.floor, err
}

// vanished unites the expunges after since and up to upto.
func vanished(r kv.Reader, id ID, since, upto ModSeq) (UIDSet, error) {
	var all []UIDRange
	err := r.Scan(logTable, hotKey(id, since+1), hotKey(id, upto+1), kv.ScanOpt{}, func(k, v []byte) error {
		if len(v) > 1 && ChangeKind(v[1]) != ChangeExpunge {
			return nil
		}
		m, err := keyModSeq(k)
		if err != nil {
			return err
		}
		rec, err := decodeRecord(v, m)
		all = append(all, rec.uids...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return NewUIDSet(all...), nil
}

// missing gives every UID below UIDNext that is not there.
func (v *View) missing() (out UIDSet) {
	next := UID(1)
	for k := range v.chunks() {
		c := v.chunk(k)
		for _, u := range c.fix0().uid[:c.n] {
			if UID(u) > next {
				out = append(out, UIDRange{next, UID(u) - 1})
			}
			next = UID(u) + 1
		}
	}
	if v.sum.uidNext > next {
		out = append(out, UIDRange{next, v.sum.uidNext - 1})
	}
	return out
}

// Changes gives up to limit changes of the account after since, in order, and how far they reach: with
// upto as the next since the reader misses nothing. ErrTooOld: they are not kept so far back.
func (a *Account) Changes(ctx context.Context, since ModSeq, limit int) (cs []Change, upto ModSeq, err error) {
	err = a.with(func(acc *account) error {
		s, err := acc.shown(ctx)
		if err != nil {
			return err
		}
		if since < s.st.feedFloor {
			return ErrTooOld
		}
		f := feed{since: since, upto: s.st.modseq, limit: limit}
		if err := a.s.db.View(ctx, a.id.Part(), f.read); err != nil {
			return err
		}
		cs, upto = f.cut()
		return nil
	})
	return cs, upto, err
}

// feed merges the logs of all mailboxes of an account.
type feed struct {
	since, upto ModSeq
	limit       int
	out         []Change
}

func (f *feed) read(r kv.Reader) error {
	if err := f.log(r, 0); err != nil {
		return err
	}
	return r.Scan(mail.TableMailbox, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		i, err := decodeInfo(k, v)
		if err != nil || i.shape != selectable {
			return err
		}
		if i.floor > f.since {
			return ErrTooOld
		}
		return f.log(r, i.id)
	})
}

// log reads the changes of one mailbox.
func (f *feed) log(r kv.Reader, id ID) error {
	lo, hi := hotKey(id, f.since+1), hotKey(id, f.upto+1)
	return r.Scan(logTable, lo, hi, kv.ScanOpt{Limit: f.limit + 1}, func(k, v []byte) error {
		m, err := keyModSeq(k)
		if err != nil {
			return err
		}
		rec, err := decodeRecord(v, m)
		if err != nil {
			return err
		}
		f.out = append(f.out, rec.change(id, m))
		return nil
	})
}

func (r *record) change(id ID, m ModSeq) Change {
	c := Change{ModSeq: m, Mailbox: id, Kind: r.kind, UIDs: r.uids, Destroyed: r.destroyed.all(maxDestroyed)}
	switch {
	case r.kind >= ChangeCreated:
		c.Mailbox = r.box
	case r.kind == ChangeAppend && len(r.entries) > 0:
		c.UIDs = UIDSet{{r.first, r.first + UID(len(r.entries)) - 1}}
		c.Messages = numbers(r.entries)
	}
	return c
}

// cut orders what was read and leaves out what is past the limit.
func (f *feed) cut() ([]Change, ModSeq) {
	slices.SortFunc(f.out, func(a, b Change) int { return cmp.Compare(a.ModSeq, b.ModSeq) })
	if len(f.out) <= f.limit {
		return f.out, f.upto
	}
	return f.out[:f.limit], f.out[f.limit-1].ModSeq
}

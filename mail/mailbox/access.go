package mailbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// The owner of an account may do everything with its mailboxes. Others may what a mailbox's grants say (RFC 4314
// §2): the rights granted to them and to anyone, without those that negative grants take away again. The grants of a
// mailbox are a row in the owner's partition; a row in the global one says who should look into whose account.

// MaxGrants bounds the grants of one mailbox.
const MaxGrants = 256

// Grant says what somebody may do with a mailbox.
type Grant struct {
	Account  mail.AccountID // 0: anyone
	Negative bool           // Rights are taken away
	Rights   Rights
}

// Reader is somebody who wants to do something with a mailbox.
type Reader struct {
	ID     mail.AccountID
	Anyone bool // what is granted to anyone is granted to him
}

// same reports whether two grants are of the same identifier.
func (g Grant) same(o Grant) bool { return g.Account == o.Account && g.Negative == o.Negative }

// rightsOf gives what who may, by grants.
func rightsOf(grants []Grant, who Reader) (r Rights) {
	var taken Rights
	for _, g := range grants {
		switch {
		case g.Account != who.ID && g.Account != 0, g.Account == 0 && !who.Anyone && !g.Negative:
		case g.Negative:
			taken |= g.Rights
		default:
			r |= g.Rights
		}
	}
	return r &^ taken
}

func encodeGrants(gs []Grant) []byte {
	b := putUint([]byte{format}, uint64(len(gs)))
	for _, g := range gs {
		b = append(putUint(b, uint64(g.Account)), bit(g.Negative, 1))
		b = putUint(b, uint64(g.Rights))
	}
	return b
}

func decodeGrants(v []byte) ([]Grant, error) {
	d := newDecoder(v)
	var gs []Grant
	n := d.count()
	for range min(n, MaxGrants) {
		g := Grant{Account: mail.AccountID(d.uint()), Negative: d.byte()&1 != 0, Rights: Rights(d.uint()) & AllRights}
		if g.Rights != NoRights { // it was p alone, which was kept once
			gs = append(gs, g)
		}
	}
	if !d.end() || n > MaxGrants {
		return nil, corrupt("rights of a mailbox")
	}
	return gs, nil
}

// readGrants reads those of all mailboxes of an account; nil if there are none.
func readGrants(r kv.Reader) (all map[ID][]Grant, err error) {
	err = r.Scan(mail.TableAccess, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		gs, err := decodeGrants(v)
		if err != nil || len(k) != 4 {
			return corrupt("rights of a mailbox")
		}
		if all == nil {
			all = make(map[ID][]Grant)
		}
		all[ID(binary.BigEndian.Uint32(k))] = gs
		return nil
	})
	return all, err
}

// rights gives what who may do with the mailbox id of the owner.
func (c *catalog) rights(owner mail.AccountID, who Reader, id ID) Rights {
	if who.ID == owner {
		return AllRights
	}
	return rightsOf(c.grants[id], who)
}

// putGrants writes the grants of a mailbox; none takes the row away.
func (x *tx) putGrants(id ID, gs []Grant) {
	c := x.editCat()
	all := make(map[ID][]Grant, len(c.grants)+1)
	for k, v := range c.grants {
		all[k] = v
	}
	c.grants = all
	if len(gs) == 0 {
		delete(c.grants, id)
		x.t.Del(mail.TableAccess, boxKey(id))
		return
	}
	c.grants[id] = gs
	x.t.Put(mail.TableAccess, boxKey(id), encodeGrants(gs))
}

// inherit gives a new mailbox the grants of the one above it (RFC 4314 §4).
func (x *tx) inherit(i *info) {
	up := parents(i.name)
	for n := len(up) - 1; n >= 0; n-- {
		if p := x.cat.byName[up[n]]; p != nil && p.shape != ghost {
			if gs := x.cat.grants[p.id]; gs != nil {
				x.putGrants(i.id, gs)
			}
			return
		}
	}
}

// Rights gives what who may do with a mailbox. A name that is not there is ErrNoMailbox.
func (a *Account) Rights(ctx context.Context, name string, who Reader) (r Rights, err error) {
	err = a.with(func(acc *account) error {
		cat, i, err := acc.find(ctx, name)
		if err == nil {
			r = cat.rights(a.id, who, i.id)
		}
		return err
	})
	return r, err
}

// Rights gives what who may do with the mailbox now. It never waits.
func (m *Mailbox) Rights(who Reader) Rights {
	if s := m.b.a.pub.Load(); s != nil && s.cat != nil {
		return s.cat.rights(m.b.a.id, who, m.b.id)
	}
	return NoRights
}

// Rights gives what who may do with a mailbox of the list, whose owner is owner.
func (n Names) Rights(owner mail.AccountID, who Reader, id ID) Rights {
	return n.cat.rights(owner, who, id)
}

// All calls f for every mailbox of the list, in no order.
func (n Names) All(f func(Info)) {
	for _, in := range n.cat.list() {
		f(in)
	}
}

// Grants gives the grants of a mailbox, without the owner's, who may all.
func (a *Account) Grants(ctx context.Context, name string) (gs []Grant, err error) {
	err = a.with(func(acc *account) error {
		cat, i, err := acc.find(ctx, name)
		if err == nil {
			gs = slices.Clone(cat.grants[i.id])
		}
		return err
	})
	return gs, err
}

// SetGrant changes the rights of one identifier: mode says whether they are added, taken or replaced. No rights take the
// identifier away. Who has the mailbox open sees it at once.
func (a *Account) SetGrant(ctx context.Context, name string, g Grant, mode Mode) error {
	return a.with(func(acc *account) error {
		var x *tx
		var id ID
		global := kv.Part{Kind: kv.Global}
		err := a.s.db.UpdateMany(ctx, []kv.Part{a.id.Part(), global}, func(ts []kv.Txn) (err error) {
			if x, err = acc.begin(ts[0], a.s.opt.Now()); err != nil {
				return err
			}
			i, err := x.find(name)
			if err != nil {
				return err
			}
			id = i.id
			if err := x.setGrant(i, g, mode); err != nil {
				return err
			}
			a.share(ts[1], g.Account, x.cat)
			return x.end()
		})
		if err != nil {
			return err
		}
		x.published()
		acc.box(id).wake()
		a.s.noticeShare(g.Account)
		return nil
	})
}

func (x *tx) setGrant(i *info, g Grant, mode Mode) error {
	g.Rights &= AllRights
	gs := slices.Clone(x.cat.grants[i.id])
	at := slices.IndexFunc(gs, g.same)
	if at < 0 {
		at = len(gs)
		gs = append(gs, Grant{Account: g.Account, Negative: g.Negative})
	}
	switch mode {
	case Add:
		gs[at].Rights |= g.Rights
	case Remove:
		gs[at].Rights &^= g.Rights
	default:
		gs[at].Rights = g.Rights
	}
	if gs[at].Rights == 0 {
		gs = slices.Delete(gs, at, at+1)
	}
	if len(gs) > MaxGrants {
		return ErrGrants
	}
	slices.SortFunc(gs, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(b2i(a.Negative), b2i(b.Negative)))
	})
	x.putGrants(i.id, gs)
	return nil
}

// share writes whether the account shares anything with who. A row that is there too long does no harm: who
// looks finds nothing.
func (a *Account) share(t kv.Txn, who mail.AccountID, c *catalog) {
	shared := false
	for _, gs := range c.grants {
		shared = shared || slices.ContainsFunc(gs, func(g Grant) bool { return g.Account == who && !g.Negative })
	}
	if shared {
		t.Put(mail.TableShare, shareKey(who, a.id), []byte{format})
	} else {
		t.Del(mail.TableShare, shareKey(who, a.id))
	}
}

// shareKey is reader (0: anyone), owner.
func shareKey(who, owner mail.AccountID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(who)), uint64(owner))
}

// MaxOwners bounds the accounts whose mailboxes one account sees.
const MaxOwners = 1000

// SharedWith gives the accounts that share, or shared, a mailbox with who, in order and at most MaxOwners of them.
func (s *Store) SharedWith(ctx context.Context, who mail.AccountID) (owners []mail.AccountID, err error) {
	err = s.db.View(ctx, kv.Part{Kind: kv.Global}, func(r kv.Reader) error {
		for _, reader := range []mail.AccountID{0, who} {
			err := r.Scan(mail.TableShare, shareKey(reader, 0), shareKey(reader+1, 0), kv.ScanOpt{Limit: MaxOwners}, func(k, _ []byte) error {
				if len(k) == 16 {
					owners = append(owners, mail.AccountID(binary.BigEndian.Uint64(k[8:])))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(owners)
	owners = slices.Compact(owners)
	owners = slices.DeleteFunc(owners, func(id mail.AccountID) bool { return id == who })
	return owners[:min(len(owners), MaxOwners)], err
}

// forgetShares takes the rows of an account that is removed away, as owner and as reader.
func (s *Store) forgetShares(ctx context.Context, id mail.AccountID) error {
	return s.db.Update(ctx, kv.Part{Kind: kv.Global}, func(t kv.Txn) error {
		t.DelRange(mail.TableShare, shareKey(id, 0), shareKey(id+1, 0))
		var gone [][]byte
		err := t.Scan(mail.TableShare, nil, nil, kv.ScanOpt{}, func(k, _ []byte) error {
			if len(k) == 16 && binary.BigEndian.Uint64(k[8:]) == uint64(id) {
				gone = append(gone, append([]byte(nil), k...))
			}
			return nil
		})
		for _, k := range gone {
			t.Del(mail.TableShare, k)
		}
		return err
	})
}

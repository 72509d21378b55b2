package mailbox

import (
	"context"
	"strings"
)

// Info describes a name in the list of mailboxes.
type Info struct {
	ID          ID
	Name        string // UTF-8 NFC, "/" between levels
	Use         Use
	Subscribed  bool
	NoSelect    bool // holds other names only
	NonExistent bool // deleted, but still subscribed (RFC 9051 §7.3.1)
	HasChildren bool
	UIDValidity uint32
}

// change runs f in a transaction of the account.
func (a *Account) change(ctx context.Context, f func(x *tx) error) error {
	return a.with(func(acc *account) error { return acc.update(ctx, f) })
}

// shown gives the published state of the account, reading it if need be.
func (a *account) shown(ctx context.Context) (*shown, error) {
	if s := a.pub.Load(); s != nil && s.cat != nil && !s.st.removing {
		return s, nil
	}
	if err := a.update(ctx, func(*tx) error { return nil }); err != nil {
		return nil, err
	}
	return a.pub.Load(), nil
}

// find looks a name up in the list that is shown, and gives that, too.
func (a *account) find(ctx context.Context, name string) (*catalog, *info, error) {
	s, err := a.shown(ctx)
	if err != nil {
		return nil, nil, err
	}
	i, err := s.cat.find(name)
	return s.cat, i, err
}

// List gives all names, sorted, INBOX first. Names that are only subscribed are NonExistent.
func (a *Account) List(ctx context.Context) (out []Info, err error) {
	err = a.with(func(acc *account) error {
		s, err := acc.shown(ctx)
		if err == nil {
			out = s.cat.list()
		}
		return err
	})
	return out, err
}

// Find gives the Info of one name.
func (a *Account) Find(ctx context.Context, name string) (out Info, err error) {
	err = a.with(func(acc *account) error {
		cat, i, err := acc.find(ctx, name)
		if err != nil {
			return err
		}
		out = i.public()
		out.HasChildren = cat.hasChildren(i.name)
		return nil
	})
	return out, err
}

// furnish makes the mailboxes every account begins with, all subscribed.
func (x *tx) furnish() error {
	x.st.nextMsg, x.st.nextBox = 1, 1
	if _, err := x.add(Inbox, UseNone, selectable, true); err != nil {
		return err
	}
	for u := UseSent; u < useEnd; u++ {
		if _, err := x.add(u.name(), u, selectable, true); err != nil {
			return err
		}
	}
	return nil
}

// add makes a mailbox of a name that is free or a ghost's. UIDVALIDITY follows the clock, so that an
// account that is removed and made again does not meet its old numbers.
func (x *tx) add(name string, u Use, sh shape, subscribed bool) (*info, error) {
	var grants []Grant
	if old := x.cat.byName[name]; old != nil {
		subscribed = subscribed || old.subscribed
		if grants = x.cat.grants[old.id]; grants != nil {
			x.putGrants(old.id, nil)
		}
		x.delInfo(old)
		if old.shape == noSelect {
			if err := x.logBoxes(ChangeRemoved, old.id, nil); err != nil {
				return nil, err
			}
			if err := x.dropAnnotations(old.id); err != nil {
				return nil, err
			}
		}
	}
	if len(x.cat.byID) >= MaxMailboxes {
		return nil, ErrLimit
	}
	x.st.validity = max(x.st.validity+1, uint32(x.now.Unix()))
	i := &info{id: x.st.nextBox, name: name, shape: sh, subscribed: subscribed, use: u, validity: x.st.validity}
	x.st.nextBox++
	i.snap.uidNext, i.recent = 1, 1
	err := x.logBoxes(ChangeCreated, i.id, nil)
	i.snap.modseq = x.st.modseq
	x.putInfo(i)
	if grants != nil {
		x.putGrants(i.id, grants)
	} else {
		x.inherit(i)
	}
	return i, err
}

// Init makes the mailboxes every account begins with: INBOX and one for each Use. It may be called again;
// it then sets only the quota.
func (a *Account) Init(ctx context.Context, q Quota) error {
	return a.with(func(acc *account) error {
		acc.setRemoved(false)
		return acc.update(ctx, setQuota(q))
	})
}

// Create makes a mailbox and the names above it (RFC 9051 §6.3.4). A "/" at the end is left out. A name
// that held only other names becomes a mailbox.
func (a *Account) Create(ctx context.Context, name string, use Use) (out Info, err error) {
	err = a.change(ctx, func(x *tx) error {
		i, err := x.create(name, use)
		if err == nil {
			out = i.public()
			out.HasChildren = x.cat.hasChildren(i.name)
		}
		return err
	})
	return out, err
}

func (x *tx) create(name string, use Use) (*info, error) {
	name, err := CleanName(strings.TrimSuffix(name, "/"))
	if err != nil {
		return nil, err
	}
	if old := x.cat.byName[name]; old != nil && old.shape == selectable {
		return nil, ErrExists
	}
	if use >= useEnd || x.cat.withUse(use) != nil {
		return nil, ErrUse
	}
	if err := x.parents(name); err != nil {
		return nil, err
	}
	return x.add(name, use, selectable, false)
}

// parents makes the names above name that are missing.
func (x *tx) parents(name string) error {
	for _, p := range parents(name) {
		if i := x.cat.byName[p]; i != nil && i.shape != ghost {
			continue
		}
		if _, err := x.add(p, UseNone, selectable, false); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a mailbox with its messages (RFC 9051 §6.3.5). One with names below it becomes a name that
// holds only those. Its subscription stays, as RFC 9051 §6.3.7 wants it.
func (a *Account) Delete(ctx context.Context, name string) error {
	return a.change(ctx, func(x *tx) error {
		i, err := x.find(name)
		if err != nil {
			return err
		}
		if i.name == Inbox {
			return ErrInbox
		}
		children := x.cat.hasChildren(i.name)
		if i.shape == noSelect && children {
			return ErrHasChildren
		}
		return x.delete(i, children)
	})
}

func (x *tx) delete(i *info, children bool) error {
	var destroyed msgSet
	if i.shape == selectable {
		b, err := x.open(i)
		if err != nil {
			return err
		}
		if destroyed, err = x.empty(b); err != nil {
			return err
		}
		i = b.info
	}
	if err := x.logBoxes(ChangeRemoved, i.id, destroyed); err != nil {
		return err
	}
	if err := x.dropAnnotations(i.id); err != nil {
		return err
	}
	if x.cat.grants[i.id] != nil {
		x.putGrants(i.id, nil)
	}
	x.delInfo(i)
	switch {
	case children:
		_, err := x.add(i.name, UseNone, noSelect, i.subscribed)
		return err
	case i.subscribed:
		x.putInfo(&info{id: x.newID(), name: i.name, shape: ghost, subscribed: true})
	}
	return nil
}

func (x *tx) newID() ID {
	x.st.nextBox++
	return x.st.nextBox - 1
}

// empty takes a mailbox's messages and all its rows away.
func (x *tx) empty(b *boxTx) (destroyed msgSet, err error) {
	if err := x.load(b); err != nil {
		return nil, err
	}
	es, _ := b.d.collect(All())
	if destroyed, err = x.forsake(es, x.next()); err != nil {
		return nil, err
	}
	id := b.info.id
	x.t.DelRange(logTable, boxKey(id), boxKey(id+1))
	x.t.DelRange(pageTable, boxKey(id), boxKey(id+1))
	x.dropLinkKey(id)
	b.gone = true
	return destroyed, nil
}

// Rename gives a mailbox and those below it another name (RFC 9051 §6.3.6). Names above the new one are
// made. Renaming INBOX moves its messages to a new mailbox and leaves it, and the names below it, there.
func (a *Account) Rename(ctx context.Context, from, to string) error {
	return a.change(ctx, func(x *tx) error {
		i, err := x.find(from)
		if err != nil {
			return err
		}
		to, err := CleanName(strings.TrimSuffix(to, "/"))
		if err != nil {
			return err
		}
		if old := x.cat.byName[to]; old != nil && old.shape != ghost {
			return ErrExists
		}
		if i.name == Inbox {
			return x.moveInbox(i, to)
		}
		if strings.HasPrefix(to, i.name+"/") {
			return ErrName
		}
		return x.rename(i, to)
	})
}

func (x *tx) moveInbox(inbox *info, to string) error {
	i, err := x.create(to, UseNone)
	if err != nil {
		return err
	}
	if err := x.copyAnnotations(inbox.id, i.id); err != nil {
		return err
	}
	src, err := x.open(inbox)
	if err != nil {
		return err
	}
	if err := x.load(src); err != nil {
		return err
	}
	dst, err := x.open(i)
	if err != nil {
		return err
	}
	_, err = x.transfer(src, dst, All(), AllFlags, true)
	return err
}

func (x *tx) rename(i *info, to string) error {
	from := i.name
	moved := append([]*info{i}, x.cat.below(from)...)
	if err := x.parents(to); err != nil {
		return err
	}
	for _, m := range moved {
		if m.shape == ghost {
			continue // a subscription is to a name, not to what had it
		}
		name, err := CleanName(to + m.name[len(from):])
		if err != nil {
			return err
		}
		if old := x.cat.byName[name]; old != nil && old.shape == ghost {
			x.delInfo(old)
		}
		c := *m
		c.name = name
		x.putInfo(&c)
		if err := x.logBoxes(ChangeInfo, c.id, nil); err != nil {
			return err
		}
	}
	return nil
}

// Subscribe sets or clears a subscription (RFC 9051 §6.3.7). A name that is not there can be subscribed to.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error {
	return a.change(ctx, func(x *tx) error {
		name, err := CleanName(name)
		if err != nil {
			return err
		}
		i := x.cat.byName[name]
		switch {
		case i == nil && !on, i != nil && i.subscribed == on:
			return nil
		case i == nil:
			if len(x.cat.byID) >= MaxMailboxes {
				return ErrLimit
			}
			x.putInfo(&info{id: x.newID(), name: name, shape: ghost, subscribed: true})
			return nil
		case i.shape == ghost:
			x.delInfo(i)
			return nil
		}
		c := *i
		c.subscribed = on
		x.putInfo(&c)
		return x.logBoxes(ChangeInfo, c.id, nil)
	})
}

package mailbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Destination is where Deliver puts a message.
type Destination struct {
	Account  mail.AccountID
	Mailbox  string // "" is INBOX; one that is missing falls back to INBOX unless Create is set
	Flags    Flags  // system flags
	Keywords []string
	Create   bool
}

// Delivered says where a message went.
type Delivered struct {
	Account     mail.AccountID
	Mailbox     ID
	UIDValidity uint32
	UID         UID
	Msg         MsgNo
	Thread      uint64
}

// Also is what else the commit of a delivery writes: the spool's rows for recipients elsewhere. Each partition
// may be named once, and none may be an account's.
type Also struct {
	Part kv.Part
	Do   func(kv.Txn) error
}

// Deliver puts m into all destinations, or into none, in one commit. The Delivered are in the order of to.
//
// Destinations of one account share one message. Two that mean the same mailbox are one delivery with the
// flags of both. A delivery never fails for a name or a keyword: it falls back to INBOX, and leaves the
// keyword out. *OverQuota names the accounts that are full: without them the call would go through.
func (s *Store) Deliver(ctx context.Context, m *Message, to []Destination) ([]Delivered, error) {
	return s.DeliverAlso(ctx, m, to)
}

// DeliverAlso is Deliver together with what also writes; to may be empty. Mailboxes get parts that hold NUL in base64.
func (s *Store) DeliverAlso(ctx context.Context, m *Message, to []Destination, also ...Also) ([]Delivered, error) {
	if err := m.check(); err != nil || len(to)+len(also) == 0 {
		return nil, err
	}
	if m.Parsed != nil && m.Parsed.HasNUL && len(to) > 0 {
		shown, w, err := s.withoutNUL(ctx, m, to)
		if w != nil {
			defer func() { _ = w.Close() }() // after the commit that links it
		}
		if err != nil {
			return nil, err
		}
		m = shown
	}
	d := &delivery{s: s, m: m, to: to, common: s.common(m, max(1, len(to))), now: s.opt.Now(), out: make([]Delivered, len(to)), also: also}
	d.group()
	defer d.release()
	var err error
	if ps := d.partitions(); len(ps) == 1 {
		err = s.db.Update(ctx, ps[0], func(t kv.Txn) error { return d.run([]kv.Txn{t}) })
	} else {
		err = s.db.UpdateMany(ctx, ps, d.run)
	}
	if err != nil {
		return nil, err
	}
	for i := range d.parts {
		d.parts[i].x.published()
	}
	return d.out, nil
}

// delivery is one Deliver.
type delivery struct {
	s      *Store
	m      *Message
	to     []Destination
	common *coldCommon
	now    time.Time
	order  []int // indexes of to, by account
	parts  []deliveryPart
	also   []Also
	out    []Delivered
}

// partitions are those of the commit: the accounts', then those of also.
func (d *delivery) partitions() []kv.Part {
	ps := make([]kv.Part, 0, len(d.parts)+len(d.also))
	for i := range d.parts {
		ps = append(ps, d.parts[i].part)
	}
	for i := range d.also {
		ps = append(ps, d.also[i].Part)
	}
	return ps
}

// deliveryPart is the share of one account: order[lo:hi].
type deliveryPart struct {
	part   kv.Part
	a      *account
	lo, hi int
	x      *tx
}

// group sorts the destinations by account and holds each account in memory.
func (d *delivery) group() {
	d.order = make([]int, len(d.to))
	for i := range d.order {
		d.order[i] = i
	}
	slices.SortStableFunc(d.order, func(a, b int) int { return cmp.Compare(d.to[a].Account, d.to[b].Account) })
	for n, i := range d.order {
		id := d.to[i].Account
		if k := len(d.parts); k > 0 && d.parts[k-1].a.id == id {
			d.parts[k-1].hi = n + 1
			continue
		}
		d.parts = append(d.parts, deliveryPart{part: id.Part(), a: d.s.acquire(id), lo: n, hi: n + 1})
	}
}

func (d *delivery) release() {
	for i := range d.parts {
		d.s.release(d.parts[i].a)
	}
}

// run delivers in the transactions of all accounts.
func (d *delivery) run(ts []kv.Txn) error {
	var full []mail.AccountID
	for i, t := range ts[:len(d.parts)] {
		p := &d.parts[i]
		err := d.one(p, t)
		switch {
		case errors.Is(err, errQuota):
			full = append(full, p.a.id)
		case err != nil:
			return err
		}
	}
	if full != nil {
		return &OverQuota{Accounts: full}
	}
	for i, t := range ts[len(d.parts):] {
		if err := d.also[i].Do(t); err != nil {
			return err
		}
	}
	return nil
}

// one delivers to one account.
func (d *delivery) one(p *deliveryPart, t kv.Txn) error {
	x, err := p.a.begin(t, d.now)
	if err != nil {
		return err
	}
	p.x = x
	no, thread, err := x.keep(d.m, d.common)
	if err != nil {
		return err
	}
	x.putThread(no, thread)
	x.hold(no, d.m)
	if err := x.withinQuota(); err != nil {
		return err
	}
	copies, err := d.place(p, no, thread)
	if err != nil {
		return err
	}
	if copies > 1 {
		more := make([]MsgNo, copies-1)
		for i := range more {
			more[i] = no
		}
		if err := x.addRefs(more); err != nil {
			return err
		}
	}
	x.tally.delivered++
	return x.end()
}

// place puts the message into the account's mailboxes and tells into how many.
func (d *delivery) place(p *deliveryPart, no MsgNo, thread uint64) (copies int, err error) {
	x := p.x
	var targets []*boxTx
	var flags []Flags
	where := make([]int, 0, p.hi-p.lo) // index in targets for each destination
	for _, i := range d.order[p.lo:p.hi] {
		b, err := x.destination(&d.to[i])
		if err != nil {
			return 0, err
		}
		f, err := x.keywords(b, d.to[i].Keywords, true, true)
		if err != nil {
			return 0, err
		}
		n := slices.Index(targets, b)
		if n < 0 {
			n = len(targets)
			targets, flags = append(targets, b), append(flags, 0)
		}
		flags[n] |= f | d.to[i].Flags&SystemFlags
		where = append(where, n)
	}
	uids := make([]UID, len(targets))
	for n, b := range targets {
		e := [1]Entry{{Msg: no, Flags: flags[n], Size: d.m.Size, Date: d.m.received(d.now).Unix()}}
		if err := x.insert(b, e[:]); err != nil {
			return 0, err
		}
		uids[n] = e[0].UID
	}
	for k, i := range d.order[p.lo:p.hi] {
		b := targets[where[k]]
		d.out[i] = Delivered{
			Account: x.a.id, Mailbox: b.info.id, UIDValidity: b.info.validity, UID: uids[where[k]], Msg: no, Thread: thread,
		}
	}
	return len(targets), nil
}

// destination finds or makes the mailbox of a destination; INBOX is always there to fall back to.
func (x *tx) destination(to *Destination) (*boxTx, error) {
	if to.Mailbox == "" {
		return x.named(Inbox)
	}
	b, err := x.named(to.Mailbox)
	if err == nil {
		return b, nil
	}
	if !refusal(err) {
		return nil, err
	}
	if to.Create && errors.Is(err, ErrNoMailbox) {
		if i, err := x.create(to.Mailbox, UseNone); err == nil {
			return x.open(i)
		} else if !refusal(err) {
			return nil, err
		}
	}
	return x.named(Inbox)
}

// refusal reports whether err is about the name and not about the store.
func refusal(err error) bool {
	return errors.Is(err, ErrNoMailbox) || errors.Is(err, ErrNoSelect) || errors.Is(err, ErrName) ||
		errors.Is(err, ErrLimit) || errors.Is(err, ErrExists)
}

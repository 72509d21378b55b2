package mailbox

import (
	"context"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// tx is one transaction in one account: the pending state, the changes to it, and the rows they need.
type tx struct {
	a       *account
	t       kv.Txn
	now     time.Time
	ver     kv.Ver // the version it leaves behind
	st      state
	cat     *catalog
	ownCat  bool
	boxes   []*boxTx
	refs    refPages
	ids     msgIDs
	tally   tally
	marks   []Mark // annotations it changes
	by      any    // who makes it, as ActingAs says
	buf     []byte // for a value
	key     []byte // for a key
	changed bool
	dead    bool // there is something to reap in the background
}

// boxTx is one mailbox in a transaction.
type boxTx struct {
	box    *box
	info   *info
	sum    summary
	d      *draft // nil: not in memory
	view   *View  // what is installed and published; nil: not in memory
	rows   uint64
	wanted Flags // keywords this transaction sets
	dirty  bool  // has change records
	aside  bool  // they are of no message
	edited bool  // info is ours and must be written
	gone   bool
}

// begin makes a tx for t. It reads the account's rows if what is in memory is not what t builds on.
func (a *account) begin(t kv.Txn, now time.Time) (*tx, error) {
	fresh, err := a.refresh(t)
	if err != nil {
		return nil, err
	}
	x := &tx{a: a, t: t, now: now, ver: t.Ver(), st: a.st, cat: a.cat}
	x.dead = fresh && x.st.dead > 0
	if x.st.removing || a.isRemoved() {
		return nil, ErrRemoved
	}
	if x.cat == nil {
		x.cat, x.ownCat = newCatalog(), true
		return x, x.furnish()
	}
	return x, nil
}

// refresh makes the pending state the one t builds on. fresh: it was read from rows.
func (a *account) refresh(t kv.Txn) (fresh bool, err error) {
	if a.valid && a.ver == t.Ver() {
		return false, nil
	}
	v, ok, err := t.Get(mail.TableState, stateKey())
	if err != nil {
		return false, err
	}
	var st state
	if ok {
		if st, err = decodeState(v); err != nil {
			return false, err
		}
	}
	if a.valid && ok && a.cat != nil && st.tag == a.st.tag {
		a.become(t.Ver(), a.st, a.cat) // somebody else wrote rows of his own to the partition
		return false, nil
	}
	a.forget()
	var cat *catalog
	if ok {
		if cat, err = readCatalog(t); err != nil {
			return false, err
		}
	}
	a.become(t.Ver(), st, cat)
	return true, nil
}

func (a *account) isRemoved() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.removed
}

func (a *account) setRemoved(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.removed = on
}

func (a *account) become(v kv.Ver, st state, cat *catalog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.valid, a.ver, a.st, a.cat = true, v, st, cat
}

// forget drops the pending state of all mailboxes; what is published stays.
func (a *account) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.valid = false
	for _, b := range a.boxes {
		b.pend = nil
	}
}

func readCatalog(r kv.Reader) (*catalog, error) {
	var infos []*info
	err := r.Scan(mail.TableMailbox, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		i, err := decodeInfo(k, v)
		infos = append(infos, i)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := newCatalog(infos...)
	c.grants, err = readGrants(r)
	return c, err
}

// end writes what the whole transaction shares and makes the changes pending when the rows are applied.
func (x *tx) end() error {
	x.flushRefs()
	x.flushMsgIDs()
	for _, b := range x.boxes {
		if err := x.endBox(b); err != nil {
			return err
		}
	}
	if !x.changed {
		x.settle(x.t.Ver())
		return nil
	}
	x.st.tag = x.a.s.tags.Add(1)
	x.t.Put(mail.TableState, stateKey(), x.st.encode())
	x.t.Applied(x.settle)
	return nil
}

// endBox takes a snapshot if one is due and writes the mailbox's row if it changed.
func (x *tx) endBox(b *boxTx) error {
	if b.gone {
		return nil
	}
	if b.dirty && b.sum.weight > x.a.s.opt.snapWeight(b.sum.count) {
		if err := x.snapshot(b); err != nil {
			return err
		}
	}
	if b.edited {
		x.t.Put(mail.TableMailbox, boxKey(b.info.id), b.info.encode())
	}
	switch {
	case b.d == nil:
	case b.dirty || b.edited || b.view == nil:
		b.d.sum, b.d.validity, b.d.keywords = b.sum, b.info.validity, b.info.keywords
		b.view = &b.d.View
	}
	return nil
}

// settle makes the changes the pending state. It runs before any other transaction of the account starts.
func (x *tx) settle(v kv.Ver) {
	a := x.a
	a.mu.Lock()
	defer a.mu.Unlock()
	x.ver = v
	a.valid, a.ver, a.st, a.cat = true, v, x.st, x.cat
	for _, b := range x.boxes {
		if b.gone {
			delete(a.boxes, b.box.id)
			continue
		}
		b.box.pend = &pending{sum: b.sum, view: b.view, rows: b.rows}
	}
}

// update runs f in a transaction of the account and publishes the outcome.
func (a *account) update(ctx context.Context, f func(x *tx) error) error {
	var x *tx
	err := a.s.db.Update(ctx, a.id.Part(), func(t kv.Txn) (err error) {
		if x, err = a.begin(t, a.s.opt.Now()); err != nil {
			return err
		}
		x.by = actor(ctx)
		if err = f(x); err != nil {
			return err
		}
		return x.end()
	})
	if err != nil {
		return err
	}
	x.published()
	return nil
}

// published makes the outcome visible and starts what is to be done behind it.
func (x *tx) published() {
	x.a.publish(x, x.ver)
	x.a.s.touch(x)
	x.a.s.opt.Metrics.count(&x.tally)
	if x.dead {
		x.a.s.later(x.a.id, job{reap: true})
	}
	if n := x.tally.delivered + x.tally.appended; n > 0 && x.a.s.opt.Appended != nil {
		x.a.s.opt.Appended(x.a.id, n)
	}
	if n := x.tally.reaped; n > 0 && x.a.s.opt.Reaped != nil {
		x.a.s.opt.Reaped(x.a.id, n)
	}
}

// open gives the mailbox i in this transaction with its summary.
func (x *tx) open(i *info) (*boxTx, error) {
	if i.shape != selectable {
		return nil, ErrNoSelect
	}
	for _, b := range x.boxes {
		if b.info.id == i.id {
			return b, nil
		}
	}
	b := &boxTx{box: x.a.box(i.id), info: i}
	p, held := b.box.peek()
	if p == nil {
		sum, err := x.readSummary(i)
		if err != nil {
			return nil, err
		}
		p = &pending{sum: sum}
	}
	b.sum, b.view, b.rows = p.sum, p.view, p.rows
	if p.view != nil {
		b.d = p.view.edit()
	}
	x.boxes = append(x.boxes, b)
	if held {
		return b, x.load(b) // a session's View must follow, also after what was pending got lost
	}
	return b, nil
}

// named gives the mailbox called name.
func (x *tx) named(name string) (*boxTx, error) {
	i, err := x.find(name)
	if err != nil {
		return nil, err
	}
	return x.open(i)
}

// find looks a name up.
func (x *tx) find(name string) (*info, error) { return x.cat.find(name) }

// byID gives an open handle's mailbox.
func (x *tx) byID(id ID) (*boxTx, error) {
	i := x.cat.byID[id]
	if i == nil || i.shape != selectable {
		return nil, ErrNoMailbox
	}
	return x.open(i)
}

// next gives the next modseq.
func (x *tx) next() ModSeq {
	x.changed = true
	x.st.modseq++
	return x.st.modseq
}

// log writes a change record of a mailbox; its summary must be set already but for weight and modseq.
func (x *tx) log(b *boxTx, m ModSeq, r *record, weight uint32) {
	b.sum.modseq = m
	b.sum.weight += weight
	b.rows++
	b.dirty = true
	r.sum = b.sum
	x.buf = r.encode(x.buf[:0])
	x.t.Put(logTable, hotKey(b.info.id, m), x.buf)
}

// editCat makes the catalog the transaction's own.
func (x *tx) editCat() *catalog {
	if !x.ownCat {
		x.cat, x.ownCat = x.cat.clone(), true
	}
	x.changed = true
	return x.cat
}

// editInfo makes the row of an open mailbox the transaction's own; end writes it.
func (x *tx) editInfo(b *boxTx) *info {
	if !b.edited {
		c := *b.info
		b.info, b.edited = &c, true
		x.editCat().set(b.info)
	}
	return b.info
}

package mailbox

import (
	"context"
	"sync/atomic"

	"barid/base/kv"
)

// Mailbox is a handle to an open mailbox. All handles of a mailbox share what is in memory. It is safe for
// all goroutines.
type Mailbox struct {
	b      *box
	closed atomic.Bool
}

// Open opens a mailbox. If it is in memory already this takes no call of the store. Close must be called.
func (a *Account) Open(ctx context.Context, name string) (*Mailbox, error) {
	acc := a.s.acquire(a.id)
	m, err := acc.open(ctx, name)
	if err != nil {
		a.s.release(acc)
		return nil, err
	}
	return m, nil
}

// open makes the handle; on success it keeps the hold on the account.
func (a *account) open(ctx context.Context, name string) (*Mailbox, error) {
	if b := a.ready(name); b != nil {
		return &Mailbox{b: b}, nil
	}
	var b *box
	err := a.update(ctx, func(x *tx) error {
		bx, err := x.named(name)
		if err != nil {
			return err
		}
		if b != nil {
			panic("mailbox: a transaction ran twice")
		}
		b = bx.box
		b.hold(bx.info)
		return x.load(bx)
	})
	if err != nil {
		if b != nil {
			b.letGo()
		}
		return nil, err
	}
	return &Mailbox{b: b}, nil
}

// ready gives the mailbox, held, if it is in memory.
func (a *account) ready(name string) *box {
	s := a.pub.Load()
	if s == nil || s.cat == nil || s.st.removing {
		return nil
	}
	clean, err := CleanName(name)
	if err != nil {
		return nil
	}
	i := s.cat.byName[clean]
	if i == nil || i.shape != selectable {
		return nil
	}
	b := a.box(i.id)
	a.mu.Lock()
	loaded := b.pend != nil && b.pend.view != nil
	if loaded {
		b.handles++
		b.recent = max(b.recent, i.recent, 1)
	}
	a.mu.Unlock()
	if !loaded {
		return nil
	}
	if p := b.pub.Load(); p == nil || p.view == nil || p.view.gone {
		b.letGo()
		return nil
	}
	a.s.busy(b)
	return b
}

// hold counts a handle: what is in memory of the mailbox stays there, and transactions keep it there.
func (b *box) hold(i *info) {
	b.a.mu.Lock()
	b.handles++
	b.recent = max(b.recent, i.recent, 1)
	b.a.mu.Unlock()
	b.a.s.busy(b)
}

// letGo counts a handle less; after the last one memory may be freed.
func (b *box) letGo() {
	b.a.mu.Lock()
	b.handles--
	b.a.mu.Unlock()
	if p := b.pub.Load(); p != nil && p.view != nil && !p.view.gone {
		b.a.s.park(b, p.view.memory())
		b.a.s.shrink()
	}
}

// Close gives the handle up. It may be called again.
func (m *Mailbox) Close() {
	if m.closed.Swap(true) {
		return
	}
	m.b.letGo()
	m.b.a.s.release(m.b.a)
}

// ID gives the mailbox's number.
func (m *Mailbox) ID() ID { return m.b.id }

// Name gives the mailbox's name now; it follows a rename. After the mailbox is deleted it is "".
func (m *Mailbox) Name() string {
	if s := m.b.a.pub.Load(); s != nil && s.cat != nil {
		if i := s.cat.byID[m.b.id]; i != nil {
			return i.name
		}
	}
	return ""
}

// View gives what the mailbox shows now. It never waits and never fails.
func (m *Mailbox) View() *View { return m.b.pub.Load().view }

// watch is somebody who wants to hear of changes.
type watch struct{ ring func() }

// Watch has ring called after View changed. It is called with locks held, by who changed the mailbox: it must neither wait
// nor call the mailbox. The caller looks at View after Watch, and again after each call. stop ends it.
func (m *Mailbox) Watch(ring func()) (stop func()) {
	w := &watch{ring}
	a := m.b.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.b.watch == nil {
		m.b.watch = map[*watch]struct{}{}
	}
	m.b.watch[w] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(m.b.watch, w)
	}
}

// TakeRecent makes the caller's session the one for which the messages that no session took are recent, of those
// that its View has now (RFC 3501 §2.3.2), and gives their UIDs as one range. That it did is written down behind the
// answer: after a crash a message may be recent once more, as RFC 3501 wants it when in doubt.
func (m *Mailbox) TakeRecent(ctx context.Context) (taken UIDSet, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	next := m.View().UIDNext()
	a := m.b.a
	a.mu.Lock()
	from := m.b.recent
	m.b.recent = max(from, next)
	a.mu.Unlock()
	if next <= from {
		return nil, nil
	}
	a.s.later(a.id, job{recent: map[ID]UID{m.b.id: next}})
	return UIDSet{{Lo: from, Hi: next - 1}}, nil
}

// Body opens the bytes of a message. ErrGone: it was expunged and its rows are gone.
func (m *Mailbox) Body(ctx context.Context, e Entry) (kv.BlobReader, error) {
	r, err := m.b.a.roots(ctx, e.Msg)
	if err != nil {
		return nil, err
	}
	return m.b.a.s.blobs.Open(ctx, r.blob)
}

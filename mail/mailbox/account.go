package mailbox

import (
	"container/list"
	"sync"
	"sync/atomic"

	"barid/base/kv"
	"barid/mail"
)

// account is what is kept in memory of one account. All handles share it.
//
// There are two states. The pending one is what transactions build on: it holds what the newest applied
// transaction wrote, durable or not, and is used only under the partition's serial order, inside Update and
// Applied. The published one is what readers see; it moves when an Update returned nil, by version, so it
// never goes back and never shows what is not on disk.
type account struct {
	s  *Store
	id mail.AccountID

	mu    sync.Mutex // for the fields below; never held over a call of the store
	valid bool       // ver, st, cat hold rows
	ver   kv.Ver     // the version of the partition they are for
	st    state
	cat   *catalog
	boxes map[ID]*box
	// watchers are told what is published.
	watchers map[*Watcher]struct{}
	// removed keeps those who still hold a mailbox of an account that is gone from making it anew.
	removed bool

	links  atomic.Uint64 // changes of the keys that sign URLs
	pub    atomic.Pointer[shown]
	pubMu  sync.Mutex // serialises publishing
	users  int        // handles and calls under way; under Store.mu
	unused *list.Element
}

// shown is the published list of mailboxes and counters.
type shown struct {
	ver kv.Ver
	st  state
	cat *catalog
}

// box is one mailbox in memory.
type box struct {
	a  *account
	id ID

	// Under account.mu.
	pend    *pending // nil: not read yet
	handles int
	recent  UID // see info.recent; 0: not asked for yet
	watch   map[*watch]struct{}

	pub   atomic.Pointer[boxShown] // nil: nothing published
	link  atomic.Pointer[linkKnown]
	bytes int64         // memory of the View; under Store.mu
	idle  *list.Element // in Store.idle when loaded and without handles; under Store.mu
}

// pending is the newest applied state of a mailbox.
type pending struct {
	sum  summary
	view *View  // nil: only the summary is in memory
	rows uint64 // change records kept; known when view is
}

// boxShown is the published state of a mailbox.
type boxShown struct {
	ver  kv.Ver
	info *info
	sum  summary
	view *View // nil: not in memory
}

// box gives the mailbox's place in memory.
func (a *account) box(id ID) *box {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.boxes[id]
	if b == nil {
		b = &box{a: a, id: id}
		a.boxes[id] = b
	}
	return b
}

// peek gives the pending state of b, and whether a session holds it.
func (b *box) peek() (p *pending, held bool) {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	return b.pend, b.handles > 0
}

// publish makes what a transaction saw or wrote visible to readers. v is the version it produced. Calls
// may come out of order; the newest wins.
func (a *account) publish(x *tx, v kv.Ver) {
	a.pubMu.Lock()
	defer a.pubMu.Unlock()
	names := false
	if p := a.pub.Load(); p == nil || v >= p.ver {
		names = p == nil || p.cat != x.cat
		a.pub.Store(&shown{ver: v, st: x.st, cat: x.cat})
	}
	for _, b := range x.boxes {
		b.publish(v)
	}
	a.notice(x, names)
}

// publish is account.publish for one mailbox. Under account.pubMu.
func (b *boxTx) publish(v kv.Ver) {
	old := b.box.pub.Load()
	if old != nil && old.ver > v {
		return
	}
	next := &boxShown{ver: v, info: b.info, sum: b.sum}
	switch {
	case b.gone:
		next.view = &View{gone: true, validity: b.info.validity, sum: b.sum}
	case old != nil && old.ver == v && old.view != nil:
		next.view = old.view // the same state, and in memory already
	default:
		next.view = b.view
	}
	b.box.pub.Store(next)
	if old == nil || old.view != next.view {
		b.box.wake()
	}
}

// wake tells all who watch.
func (b *box) wake() {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	for w := range b.watch {
		w.ring()
	}
}

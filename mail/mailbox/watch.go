package mailbox

import (
	"context"
	"maps"
	"slices"

	"barid/mail"
)

// Watcher collects what happens in an account until somebody takes it: nothing is missed, and what is kept does not
// grow with how often something happens. It must be closed.
type Watcher struct {
	a    *account
	ring func()
	by   any

	// Under account.mu.
	boxes  map[ID]struct{}
	marks  []Mark
	lost   bool
	shares bool
}

// maxMarks bounds the annotations that a Watcher keeps; past it only News.Lost is.
const maxMarks = 256

// Mark is an annotation that changed.
type Mark struct {
	Mailbox ID // 0: of the account itself
	Entry   string
	Reader  mail.AccountID // whose private one it is; 0: a shared one
	By      any            // who changed it, as ActingAs says; nil if that is not known
}

// News is what happened since it was last taken.
type News struct {
	Boxes []ID   // mailboxes whose messages changed, in order
	Marks []Mark // annotations
	Lost  bool   // more annotations changed than are kept
	// Shares: somebody changed what this account, or anyone, may do with a mailbox of his.
	Shares bool
}

// actingKey is the key of who acts in a context.
type actingKey struct{}

// ActingAs gives a context in which what is changed is changed by who, which must be comparable: Watchers of the same one do not
// hear what happens to messages by it, and Mark.By says so of annotations.
func ActingAs(ctx context.Context, who any) context.Context {
	if actor(ctx) == who {
		return ctx
	}
	return context.WithValue(ctx, actingKey{}, who)
}

func actor(ctx context.Context) any { return ctx.Value(actingKey{}) }

// Watch begins to collect what others than by do; nil is nobody. What happened before the first Names or Status that follow is in
// them. ring is called after something happened, be it messages, annotations or names, with locks held: it must neither wait nor
// call the account.
func (a *Account) Watch(ring func(), by any) *Watcher {
	acc := a.s.acquire(a.id)
	w := &Watcher{a: acc, ring: ring, by: by, boxes: map[ID]struct{}{}}
	acc.mu.Lock()
	defer acc.mu.Unlock()
	if acc.watchers == nil {
		acc.watchers = map[*Watcher]struct{}{}
	}
	acc.watchers[w] = struct{}{}
	return w
}

// Take gives what happened and forgets it.
func (w *Watcher) Take() (n News) {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	for id := range w.boxes {
		n.Boxes = append(n.Boxes, id)
	}
	slices.Sort(n.Boxes)
	n.Marks, n.Lost, n.Shares = w.marks, w.lost, w.shares
	clear(w.boxes)
	w.marks, w.lost, w.shares = nil, false, false
	return n
}

// Close ends it. It may be called once.
func (w *Watcher) Close() {
	w.a.mu.Lock()
	delete(w.a.watchers, w)
	w.a.mu.Unlock()
	w.a.s.release(w.a)
}

// notice tells all watchers what a transaction did. Under pubMu, after it was published.
func (a *account) notice(x *tx, names bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.watchers {
		before := len(w.boxes) + len(w.marks)
		for _, b := range x.boxes {
			if (b.dirty && !b.aside || b.gone) && (x.by == nil || x.by != w.by) {
				w.boxes[b.info.id] = struct{}{}
			}
		}
		for _, m := range x.marks {
			if slices.Contains(w.marks, m) {
				continue
			}
			if w.lost = w.lost || len(w.marks) >= maxMarks; !w.lost {
				w.marks = append(w.marks, m)
			}
		}
		if names || len(w.boxes)+len(w.marks) > before || len(x.boxes)+len(x.marks) > 0 {
			w.ring()
		}
	}
}

// noticeShare tells those who watch the account who, or any if it is 0, that somebody shares more or less with it.
func (s *Store) noticeShare(who mail.AccountID) {
	s.mu.Lock()
	var all []*account
	for id, a := range s.accounts {
		if who == 0 || id == who {
			all = append(all, a)
		}
	}
	s.mu.Unlock()
	for _, a := range all {
		a.mu.Lock()
		for w := range a.watchers {
			w.shares = true
			w.ring()
		}
		a.mu.Unlock()
	}
}

// Names is the list of mailboxes as it was at one moment. Keeping it costs nothing beside what changed since.
type Names struct{ cat *catalog }

// Names gives the list as it is now.
func (a *Account) Names(ctx context.Context) (n Names, err error) {
	err = a.with(func(acc *account) error {
		s, err := acc.shown(ctx)
		if err == nil {
			n.cat = s.cat
		}
		return err
	})
	return n, err
}

// Info gives the mailbox with a number, if it is there.
func (n Names) Info(id ID) (Info, bool) {
	i := n.cat.byID[id]
	if i == nil {
		return Info{}, false
	}
	return n.public(i), true
}

// Named gives a name, if it is there or subscribed.
func (n Names) Named(name string) (Info, bool) {
	i := n.cat.byName[name]
	if i == nil {
		return Info{}, false
	}
	return n.public(i), true
}

func (n Names) public(i *info) Info {
	in := i.public()
	in.HasChildren = n.cat.hasChildren(i.name)
	return in
}

// NoNames is the list of an account that has no mailboxes.
func NoNames() Names { return Names{newCatalog()} }

// Since calls f for every mailbox that is not as it was in old, or with which others may do something else: was or is has ID 0
// where it was or is not there. A name that is only subscribed is a mailbox here, with NonExistent.
func (n Names) Since(old Names, f func(was, is Info)) {
	if n.cat == old.cat {
		return
	}
	changed := map[ID]bool{}
	for id, i := range n.cat.byID {
		if o := old.cat.byID[id]; o != i && (o == nil || !sameInfo(o.public(), i.public())) {
			changed[id] = true
		}
	}
	for id := range old.cat.byID {
		if n.cat.byID[id] == nil {
			changed[id] = true
		}
	}
	for id, gs := range n.cat.grants {
		changed[id] = changed[id] || !slices.Equal(gs, old.cat.grants[id])
	}
	for id := range old.cat.grants {
		changed[id] = changed[id] || n.cat.grants[id] == nil
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		if changed[id] {
			was, _ := old.Info(id)
			is, _ := n.Info(id)
			f(was, is)
		}
	}
}

// sameInfo compares what Since tells of.
func sameInfo(a, b Info) bool {
	a.HasChildren = b.HasChildren
	return a == b
}

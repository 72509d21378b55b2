package mailbox

import (
	"context"
	"slices"

	"barid/mail"
)

// Watcher collects what happens in an account until somebody takes it: nothing is missed, and what is kept does not
// grow with how often something happens. It must be closed.
type Watcher struct {
	a    *account
	wake chan struct{}

	// Under account.mu.
	boxes map[ID]struct{}
	marks []Mark
	lost  bool
}

// maxMarks bounds the annotations that a Watcher keeps; past it only News.Lost is.
const maxMarks = 256

// Mark is an annotation that changed.
type Mark struct {
	Mailbox ID // 0: of the account itself
	Entry   string
	Reader  mail.AccountID // whose private one it is; 0: a shared one
	By      any            // as Whose.By
}

// News is what happened since it was last taken.
type News struct {
	Boxes []ID   // mailboxes whose messages changed, in order
	Marks []Mark // annotations
	Lost  bool   // more annotations changed than are kept
}

// Watch begins to collect. What happened before the first Names or Status that follow is in them.
func (a *Account) Watch() *Watcher {
	acc := a.s.acquire(a.id)
	w := &Watcher{a: acc, wake: make(chan struct{}, 1), boxes: map[ID]struct{}{}}
	acc.mu.Lock()
	defer acc.mu.Unlock()
	if acc.watchers == nil {
		acc.watchers = map[*Watcher]struct{}{}
	}
	acc.watchers[w] = struct{}{}
	return w
}

// Wake gives a channel that gets a value after something happened, be it messages, annotations or names.
func (w *Watcher) Wake() <-chan struct{} { return w.wake }

// Take gives what happened and forgets it.
func (w *Watcher) Take() (n News) {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	for id := range w.boxes {
		n.Boxes = append(n.Boxes, id)
	}
	slices.Sort(n.Boxes)
	n.Marks, n.Lost = w.marks, w.lost
	clear(w.boxes)
	w.marks, w.lost = nil, false
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
			if b.dirty || b.gone {
				w.boxes[b.info.id] = struct{}{}
			}
		}
		for _, m := range x.marks {
			if w.lost = w.lost || len(w.marks) >= maxMarks; !w.lost {
				w.marks = append(w.marks, m)
			}
		}
		if names || len(w.boxes)+len(w.marks) > before || len(x.boxes)+len(x.marks) > 0 {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
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

// Since calls f for every mailbox that is not as it was in old: was or is has ID 0 where it was or is not there. A
// name that is only subscribed is a mailbox here, with NonExistent.
func (n Names) Since(old Names, f func(was, is Info)) {
	if n.cat == old.cat {
		return
	}
	var ids []ID
	for id, i := range n.cat.byID {
		if old.cat.byID[id] != i {
			ids = append(ids, id)
		}
	}
	for id := range old.cat.byID {
		if n.cat.byID[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		was, _ := old.Info(id)
		is, _ := n.Info(id)
		if !sameInfo(was, is) {
			f(was, is)
		}
	}
}

// sameInfo compares what Since tells of.
func sameInfo(a, b Info) bool {
	a.HasChildren = b.HasChildren
	return a == b
}

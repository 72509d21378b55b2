package allowance

import (
	"context"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// part is where the counters are kept: the installation's own partition.
var part = kv.Part{Kind: kv.Global}

const (
	maxCounters = 1 << 14 // counters kept in memory after each writing; what is not in use is read again
	maxPending  = 1 << 16 // recipients not written yet; past it they are forgotten, and so new once more
)

// Book holds the counters. Use Open; it is for many goroutines. There must be one for each store.
type Book struct {
	db kv.KV
	o  Options

	mu       sync.Mutex
	counters map[Sender]*counter
	dirty    map[Sender]*counter
	known    map[mail.AccountID]map[recipient]struct{} // to be written
	pending  int                                       // recipients in known

	flush chan chan error
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// counter is what one sender sent lately.
type counter struct {
	messages, bytes, fresh window
	pins                   int // who uses it; only then may it be forgotten
}

func newCounter() *counter {
	return &counter{messages: window{span: hour}, bytes: window{span: day}, fresh: window{span: day}}
}

// of gives the window of a quantity; nil for Recipients, which nobody counts over time.
func (c *counter) of(w What) *window {
	switch w {
	case Messages:
		return &c.messages
	case Bytes:
		return &c.bytes
	case NewRecipients:
		return &c.fresh
	}
	return nil
}

func (c *counter) advance(now time.Time) {
	for _, w := range Quantities() {
		if x := c.of(w); x != nil {
			x.advance(now)
		}
	}
}

// Open gives the book of a store. Close must be called.
func Open(db kv.KV, o Options) *Book {
	o.fill()
	b := &Book{
		db: db, o: o,
		counters: make(map[Sender]*counter), dirty: make(map[Sender]*counter),
		known: make(map[mail.AccountID]map[recipient]struct{}),
		flush: make(chan chan error), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go b.write()
	return b
}

// counter gives a sender's counter, from the store if need be, and pins it.
func (b *Book) counter(ctx context.Context, s Sender) (*counter, error) {
	b.mu.Lock()
	c := b.counters[s]
	if c != nil {
		c.pins++
	}
	b.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c = newCounter()
	if err := b.read(ctx, s, c); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if other := b.counters[s]; other != nil { // somebody was faster, and may have counted already
		c = other
	}
	b.counters[s] = c
	c.pins++
	return c, nil
}

// Usage tells how much of a grant is used, without what is held.
func (b *Book) Usage(ctx context.Context, g Grant) ([]Use, error) {
	c, err := b.counter(ctx, g.Sender)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { c.pins-- }()
	c.advance(b.o.Now())
	uses := make([]Use, 0, quantities)
	for _, what := range Quantities() {
		u := Use{What: what, Limit: g.Limits.Of(what)}
		if w := c.of(what); w != nil {
			u.Used = w.sum
			u.More, u.Resets = w.ends()
			u.Warning = nearly(u.Used, u.Limit)
		}
		uses = append(uses, u)
	}
	return uses, nil
}

// nearly tells whether the early warning is due.
func nearly(used, limit int64) bool { return limit > 0 && used >= limit-limit*(100-warnAt)/100 }

// Forget removes what is known of an account that is gone, and of its application passwords.
func (b *Book) Forget(ctx context.Context, id mail.AccountID) error {
	b.mu.Lock()
	for s := range b.counters {
		if s.Scope != Domain && s.Account == id {
			delete(b.counters, s)
			delete(b.dirty, s)
		}
	}
	b.pending -= len(b.known[id])
	delete(b.known, id)
	b.mu.Unlock()
	return b.db.Update(ctx, part, func(t kv.Txn) error {
		app := Sender{Scope: Application, Account: id}
		next := Sender{Scope: Application, Account: id + 1}
		t.Del(mail.TableAllowance, Sender{Scope: Account, Account: id}.key())
		t.DelRange(mail.TableAllowance, app.key(), next.key())
		t.DelRange(mail.TableCorrespondent, accountKey(id), accountKey(id+1))
		return nil
	})
}

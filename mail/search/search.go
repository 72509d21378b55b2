// Package search is the full-text index of stored mail: which messages of an account hold a text.
//
// Life: right behind the commit of a message. mail/mailbox tells that mail came (Index.Appended) or went (Index.Reaped); a worker reads
// the new messages, folds and splits their texts (base/text), and writes a segment of the index into the account's
// partition. serve/imap and serve/jmap ask Account.Narrow or Account.Fuzzy.
//
// How a front end uses it, for a search key that looks for a text:
//
//	c, err := index.Account(id).Narrow(ctx, search.Key{In: search.Body, Text: text.NewNeedle("تقرير")})
//	switch c.Of(entry.Msg) {
//	case search.Yes:   // it is there, nobody needs to look
//	case search.No:    // it is not
//	case search.Maybe: // look into the message: NewScanner(key).Scan(...)
//	}
//
// Promises:
//   - Invariant: what Scanner finds in a message, Narrow never calls No; what Narrow calls Yes, Scanner finds.
//   - A message above the cursor is Maybe. The cursor is durable and written with the segment, so a crash loses
//     nothing and indexes nothing twice.
//   - Searching never waits for indexing, and delivery never for either.
//
// What is searched is in texts.go, the rows are in rows.go, the terms in base/text.
//
// Limits: Options; MaxTextBytes of one message are indexed (one with more is Maybe for what was not found in it),
// maxHeaderBytes of its header. Failure: the index is derived from the messages. Damaged rows are errors that wrap
// kv.ErrCorrupt; Rebuild makes everything new, and until then Narrow says Maybe.
//
// Standards: RFC 3501 §6.4.4, RFC 9051 §6.4.4 (SEARCH), RFC 6203 (FUZZY).
package search

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// Options shape an Index. The zero value is right for a server.
type Options struct {
	Delay      time.Duration    // new messages wait for more to come; 0: 5 s
	Batch      int              // as soon as so many wait and no more come, they are indexed; also the most in one segment; 0: 256
	CacheBytes int64            // memory for the dictionaries of accounts that search; 0: 64 MiB
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: silent
	Metrics    *Metrics         // nil: none
}

func (o Options) withDefaults() Options {
	if o.Delay == 0 {
		o.Delay = 5 * time.Second
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Index is the index of all accounts. It is safe for concurrent use.
type Index struct {
	db    kv.KV
	store *mailbox.Store
	opt   Options
	cache dictCache
	codec codec
	work  worker

	mu    sync.Mutex
	locks map[mail.AccountID]*writing // who writes an account's index; one at a time
}

// Open makes an Index over the messages of store, whose rows are in db. Nothing is indexed before Start.
func Open(db kv.KV, store *mailbox.Store, o Options) *Index {
	x := &Index{db: db, store: store, opt: o.withDefaults(), codec: newCodec(), locks: map[mail.AccountID]*writing{}}
	x.cache.limit = x.opt.CacheBytes
	return x
}

// Account gives the index of one account.
func (x *Index) Account(id mail.AccountID) *Account {
	return &Account{x: x, id: id, box: x.store.Account(id)}
}

// Account is the index of one account. It is safe for concurrent use.
type Account struct {
	x   *Index
	id  mail.AccountID
	box *mailbox.Account
}

// writing is held by the one who writes an account's index.
type writing struct {
	held  chan struct{} // has room for one
	users int
}

// lock takes the right to write the account's index. Who has it may be at it for long: a merge, a rebuild's batch.
func (a *Account) lock(ctx context.Context) (unlock func(), err error) {
	x := a.x
	x.mu.Lock()
	w := x.locks[a.id]
	if w == nil {
		w = &writing{held: make(chan struct{}, 1)}
		x.locks[a.id] = w
	}
	w.users++
	x.mu.Unlock()
	leave := func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if w.users--; w.users == 0 {
			delete(x.locks, a.id)
		}
	}
	select {
	case w.held <- struct{}{}:
		return func() { <-w.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// body is the bytes of a message.
type body interface {
	io.ReaderAt
	Size() int64
}

// view reads rows of the account.
func (a *Account) view(ctx context.Context, f func(kv.Reader) error) error {
	return a.x.db.View(ctx, a.id.Part(), f)
}

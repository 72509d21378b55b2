// Package mailbox is the door to stored mail: every message that is delivered, appended, flagged, copied or
// removed passes here, so UIDs, modseqs, quota, threads and the change feed can not be forgotten.
//
// Life: called by flow/deliver/local as the last step of an accepted message, and by serve/imap and
// serve/pop3 for everything a reader does. It writes rows of the account's partition through base/kv.
//
// Promises:
//   - Invariant: what a View shows is on disk. A change that is not durable yet, or whose commit failed, is
//     never shown.
//   - Invariant: a UID of a mailbox, a UIDVALIDITY, a mailbox ID, a MsgNo and a modseq of an account are
//     never given out twice, also not after a crash, a delete or a rename.
//   - Invariant: the usage of an account equals a recount: each message (MsgNo) counts once, in however
//     many mailboxes it is.
//   - A message lives as long as one mailbox of the account shows it; COPY shares its bytes and cold row.
//
// In memory (account.go, view.go, chunk.go): a mailbox is a table of chunks of 512 messages, 44 bytes each, that
// all Views share; a change copies only the chunks it touches. Writers build on the pending state, which is
// what was applied; readers see the published state, which is what is durable.
//
// On disk, in the account's partition (mail/tables.go): TableState has the counters. TableMailbox has a row
// for each name. Every change is one record in TableHotLog, which is also the change feed; TableHotPage has
// snapshots of the chunks, rewritten when reading the records back would take long. TableMessage has what is
// kept of a message beside its flags, how often it is held, and which are to be reaped (reap.go, refs.go);
// TableThread and TableMsgID are the threads. Delivery touches one record, one message and three to five
// small rows, in a mailbox of any size, and never needs the mailbox in memory.
//
// Beside mailboxes are annotations (annotate.go) and what others may do with them (access.go); watch.go tells who
// wants to know what happens in an account. alias.go knows by which names clients mean a special-use mailbox.
//
// Limits: MaxAnnotations, MaxAnnotationBytes, MaxAnnotationsSize, MaxGrants, MaxOwners, MaxMailboxes, MaxNameBytes, MaxDepth, MaxKeywords, MaxKeywordBytes, MaxMessageBytes, Options.
//
// Failure: a change is all or nothing. Refusals are the errors of errors.go; everything else is an error of
// the store and temporary. Damaged rows are errors that wrap kv.ErrCorrupt and concern one mailbox.
//
// Standards: RFC 3501, RFC 9051, RFC 3502, RFC 4315, RFC 5788, RFC 6154, RFC 6851, RFC 7162, RFC 8438, RFC 8621 §3,
// RFC 4314 §2, RFC 5464 §3, RFC 8474 §5.
package mailbox

import (
	"container/list"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Limits of what one account may hold.
const (
	MaxMailboxes    = 4096      // of one account
	MaxNameBytes    = 512       // of a whole mailbox name
	MaxDepth        = 32        // components of a name
	MaxKeywords     = 56        // of one mailbox
	MaxKeywordBytes = 64        // of one keyword
	MaxMessageBytes = 1<<32 - 1 // of one message: IMAP's number
)

// Options shape a Store. The zero value is right for a server.
type Options struct {
	HotBytes    int64            // memory for mailboxes that no session holds; 0: 64 MiB
	Accounts    int              // accounts kept in memory that nobody uses; 0: 4096
	ReapInline  int              // messages removed inside the transaction that expunged them; 0: 32
	SnapRecords int              // weight of change records read at a cold open before pages are rewritten; 0: 256
	KeepChanges int              // change records of one mailbox kept for QRESYNC and the feed; 0: 8192
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger     // nil: silent
	Metrics     *Metrics         // nil: none
	// Appended is called when n new messages of an account are durable, with the call that stored them still
	// running: it must not block. nil: nobody wants to know.
	Appended func(id mail.AccountID, n int)
	// Reaped is the same for n messages that are gone for good.
	Reaped func(id mail.AccountID, n int)
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults() Options {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.Accounts, 4096)
	set(&o.ReapInline, 32)
	set(&o.SnapRecords, 256)
	set(&o.KeepChanges, 8192)
	if o.HotBytes == 0 {
		o.HotBytes = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// snapWeight is the weight of records past which a mailbox of n messages gets a snapshot.
func (o *Options) snapWeight(n uint32) uint32 { return uint32(o.SnapRecords) + n/32 }

// Store is the door to the mail of all accounts. It is safe for all goroutines.
type Store struct {
	db    kv.KV
	blobs kv.Blobs
	opt   Options
	tags  atomic.Uint64 // see state.tag

	maxTxn int // bytes of one transaction

	mu        sync.Mutex // for the fields below; never held over a call of the store
	accounts  map[mail.AccountID]*account
	unused    *list.List // *account that nobody uses, longest first
	idle      *list.List // *box in memory that no session holds, longest first
	idleBytes int64

	work   worker
	arenas sync.Pool // *coldArena
}

// Open makes a Store over the rows of db and the bodies of blobs. It reads nothing yet.
func Open(db kv.KV, blobs kv.Blobs, o Options) *Store {
	s := &Store{
		db: db, blobs: blobs, opt: o.withDefaults(),
		accounts: map[mail.AccountID]*account{},
		unused:   list.New(),
		idle:     list.New(),
		maxTxn:   db.Caps().MaxTxn,
	}
	if s.maxTxn == 0 {
		s.maxTxn = 16 << 20
	}
	s.tags.Store(rand.Uint64())
	return s
}

// Close ends the work in the background and waits for it. Nothing is lost without it: unfinished work is
// taken up when the account is next used.
func (s *Store) Close() { s.stopWork() }

// Account gives a handle to the mail of one account. It costs nothing and checks nothing.
func (s *Store) Account(id mail.AccountID) *Account { return &Account{s: s, id: id} }

// Account is the mail of one account. It is safe for all goroutines.
type Account struct {
	s  *Store
	id mail.AccountID
}

// ID gives the account's number.
func (a *Account) ID() mail.AccountID { return a.id }

// with runs f while the account is held in memory.
func (a *Account) with(f func(*account) error) error {
	acc := a.s.acquire(a.id)
	defer a.s.release(acc)
	return f(acc)
}

// Package kv declares the seams between what Barid knows and where it is kept.
//
// What: KV holds ordered rows in partitions, Blobs holds immutable message bytes. The packages under
// mail are written once against these two interfaces; the engines under store implement them.
//
// Life: the last step of every accepted message. The Update that links a message's bytes into
// somebody's mailbox (or spool) is the only thing that earns a 250.
//
// Promises:
//   - Invariant: when Update or UpdateMany returns nil, everything its function wrote, and everything
//     that function could have read, is on disk.
//   - Invariant: transactions of one partition are serial. A later one sees the rows of an earlier one
//     as soon as the earlier one is applied, which may be before that one is durable; because of the first
//     invariant nothing built on it can be acknowledged earlier than it.
//   - Invariant: a transaction is all or nothing, also across the partitions of one UpdateMany.
//   - View reads a snapshot and never waits for writers.
//
// Limits: Caps names them. Failure: every error of an engine is temporary from the point of view of a
// mail peer (errors wrap ErrFull, ErrUnavailable, ErrCorrupt or ErrClosed; none of them is ever a reason
// to bounce mail).
package kv

import (
	"context"
	"errors"
	"io"
)

// Errors that engines wrap. All are temporary for a mail peer: 4xx, NO, -ERR, 503.
var (
	ErrFull        = errors.New("kv: storage is full")
	ErrUnavailable = errors.New("kv: storage is unavailable")
	ErrCorrupt     = errors.New("kv: stored data is damaged") // one value or body; the rest is served
	ErrClosed      = errors.New("kv: store is closed")
	ErrNotFound    = errors.New("kv: no such blob")
	// ErrStop ends a Scan early without an error.
	ErrStop = errors.New("kv: stop")
)

// Kind is the class of a partition.
type Kind byte

// The kinds of partition.
const (
	Global    Kind = 'g' // one for the whole installation: versions, node ids, events without an owner
	Directory Kind = 'd' // hosted domains, addresses, accounts
	Account   Kind = 'a' // one for each account: its mailboxes and messages
	Queue     Kind = 'q' // one for each shard of the queue
)

// Part names a partition, the unit of serial writing, of moving and of fencing. Example: {Account, 42}.
type Part struct {
	Kind Kind
	ID   uint64
}

// Ver is the version of a partition. It grows with every applied transaction while the process lives.
// After a commit that failed it jumps, so that anything cached under an older Ver is known to be stale.
type Ver uint64

// Table is the first byte of a row's key. The packages under mail own the numbers (mail/tables.go).
type Table byte

// KV is a transactional, ordered store of small rows.
type KV interface {
	// View calls f with a snapshot of p. Slices handed out are valid until f returns.
	View(ctx context.Context, p Part, f func(Reader) error) error

	// Update calls f alone in p and commits what it wrote. It returns nil only when that is durable.
	// If f returns an error nothing is written and that error is returned as it is. f is called at
	// most once. An Update that writes nothing still returns only when all it could read is durable.
	Update(ctx context.Context, p Part, f func(Txn) error) error

	// UpdateMany is Update over several partitions as one commit. ps may hold no partition twice; the
	// Txn are in the order of ps. Partitions that are not Caps().Together give an error.
	UpdateMany(ctx context.Context, ps []Part, f func([]Txn) error) error

	// Parts calls f with every partition of kind k that holds at least one row, in order of ID.
	Parts(ctx context.Context, k Kind, f func(Part) error) error

	Caps() Caps
}

// Caps are an engine's limits.
type Caps struct {
	MaxKey   int                  // bytes of a key
	MaxValue int                  // bytes of a value
	MaxTxn   int                  // bytes of all keys and values one transaction writes
	Together func(ps []Part) bool // whether UpdateMany takes these partitions; nil means always
}

// ScanOpt shapes a Scan. The zero value is all rows, ascending.
type ScanOpt struct {
	Reverse bool
	Limit   int // 0 means no limit
}

// Reader reads the rows of one partition.
type Reader interface {
	// Get returns the value of k, or ok=false. The slice is valid until f of View or Update returns.
	Get(t Table, k []byte) (v []byte, ok bool, err error)
	// GetMany calls f for each of keys, which must ascend, with its value or nil if there is none.
	// It is far cheaper than Get for keys that lie close together. v is valid until f returns.
	GetMany(t Table, keys [][]byte, f func(i int, v []byte) error) error
	// Scan calls f for the rows with lo <= key < hi (nil hi: to the end of the table). k and v are valid
	// until f returns. ErrStop from f ends the scan and Scan returns nil.
	Scan(t Table, lo, hi []byte, o ScanOpt, f func(k, v []byte) error) error
}

// Txn reads and writes the rows of one partition. Reads see the transaction's own writes.
// Keys and values are copied; the caller keeps its slices.
type Txn interface {
	Reader
	Part() Part
	// Ver is the version of the partition that this transaction builds on.
	Ver() Ver
	Put(t Table, k, v []byte)
	Del(t Table, k []byte)
	// DelOnce is Del of a row that was Put once, and not more often, since there was none. It spares an engine the
	// mark that Del has to leave for older values; of a row that was Put more often one may come back.
	DelOnce(t Table, k []byte)
	DelRange(t Table, lo, hi []byte) // lo <= key < hi; nil hi: to the end of the table
	// Link makes b live as long as (this partition, owner) holds it; linking twice is one link.
	// b must come from a BlobWriter that is not closed yet, or be linked already by some owner.
	Link(b BlobID, owner uint64)
	Unlink(b BlobID, owner uint64)
	// UnlinkOnce is Unlink of what was linked once, as DelOnce is Del.
	UnlinkOnce(b BlobID, owner uint64)
	// Keep leaves v, which must not change any more, for the next transaction of the partition, if this one is
	// applied. It is for what is read by every transaction and told by the rows: an engine may forget it, and
	// does when another transaction is applied that does not Keep anything, and when a commit fails.
	Keep(v any)
	// Kept gives what this transaction or the one before it left, or nil.
	Kept() any
	// Applied registers f to run when this transaction's rows became visible to the next transaction
	// of the partition, still before any such transaction starts. It is not yet durable then. v is the
	// version the next transaction will see. f must not block and must not touch the store.
	Applied(f func(v Ver))
}

// BlobID names a body. The zero value names nothing. Opaque; 16 bytes so that it can be a row's value.
type BlobID [16]byte

// IsZero reports whether the id names nothing.
func (b BlobID) IsZero() bool { return b == BlobID{} }

// Blobs keeps immutable bodies.
type Blobs interface {
	// Create starts a body. Memory used by one writer does not depend on the size of the body.
	Create(ctx context.Context) (BlobWriter, error)
	// Open gives access to a body. Damaged bytes are an error that wraps ErrCorrupt, never wrong bytes.
	Open(ctx context.Context, id BlobID) (BlobReader, error)
}

// BlobWriter takes the bytes of one body. It is for one goroutine. Close must always be called.
type BlobWriter interface {
	io.Writer
	// Size is the number of bytes written so far.
	Size() int64
	// Commit stores prefix followed by all written bytes as one body, durable on return. note is kept
	// beside the body (at most 1 KiB) for salvage without any rows.
	Commit(prefix, note []byte) (BlobID, error)
	// Close gives the writer up. Before Commit it drops what was written. After Commit it ends the
	// protection of a body that nobody has linked yet: call it after the Update that links.
	Close() error
}

// Grouper is an optional ability of Blobs: several bodies become durable together, for less than one after another.
type Grouper interface {
	// CommitAll is Commit of each of ws, all of them writers of these Blobs, with its note and no prefix. The ids are in
	// the order of ws. After an error some bodies may be stored; their writers' Close gives them up.
	CommitAll(ws []BlobWriter, notes [][]byte) ([]BlobID, error)
}

// CommitAll is CommitAll of b if it is a Grouper, and otherwise one Commit after another.
func CommitAll(b Blobs, ws []BlobWriter, notes [][]byte) ([]BlobID, error) {
	if g, ok := b.(Grouper); ok {
		return g.CommitAll(ws, notes)
	}
	ids := make([]BlobID, len(ws))
	for i, w := range ws {
		var err error
		if ids[i], err = w.Commit(nil, notes[i]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// BlobReader reads one body; several goroutines may use it.
type BlobReader interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

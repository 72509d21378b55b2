package mailbox

import (
	"context"
	"errors"
	"iter"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
)

var errSkeleton = errors.New("mailbox: not yet")

// Use is a special use of a mailbox (RFC 6154). The zero value is none.
type Use byte

// The special uses.
const (
	UseNone Use = iota
	UseSent
	UseDrafts
	UseTrash
	UseJunk
	UseArchive
)

// Attr gives the attribute of RFC 6154 §2, "\\Sent"; "" for UseNone.
func (u Use) Attr() string { return "" }

// Message is a message whose bytes are in the blob store already. The BlobWriter must stay open until the
// call that takes the Message returns.
type Message struct {
	Blob     kv.BlobID
	Prefix   int64         // bytes of trace fields we prepended; they count in Size
	Size     int64         // bytes
	Parsed   *mime.Message // offsets relative to the whole stored body
	Received time.Time     // when it was accepted; INTERNALDATE of a delivery
	Session  string        // correlation id, for the log and salvage
}

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

// AppendMessage is one message of an APPEND (RFC 3501 §6.3.11, RFC 3502).
type AppendMessage struct {
	Message
	Flags    Flags
	Keywords []string
	Date     time.Time // INTERNALDATE; zero: Received
}

// Quota limits an account. Zero is without limit.
type Quota struct {
	Bytes    int64
	Messages int64
}

// Usage is what an account holds. Each message counts once, in however many mailboxes it is.
type Usage struct {
	Bytes    int64
	Messages int64
	Quota    Quota
}

// Info describes a name in the list of mailboxes.
type Info struct {
	ID          ID
	Name        string // UTF-8 NFC, "/" between levels
	Use         Use
	Subscribed  bool
	NoSelect    bool // holds other names only
	NonExistent bool // deleted, but still subscribed (RFC 9051 §7.3.1)
	HasChildren bool
	UIDValidity uint32
}

// Status are the figures of STATUS (RFC 9051 §6.3.11, RFC 7162 §3.1.2.1, RFC 8438).
type Status struct {
	ID            ID
	UIDValidity   uint32
	UIDNext       UID
	Messages      int
	Unseen        int
	Deleted       int
	Recent        int
	Bytes         int64
	HighestModSeq ModSeq
}

// Mode is how a StoreOp changes flags.
type Mode byte

// The modes of STORE (RFC 9051 §6.4.6).
const (
	Add Mode = iota
	Remove
	Replace
)

// StoreOp is a change of flags.
type StoreOp struct {
	Mode           Mode
	Flags          Flags // system flags
	Keywords       []string
	UnchangedSince *ModSeq // RFC 7162 §3.1.3; nil: whatever their modseq
}

// CopyResult is COPYUID (RFC 4315 §3): From[i] became To[i].
type CopyResult struct {
	Mailbox     ID
	UIDValidity uint32
	From, To    []UID
}

// Cold is what is kept of a message beside its flags. Its slices are valid until the function it was given
// to returns.
type Cold struct {
	Blob            kv.BlobID
	Size            int64
	Prefix          int64  // bytes of trace fields we prepended
	HeaderBytes     int64  // length of the header section with the blank line
	Envelope        []byte // IMAP ENVELOPE in wire form, with its parentheses
	Structure       []byte // IMAP BODYSTRUCTURE in wire form
	Tree            []byte // for mime.DecodeMessage
	Headers         []byte // raw header fields that clients list, in message order; see Listed
	HeadersComplete bool   // Headers holds every field of the names that Listed knows
	Thread          uint64
	MessageID       string // without <>
	Received        int64  // Unix seconds
	Session         string
}

// Listed reports whether a field of that name is kept in Cold.Headers.
func Listed(name string) bool { return false }

// Deliver puts m into all destinations, or into none, in one commit.
func (s *Store) Deliver(ctx context.Context, m *Message, to []Destination) ([]Delivered, error) {
	return nil, errSkeleton
}

// Init makes the mailboxes every account begins with. It may be called again; it then sets only the quota.
func (a *Account) Init(ctx context.Context, q Quota) error { return errSkeleton }

// List gives all names, sorted, INBOX first.
func (a *Account) List(ctx context.Context) ([]Info, error) { return nil, errSkeleton }

// Create makes a mailbox and the names above it.
func (a *Account) Create(ctx context.Context, name string, use Use) (Info, error) {
	return Info{}, errSkeleton
}

// Rename gives a mailbox and those below it another name (RFC 9051 §6.3.6).
func (a *Account) Rename(ctx context.Context, from, to string) error { return errSkeleton }

// Delete removes a mailbox (RFC 9051 §6.3.5).
func (a *Account) Delete(ctx context.Context, name string) error { return errSkeleton }

// Subscribe sets or clears a subscription.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error { return errSkeleton }

// SetUse gives a mailbox a special use and takes it from the one that had it.
func (a *Account) SetUse(ctx context.Context, name string, u Use) error { return errSkeleton }

// Status gives figures of a mailbox without opening it.
func (a *Account) Status(ctx context.Context, name string) (Status, error) {
	return Status{}, errSkeleton
}

// Usage gives what the account holds.
func (a *Account) Usage(ctx context.Context) (Usage, error) { return Usage{}, errSkeleton }

// SetQuota changes the limits.
func (a *Account) SetQuota(ctx context.Context, q Quota) error { return errSkeleton }

// Open opens a mailbox. Close must be called.
func (a *Account) Open(ctx context.Context, name string) (*Mailbox, error) { return nil, errSkeleton }

// Append adds messages to a mailbox in one commit.
func (a *Account) Append(ctx context.Context, name string, ms []AppendMessage) ([]Delivered, error) {
	return nil, errSkeleton
}

// Remove removes everything of the account.
func (a *Account) Remove(ctx context.Context) error { return errSkeleton }

// Mailbox is a handle to an open mailbox; all handles share what is in memory.
type Mailbox struct{}

// ID gives the mailbox's number.
func (m *Mailbox) ID() ID { return 0 }

// Name gives the mailbox's name now; it follows a rename.
func (m *Mailbox) Name() string { return "" }

// Close gives the handle up.
func (m *Mailbox) Close() {}

// View gives what the mailbox shows now. It never waits.
func (m *Mailbox) View() *View { return nil }

// Watch gives a channel that gets a value after each change of View; changes may fall together.
func (m *Mailbox) Watch() (wake <-chan struct{}, stop func()) { return nil, func() {} }

// Store changes flags. modified are those left alone because of UnchangedSince.
func (m *Mailbox) Store(ctx context.Context, set UIDSet, op StoreOp) (modified UIDSet, modseq ModSeq, err error) {
	return nil, 0, errSkeleton
}

// Expunge removes the messages with Deleted, within only if that is not nil.
func (m *Mailbox) Expunge(ctx context.Context, only *UIDSet) (UIDSet, ModSeq, error) {
	return nil, 0, errSkeleton
}

// Copy copies messages to the mailbox dst of the account.
func (m *Mailbox) Copy(ctx context.Context, set UIDSet, dst string) (CopyResult, error) {
	return CopyResult{}, errSkeleton
}

// Move moves messages to the mailbox dst of the account (RFC 6851).
func (m *Mailbox) Move(ctx context.Context, set UIDSet, dst string) (CopyResult, error) {
	return CopyResult{}, errSkeleton
}

// TakeRecent makes the caller's session the one for which all messages up to now that no session took are
// recent: those with UID >= from and < the UIDNext of the View at that time (RFC 3501 §2.3.2).
func (m *Mailbox) TakeRecent(ctx context.Context) (from UID, err error) { return 0, errSkeleton }

// Cold calls f for each message of v in set, in order, with its index in v. c is nil for a message that was
// expunged meanwhile and is gone.
func (m *Mailbox) Cold(ctx context.Context, v *View, set UIDSet, f func(i int, e Entry, c *Cold) error) error {
	return errSkeleton
}

// Body opens the bytes of a message.
func (m *Mailbox) Body(ctx context.Context, e Entry) (kv.BlobReader, error) { return nil, errSkeleton }

// VanishedSince gives the UIDs expunged after since (RFC 7162 §3.2.6). complete is false if that is no
// longer known; the set is then every UID below UIDNext that is not there.
func (m *Mailbox) VanishedSince(ctx context.Context, since ModSeq) (gone UIDSet, complete bool, err error) {
	return nil, false, errSkeleton
}

// View is an immutable picture of a mailbox.
type View struct{}

// Gone reports that the mailbox was deleted; such a View is empty and the last.
func (v *View) Gone() bool { return false }

// Len is the number of messages.
func (v *View) Len() int { return 0 }

// At gives the i-th message, 0 <= i < Len. Its sequence number is i+1.
func (v *View) At(i int) Entry { return Entry{} }

// Seq gives the index of uid.
func (v *View) Seq(uid UID) (i int, ok bool) { return 0, false }

// IndexFrom gives the index of the first message with a UID >= uid; Len if there is none.
func (v *View) IndexFrom(uid UID) int { return 0 }

// UIDValidity is RFC 9051 §2.3.1.1's.
func (v *View) UIDValidity() uint32 { return 0 }

// UIDNext is the UID the next message will get.
func (v *View) UIDNext() UID { return 0 }

// HighestModSeq is RFC 7162 §3.1.2.1's.
func (v *View) HighestModSeq() ModSeq { return 0 }

// Unseen is the number of messages without Seen.
func (v *View) Unseen() int { return 0 }

// FirstUnseen is the index of the first message without Seen, -1 if there is none.
func (v *View) FirstUnseen() int { return -1 }

// Deleted is the number of messages with Deleted.
func (v *View) Deleted() int { return 0 }

// Bytes is the sum of the sizes.
func (v *View) Bytes() int64 { return 0 }

// Keywords names the keywords; the i-th is bit Keyword(i). The caller must not change it.
func (v *View) Keywords() []string { return nil }

// All iterates over index and message.
func (v *View) All() iter.Seq2[int, Entry] { return func(func(int, Entry) bool) {} }

// Range iterates over lo <= index < hi.
func (v *View) Range(lo, hi int) iter.Seq2[int, Entry] { return func(func(int, Entry) bool) {} }

// In iterates over the messages in set.
func (v *View) In(set UIDSet) iter.Seq2[int, Entry] { return func(func(int, Entry) bool) {} }

// UIDs gives the set of the messages lo <= index < hi.
func (v *View) UIDs(lo, hi int) UIDSet { return nil }

// Diff tells what is different in a newer View of the same mailbox: expunged is called with indexes in old,
// descending, so that each is a sequence number an IMAP client can be told in that order; changed with
// indexes in new, ascending, for messages that were in old and have another modseq or other flags.
// Messages that are only in new are those from index old.Len() minus the number expunged.
func Diff(old, new *View, expunged func(i int, e Entry), changed func(i int, e Entry)) {}

// ChangeKind is what a Change did.
type ChangeKind byte

// The kinds of change.
const (
	ChangeAppend  ChangeKind = 1 + iota // UIDs came
	ChangeFlags                         // UIDs have other flags
	ChangeExpunge                       // UIDs went
	ChangeCreated                       // the mailbox came
	ChangeInfo                          // its name, use or subscription changed
	ChangeRemoved                       // the mailbox went
)

// Change is one record of the change feed.
type Change struct {
	ModSeq    ModSeq
	Mailbox   ID
	Kind      ChangeKind
	UIDs      UIDSet
	Destroyed []MsgNo // messages that are in no mailbox any more
}

// Changes gives up to limit changes of the account after since, in order, and how far they reach. If that is
// behind the account's modseq there is more. ErrTooOld: they are not kept so far back.
func (a *Account) Changes(ctx context.Context, since ModSeq, limit int) (cs []Change, upto ModSeq, err error) {
	return nil, 0, errSkeleton
}

// Problems are what Check found.
type Problems []string

// Check recounts an account from its rows.
func (s *Store) Check(ctx context.Context, id mail.AccountID) (Problems, error) {
	return nil, errSkeleton
}

package mailbox

import "time"

// UID is a message's unique identifier in its mailbox (RFC 9051 §2.3.1.1). Zero is none.
type UID uint32

// ModSeq is a modification sequence of an account (RFC 7162 §3). One counter serves all its mailboxes.
type ModSeq uint64

// ID is the number of a mailbox in its account, never used again. Zero is none.
type ID uint32

// MsgNo is the number of a message in its account, never used again. COPY and MOVE keep it.
type MsgNo uint64

// Flags are the flags of a message: bits 0 to 4 the system flags of RFC 9051 §2.3.2, bit 8+i the keyword
// that View.Keywords()[i] names.
type Flags uint64

// The system flags.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft

	SystemFlags = Seen | Answered | Flagged | Deleted | Draft
)

// hasOrigin is a bit beside the flags in memory and on disk, which an Entry has as Foreign. No change of flags alters it.
const hasOrigin Flags = 1 << 5

// keywordShift is the bit of the first keyword.
const keywordShift = 8

// Keyword gives the bit of the i-th keyword of a mailbox.
func Keyword(i int) Flags { return 1 << (keywordShift + i) }

// Entry is one message in one mailbox as it is kept in memory.
type Entry struct {
	UID    UID
	Msg    MsgNo
	Flags  Flags
	ModSeq ModSeq
	Size   int64 // bytes
	Date   int64 // INTERNALDATE, Unix seconds
	Saved  int64 // when it came into this mailbox, Unix seconds; 0: not known (RFC 8514 §3)

	// Foreign: it is told by an EMAILID of another account, which is in its Cold.Origin. Of all others that need not
	// be read.
	Foreign bool
}

// setBits takes what is kept of the flags.
func (e *Entry) setBits(f Flags) { e.Flags, e.Foreign = f&^hasOrigin, f&hasOrigin != 0 }

// bits is what is kept of the flags.
func (e *Entry) bits() Flags {
	if e.Foreign {
		return e.Flags | hasOrigin
	}
	return e.Flags
}

// Time gives INTERNALDATE in UTC.
func (e Entry) Time() time.Time { return time.Unix(e.Date, 0).UTC() }

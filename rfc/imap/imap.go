// Package imap is the wire of IMAP4rev1: commands in, responses out, and nothing that needs a mailbox.
//
// What: Reader cuts a byte stream into commands with bounded literals, Parser takes one command apart
// (strings, sets, flags, dates, sections, SEARCH keys), Writer puts responses together. AppendEnvelope
// and AppendBodyStructure write a parsed message the way FETCH answers it.
//
// Life: serve/imap reads every command and writes every response through this package; mail/mailbox
// calls AppendEnvelope and AppendBodyStructure once, when a message is stored, and keeps the bytes.
//
// Promises:
//   - Invariant: whatever bytes come in, parsing ends in time linear in their number, with a bounded
//     depth of recursion, and gives a value or an error; it never panics.
//   - Invariant: whatever a message holds, what is written about it is valid syntax: quoted strings are
//     7-bit without CR, LF and NUL, everything else is a literal of the right length.
//   - Sequence numbers and UIDs are different types.
//
// Limits: type Limits names each. Failure: a SyntaxError is the client's (BAD) and the stream stands at
// the start of the next command; a FatalError is the client's too, but the stream has lost its place.
// Every other error is of the connection.
//
// Standards: RFC 3501, RFC 9051; RFC 5256 (base subjects), RFC 4466, RFC 4731, RFC 5267, RFC 9394 (results), RFC 9738 (UIDAFTER),
// RFC 5465 (mailbox filters); RFC 7888 (LITERAL+), RFC 4959 (SASL-IR), RFC 7162 (CONDSTORE), RFC 6154
// (SPECIAL-USE), RFC 2971 (ID), RFC 5161 (ENABLE), RFC 4315 (UIDPLUS), RFC 6851 (MOVE), RFC 3502 (MULTIAPPEND),
// RFC 3516 (BINARY), RFC 4469 (CATENATE), RFC 5092 and RFC 4467 (URLs), RFC 8508 (REPLACE).
package imap

import "strconv"

// Limits bound what one command may hold. The zero value is not usable; see the two constructors.
type Limits struct {
	CommandBytes int   // bytes of a whole command: its lines and its literals, but for messages
	MessageBytes int64 // bytes of a message in APPEND or REPLACE; 0 means that none may come
	UnaskedBytes int64 // bytes of a literal that the client does not wait to be asked for (RFC 7888 §5); 0: any
	SkipBytes    int64 // bytes of a command too long that are read and dropped to find its end
	Depth        int   // parentheses and NOT/OR inside one another
	Items        int   // members of one list, keys of one SEARCH
	Ranges       int   // members of one sequence set
}

// BeforeLogin gives the limits for strangers: 64 KiB in all.
func BeforeLogin() Limits {
	return Limits{CommandBytes: 64 << 10, SkipBytes: 1 << 20, Depth: 8, Items: 64, Ranges: 1}
}

// AfterLogin gives the limits for a session that logged in and may append messages of max bytes.
func AfterLogin(max int64) Limits {
	return Limits{CommandBytes: 256 << 10, MessageBytes: max, SkipBytes: 16 << 20, Depth: 32, Items: 2000, Ranges: 32768}
}

// SyntaxError is a command that can not be understood; it has been read to its end.
type SyntaxError struct {
	Tag  string // "" if there was none to repeat: the answer is untagged
	Why  string // safe to send back
	Code string // response code, "" for none
}

// Error gives the reason.
func (e *SyntaxError) Error() string { return "imap: " + e.Why }

// FatalError is a command after which the stream can not be followed any more: answer BAD, then BYE.
type FatalError struct {
	Tag  string
	Why  string
	Code string // response code, "" for none
}

// Error gives the reason.
func (e *FatalError) Error() string { return "imap: " + e.Why }

// TooBigError is an APPEND whose message is over Limits.MessageBytes. The stream stands at the start of the
// next command if Skipped, else the connection must end.
type TooBigError struct {
	Tag     string
	Size    uint64
	Max     int64
	Skipped bool
}

// Error gives the sizes.
func (e *TooBigError) Error() string {
	return "imap: message of " + strconv.FormatUint(e.Size, 10) + " bytes, limit " + strconv.FormatInt(e.Max, 10)
}

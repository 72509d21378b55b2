package mailbox

import "strings"

// Rights are what somebody may do with a mailbox (RFC 4314 §2.1), as bits.
type Rights uint16

// The rights, in the order in which they are told.
const (
	RightLookup  Rights = 1 << iota // l: sees the name
	RightRead                       // r: selects it, reads its messages
	RightSeen                       // s: sets and clears \Seen
	RightWrite                      // w: sets and clears other flags, but for \Deleted
	RightInsert                     // i: puts messages into it
	RightPost                       // p: sends to its address; known, never had, see ParseRights
	RightCreate                     // k: makes mailboxes below it
	RightRemove                     // x: deletes it
	RightDelete                     // t: sets and clears \Deleted
	RightExpunge                    // e: expunges
	RightAdmin                      // a: changes who may what

	NoRights  Rights = 0
	AllRights Rights = (1<<11 - 1) &^ RightPost
)

const rightLetters = "lrswipkxtea"

// String gives the letters, e.g. "lrs".
func (r Rights) String() string {
	var b strings.Builder
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			b.WriteByte(rightLetters[i])
		}
	}
	return b.String()
}

// ParseRights reads letters; ok is false for one that is no right. The rights of RFC 2086 stand for what became of
// them: "c" for k and x, "d" for t and e (RFC 4314 §2.1.1).
//
// The right p is over an address that a mailbox has for itself. None of ours has one: mail to a sub-address goes where the account
// wants it, whoever sends it. So p is never granted to anybody (RFC 4314 §2): it is in no Grant, and LISTRIGHTS does not offer it.
func ParseRights(s string) (r Rights, ok bool) {
	for i := range len(s) {
		switch c := s[i]; c {
		case 'c':
			r |= RightCreate | RightRemove
		case 'd':
			r |= RightDelete | RightExpunge
		default:
			at := strings.IndexByte(rightLetters, c)
			if at < 0 {
				return 0, false
			}
			r |= 1 << at
		}
	}
	return r, true
}

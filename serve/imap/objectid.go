package imap

import (
	"strconv"

	"barid/mail"
	"barid/mail/mailbox"
)

// Object ids are made of numbers that are never given out twice (RFC 8474 §3): the account's, and the message's or
// thread's in it.

// emailID names the bytes of a message: COPY and MOVE keep it, also between accounts (RFC 8474 §5.1). A message of
// another account's has that name in o, which is needed of no other.
func emailID(owner mail.AccountID, m mailbox.MsgNo, o mailbox.Origin) string {
	return objectID('M', mailbox.Name{Account: owner, Number: uint64(m)}, o.Email)
}

// threadID names a thread. All of one EMAILID have one, and it never changes (RFC 8474 §5.2): see mailbox.Origin for what
// that means to a copy from another account.
func threadID(owner mail.AccountID, thread uint64, o mailbox.Origin) string {
	return objectID('T', mailbox.Name{Account: owner, Number: thread}, o.Thread)
}

// objectID writes the name that was given elsewhere, if there is one, else our own.
func objectID(kind byte, own, elsewhere mailbox.Name) string {
	n := own
	if elsewhere.Account != 0 {
		n = elsewhere
	}
	b := strconv.AppendUint(append(make([]byte, 0, 32), kind), uint64(n.Account), 16)
	return string(strconv.AppendUint(append(b, '-'), n.Number, 16))
}

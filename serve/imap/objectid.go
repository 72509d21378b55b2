package imap

import (
	"strconv"

	"barid/mail"
	"barid/mail/mailbox"
)

// Object ids are made of numbers that are never given out twice (RFC 8474 §3): the account's, and the message's or
// thread's in it.

// emailID names the bytes of a message: COPY and MOVE keep it (RFC 8474 §5.1), but not between two accounts, each of
// which numbers its messages itself: there a copy is a new message, as one that APPEND brings.
func emailID(owner mail.AccountID, m mailbox.MsgNo) string { return objectID('M', owner, uint64(m)) }

// threadID names a thread (RFC 8474 §5.2).
func threadID(owner mail.AccountID, thread uint64) string { return objectID('T', owner, thread) }

func objectID(kind byte, owner mail.AccountID, n uint64) string {
	b := strconv.AppendUint(append(make([]byte, 0, 32), kind), uint64(owner), 16)
	return string(strconv.AppendUint(append(b, '-'), n, 16))
}

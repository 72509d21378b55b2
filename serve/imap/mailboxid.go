package imap

import (
	"fmt"

	"barid/mail"
	"barid/mail/mailbox"
)

// mailboxID is MAILBOXID, RFC 8474 §4: the mailbox's number, which it keeps when it is renamed and which none has after
// it, with that of the account, because a session sees mailboxes of others too.
func mailboxID(owner mail.AccountID, id mailbox.ID) string {
	return fmt.Sprintf("MAILBOXID (F%x-%x)", uint64(owner), uint32(id))
}

func writeMailboxID(s *session, at place, st *standing) {
	s.out.S(mailboxID(at.account.ID(), st.ID)[len("MAILBOXID "):])
}

// offersMailboxID reports whether SELECT and CREATE tell the MAILBOXID.
func (s *session) offersMailboxID() bool { return s.offers("OBJECTID") }

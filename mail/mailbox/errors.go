package mailbox

import (
	"errors"
	"fmt"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/status"
)

// Refusals. Front ends find them with errors.Is; the codes behind them are what an SMTP peer would be told.
var (
	ErrNoMailbox   = errors.New("mailbox: there is no such mailbox")                // NO [NONEXISTENT], [TRYCREATE]
	ErrExists      = errors.New("mailbox: there is a mailbox of that name")         // NO [ALREADYEXISTS]
	ErrName        = errors.New("mailbox: not a name a mailbox can have")           // NO [CANNOT]
	ErrKeyword     = errors.New("mailbox: not a keyword")                           // BAD
	ErrKeywordMany = errors.New("mailbox: too many keywords in this mailbox")       // NO [LIMIT]
	ErrLimit       = errors.New("mailbox: too many mailboxes")                      // NO [LIMIT]
	ErrInbox       = errors.New("mailbox: INBOX can not be deleted")                // NO [CANNOT]
	ErrHasChildren = errors.New("mailbox: the name has names below it")             // NO [HASCHILDREN]
	ErrNoSelect    = errors.New("mailbox: the name holds other names, no messages") // NO
	ErrUse         = errors.New("mailbox: special use is taken or unknown")         // NO [USEATTR]
	ErrTooBig      = errors.New("mailbox: message is too big")                      // NO [LIMIT]
	ErrBatch       = errors.New("mailbox: too many messages for one commit")        // NO [LIMIT]
	ErrGone        = errors.New("mailbox: the message was expunged")                // NO [EXPUNGEISSUED]
	ErrTooOld      = errors.New("mailbox: changes are no longer known so far back")
	ErrFullUIDs    = errors.New("mailbox: all UIDs of the mailbox are used up") // NO [LIMIT]
	ErrGrants      = errors.New("mailbox: too many rights in this mailbox")     // NO [LIMIT]
	ErrRemoved     = errors.New("mailbox: the account is being removed")

	ErrAnnotationSize = errors.New("mailbox: the value of an annotation is too big") // NO [METADATA MAXSIZE]
	ErrAnnotationMany = errors.New("mailbox: too many annotations")                  // NO [METADATA TOOMANY]

	// ErrOverQuota is what every OverQuota is (errors.Is).
	ErrOverQuota = errors.New("mailbox: over quota") // 452 4.2.2, NO [OVERQUOTA]
)

// errQuota is one account's; Deliver and Append turn it into an OverQuota.
var errQuota = errors.New("mailbox: account over quota")

// OverQuota refuses because of the quota of some accounts. It is ErrOverQuota and carries 4.2.2.
type OverQuota struct {
	Accounts []mail.AccountID // those over quota; without them the same call could succeed
}

// Error names the accounts.
func (e *OverQuota) Error() string {
	return fmt.Sprintf("mailbox: accounts %v are over quota", e.Accounts)
}

// Unwrap gives ErrOverQuota and the status for an SMTP peer.
func (e *OverQuota) Unwrap() []error {
	return []error{ErrOverQuota, status.Temp(2, 2, "mailbox is full").Because("over-quota")}
}

// corrupt makes an error about a damaged row.
func corrupt(what string) error { return fmt.Errorf("mailbox: %s: %w", what, kv.ErrCorrupt) }

package quota

import (
	"context"

	"barid/mail"
	"barid/mail/mailbox"
)

// Mailboxes reads usage from where mail is kept.
type Mailboxes struct{ Store *mailbox.Store }

// Room tells whether one more message of size bytes fits under both limits of the account.
func (m Mailboxes) Room(ctx context.Context, id mail.AccountID, size int64) (bool, error) {
	u, err := m.Store.Account(id).Usage(ctx)
	if err != nil {
		return false, err
	}
	return fits(u, size), nil
}

// fits is the rule: a limit of zero is none.
func fits(u mailbox.Usage, size int64) bool {
	q := u.Quota
	return (q.Bytes == 0 || u.Bytes <= q.Bytes-size) && (q.Messages == 0 || u.Messages < q.Messages)
}

// Package quota checks at RCPT that the mailboxes behind an address have room for the message.
//
// Life: runs for every recipient of every role; the delivery itself checks again, inside its transaction.
// Promises: a full mailbox is told to the sender in the session, for the recipient that is full and no other.
// Limits: traceBytes is added for the fields we put in front. A message whose size was not declared counts as
// nothing but those, so it is refused only when the mailbox is as good as full.
// Failure: usage that can not be read is an error, which the rules turn into 451 4.3.0.
// Standards: RFC 5321 §4.2.3, RFC 3463 §3.3 (X.2.2), RFC 1870 §6.3.
package quota

import (
	"context"

	"barid/flow/policy"
	"barid/mail"
	"barid/mail/mailbox"
)

// Name is the check's name.
const Name = "quota"

// traceBytes is what trace fields add to a message at most, roughly.
const traceBytes = 2048

// Check is the quota check. Use New.
type Check struct {
	usage func(context.Context, mail.AccountID) (mailbox.Usage, error)
}

// New gives the check over the mailboxes in s.
func New(s *mailbox.Store) *Check {
	return &Check{func(ctx context.Context, id mail.AccountID) (mailbox.Usage, error) { return s.Account(id).Usage(ctx) }}
}

// Name is "quota".
func (*Check) Name() string { return Name }

// Stage is policy.Rcpt.
func (*Check) Stage() policy.Stage { return policy.Rcpt }

// Quick is true: usage is one row of our own store, or memory.
func (*Check) Quick() bool { return true }

// Run fails with "quota-full" when one of the accounts has no room. An alias with one full member is
// refused as a whole: the transaction is all or nothing, and the sender tries again.
func (c *Check) Run(ctx context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	for _, id := range tx.Accounts {
		u, err := c.usage(ctx, id)
		if err != nil {
			return nil, err
		}
		if !fits(u, max(tx.Size, 0)+traceBytes) {
			return []policy.Finding{{Result: policy.Fail, Reason: "quota-full", Note: "account " + id.String()}}, nil
		}
	}
	return nil, nil
}

// fits tells whether one more message of size bytes is within both limits; a limit of zero is none.
func fits(u mailbox.Usage, size int64) bool {
	q := u.Quota
	return (q.Bytes == 0 || u.Bytes <= q.Bytes-size) && (q.Messages == 0 || u.Messages < q.Messages)
}

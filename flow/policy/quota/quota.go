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
)

// Name is the check's name.
const Name = "quota"

// traceBytes is what trace fields add to a message at most, roughly.
const traceBytes = 2048

// Store tells whether a message of size bytes fits into the account now.
type Store interface {
	Room(ctx context.Context, id mail.AccountID, size int64) (bool, error)
}

// Check is the quota check. Use New.
type Check struct{ store Store }

// New gives the check.
func New(s Store) *Check { return &Check{store: s} }

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
		ok, err := c.store.Room(ctx, id, max(tx.Size, 0)+traceBytes)
		if err != nil {
			return nil, err
		}
		if !ok {
			return []policy.Finding{{Result: policy.Fail, Reason: "quota-full", Note: "account " + id.String()}}, nil
		}
	}
	return nil, nil
}

// Package local puts an accepted message into the mailboxes of its recipients.
//
// Life: the last step of a transaction, called by flow/intake after the body is durable and before the
// answer; and by flow/queue for what was held for later (Queued). (A recipient's Sieve script will choose mailboxes
// and flags here.)
// Promises: one commit for all destinations, all or none; a mailbox gets the message once however many of
// the recipients lead to it.
// Limits: those of mail/mailbox. Failure: as mailbox.Deliver's; nothing was delivered then.
// Standards: RFC 5321 §4.4, §6.1; RFC 3461 §5.2.7; RFC 4865; RFC 5233 for sub-addresses.
package local

import (
	"context"

	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/addr"
)

// Store is the door to mailboxes. *mailbox.Store is one.
type Store interface {
	DeliverAlso(ctx context.Context, m *mailbox.Message, to []mailbox.Destination, also ...mailbox.Also) ([]mailbox.Delivered, error)
}

// Recipient is one account a message is for, and the address that led there.
type Recipient struct {
	Account mail.AccountID
	Address addr.Mailbox // the forward-path
	Detail  string       // its sub-address, "" none
}

// Deliverer delivers locally. Use New; it is safe for many sessions.
type Deliverer struct{ store Store }

// New gives a deliverer into store.
func New(store Store) *Deliverer { return &Deliverer{store: store} }

// Deliver puts m into every recipient's INBOX, once for each account, in one commit with what also writes: the
// spool's rows for recipients elsewhere.
func (d *Deliverer) Deliver(ctx context.Context, m *mailbox.Message, to []Recipient, also ...mailbox.Also) ([]mailbox.Delivered, error) {
	return d.store.DeliverAlso(ctx, m, destinations(to), also...)
}

// destinations gives one destination for each account, in the order of the recipients.
func destinations(to []Recipient) []mailbox.Destination {
	ds := make([]mailbox.Destination, 0, len(to))
	var seen map[mail.AccountID]bool
	if len(to) > 1 {
		seen = make(map[mail.AccountID]bool, len(to))
	}
	for _, r := range to {
		if seen[r.Account] {
			continue
		}
		if seen != nil {
			seen[r.Account] = true
		}
		ds = append(ds, mailbox.Destination{Account: r.Account})
	}
	return ds
}

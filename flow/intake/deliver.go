package intake

import (
	"context"
	"errors"
	"slices"

	"barid/flow/deliver/local"
	"barid/mail"
	"barid/mail/mailbox"
)

// deliver puts the message into all mailboxes and into the spool in one commit. LMTP asks for one answer for each
// recipient: if some are over quota there, the others get the message in a commit without them (RFC 2033 §4.2).
func (tx *Tx) deliver(ctx context.Context, msg *mailbox.Message) ([]error, []mailbox.Delivered, error) {
	var full map[mail.AccountID]bool // nil until it is needed
	for {
		to, out := tx.recipients(full), tx.outbound(ctx, msg, full)
		if tx.held() {
			to = nil // the queue brings it to them
		}
		if len(to)+len(out.entries) == 0 {
			return nil, nil, &mailbox.OverQuota{}
		}
		delivered, err := tx.in.d.Local.Deliver(ctx, msg, to, out.also()...)
		if err == nil {
			tx.entries = out.entries
			return tx.perRcpt(full), delivered, nil
		}
		var over *mailbox.OverQuota
		switch {
		case !errors.As(err, &over):
			return nil, nil, err
		case tx.c.Role != mail.RoleLMTP:
			tx.in.swollen.note(tx.from.String(), over.Accounts, msg.Size, tx.in.d.Now())
			return nil, nil, err
		case !add(&full, over.Accounts):
			return nil, nil, err
		}
	}
}

// add notes ids in set and tells whether that was news, so that a loop over it ends.
func add(set *map[mail.AccountID]bool, ids []mail.AccountID) bool {
	if *set == nil {
		*set = make(map[mail.AccountID]bool, len(ids))
	}
	before := len(*set)
	for _, id := range ids {
		(*set)[id] = true
	}
	return len(*set) > before
}

// recipients gives the accounts of all recipients, each once, without those of recipients that lead to a
// full mailbox.
func (tx *Tx) recipients(full map[mail.AccountID]bool) []local.Recipient {
	to := make([]local.Recipient, 0, tx.accounts)
	for _, r := range tx.rcpts {
		if len(full) > 0 && leadsTo(r.route.Accounts, full) {
			continue
		}
		for _, id := range r.route.Accounts {
			to = append(to, local.Recipient{Account: id, Address: r.path.Mailbox, Detail: r.route.Detail})
		}
	}
	return to
}

func leadsTo(ids []mail.AccountID, full map[mail.AccountID]bool) bool {
	return slices.ContainsFunc(ids, func(id mail.AccountID) bool { return full[id] })
}

// perRcpt gives the answers of LMTP; nil for the other roles.
func (tx *Tx) perRcpt(full map[mail.AccountID]bool) []error {
	if tx.c.Role != mail.RoleLMTP {
		return nil
	}
	per := make([]error, len(tx.rcpts))
	for i, r := range tx.rcpts {
		if leadsTo(r.route.Accounts, full) {
			per[i] = answer(&mailbox.OverQuota{}, tx.id)
		}
	}
	return per
}

// refusals counts the recipients of LMTP that did not get the message.
func refusals(per []error) (n int) {
	for _, e := range per {
		if e != nil {
			n++
		}
	}
	return n
}

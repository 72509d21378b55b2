package pop3

import (
	"context"

	"barid/mail/account"
	"barid/mail/mailbox"
)

// update does what was promised during the session (RFC 1939 §6): all deleted messages are removed as the
// account wants it, or the error says that some are left. Fetched messages that stay become \Seen; if only that
// fails, nothing of importance is lost: seenErr.
func (d *maildrop) update(ctx context.Context) (seenErr, err error) {
	if gone := d.uids(d.deleted); len(gone) > 0 {
		if err := d.remove(ctx, gone); err != nil {
			return nil, err
		}
		d.removed = d.deleted.len()
	}
	if seen := d.uids(d.fetched.without(d.deleted)); len(seen) > 0 {
		_, _, seenErr = d.box.Store(ctx, seen, mailbox.StoreOp{Mode: mailbox.Add, Flags: mailbox.Seen})
	}
	return seenErr, nil
}

func (d *maildrop) remove(ctx context.Context, gone mailbox.UIDSet) error {
	switch d.policy {
	case account.POP3Keep:
		_, _, err := d.box.Store(ctx, gone, mailbox.StoreOp{Mode: mailbox.Add, Flags: mailbox.Seen, Keywords: []string{HiddenKeyword}})
		return err
	case account.POP3Trash:
		if err := d.trash(ctx, gone); err != nil {
			return err
		}
	default:
		if err := d.expunge(ctx, gone); err != nil {
			return err
		}
	}
	for range d.box.View().In(gone) {
		return errLeft // another client took \Deleted away in between
	}
	return nil
}

func (d *maildrop) expunge(ctx context.Context, gone mailbox.UIDSet) error {
	if _, _, err := d.box.Store(ctx, gone, mailbox.StoreOp{Mode: mailbox.Add, Flags: mailbox.Deleted}); err != nil {
		return err
	}
	_, _, err := d.box.Expunge(ctx, &gone)
	return err
}

func (d *maildrop) trash(ctx context.Context, gone mailbox.UIDSet) error {
	names, err := d.acc.List(ctx)
	if err != nil {
		return err
	}
	for _, m := range names {
		if m.Use == mailbox.UseTrash && !m.NoSelect && !m.NonExistent {
			_, err := d.box.Move(ctx, gone, m.Name)
			return err
		}
	}
	m, err := d.acc.Create(ctx, "Trash", mailbox.UseTrash) // its owner deleted it
	if err != nil {
		return err
	}
	_, err = d.box.Move(ctx, gone, m.Name)
	return err
}

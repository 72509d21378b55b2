package app

import (
	"context"
	"errors"

	"barid/flow/route"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/bounce"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// bounced tells at RCPT whose a reverse-path is that we gave out.
type bounced struct {
	book      *bounce.Book
	directory *account.Directory
}

var _ route.Bounces = bounced{}

// Owner implements route.Bounces. An account that is gone has no bounces.
func (b bounced) Owner(ctx context.Context, m addr.Mailbox) (mail.AccountID, bool, error) {
	t, ok, err := b.book.Read(ctx, m)
	if err != nil || !ok {
		return 0, b.book.Is(m), err
	}
	id := mail.AccountID(t.Login)
	_, err = b.directory.Account(ctx, id)
	if _, gone := errors.AsType[account.ErrUnknown](err); gone {
		return 0, true, nil
	}
	return id, true, err
}

// bounceAddress gives the reverse-path of a message to one recipient. Without a key mail goes out as if nobody had
// asked for one.
func (s *System) bounceAddress(ctx context.Context, e *spool.Entry, rcpt addr.Mailbox) (addr.Mailbox, bool) {
	m, ok, err := s.bounces.Address(ctx, e.From.Domain, e.Message.ID, e.Account, rcpt)
	if err != nil {
		s.log.Error("no reverse-path of its own for a message", "id", e.Message.ID, "err", err)
	}
	return m, ok && err == nil
}

// verp tells whether the mail of a login gets reverse-paths that name the recipient.
func (s *System) verp(ctx context.Context, c *mail.Client) bool {
	on, err := s.directory.VERP(ctx, c.Login, c.Application)
	if err != nil {
		s.log.Warn("it is not known whether a login has VERP", "id", c.Session, "err", err)
	}
	return on && err == nil
}

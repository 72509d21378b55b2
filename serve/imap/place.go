package imap

import (
	"errors"

	"barid/mail/mailbox"
)

// place is where a mailbox name of this session leads.
type place struct {
	mailbox.Meaning                  // Name is as the owner calls it
	account         *mailbox.Account // whose mailbox it is
	prefix          string           // in front of Name when this session speaks of it, "" for mailboxes of its own
}

// place resolves a name; that need not exist. Every command that takes one passes here.
func (s *session) place(name string) (place, error) {
	m, err := s.account.Meaning(s.ctx, name)
	return place{Meaning: m, account: s.account}, err
}

// shown is the name as this session calls it.
func (p *place) shown() string { return p.prefix + p.Name }

// own is place for what may not be done to a special-use mailbox by another of its usual names, as DELETE and
// RENAME: under that name there is no mailbox.
func (s *session) own(name string) (place, error) {
	p, err := s.place(name)
	if err == nil && p.Alias && p.Use != mailbox.UseNone {
		err = mailbox.ErrNoMailbox
	}
	return p, err
}

// is reports whether the place is the selected mailbox, whatever that is called by now.
func (p *place) is(sel *selected) bool {
	return p.account.ID() == sel.owner && p.Name == sel.box.Name()
}

// isGone reports that there is no mailbox to read: it is not there, or holds only names.
func isGone(err error) bool {
	return errors.Is(err, mailbox.ErrNoMailbox) || errors.Is(err, mailbox.ErrNoSelect)
}

package imap

import (
	"errors"
	"strconv"
	"strings"

	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
)

// othersPrefix is where the mailboxes that others share are, by the login name of their owner: "Other
// Users/info@example.org/Projects" (RFC 2342 §5). The name is the same in every language.
const (
	othersRoot   = "Other Users"
	othersPrefix = othersRoot + "/"
)

// place is where a mailbox name of this session leads.
type place struct {
	mailbox.Meaning                  // Name is as the owner calls it
	account         *mailbox.Account // whose mailbox it is
	owner           string           // the owner's login name
	prefix          string           // in front of Name when this session speaks of it, "" for mailboxes of its own
	rights          mailbox.Rights   // what the session may do there; of a name that is not there, with the one above it
}

// shown is the name as this session calls it.
func (p *place) shown() string { return p.prefix + p.Name }

// errNoPerm refuses what the owner of a mailbox did not allow (RFC 4314 §4, RFC 5530 §3).
var errNoPerm = no("NOPERM", "you have no right to do that with the mailbox")

// place resolves a name; that need not exist. Every command that takes one passes here, and asks need or
// mayCreate what it may do.
func (s *session) place(name string) (place, error) {
	rest, ok := strings.CutPrefix(name, othersPrefix)
	if ok || name+"/" == othersPrefix {
		return s.foreign(rest)
	}
	m, err := s.account.Meaning(s.ctx, name)
	return place{Meaning: m, account: s.account, owner: s.user, rights: mailbox.AllRights}, err
}

// foreign resolves a name behind othersPrefix. Whoever may do nothing there learns nothing, not even whether there
// is such an owner.
func (s *session) foreign(rest string) (place, error) {
	level, name, ok := strings.Cut(rest, "/")
	if !ok || name == "" {
		return place{}, mailbox.ErrNoMailbox
	}
	who, err := s.ownerAt(level)
	if err != nil {
		return place{}, err
	}
	p := place{account: s.srv.Mail.Account(who.ID), owner: who.Name, prefix: othersPrefix + level + "/"}
	if p.Meaning, err = p.account.Meaning(s.ctx, name); err != nil {
		return place{}, err
	}
	p.rights, err = s.rightsAbove(&p)
	if err == nil && p.rights == mailbox.NoRights {
		err = mailbox.ErrNoMailbox
	}
	return p, err
}

// ownerAt finds the account of a level behind othersPrefix: one of its addresses, or its number.
func (s *session) ownerAt(level string) (who account.Account, err error) {
	if n, numErr := strconv.ParseUint(level, 10, 63); numErr == nil {
		who, err = s.srv.Accounts.Account(s.ctx, mail.AccountID(n))
	} else {
		who, err = s.srv.Accounts.ByName(s.ctx, level)
	}
	var unknown account.ErrUnknown
	var invalid account.ErrInvalid
	if errors.As(err, &unknown) || errors.As(err, &invalid) {
		return who, mailbox.ErrNoMailbox
	}
	return who, err
}

// ownerLevel is the level behind othersPrefix that leads to an account: its name, or its number if that has
// what a level can not.
func ownerLevel(who *account.Account) string {
	if strings.ContainsAny(who.Name, "/*%") {
		return who.ID.String()
	}
	return who.Name
}

// reader is how this session comes to the mailboxes of an owner: "anyone" is everybody of the same domain.
func (s *session) reader(owner string) mailbox.Reader {
	return mailbox.Reader{ID: s.account.ID(), Anyone: domainOf(owner) == domainOf(s.user)}
}

// rightsAbove gives the session's rights with a mailbox or, if that is not there, with the nearest one above it
// that is (RFC 4314 §4, CREATE).
func (s *session) rightsAbove(p *place) (mailbox.Rights, error) {
	for name := p.Name; ; {
		r, err := p.account.Rights(s.ctx, name, s.reader(p.owner))
		if err == nil || !errors.Is(err, mailbox.ErrNoMailbox) {
			return r, err
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return mailbox.NoRights, nil
		}
		name = name[:i]
	}
}

// need refuses what needs rights that the session does not have. Who may not see a mailbox is told that there
// is none (RFC 4314 §6).
func (p *place) need(r mailbox.Rights) error {
	switch {
	case p.rights&r == r:
		return nil
	case !p.Exists || p.rights&mailbox.RightLookup == 0:
		return mailbox.ErrNoMailbox
	}
	return errNoPerm
}

// needAny is need for one of several rights.
func (p *place) needAny(r mailbox.Rights) error {
	if p.rights&r != 0 {
		return nil
	}
	return p.need(r)
}

// mayCreate refuses a mailbox that the one above it does not allow.
func (p *place) mayCreate() error {
	switch {
	case p.rights&mailbox.RightCreate != 0:
		return nil
	case p.rights&mailbox.RightLookup == 0:
		return mailbox.ErrNoMailbox
	}
	return errNoPerm
}

// readable is place for a mailbox whose messages are looked at.
func (s *session) readable(name string) (place, error) {
	p, err := s.place(name)
	if err == nil {
		err = p.need(mailbox.RightRead)
	}
	return p, err
}

// writable is place for a mailbox that messages are put into.
func (s *session) writable(name string) (place, error) {
	p, err := s.place(name)
	if err == nil {
		err = p.need(mailbox.RightInsert)
	}
	return p, err
}

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
	return p.account != nil && p.account.ID() == sel.owner && p.Name == sel.box.Name()
}

// isGone reports that there is no mailbox to read: it is not there, holds only names, or is not for this session.
func isGone(err error) bool {
	return errors.Is(err, mailbox.ErrNoMailbox) || errors.Is(err, mailbox.ErrNoSelect) || errors.Is(err, errNoPerm)
}

package imap

import (
	"errors"
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdCreate is CREATE, RFC 3501 §6.3.3, with USE of RFC 6154 §3. A trailing delimiter only says that names will
// follow below. A usual name of a special-use mailbox is that mailbox: nothing is made, and the client goes on.
func cmdCreate(s *session, c *call) error {
	asked := strings.TrimSuffix(c.Name(), "/")
	var p imap.CreateParams
	if c.TrySP() {
		p = c.CreateParams()
	}
	if err := c.End(); err != nil {
		return err
	}
	use, err := useOf(p)
	if err != nil {
		return err
	}
	at, err := s.place(asked)
	if err != nil {
		return err
	}
	if at.Alias && at.Use != mailbox.UseNone && (!p.Given || use == at.Use) {
		return s.created(c, at, asked)
	}
	if err := at.mayCreate(); err != nil {
		return err
	}
	switch {
	case use != mailbox.UseNone && at.prefix != "":
		return no("USEATTR", "a use is its owner's to give")
	case !p.Given:
		use = s.freeUse(at)
	}
	s.cause(at.shown())
	if _, err := at.account.Create(s.ctx, at.Name, use); err != nil {
		return err
	}
	return s.created(c, at, asked)
}

// useOf gives the use that CREATE asks for. One mailbox has one use, and we know five.
func useOf(p imap.CreateParams) (mailbox.Use, error) {
	if len(p.Use) == 0 {
		return mailbox.UseNone, nil
	}
	for u := mailbox.UseSent; u <= mailbox.UseArchive; u++ {
		if len(p.Use) == 1 && strings.EqualFold(p.Use[0], u.Attr()) {
			return u, nil
		}
	}
	return mailbox.UseNone, no("USEATTR", "a mailbox has one of the uses \\Sent, \\Drafts, \\Trash, \\Junk, \\Archive")
}

// freeUse is the use that a name is usual for, if no mailbox has it: who makes "Gesendet" after "Sent" was
// deleted wants that.
func (s *session) freeUse(at place) mailbox.Use {
	use := mailbox.KnownUse(at.Name)
	if use == mailbox.UseNone || at.prefix != "" {
		return mailbox.UseNone
	}
	all, err := at.account.List(s.ctx)
	if err != nil {
		return mailbox.UseNone
	}
	for _, in := range all {
		if in.Use == use {
			return mailbox.UseNone
		}
	}
	return use
}

// created tells the mailbox's id (RFC 8474 §4.1), and a client of IMAP4rev2 what it is called if not as it asked
// (RFC 9051 §6.3.4).
func (s *session) created(c *call, at place, asked string) error {
	in, err := at.account.Find(s.ctx, at.Name)
	if err != nil {
		return err
	}
	if s.offersMailboxID() {
		c.code = mailboxID(at.account.ID(), in.ID)
	}
	return s.tellName(&at, asked)
}

// tellName tells a client of IMAP4rev2 what the mailbox is called that it named, if not as it did: CREATE, RENAME and
// DELETE take names that are not in the form they are kept in (RFC 9051 §5.1, §6.3.9.7).
func (s *session) tellName(at *place, asked string) error {
	if at.shown() == asked || !s.has(extRev2) {
		return nil
	}
	in, err := at.account.Find(s.ctx, at.Name)
	if errors.Is(err, mailbox.ErrNoMailbox) {
		in, err = mailbox.Info{NonExistent: true}, nil
	}
	if err == nil {
		s.writeListed(attributes(in), at.shown(), oldName(asked, true))
	}
	return err
}

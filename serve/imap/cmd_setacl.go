package imap

import (
	"errors"
	"strings"

	"golang.org/x/text/secure/precis"

	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
)

// cmdSetACL is SETACL, RFC 4314 §3.1.
func cmdSetACL(s *session, c *call) error {
	name := c.Name()
	who := c.SP().AString()
	letters := c.SP().AString()
	if err := c.End(); err != nil {
		return err
	}
	mode := mailbox.Replace
	switch {
	case strings.HasPrefix(letters, "+"):
		mode, letters = mailbox.Add, letters[1:]
	case strings.HasPrefix(letters, "-"):
		mode, letters = mailbox.Remove, letters[1:]
	}
	rights, ok := mailbox.ParseRights(letters)
	if !ok {
		return badf("no such right")
	}
	if rights&mailbox.RightPost != 0 && mode != mailbox.Remove {
		rights &^= mailbox.RightPost
		c.text = "done but for p, as no mailbox has an address of its own"
	}
	return s.grant(name, who, rights, mode)
}

// cmdDeleteACL is DELETEACL, RFC 4314 §3.2.
func cmdDeleteACL(s *session, c *call) error {
	name := c.Name()
	who := c.SP().AString()
	if err := c.End(); err != nil {
		return err
	}
	return s.grant(name, who, mailbox.NoRights, mailbox.Replace)
}

// grant changes what an identifier may do with a mailbox.
func (s *session) grant(name, who string, rights mailbox.Rights, mode mailbox.Mode) error {
	at, err := s.administered(name)
	if err != nil {
		return err
	}
	g, err := s.identifier(who)
	if err != nil {
		return err
	}
	if g.Account == at.account.ID() {
		return no("CANNOT", "the owner of a mailbox always has all rights")
	}
	g.Rights = rights
	return at.account.SetGrant(s.ctx, at.Name, g, mode)
}

// administered is place for a mailbox whose rights are read or changed.
func (s *session) administered(name string) (place, error) {
	p, err := s.place(name)
	if err == nil {
		err = p.need(mailbox.RightAdmin)
	}
	return p, err
}

// anyone is the identifier of everybody (RFC 4314 §2): here, of everybody with an account of the owner's domain.
const anyone = "anyone"

// identifier reads who is meant: an account by any of its addresses, or anyone; with "-" in front, rights are taken away.
func (s *session) identifier(name string) (g mailbox.Grant, err error) {
	name, g.Negative = strings.CutPrefix(name, "-")
	if name == anyone {
		return g, nil
	}
	if p, err := precis.OpaqueString.String(name); err != nil || p == "" { // SASLprep's heir (RFC 8265 §4)
		return g, badf("an identifier can not be empty, nor hold controls")
	}
	who, err := s.srv.Accounts.ByName(s.ctx, name)
	var unknown account.ErrUnknown
	var invalid account.ErrInvalid
	if errors.As(err, &unknown) || errors.As(err, &invalid) {
		return g, no("NONEXISTENT", "there is no such identifier")
	}
	g.Account = who.ID
	return g, err
}

// identifierName is the inverse of identifier; "" for an account that is gone.
func (s *session) identifierName(g mailbox.Grant) (string, error) {
	name := anyone
	if g.Account != 0 {
		var err error
		if name, err = s.accountName(g.Account); name == "" {
			return "", err
		}
	}
	if g.Negative {
		name = "-" + name
	}
	return name, nil
}

// accountName gives an account's login name; "" if it is gone.
func (s *session) accountName(id mail.AccountID) (string, error) {
	who, err := s.srv.Accounts.Account(s.ctx, id)
	var unknown account.ErrUnknown
	if errors.As(err, &unknown) {
		return "", nil
	}
	return who.Name, err
}

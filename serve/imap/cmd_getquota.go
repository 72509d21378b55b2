package imap

import (
	"errors"

	"barid/mail/account"
	"barid/mail/mailbox"
)

// A quota root is an account: all its mailboxes share one quota, and the root is called by its login name.

// cmdGetQuota is GETQUOTA, RFC 9208 §4.1.1.
func cmdGetQuota(s *session, c *call) error {
	root := c.AString()
	if err := c.End(); err != nil {
		return err
	}
	who, err := s.quotaRoot(root)
	if err != nil {
		return err
	}
	return s.tellQuota(root, s.srv.Mail.Account(who.ID), true)
}

// cmdGetQuotaRoot is GETQUOTAROOT, RFC 9208 §4.1.2. The mailbox need not be there.
func cmdGetQuotaRoot(s *session, c *call) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.place(name)
	if err != nil {
		return err
	}
	root := at.owner
	s.out.S("* QUOTAROOT ").Name(name).C(' ').AStr(root).CRLF()
	return s.tellQuota(root, at.account, at.rights&mailbox.RightRead != 0)
}

var errNoRoot = no("NONEXISTENT", "there is no such quota root")

// quotaRoot finds the account that a root is, if the session may know of it: its own, and every one for an administrator.
func (s *session) quotaRoot(root string) (account.Account, error) {
	who, err := s.srv.Accounts.ByName(s.ctx, root)
	var unknown account.ErrUnknown
	var invalid account.ErrInvalid
	switch {
	case errors.As(err, &unknown), errors.As(err, &invalid), err == nil && who.ID != s.account.ID() && !s.admin:
		return who, errNoRoot
	}
	return who, err
}

// quotaUnit is what STORAGE counts in (RFC 9208 §5.1), bytes.
const quotaUnit = 1024

func quotaUnits(bytes int64) uint64 { return uint64((bytes + quotaUnit - 1) / quotaUnit) }

// tellQuota writes the QUOTA response of an account; what has no limit is not told (RFC 9208 §4.2.1). reads: the session may read
// in a mailbox of it, without which it is not told how much somebody else has, but for the number of mailboxes (§6).
func (s *session) tellQuota(root string, a *mailbox.Account, reads bool) error {
	u, err := a.Usage(s.ctx)
	if err != nil {
		return err
	}
	all, err := a.List(s.ctx)
	if err != nil {
		return err
	}
	s.out.S("* QUOTA ").AStr(root).S(" (")
	if reads && u.Quota.Bytes > 0 {
		s.out.S("STORAGE ").N(quotaUnits(u.Bytes)).C(' ').N(quotaUnits(u.Quota.Bytes)).C(' ')
	}
	if reads && u.Quota.Messages > 0 {
		s.out.S("MESSAGE ").N(uint64(u.Messages)).C(' ').N(uint64(u.Quota.Messages)).C(' ')
	}
	s.out.S("MAILBOX ").N(uint64(countMailboxes(all))).C(' ').N(mailbox.MaxMailboxes).S(")\r\n")
	return nil
}

func countMailboxes(all []mailbox.Info) (n int) {
	for _, in := range all {
		if !in.NonExistent {
			n++
		}
	}
	return n
}

package imap

import (
	"math"

	"barid/mail/mailbox"
)

// cmdSetQuota is SETQUOTA, RFC 9208 §4.1.3, for administrators: a resource that is not named has no limit from now on. The
// number of mailboxes is the server's to limit.
func cmdSetQuota(s *session, c *call) error {
	root := c.AString()
	var q mailbox.Quota
	mailboxes, nothing, unknown := false, false, false
	limit := func() uint64 {
		n := c.SP().Number()
		nothing = nothing || n == 0
		return n
	}
	c.SP().List(func() {
		switch c.Word() {
		case "STORAGE":
			q.Bytes = int64(min(limit(), math.MaxInt64/quotaUnit)) * quotaUnit
		case "MESSAGE":
			q.Messages = int64(limit())
		case "MAILBOX":
			mailboxes = true
			limit()
		default:
			unknown = true
			limit()
		}
	})
	if err := c.End(); err != nil {
		return err
	}
	if !s.admin {
		return no("NOPERM", "only administrators set quotas")
	}
	switch {
	case unknown:
		return no("CANNOT", "a quota is of STORAGE or MESSAGE")
	case mailboxes:
		return no("CANNOT", "the number of mailboxes is the server's to limit")
	case nothing:
		return no("CANNOT", "a limit can not be nothing")
	}
	who, err := s.quotaRoot(root)
	if err != nil {
		return err
	}
	who.QuotaBytes, who.QuotaMessages = q.Bytes, q.Messages
	if _, err := s.srv.Accounts.SetAccount(s.ctx, who); err != nil {
		return err
	}
	a := s.srv.Mail.Account(who.ID)
	if err := a.SetQuota(s.ctx, q); err != nil {
		return err
	}
	return s.tellQuota(root, a, true)
}

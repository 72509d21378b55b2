package imap

import "barid/mail/mailbox"

var errReadOnly = no("READ-ONLY", "the mailbox was opened read-only")

// cmdExpunge is EXPUNGE, RFC 3501 §6.4.3, and UID EXPUNGE, RFC 4315 §2.1. execute tells what went, and then
// up to which modseq (RFC 7162 §3.2.7).
func cmdExpunge(s *session, c *call) error {
	var only *mailbox.UIDSet
	if c.uid {
		spans, err := s.readSpans(c)
		if err != nil {
			return err
		}
		set := s.sel.uids(s.limitDeleted(c, spans))
		only = &set
	}
	if err := c.End(); err != nil {
		return err
	}
	if s.sel.readOnly {
		return errReadOnly
	}
	if s.rights()&mailbox.RightExpunge == 0 {
		return errNoPerm
	}
	if only == nil {
		// Only what the client knows of: a message that another session flagged and that came after
		// our view is that session's to expunge.
		all := s.sel.view.UIDs(0, s.sel.view.Len())
		only = &all
	}
	if len(*only) == 0 {
		return nil
	}
	gone, _, err := s.sel.box.Expunge(s.ctx, only)
	c.modseq = len(gone) > 0
	return err
}

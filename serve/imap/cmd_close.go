package imap

import "barid/mail/mailbox"

// cmdClose is CLOSE, RFC 3501 §6.4.2: expunge without telling, then leave. A modseq is not told here (RFC
// 7162 §3.2.8).
func cmdClose(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	if !s.sel.readOnly && s.rights()&mailbox.RightExpunge != 0 && s.sel.box.View().Deleted() > 0 {
		if _, _, err := s.sel.box.Expunge(s.ctx, nil); err != nil {
			return err
		}
	}
	s.deselect()
	return nil
}

package imap

import "barid/mail/mailbox"

// cmdMove is MOVE and UID MOVE, RFC 6851: the new UIDs are told before the EXPUNGEs that execute tells.
func cmdMove(s *session, c *call) error {
	spans, dst, err := s.readCopy(c)
	if err != nil {
		return err
	}
	if s.sel.readOnly {
		return errReadOnly
	}
	if r := s.rights(); r&mailbox.RightDelete == 0 || r&mailbox.RightExpunge == 0 { // RFC 6851 §4.4
		return errNoPerm
	}
	set := s.sel.uids(s.limited(c, spans))
	if len(set) == 0 {
		return nil
	}
	res, err := s.transfer(set, dst, true)
	if err != nil {
		return tryCreate(err)
	}
	if code := copyUID(res, dst); code != "" {
		s.out.S("* OK [").S(code)
		s.note("moved")
	}
	c.modseq = len(res.To) > 0
	return nil
}

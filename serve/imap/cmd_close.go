package imap

// cmdClose is CLOSE, RFC 3501 §6.4.2: expunge without telling, then leave. A modseq is not told here (RFC
// 7162 §3.2.8).
func cmdClose(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	if !s.sel.readOnly && s.sel.box.View().Deleted() > 0 {
		if _, _, err := s.sel.box.Expunge(s.ctx, nil); err != nil {
			return err
		}
	}
	s.deselect()
	return nil
}

package imap

// cmdEnable is ENABLE, RFC 5161: what is not known is passed over.
func cmdEnable(s *session, c *call) error {
	enable := false
	for first := true; first || c.More(); first = false {
		if !first {
			c.SP()
		}
		if c.Word() == "CONDSTORE" {
			enable = true
		}
	}
	if err := c.End(); err != nil {
		return err
	}
	s.out.S("* ENABLED")
	if enable {
		s.out.S(" CONDSTORE")
	}
	s.out.CRLF()
	if enable {
		s.enableCondstore()
	}
	return nil
}

// enableCondstore notes that the client knows RFC 7162: from now on it is told modseqs. The first time
// inside a mailbox it must learn where that stands (§3.1).
func (s *session) enableCondstore() {
	if s.condstore {
		return
	}
	s.condstore = true
	if s.sel != nil {
		s.out.S("* OK [HIGHESTMODSEQ ").N(uint64(highest(s.sel.view))).S("] highest\r\n")
	}
}

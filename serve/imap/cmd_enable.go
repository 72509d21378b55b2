package imap

// cmdEnable is ENABLE, RFC 5161 and RFC 9051 §6.3.1: what is not known is passed over.
func cmdEnable(s *session, c *call) error {
	var rows []*extensionRow
	for first := true; first || c.More(); first = false {
		if !first {
			c.SP()
		}
		if x := s.extension(c.Word()); x != nil {
			rows = append(rows, x)
		}
	}
	if err := c.End(); err != nil {
		return err
	}
	s.out.S("* ENABLED")
	var told extension
	for _, x := range rows {
		if told&x.bit == 0 {
			s.out.C(' ').S(x.name)
		}
		told |= x.bit
	}
	s.out.CRLF()
	for _, x := range rows {
		s.enable(x)
	}
	return nil
}

// enable switches one extension on.
func (s *session) enable(x *extensionRow) {
	if x.on != nil {
		x.on(s)
	}
	s.enabled |= x.bit
}

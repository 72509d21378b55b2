package imap

// cmdStartTLS is STARTTLS, RFC 3501 §6.2.1. Whatever came in the clear behind the command is dropped: it
// may be somebody else's.
func cmdStartTLS(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	if !s.conn.CanStartTLS() {
		return badf("TLS is in use already, or there is none")
	}
	s.tagged(c.tag, okLine("", "begin TLS now"))
	if err := s.out.Flush(); err != nil {
		return err
	}
	if err := s.conn.StartTLS(s.ctx); err != nil {
		s.log.Debug("imap starttls failed", "err", err)
		s.ended = true
		return err
	}
	s.listen(*s.in.Limits())
	return errAnswered
}

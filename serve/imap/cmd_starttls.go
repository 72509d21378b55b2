package imap

import "time"

// cmdStartTLS is STARTTLS, RFC 3501 §6.2.1. Whatever came in the clear behind the command is dropped, and what was
// said by ID and LANGUAGE is forgotten (RFC 5255 §7): it may be somebody else's.
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
	s.until = time.Time{} // the handshake had one of its own
	s.client, s.lang = "", ""
	s.listen(*s.in.Limits())
	s.limit()
	return errAnswered
}

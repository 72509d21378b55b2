package smtp

// quit is QUIT: a transaction that is not complete delivers nothing (RFC 5321 §4.1.1.10).
func (s *session) quit([]byte) error {
	s.clear()
	if err := s.reply(221, "2.0.0", s.srv.set.Hostname+" closing connection"); err != nil {
		return err
	}
	return ended("quit", nil)
}

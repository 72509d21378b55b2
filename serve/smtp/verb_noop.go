package smtp

// noop is NOOP; its argument means nothing (RFC 5321 §4.1.1.9).
func (s *session) noop([]byte) error { return s.reply(250, "2.0.0", "Ok") }

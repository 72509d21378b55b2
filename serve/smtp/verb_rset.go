package smtp

// rset is RSET: the transaction is forgotten, greeting and login stay (RFC 5321 §4.1.1.5).
func (s *session) rset([]byte) error {
	s.clear()
	return s.reply(250, "2.0.0", "Ok")
}

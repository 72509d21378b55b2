package imap

// Capabilities before and after login. Invariant: each works whole.
const (
	capsAlways = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE"
	capsLogin  = " IDLE NAMESPACE CHILDREN SPECIAL-USE UIDPLUS MOVE UNSELECT CONDSTORE"
)

// capabilities are those that hold now.
func (s *session) capabilities() string {
	if s.account != nil {
		return capsAlways + capsLogin
	}
	caps := capsAlways
	if s.conn.CanStartTLS() {
		caps += " STARTTLS"
	}
	if !s.mayLogIn() {
		return caps + " LOGINDISABLED"
	}
	return caps + " AUTH=PLAIN AUTH=LOGIN"
}

// mayLogIn reports whether a password may come over this connection.
func (s *session) mayLogIn() bool {
	_, secure := s.conn.TLS()
	return secure || s.srv.set.PlainLogin
}

// cmdCapability is CAPABILITY, RFC 3501 §6.1.1.
func cmdCapability(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.out.S("* CAPABILITY ").S(s.capabilities()).CRLF()
	return nil
}

package pop3

import "context"

// verbCapa lists what we can (RFC 2449 §5). USER and SASL are there only when a password would be taken, STLS
// only while TLS can begin.
func verbCapa(_ context.Context, s *session, _ []string) error {
	s.ok("capabilities follow")
	s.out.text("TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nUTF8 USER\r\nEXPIRE NEVER\r\n")
	if s.mayLogin() {
		s.out.text("USER\r\nSASL PLAIN\r\n")
	}
	if s.phase == authorization && s.conn.CanStartTLS() {
		s.out.text("STLS\r\n")
	}
	s.out.text("IMPLEMENTATION Barid\r\n.\r\n")
	return nil
}

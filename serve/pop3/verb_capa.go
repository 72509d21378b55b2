package pop3

import (
	"context"
	"strings"
	"time"

	"barid/rfc/sasl"
)

// verbCapa lists what we can (RFC 2449 §5, §6). Nothing that is kept expires by itself, and DELE is the client's own act.
// USER and SASL are there only when a password would be taken, STLS only while TLS can begin.
func verbCapa(_ context.Context, s *session, _ []string) error {
	s.ok("capabilities follow")
	s.out.text("TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nUTF8 USER\r\nEXPIRE NEVER\r\n")
	if s.mayLogin() {
		s.out.text("USER\r\nSASL " + strings.Join(sasl.Mechanisms(), " ") + "\r\n")
	}
	if s.phase == authorization && s.conn.CanStartTLS() {
		s.out.text("STLS\r\n")
	}
	if s.srv.Texts != nil {
		s.out.text("LANG\r\n")
	}
	if d := s.srv.set.LoginDelay; d > 0 {
		s.out.text("LOGIN-DELAY ")
		s.out.number(int64((d + time.Second - 1) / time.Second))
		s.out.text("\r\n")
	}
	s.out.text("IMPLEMENTATION Barid\r\n.\r\n")
	return nil
}

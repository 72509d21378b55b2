package smtp

import (
	"fmt"
)

func checkStartTLS(s *session, _ []byte) error {
	switch {
	case s.client.TLS != "":
		return badSequence("TLS is on already")
	case !s.conn.CanStartTLS():
		return notImplemented()
	}
	return nil
}

// startTLS is STARTTLS (RFC 3207 §4). What came in clear behind the command would be an injection: it is not
// read, and the session ends. Everything the peer said before is forgotten (§4.2).
func (s *session) startTLS([]byte) error {
	if s.r.Buffered() > 0 {
		return ended("starttls-injection", injection())
	}
	if err := s.reply(220, "2.0.0", "ready to start TLS"); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.conn.Interruptible(false)
	if err := s.conn.StartTLS(s.ctx); err != nil {
		return ended(fmt.Sprintf("tls: %v", err), nil)
	}
	s.r.Discard()
	s.clear()
	s.phase, s.ext = start, 0
	s.client.Helo, s.client.ESMTP, s.client.Login, s.client.User = "", false, 0, ""
	s.client.Application, s.client.ApplicationName = 0, ""
	s.describeTLS()
	return nil
}

package pop3

import "context"

// verbStls begins TLS (RFC 2595 §4). What the client sent behind STLS in clear is dropped, and the session is as
// if it had just begun, so that nothing said in clear has any effect.
func verbStls(ctx context.Context, s *session, _ []string) error {
	if _, on := s.conn.TLS(); on {
		return errHasTLS
	}
	if !s.conn.CanStartTLS() {
		return errNoTLS
	}
	s.ok("begin TLS")
	s.in.forget()
	if err := s.out.flush(); err != nil {
		s.trouble(err)
		return errSaid
	}
	if err := s.conn.StartTLS(ctx); err != nil {
		s.over, s.why = true, err
		return errSaid
	}
	s.user, s.lang = "", ""
	return nil
}

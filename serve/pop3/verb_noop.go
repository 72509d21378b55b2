package pop3

import "context"

// verbNoop does nothing (RFC 1939 §5).
func verbNoop(_ context.Context, s *session, _ []string) error {
	s.ok("nothing done")
	return nil
}

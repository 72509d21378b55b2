package pop3

import "context"

// verbUser notes who wants to log in (RFC 1939 §7). The answer is the same for every name: who exists is nobody's
// business.
func verbUser(_ context.Context, s *session, args []string) error {
	if !s.mayLogin() {
		return errNeedsTLS
	}
	s.user = args[0]
	s.ok("send PASS")
	return nil
}

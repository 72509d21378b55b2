package pop3

import "context"

// verbPass tests the password for the name of USER (RFC 1939 §7). Its argument is the rest of the line: passwords
// may hold spaces. A name counts for one try.
func verbPass(ctx context.Context, s *session, args []string) error {
	if !s.mayLogin() {
		return errNeedsTLS
	}
	user := s.user
	s.user = ""
	if user == "" {
		return errNoUser
	}
	return s.login(ctx, user, args[0])
}

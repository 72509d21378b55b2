package pop3

import "context"

// verbDele marks a message deleted; QUIT removes it (RFC 1939 §5).
func verbDele(_ context.Context, s *session, args []string) error {
	if len(args) != 1 {
		return errArguments
	}
	i, err := s.message(args[0])
	if err != nil {
		return err
	}
	s.drop.deleted.set(i)
	s.ok("deleted")
	return nil
}

package pop3

import "context"

// verbRset takes all DELE back (RFC 1939 §5).
func verbRset(_ context.Context, s *session, _ []string) error {
	clear(s.drop.deleted)
	s.out.text("+OK ")
	s.counted(s.drop.n, s.drop.bytes)
	return nil
}

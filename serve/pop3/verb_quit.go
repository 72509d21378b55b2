package pop3

import "context"

// verbQuit ends the session; after login it removes what was deleted, and says so only if all of it is
// (RFC 1939 §4, §6).
func verbQuit(ctx context.Context, s *session, _ []string) error {
	s.over = true
	if s.drop == nil {
		s.ok("bye")
		return nil
	}
	seenErr, err := s.drop.update(ctx)
	s.drop.close() // before the answer: the client may come back at once
	if seenErr != nil {
		s.log.Warn("pop3 fetched messages not marked as seen", "error", seenErr)
	}
	if err != nil {
		s.log.Error("pop3 deleted messages not removed", "error", err)
		return errLeft
	}
	s.srv.Metrics.deleted(s.drop.removed)
	s.ok("bye")
	return nil
}

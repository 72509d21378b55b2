package pop3

import "context"

// verbUtf8 is the client's word that it understands UTF-8 in header sections and texts (RFC 6856 §2.1). It
// changes nothing we send: see the package's promises.
func verbUtf8(_ context.Context, s *session, _ []string) error {
	s.ok("UTF-8 it is")
	return nil
}

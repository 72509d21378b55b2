package pop3

import (
	"context"

	"barid/mail/mailbox"
)

// verbUidl tells unique-ids (RFC 1939 §7): UIDVALIDITY and UID of the message in INBOX, "65f2c01a.0000002b".
// Together they are never given to another message, and a message keeps them as long as it stays in INBOX.
func verbUidl(_ context.Context, s *session, args []string) error {
	validity := s.drop.view.UIDValidity()
	return s.scan(args, func(_ int, e mailbox.Entry) {
		s.out.hex(validity)
		s.out.text(".")
		s.out.hex(uint32(e.UID))
	})
}

package pop3

import (
	"context"

	"barid/rfc/pop3"
)

// verbTop sends the header section of a message and the first lines of its body (RFC 1939 §7). It does not count
// as fetching the message.
func verbTop(ctx context.Context, s *session, args []string) error {
	if len(args) != 2 {
		return errArguments
	}
	i, err := s.message(args[0])
	if err != nil {
		return err
	}
	lines, ok := pop3.Number(args[1])
	if !ok {
		return errArguments
	}
	return s.send(ctx, i, pop3.NewTop(lines))
}

package pop3

import (
	"context"

	"barid/mail/mailbox"
	"barid/rfc/pop3"
)

// verbList tells the sizes of messages in octets as they are sent, stuffed dots not counted (RFC 1939 §5, §11).
func verbList(_ context.Context, s *session, args []string) error {
	return s.scan(args, func(_ int, e mailbox.Entry) { s.out.number(e.Size) })
}

// scan writes a line for the message that was asked for, or for all that are not deleted.
func (s *session) scan(args []string, tell func(i int, e mailbox.Entry)) error {
	if len(args) == 1 {
		i, err := s.message(args[0])
		if err != nil {
			return err
		}
		s.out.text("+OK ")
		s.listing(i, s.drop.at(i), tell)
		return nil
	}
	n, octets := s.drop.left()
	s.out.text("+OK ")
	s.counted(n, octets)
	for i, e := range s.drop.all() {
		if !s.drop.deleted.has(i) {
			s.listing(i, e, tell)
		}
	}
	s.out.text(".\r\n")
	return nil
}

func (s *session) listing(i int, e mailbox.Entry, tell func(int, mailbox.Entry)) {
	s.out.number(int64(i + 1))
	s.out.text(" ")
	tell(i, e)
	s.out.text("\r\n")
}

// message finds the message of an argument.
func (s *session) message(arg string) (int, error) {
	n, ok := pop3.Number(arg)
	switch {
	case !ok:
		return 0, errArguments
	case n < 1 || n > s.drop.n:
		return 0, errNoMessage
	case s.drop.deleted.has(n - 1):
		return 0, errIsDeleted
	}
	return n - 1, nil
}

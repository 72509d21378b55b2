package pop3

import (
	"context"
	"errors"
	"strings"

	"barid/rfc/sasl"
)

// verbAuth is AUTH with SASL, with or without an initial response (RFC 5034 §4). Without a mechanism it lists
// them, as clients older than CAPA expect.
func verbAuth(ctx context.Context, s *session, args []string) error {
	if !s.mayLogin() {
		return errNeedsTLS
	}
	if len(args) == 0 {
		s.ok("mechanisms follow")
		s.out.text(strings.Join(sasl.Mechanisms(), "\r\n") + "\r\n.\r\n")
		return nil
	}
	mech, ok := sasl.New(args[0], func(authzid, user, password string) error {
		if authzid != "" && authzid != user {
			return errIdentity
		}
		return s.login(ctx, user, password)
	})
	if !ok {
		return errMechanism
	}
	s.user = ""
	var response []byte
	if len(args) == 2 {
		var err error
		if response, err = sasl.DecodeInitial([]byte(args[1])); err != nil {
			return err
		}
	}
	return s.exchange(mech, response)
}

// exchange goes to and fro until the mechanism is done.
func (s *session) exchange(mech sasl.Server, response []byte) error {
	for {
		challenge, done, err := mech.Next(response)
		if err != nil || done {
			return err
		}
		s.out.text("+ ")
		s.out.text(string(sasl.Encode(challenge)))
		s.out.text("\r\n")
		line, err := s.in.line()
		s.conn.Interruptible(false)
		if err != nil {
			return s.unreadable(err)
		}
		if response, err = sasl.Decode(line); err != nil {
			return err
		}
	}
}

// unreadable gives the refusal for a response line; a connection that is gone ends the session without one.
func (s *session) unreadable(err error) error {
	switch {
	case errors.Is(err, errLong):
		return errTooLong
	case errors.Is(err, errBare):
		return errLineEnd
	}
	s.trouble(err)
	return errSaid
}

package pop3

import (
	"context"
	"errors"
	"time"

	"barid/mail/account"
	"barid/rfc/status"
)

// mayLogin says whether passwords are taken on this connection (RFC 8314 §4.1).
func (s *session) mayLogin() bool {
	_, secure := s.conn.TLS()
	return secure || s.srv.set.AllowPlain && s.remote.Addr().Unmap().IsLoopback()
}

// login tests a password, takes the maildrop and enters the transaction state.
func (s *session) login(ctx context.Context, user, password string) error {
	a, err := s.srv.Accounts.Authenticate(ctx, account.Attempt{
		User: user, Password: password, Remote: s.remote.Addr(), Protocol: "pop3",
	})
	if err != nil {
		return s.refused(err)
	}
	now := time.Now()
	if !s.srv.mayCome(a.ID, now) {
		s.srv.Metrics.login("too_soon")
		return errTooSoon
	}
	drop, err := s.srv.openMaildrop(ctx, a)
	if err != nil {
		if errors.Is(err, errInUse) {
			s.srv.Metrics.login("in_use")
			s.log.Info("pop3 login while in use", "account", a.ID.String())
		} else {
			s.srv.Metrics.login("failed")
		}
		return err
	}
	s.srv.came(a.ID, now)
	s.acc, s.drop, s.phase = a, drop, transaction
	s.srv.Metrics.login("ok")
	s.log.Info("pop3 login", "account", a.ID.String(), "messages", drop.n)
	s.out.text("+OK ")
	s.counted(drop.n, drop.bytes)
	return nil
}

// refused counts a failed login. The limit is on the connection; account.Directory brakes guessing over many.
func (s *session) refused(err error) error {
	e, ok := status.Of(err)
	if !ok {
		s.srv.Metrics.login("failed")
		return err
	}
	s.srv.Metrics.login("refused")
	s.log.Info("pop3 login refused", "reason", e.Reason)
	if s.failed++; s.failed >= s.srv.set.MaxLogins {
		last := answerTo(err).refusal
		last.text, last.over = s.said(last.text)+"; "+s.said("too many failed logins"), true
		return &last
	}
	return err
}

// counted ends a line with how much there is.
func (s *session) counted(n int, octets int64) {
	s.out.number(int64(n))
	s.out.text(" " + s.said("messages") + " (")
	s.out.number(octets)
	s.out.text(" " + s.said("octets") + ")\r\n")
}

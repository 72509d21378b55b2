package smtp

import (
	"bytes"
	"log/slog"
	"strings"

	"barid/mail"
	"barid/mail/account"
	"barid/rfc/sasl"
	"barid/rfc/status"
)

// sealed tells whether a password may come over this connection: inside TLS, or from loopback where
// Settings.PlainLogin says so.
func (s *session) sealed() bool {
	return s.client.TLS != "" || s.srv.set.PlainLogin && s.client.Remote.Addr().Unmap().IsLoopback()
}

// mayLogin tells whether AUTH is of use now: submission, within TLS, once (RFC 4954 §4, RFC 8314 §3.3).
func (s *session) mayLogin() bool {
	return s.srv.set.Role == mail.RoleSubmission && s.sealed() && s.client.Login == 0
}

func checkAuth(s *session, args []byte) error {
	switch {
	case s.srv.set.Role != mail.RoleSubmission:
		return notImplemented()
	case !s.sealed():
		return loginInClear()
	case s.client.Login != 0:
		return badSequence("logged in already")
	case len(args) == 0:
		return badArgument("give a mechanism")
	}
	return nil
}

// authLogin is AUTH (RFC 4954 §4).
func (s *session) authLogin(args []byte) error {
	name, initial, given := bytes.Cut(args, []byte(" "))
	var who account.Account
	server, ok := sasl.New(string(name), func(authzid, user, password string) (err error) {
		who, err = s.login(authzid, user, password)
		return err
	})
	if !ok {
		return protocol(504, 4, "unknown-mechanism", "mechanism not known")
	}
	var response []byte
	if given {
		var err error
		if response, err = sasl.DecodeInitial(initial); err != nil {
			return s.loginError(err)
		}
	}
	if err := s.exchange(server, response); err != nil {
		return err
	}
	s.client.Login, s.client.User = who.ID, who.LoginName()
	if app := who.Application; app != nil {
		s.client.Application, s.client.ApplicationName = app.ID, app.Name
	}
	s.counts.errors = 0
	s.srv.log.LogAttrs(s.ctx, slog.LevelInfo, "logged in", slog.String("session", s.client.Session),
		slog.String("remote", addrOf(s.client.Remote)), slog.String("user", s.client.User), slog.Uint64("login", uint64(who.ID)))
	return s.reply(235, "2.7.0", "authentication successful")
}

// exchange asks and hears until the mechanism is done.
func (s *session) exchange(server sasl.Server, response []byte) error {
	for {
		challenge, done, err := server.Next(response)
		if err != nil {
			return s.failedLogin(err)
		}
		if done {
			return nil
		}
		if err := s.reply(334, "", string(sasl.Encode(challenge))); err != nil {
			return err
		}
		line, err := s.command()
		if err != nil {
			return err
		}
		if response, err = sasl.Decode(line); err != nil {
			return s.loginError(err)
		}
	}
}

// login tests a password. Acting for somebody else is not possible here.
func (s *session) login(authzid, user, password string) (account.Account, error) {
	if authzid != "" && !strings.EqualFold(authzid, user) {
		return account.Account{}, status.Perm(7, 8, "authentication failed: cannot act for another user").
			WithReply(535).Because("auth-authzid")
	}
	return s.srv.auth.Authenticate(s.ctx, account.Attempt{
		User: user, Password: password, Remote: s.client.Remote.Addr(), Protocol: "smtp",
	})
}

// failedLogin counts, logs and answers a failure. The name is not logged: people type passwords there.
func (s *session) failedLogin(err error) error {
	e := s.loginError(err)
	s.counts.authFailures++
	s.srv.metrics.refusal(e.Reason)
	s.srv.log.LogAttrs(s.ctx, slog.LevelInfo, "login refused", slog.String("session", s.client.Session),
		slog.String("remote", addrOf(s.client.Remote)), slog.Int("code", e.Code()), slog.String("reason", e.Reason))
	if s.counts.authFailures >= s.srv.set.MaxAuthFailures {
		return ended("login-failures", tooManyLogins())
	}
	return e
}

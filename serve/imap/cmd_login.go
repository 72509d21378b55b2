package imap

import (
	"errors"
	"slices"

	"barid/mail/account"
	"barid/rfc/imap"
)

// cmdLogin is LOGIN, RFC 3501 §6.2.3.
func cmdLogin(s *session, c *call) error {
	user := c.AString()
	password := c.SP().AString()
	if err := c.End(); err != nil {
		return err
	}
	if err := s.logIn(user, password); err != nil {
		return err
	}
	c.code = "CAPABILITY " + s.capabilities()
	c.text = "logged in"
	return nil
}

var errPrivacy = no("PRIVACYREQUIRED", "passwords are taken under TLS only")

// logIn checks a password and opens the account.
func (s *session) logIn(user, password string) error {
	if !s.mayLogIn() {
		return errPrivacy
	}
	who, err := s.srv.Accounts.Authenticate(s.ctx,
		account.Attempt{User: user, Password: password, Remote: s.remote.Addr(), Protocol: "imap"})
	if err != nil {
		s.srv.Metrics.login("no")
		s.log.Info("imap login refused", "err", err)
		return err
	}
	s.srv.Metrics.login("ok")
	s.locale = who.Locale
	s.user, s.account = who.Name, s.srv.Mail.Account(who.ID)
	s.admin = who.Application == nil && slices.Contains(s.srv.set.Admins, who.Name)
	_, secure := s.conn.TLS()
	s.log.Info("imap login", "user", who.LoginName(), "tls", secure)
	s.limit()
	return nil
}

// limit sets the limits of the commands that follow. LITERAL- is told to those from whom LITERAL+ is hidden: their
// literals are short unless they wait to be asked (RFC 7888 §5).
func (s *session) limit() {
	l := imap.BeforeLogin()
	if s.account != nil {
		l = imap.AfterLogin(s.srv.set.MaxMessageBytes)
	}
	if shortLiterals(s) {
		l.UnaskedBytes = unaskedBytes
	}
	s.in.SetLimits(l)
}

// unaskedBytes is the size of a literal that may come unasked under LITERAL- (RFC 7888 §5).
const unaskedBytes = 4096

// errAnswered says that the command wrote its tagged response itself.
var errAnswered = errors.New("answered")

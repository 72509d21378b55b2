package remote

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

// login says who we are to a relay (RFC 4954). A refusal defers the mail: it is a matter between the operator
// and the relay, not the sender's.
func (s *session) login(ctx context.Context, l *Login, d time.Duration) *trouble {
	if !s.mayLogin() {
		return s.noLogin("4.7.10", "a login is said over TLS only")
	}
	s.wire.secret = true
	reply, err := s.authenticate(ctx, l, d)
	s.wire.secret = false
	var token *tokenError
	switch {
	case errors.As(err, &token):
		return s.noLogin("4.7.8", "there is no access token for the relay").because(err)
	case err != nil:
		return broken(ctx, spool.StageAuth, s.remote, err)
	case reply.Code == 0:
		return s.noLogin("4.7.8", "the relay offers no way to log in that we know")
	case reply.Code != 235:
		t := refused(spool.StageAuth, s.remote, reply)
		t.kind, t.answer.Enhanced = queue.Deferred, "4"+t.answer.Enhanced[1:]
		return t.orNext()
	}
	return nil
}

// tokenError is a Token that gave none.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// mayLogin tells whether a password would be safe.
func (s *session) mayLogin() bool {
	return s.level >= Encrypted || s.addr.Addr().IsLoopback()
}

func (s *session) noLogin(enhanced, text string) *trouble {
	return ours(queue.Deferred, spool.StageAuth, enhanced, text).from(s.remote).orNext()
}

// authenticate has the exchange of the best mechanism that both sides know. The zero Reply: there is none.
func (s *session) authenticate(ctx context.Context, l *Login, d time.Duration) (smtp.Reply, error) {
	if l.Token != nil {
		return s.bearer(ctx, l, d)
	}
	switch {
	case s.caps.offers("PLAIN"):
		return s.sasl(d, "PLAIN", "\x00"+l.User+"\x00"+l.Password)
	case s.caps.offers("LOGIN"):
		return s.loginLOGIN(l, d)
	}
	return smtp.Reply{}, nil
}

// bearer uses an access token: OAUTHBEARER (RFC 7628), or the older XOAUTH2. After a refused token the server
// tells why in a challenge and wants an answer before it refuses.
func (s *session) bearer(ctx context.Context, l *Login, d time.Duration) (smtp.Reply, error) {
	mechanism, initial := "", ""
	token, err := l.Token(ctx)
	switch {
	case err != nil:
		return smtp.Reply{}, &tokenError{err}
	case s.caps.offers("OAUTHBEARER"):
		mechanism, initial = "OAUTHBEARER", "n,a="+saslName(l.User)+",\x01auth=Bearer "+token+"\x01\x01"
	case s.caps.offers("XOAUTH2"):
		mechanism, initial = "XOAUTH2", "user="+l.User+"\x01auth=Bearer "+token+"\x01\x01"
	default:
		return smtp.Reply{}, nil
	}
	reply, err := s.sasl(d, mechanism, initial)
	if err == nil && reply.Code == 334 {
		reply, err = s.wire.ask(d, "AQ==")
	}
	if err == nil && reply.Code/100 == 5 && l.Refused != nil {
		l.Refused(token)
	}
	return reply, err
}

// sasl sends a mechanism with its initial response, which a server without that ability asks for again.
func (s *session) sasl(d time.Duration, mechanism, initial string) (smtp.Reply, error) {
	word := base64.StdEncoding.EncodeToString([]byte(initial))
	if len(word)+len("AUTH  \r\n")+len(mechanism) <= smtp.MaxCommandLine {
		reply, err := s.wire.ask(d, "AUTH ", mechanism, " ", word)
		if err != nil || reply.Code != 334 || len(reply.Lines) != 1 || reply.Lines[0] != "" {
			return reply, err
		}
		return s.wire.ask(d, word)
	}
	reply, err := s.wire.ask(d, "AUTH ", mechanism)
	if err != nil || reply.Code != 334 {
		return reply, err
	}
	return s.wire.ask(d, word)
}

// loginLOGIN is the old mechanism of two questions.
func (s *session) loginLOGIN(l *Login, d time.Duration) (smtp.Reply, error) {
	reply, err := s.wire.ask(d, "AUTH LOGIN")
	for _, word := range []string{l.User, l.Password} {
		if err != nil || reply.Code != 334 {
			return reply, err
		}
		reply, err = s.wire.ask(d, base64.StdEncoding.EncodeToString([]byte(word)))
	}
	return reply, err
}

// saslName escapes a name for the header of RFC 5801 §4.
func saslName(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch s[i] {
		case ',':
			b = append(b, "=2C"...)
		case '=':
			b = append(b, "=3D"...)
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

package smtp

import (
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

func checkRcpt(s *session, args []byte) error {
	if !hasWord(args, "TO:") {
		return badArgument("say RCPT TO:<address>")
	}
	if s.rcpts >= s.srv.set.MaxRecipients {
		return tooManyRecipients()
	}
	return nil
}

// rcpt is RCPT: one answer for each recipient (RFC 5321 §4.1.1.3).
func (s *session) rcpt(args []byte) error {
	path, _ := smtp.CutPath(string(args), "TO:")
	to, rest, err := addr.ParsePath(path, addr.Options{Postmaster: true, UTF8: s.params.UTF8})
	if err != nil {
		return pathError(err, 3)
	}
	params, err := parameters(rest, s.rcptExt(), smtp.ParseRcptParams)
	if err != nil {
		return err
	}
	if err := s.tx.Rcpt(s.ctx, to, params); err != nil {
		return s.badRcpt(err)
	}
	s.counts.goodRcpts++
	s.rcpts++
	s.phase = ready
	return s.reply(250, "2.1.5", "Ok")
}

// rcptExt are the extensions for RCPT: those of the session, with UTF8 only in a transaction that has it.
func (s *session) rcptExt() smtp.Ext {
	if s.params.UTF8 {
		return s.ext
	}
	return s.ext &^ smtp.ExtUTF8
}

// badRcpt ends sessions that try addresses out: too many were refused, and more than were taken.
func (s *session) badRcpt(err error) error {
	s.counts.badRcpts++
	if s.counts.badRcpts >= s.srv.set.MaxBadRecipients && s.counts.badRcpts > s.counts.goodRcpts {
		return ended("bad-recipients", tooManyBadRecipients())
	}
	return err
}

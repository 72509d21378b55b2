package smtp

import (
	"strconv"

	"barid/mail"
	"barid/rfc/smtp"
)

// maxHelo is the longest name of a peer in octets (RFC 5321 §4.5.3.1.2).
const maxHelo = 255

// checkHelo wants one word of printable ASCII. Names that are no domains are common and are left to policy.
func checkHelo(_ *session, args []byte) error {
	if len(args) == 0 || len(args) > maxHelo {
		return badArgument("give your host name")
	}
	for _, c := range args {
		if c <= ' ' || c > '~' {
			return badArgument("not a host name")
		}
	}
	return nil
}

// helo is HELO: one line, no extensions (RFC 5321 §4.1.1.1).
func (s *session) helo(args []byte) error {
	if err := s.introduce(args, false); err != nil {
		return err
	}
	return s.reply(250, "", s.srv.set.Hostname)
}

// ehlo is EHLO or LHLO: what is in force on this listener, with this TLS, with this login (duty D24).
func (s *session) ehlo(args []byte) error {
	if err := s.introduce(args, true); err != nil {
		return err
	}
	s.out = smtp.AppendReplyLines(s.out, 250, "", s.extensions()...)
	return s.spill()
}

// introduce forgets the transaction and notes who the peer says it is.
func (s *session) introduce(args []byte, esmtp bool) error {
	s.clear()
	s.phase, s.ext = start, 0
	s.client.Helo, s.client.ESMTP = string(args), esmtp
	if err := s.srv.in.Helo(s.ctx, s.client); err != nil {
		s.client.Helo, s.client.ESMTP = "", false
		return err
	}
	s.phase = idle
	if esmtp {
		s.ext = smtp.ExtSize | smtp.Ext8BitMIME | smtp.ExtBinaryMIME | smtp.ExtUTF8 | smtp.ExtDSN
		if s.srv.set.Role == mail.RoleSubmission && s.sealed() {
			s.ext |= smtp.ExtAuth
		}
	}
	return nil
}

// extensions are the lines of the answer to EHLO.
func (s *session) extensions() []string {
	set := &s.srv.set
	lines := make([]string, 0, 16)
	lines = append(lines, set.Hostname, "PIPELINING", "SIZE "+strconv.FormatInt(set.MaxMessage, 10))
	if s.conn.CanStartTLS() {
		lines = append(lines, "STARTTLS")
	}
	if s.mayLogin() {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	return append(lines, "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN",
		"LIMITS RCPTMAX="+strconv.Itoa(set.MaxRecipients)+" MAILMAX="+strconv.Itoa(set.MaxTransactions))
}

package smtp

import (
	"strconv"
	"time"

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
		s.ext = s.offered()
	}
	return nil
}

// offered are the extensions with parameters. Those that make work for a queue are for people who log in and for
// programs of this machine: what strangers bring ends in a mailbox at once, and they are sent no reports that
// others could use to flood somebody. A server that hears of no DSN here tells its sender itself (RFC 3461 §5.2.2).
func (s *session) offered() smtp.Ext {
	ext := smtp.ExtSize | smtp.Ext8BitMIME | smtp.ExtBinaryMIME | smtp.ExtUTF8
	if s.client.TLS != "" {
		ext |= smtp.ExtTLS // RFC 8689 §2: not in clear
	}
	if s.srv.set.Role != mail.RoleSubmission && s.srv.set.Role != mail.RoleLocal {
		return ext
	}
	if s.srv.set.Role == mail.RoleSubmission && s.sealed() {
		ext |= smtp.ExtAuth
	}
	if s.srv.set.Queue {
		ext |= smtp.ExtDSN | smtp.ExtHold | smtp.ExtDeliverBy | smtp.ExtPriority
	}
	return ext
}

// extensions are the lines of the answer to EHLO.
func (s *session) extensions() []string {
	set := &s.srv.set
	lines := make([]string, 0, 20)
	lines = append(lines, set.Hostname, "PIPELINING", "SIZE "+strconv.FormatInt(set.MaxMessage, 10))
	if s.conn.CanStartTLS() {
		lines = append(lines, "STARTTLS")
	}
	if s.mayLogin() {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	lines = append(lines, "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "ENHANCEDSTATUSCODES")
	if s.takesURLs() && s.client.Login != 0 {
		lines = append(lines, "BURL imap imap://"+set.Hostname) // RFC 4468 §3.2: only to who logged in
	}
	for _, e := range s.optional() {
		if s.ext&e.ext != 0 {
			lines = append(lines, e.line)
		}
	}
	return append(lines, "LIMITS RCPTMAX="+strconv.Itoa(set.MaxRecipients)+" MAILMAX="+strconv.Itoa(set.MaxTransactions))
}

// optional are the lines of extensions that are not offered everywhere.
func (s *session) optional() []extension {
	longest := s.srv.set.MaxHold
	until := time.Now().Add(longest).UTC().Format(time.RFC3339)
	return []extension{
		{smtp.ExtDSN, "DSN"},
		{smtp.ExtHold, "FUTURERELEASE " + strconv.FormatInt(int64(longest/time.Second), 10) + " " + until}, // RFC 4865 §3
		{smtp.ExtDeliverBy, "DELIVERBY"},
		{smtp.ExtPriority, "MT-PRIORITY"},
		{smtp.ExtTLS, "REQUIRETLS"},
	}
}

// extension is a line of the answer to EHLO and the parameters it brings.
type extension struct {
	ext  smtp.Ext
	line string
}

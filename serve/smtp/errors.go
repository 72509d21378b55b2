package smtp

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"barid/rfc/addr"
	"barid/rfc/sasl"
	"barid/rfc/smtp"
	"barid/rfc/status"
	"barid/serve/listen"
)

// ours begins the reason ids of refusals that the session itself makes: they count as errors of the peer.
const ours = "smtp-"

// protocol makes a permanent refusal of ours for the form or order of a command (RFC 3463 §3.6).
func protocol(code int, detail uint16, reason, text string) *status.Error {
	return status.Perm(5, detail, text).WithReply(code).Because(ours + reason)
}

// What peers do wrong, with the answer of RFC 5321 §4.2.4 and RFC 3463 §3.6.
func unknownCommand() *status.Error {
	return protocol(500, 2, "unknown-command", "command not recognized")
}

func emptyCommand() *status.Error { return protocol(500, 2, "unknown-command", "empty command line") }
func lineTooLong() *status.Error  { return protocol(500, 2, "line-too-long", "line too long") }
func notImplemented() *status.Error {
	return protocol(502, 1, "not-implemented", "command not implemented")
}
func noArguments() *status.Error { return protocol(501, 4, "bad-argument", "no argument allowed") }
func badArgument(text string) *status.Error {
	return protocol(501, 4, "bad-argument", text)
}

func badSequence(text string) *status.Error {
	return protocol(503, 1, "bad-sequence", "bad sequence of commands: "+text)
}

func noValidRecipients() *status.Error {
	return protocol(554, 1, "no-recipients", "no valid recipients")
}

func binaryByDATA() *status.Error {
	return protocol(503, 1, "binary-by-data", "BODY=BINARYMIME needs BDAT") // RFC 3030 §3
}

func urlUnknown() *status.Error {
	return status.Perm(6, 6, "URL names nothing that you may send").WithReply(554).Because(ours + "url-unknown") // RFC 4468 §3.4
}

func tooManyChunks() *status.Error {
	return protocol(554, 0, "too-many-chunks", "too many small chunks")
}

// What is refused for the sake of safety.
func needTLS() *status.Error {
	return status.Perm(7, 0, "must issue a STARTTLS command first").WithReply(530).Because(ours + "needs-tls") // RFC 3207 §4
}

func needLogin() *status.Error {
	return status.Perm(7, 0, "authentication required").WithReply(530).Because(ours + "needs-login") // RFC 4954 §6
}

func loginInClear() *status.Error {
	return status.Perm(7, 11, "encryption required for login").WithReply(538).Because(ours + "login-in-clear") // RFC 4954 §6
}

func injection() *status.Error {
	return status.Perm(5, 1, "nothing may follow STARTTLS before TLS").WithReply(503).Because(ours + "starttls-injection")
}

func earlyTalker() *status.Error {
	return status.Perm(5, 1, "wait for the greeting").WithReply(554).Because(ours + "early-talker")
}

func lmtpStranger() *status.Error {
	return status.Perm(7, 1, "LMTP is not for you here").WithReply(554).Because(ours + "lmtp-stranger")
}

// What is refused for its size or number.
func messageTooBig() *status.Error {
	return status.Perm(3, 4, "message is too big").Because(ours + "message-too-big") // RFC 1870 §6
}

func tooManyRecipients() *status.Error {
	return status.Temp(5, 3, "too many recipients, send the rest in another transaction").Because(ours + "too-many-recipients")
}

// The last words of a session, all 421 (RFC 5321 §3.8).
func closing(subject, detail uint16, reason, text string) *status.Error {
	return status.Temp(subject, detail, text).WithReply(421).Because(ours + reason)
}

func stopping() *status.Error {
	return closing(3, 2, "stopping", "service is shutting down, try again later")
}
func timedOut() *status.Error { return closing(4, 2, "timeout", "timeout, closing connection") }
func sessionTooLong() *status.Error {
	return closing(4, 2, "session-timeout", "session too long, reconnect")
}
func tooManyErrors() *status.Error   { return closing(7, 0, "too-many-errors", "too many errors") }
func tooManyCommands() *status.Error { return closing(7, 0, "idle-commands", "too many commands") }
func tooManyTransactions() *status.Error {
	return closing(5, 3, "too-many-transactions", "too many transactions, reconnect")
}

func tooManyBadRecipients() *status.Error {
	return closing(7, 0, "bad-recipients", "too many unknown recipients")
}

func tooManyLogins() *status.Error { return closing(7, 0, "login-failures", "too many failed logins") }

// lineError answers a line that is not one.
func lineError(err error) *status.Error {
	switch {
	case errors.Is(err, smtp.ErrTooLong), errors.Is(err, smtp.ErrEndless):
		return lineTooLong()
	case errors.Is(err, smtp.ErrNUL):
		return protocol(500, 2, "nul", "NUL in command line")
	}
	return protocol(500, 2, "bare-newline", "lines end with CRLF and hold no bare CR or LF")
}

// bodyError answers a message that can not be taken for its form: RFC 5321 §2.3.8, RFC 6532 §3.
func bodyError(err error) *status.Error {
	var text, reason string
	switch {
	case errors.Is(err, smtp.ErrTooBig):
		return messageTooBig().Wrap(err)
	case errors.Is(err, smtp.ErrBareCR):
		text, reason = "bare CR in message", "bare-cr"
	case errors.Is(err, smtp.ErrBareLF):
		text, reason = "bare LF in message", "bare-lf"
	case errors.Is(err, smtp.ErrNUL):
		text, reason = "NUL in message", "message-nul"
	default:
		return status.Temp(4, 2, "connection lost").WithReply(421).Because(ours + "message-cut-off").Wrap(err)
	}
	return status.Perm(6, 11, text).WithReply(550).Because(ours + reason).Wrap(err)
}

// pathError answers a path that can not be read; detail is 7 for the reverse-path, 3 for a forward-path
// (RFC 3463 §3.2), and 5.6.7 where SMTPUTF8 is missing (RFC 6531 §3.5).
func pathError(err error, detail uint16) *status.Error {
	text := "bad address"
	var e *addr.Error
	if errors.As(err, &e) {
		text = e.Why.String()
		if e.Why == addr.NeedUTF8 {
			return status.Perm(6, 7, text).WithReply(553).Because(ours + "needs-utf8")
		}
	}
	return status.Perm(1, detail, text).WithReply(501).Because(ours + "bad-address")
}

// paramError answers a parameter: 555 for one that we do not know (RFC 5321 §4.1.1.11).
func paramError(err error) *status.Error {
	var e *smtp.SyntaxError
	if !errors.As(err, &e) {
		return badArgument("bad parameter")
	}
	if e.Unknown {
		return protocol(555, 4, "unknown-parameter", "parameter "+e.What+" not recognized or not implemented")
	}
	return badArgument(e.Error())
}

// loginError answers a login that failed: what the client did wrong is 501 (RFC 4954 §4), what is ours 454.
func (s *session) loginError(err error) *status.Error {
	switch {
	case errors.Is(err, sasl.ErrCancelled):
		return status.Perm(7, 0, "authentication cancelled").WithReply(501).Because(ours + "login-cancelled")
	case errors.Is(err, sasl.ErrTooLong):
		return protocol(500, 6, "login-too-long", "authentication exchange line is too long")
	case errors.Is(err, sasl.ErrEncoding), errors.Is(err, sasl.ErrSyntax), errors.Is(err, sasl.ErrDone):
		return protocol(501, 2, "login-encoding", "malformed authentication response")
	}
	if e, ok := status.Of(err); ok {
		return e
	}
	return status.Temp(7, 0, "temporary authentication failure (id "+s.client.Session+")").
		WithReply(454).Because("internal").Wrap(err)
}

// bannerError answers a connection that policy refuses: only 554 and 421 may stand in place of the banner
// (RFC 5321 §3.1, §4.3.2).
func (s *session) bannerError(err error) *status.Error {
	e := *s.answer(err)
	e.Reply = 554
	if e.Class == status.Transient {
		e.Reply = 421
	}
	return &e
}

// answer makes a status of any error: one without is internal and temporary, and its id is in the log.
func (s *session) answer(err error) *status.Error {
	if e, ok := status.Of(err); ok {
		return e
	}
	where := s.client.Session
	if s.tx != nil {
		where = s.tx.ID()
	}
	return status.Temp(3, 0, "local error, try again later (id "+where+")").Because("internal").Wrap(err)
}

// enhanced is "5.1.1", without fmt.
func enhanced(e *status.Error) string {
	b := make([]byte, 0, 12)
	b = strconv.AppendUint(b, uint64(e.Class), 10)
	b = strconv.AppendUint(append(b, '.'), uint64(e.Subject), 10)
	b = strconv.AppendUint(append(b, '.'), uint64(e.Detail), 10)
	return string(b)
}

// write queues the reply that e stands for, with the id of its reason at the end: "550 5.1.1 no such mailbox here
// [rcpt-unknown]". barid explain knows it in three languages.
func (s *session) write(e *status.Error) error {
	text := e.Public
	if id := reasonID(e); id != "" {
		text += " [" + id + "]"
	}
	return s.reply(e.Code(), enhanced(e), text)
}

// reasonID is the reason as a stranger may know it. Why a login failed is nobody's business: a wrong password, an
// account that is off and one that does not exist are refused alike.
func reasonID(e *status.Error) string {
	if strings.HasPrefix(e.Reason, "auth-") || e.Reason == "internal" { // the text of the latter has an id that says more
		return ""
	}
	return strings.TrimPrefix(e.Reason, ours)
}

// settle answers what a command ended with; only an end of the session is given on.
func (s *session) settle(err error) error {
	var end *endError
	var unwritten *lostError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &end):
		return end
	case errors.As(err, &unwritten):
		return lost(err)
	case err == errBrokenOff:
		return err
	}
	e := s.answer(err)
	s.note(e)
	if e.Class == status.Permanent && strings.HasPrefix(e.Reason, ours) {
		if s.counts.errors++; s.counts.errors >= s.srv.set.MaxErrors {
			return ended("too-many-errors", tooManyErrors())
		}
	}
	return s.write(e)
}

// note logs and counts a refusal of ours, or an internal error; intake has done so for its own.
func (s *session) note(e *status.Error) {
	internal := e.Reason == "internal"
	if !internal && !strings.HasPrefix(e.Reason, ours) {
		return
	}
	level := slog.LevelInfo
	if internal {
		level = slog.LevelError
	}
	s.srv.metrics.refusal(e.Reason)
	attrs := []slog.Attr{
		slog.String("session", s.client.Session), slog.String("role", s.client.Role.String()),
		slog.String("remote", addrOf(s.client.Remote)), slog.Int("code", e.Code()),
		slog.String("enhanced", enhanced(e)), slog.String("reason", e.Reason),
	}
	if s.tx != nil {
		attrs = append(attrs, slog.String("id", s.tx.ID()))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.Any("error", e.Cause))
	}
	s.srv.log.LogAttrs(s.ctx, level, "command refused", attrs...)
}

// endError ends the session: with last words, or without for a peer that is gone.
type endError struct {
	why  string
	last *status.Error
}

func (e *endError) Error() string { return "session ended: " + e.why }

func ended(why string, last *status.Error) error { return &endError{why, last} }

// lost makes an end of an error of the connection; it always gives an *endError.
func lost(err error) error {
	var end *endError
	var unwritten *lostError
	switch {
	case errors.As(err, &end):
		return end
	case errors.As(err, &unwritten):
		return ended("write-failed", nil)
	case errors.Is(err, listen.ErrStopping):
		return ended("stopping", stopping())
	case errors.Is(err, listen.ErrWrongProtocol):
		return ended("wrong-protocol", nil)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ended("timeout", timedOut())
	case errors.Is(err, io.EOF):
		return ended("disconnect", nil)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ended("cut-off", nil)
	}
	return ended("connection", nil)
}

// last says the last words and closes, so that the peer can read them.
func (s *session) last(err error) {
	var end *endError
	if !errors.As(lost(err), &end) {
		return
	}
	s.why = end.why
	if end.last != nil {
		s.note(end.last)
		if s.write(end.last) != nil {
			return
		}
	}
	if s.flush() == nil && (end.last != nil || s.r.Buffered() > 0) {
		s.conn.Linger()
	}
}

func isStatus(err error) bool {
	_, ok := status.Of(err)
	return ok
}

package pop3

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"barid/mail/account"
	"barid/rfc/pop3"
	"barid/serve/listen"
)

// session is one connection.
type session struct {
	srv     *Server
	conn    Conn
	remote  netip.AddrPort
	id      string
	log     *slog.Logger
	in      reader
	out     writer
	started time.Time

	phase  phase
	user   string // of USER
	lang   string // of LANG; "" is English
	acc    account.Account
	drop   *maildrop // set in the transaction state
	junk   int
	failed int   // logins
	over   bool  // the session ends
	why    error // how it ended, if not by QUIT
	counts []count
}

// count is how often a verb was answered +OK and -ERR.
type count struct{ good, bad int }

func newSession(srv *Server, c Conn, remote netip.AddrPort) *session {
	s := &session{
		srv: srv, conn: c, remote: remote, id: srv.IDs.New(), phase: authorization, started: time.Now(),
		counts: make([]count, len(srv.verbs)),
	}
	s.log = srv.Log.With("session", s.id, "protocol", "pop3", "remote", remote.Addr().String())
	s.in.src, s.in.before = c, s.wait
	s.out = writer{conn: c, limit: srv.set.WriteTime, pool: &srv.buffers}
	return s
}

// run serves the connection to its end.
func (s *session) run(ctx context.Context) {
	s.srv.Metrics.opened(1)
	defer s.end()
	s.ok(s.srv.set.Host + " POP3 server ready")
	for !s.over {
		line, err := s.in.line()
		s.conn.Interruptible(false)
		if err != nil {
			s.trouble(err)
			continue
		}
		s.command(ctx, line)
	}
	_ = s.out.flush() // the peer may be gone
}

// wait sends what was gathered, then sets the time limit for the next line: all commands of one pipelined group
// are answered together.
func (s *session) wait() error {
	if err := s.out.flush(); err != nil {
		return err
	}
	until := time.Now().Add(s.srv.set.IdleTime)
	if s.phase == authorization {
		until = s.started.Add(s.srv.set.LoginTime)
	}
	s.conn.Interruptible(true)
	return s.conn.SetReadDeadline(until)
}

// trouble deals with a line that could not be read. Nothing is said when the time is over (RFC 1939 §3).
func (s *session) trouble(err error) {
	switch {
	case errors.Is(err, errLong):
		s.fail(errTooLong)
	case errors.Is(err, errBare):
		s.fail(errLineEnd)
	case errors.Is(err, errFlood):
		s.fail(errFlooded)
	case errors.Is(err, listen.ErrStopping):
		s.fail(errStopping)
	default:
		s.over, s.why = true, err
	}
}

// command does one command and answers it.
func (s *session) command(ctx context.Context, line []byte) {
	c, err := pop3.Parse(string(line))
	if err != nil {
		s.fail(err)
		return
	}
	i := s.srv.find(c.Verb)
	if i < 0 {
		s.fail(errUnknown)
		return
	}
	v := &s.srv.verbs[i]
	if len(line) > pop3.MaxLine-2 && v.name != "AUTH" {
		s.counts[i].bad++
		s.fail(errTooLong)
		return
	}
	args, err := v.check(s.phase, c)
	if err == nil {
		err = v.proceed(ctx, s, args)
	}
	if err != nil {
		s.counts[i].bad++
		s.fail(err)
		return
	}
	s.counts[i].good++
}

// ok answers +OK.
func (s *session) ok(text string) {
	s.out.text("+OK ")
	s.out.text(s.said(text))
	s.out.text("\r\n")
}

// errSaid is a failure that has been dealt with already.
var errSaid = errors.New("said")

// errBroken ends a session in the middle of a response: no answer can be given any more.
var errBroken = errors.New("the response was broken off")

// fail answers -ERR.
func (s *session) fail(err error) {
	switch {
	case errors.Is(err, errSaid):
		return
	case errors.Is(err, errBroken):
		s.over, s.why = true, err
		if s.out.err == nil { // not because the client went away
			s.log.Error("pop3 response broken off", "error", err)
		}
		return
	}
	a := answerTo(err)
	a.text = s.said(a.text)
	if a.internal {
		s.log.Error("pop3 command failed", "error", err)
		a.text += " (" + s.id + ")"
	}
	if a.junk {
		s.junk++
	}
	if s.junk > s.srv.set.MaxJunk {
		a.text, a.over = a.text+"; "+s.said("too many bad commands"), true
	}
	if a.over {
		s.over, s.why = true, err
	}
	s.out.text("-ERR ")
	s.out.text(a.code)
	s.out.text(a.text)
	s.out.text("\r\n")
}

// end gives everything back, whatever happened. What was marked deleted without QUIT stays (RFC 1939 §6).
func (s *session) end() {
	fetched, deleted := s.leave()
	if s.why != nil && !errors.Is(s.why, io.EOF) {
		s.conn.Linger()
	}
	s.srv.Metrics.closed(s)
	reason := "quit"
	if s.why != nil {
		reason = s.why.Error()
	}
	s.log.Info("pop3 session ended", "account", s.acc.ID.String(), "fetched", fetched, "deleted", deleted,
		"sent", s.out.sent, "seconds", time.Since(s.started).Seconds(), "reason", reason)
}

// leave gives the maildrop back, if there is one.
func (s *session) leave() (fetched, deleted int) {
	if s.drop == nil {
		return 0, 0
	}
	s.drop.close()
	return s.drop.fetched.len(), s.drop.removed
}

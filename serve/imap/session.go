package imap

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/deflate"
	"barid/rfc/imap"
)

// state is where a session stands (RFC 3501 §3), as a bit so that a command can name several.
type state uint8

const (
	notAuthenticated state = 1 << iota
	authenticated
	inMailbox

	loggedIn = authenticated | inMailbox
	anyState = notAuthenticated | loggedIn
)

// Sizes of a session's read buffer.
const (
	readBytes = 2 << 10
	wideBytes = 64 << 10 // while messages come
)

// session is one connection. Its methods run on the goroutine that has the turn, see wait.go.
type session struct {
	srv     *Server
	ctx     context.Context
	conn    Conn
	remote  netip.AddrPort
	id      string
	log     *slog.Logger
	in      *imap.Reader
	out     *imap.Writer
	started time.Time
	since   time.Time // when the last command was done, or the one being read began
	until   time.Time // the deadline for reading

	turn      sync.Mutex
	attentive atomic.Bool // the session waits, and the client listens
	rung      atomic.Bool // something happened that was not looked at

	user    string
	client  string           // its name in ID (RFC 2971), "" if it did not say
	account *mailbox.Account // nil before login
	unpack  *inflater        // what the client says passes it; nil: COMPRESS is off
	admin   bool             // the login is one of Settings.Admins
	sel     *selected        // nil outside of a mailbox
	enabled extension        // what the client switched on
	locale  string           // language of the account's owner, for the order of texts
	lang    string           // of LANGUAGE; "" is English
	order   comparator       // how texts are compared
	job     job              // the command being done
	idling  string           // tag of the IDLE that waits for DONE, "" outside of it

	notifying *imap.Notify // what NOTIFY asked for; nil: it never came
	notify    *notifier    // nil: nothing outside of the selected mailbox is told

	bad      int  // junk so far, see Settings.MaxBad
	commands int  // done so far
	ended    bool // BYE was said, or the connection is lost
	lingers  bool // the client may be in the middle of something long
}

// greet begins the session.
func (s *session) greet() {
	s.srv.Metrics.opened(1)
	s.id = s.srv.IDs.New()
	s.log = s.srv.Log.With("session", s.id, "remote", s.remote.Addr())
	s.out = imap.NewWriter(deadlineWriter{s.conn, s.srv.set.WriteTime}, s.srv.buffers)
	s.listen(imap.BeforeLogin())
	s.out.S("* OK [CAPABILITY ").S(s.capabilities()).S("] ").S(s.srv.set.Host).S(" ready\r\n")
	s.work()
}

// listen reads commands from the connection, from its next byte on.
func (s *session) listen(l imap.Limits) {
	s.in = imap.NewReader(s.srv.readers.get(s.conn), l, s.goAhead)
	s.in.Knows = s.srv.knows
}

// deadlineWriter gives each write to a slow reader a time limit.
type deadlineWriter struct {
	net.Conn
	limit time.Duration
}

func (w deadlineWriter) Write(p []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(w.limit)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// goAhead answers a synchronising literal.
func (s *session) goAhead() error {
	s.allowMore()
	s.out.S("+ go ahead\r\n")
	return s.out.Flush()
}

// state is where the session stands.
func (s *session) state() state {
	switch {
	case s.sel != nil:
		return inMailbox
	case s.account != nil:
		return authenticated
	}
	return notAuthenticated
}

// obey takes one command, or the line that ends IDLE, and does it.
func (s *session) obey() {
	if !s.in.Whole() {
		s.allow(s.deadline())
	}
	if s.idling != "" {
		s.endIdle()
		return
	}
	cmd, err := s.in.Next()
	s.conn.Interruptible(false)
	if err != nil {
		s.readError(err)
		return
	}
	s.execute(cmd)
}

// finish lets go of everything, the turn too, and writes the session's line in the log.
func (s *session) finish() {
	defer s.turn.Unlock()
	s.deselect()
	s.unwatch()
	s.srv.Metrics.opened(-1)
	s.srv.Metrics.sent(s.out.Sent())
	s.log.Debug("imap session ended", "user", s.user, "commands", s.commands, "bytes_out", s.out.Sent(),
		"seconds", time.Since(s.started).Seconds())
}

// readError answers what went wrong while a command was read.
func (s *session) readError(err error) {
	var tooBig *imap.TooBigError
	var syntax *imap.SyntaxError
	var fatal *imap.FatalError
	var damaged *deflate.CorruptError
	switch {
	case errors.As(err, &syntax):
		s.junk(syntax.Tag, syntax.Code, syntax.Why)
	case errors.As(err, &tooBig):
		s.tagged(tooBig.Tag, s.inWords(refusal{code: "TOOBIG", text: "message is over the size limit"}, nil).line())
		if !tooBig.Skipped {
			s.lingers = true
			s.byeFor("TOOBIG", "message is over the size limit")
		}
	case errors.As(err, &fatal):
		s.lingers = true
		s.junk(fatal.Tag, fatal.Code, fatal.Why)
		s.byeFor(fatal.Code, fatal.Why)
	case errors.Is(err, errBomb):
		s.lingers = true
		s.bye("compressed data hold too much")
	case errors.As(err, &damaged):
		s.lingers = true
		s.bye("compressed data are damaged")
	case s.conn.IsStopping():
		s.bye("server is going down, try again later")
	case isTimeout(err):
		s.bye("autologout, idle for too long")
	default:
		s.lost(err)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// connectionError ends a session in the middle of a command, with a goodbye if one can still be heard.
func (s *session) connectionError(err error) {
	var broken brokenLiteral
	if errors.As(err, &broken) {
		s.log.Error("imap response broken off", "user", s.user, "err", err)
		s.ended = true
		return
	}
	s.readError(err)
}

// lost ends a session whose connection is gone.
func (s *session) lost(err error) {
	s.ended = true
	if !errors.Is(err, io.EOF) {
		s.log.Debug("imap connection lost", "err", err)
	}
}

// bye says goodbye and ends the session.
func (s *session) bye(why string) { s.byeFor("", why) }

// byeFor is bye with a response code, "" for none.
func (s *session) byeFor(code, why string) {
	if s.ended {
		return
	}
	s.out.S("* BYE ")
	if code != "" {
		s.out.C('[').S(code).S("] ")
	}
	s.out.S(s.said(why)).CRLF()
	s.ended = true
}

// junk answers a command that can not be understood; too many end the session.
func (s *session) junk(tag, code, why string) {
	s.srv.Metrics.done("junk", "bad", 0)
	if tag == "" {
		tag = "*"
	}
	s.tagged(tag, s.inWords(refusal{bad: true, code: code, text: why}, &imap.SyntaxError{Why: why}).line())
	s.countBad()
}

func (s *session) countBad() {
	if s.bad++; s.bad >= s.srv.set.MaxBad {
		s.bye("too many bad commands")
	}
}

// tagged ends a command.
func (s *session) tagged(tag, line string) { s.out.S(tag).C(' ').S(line).CRLF() }

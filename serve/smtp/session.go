package smtp

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"barid/mail"
	"barid/rfc/smtp"
	"barid/rfc/status"
	"barid/serve/listen"

	basetls "barid/base/tls"
)

// A session is one connection from the banner to its end. It is for one goroutine.
type session struct {
	srv    *Server
	ctx    context.Context
	conn   *listen.Conn
	client *mail.Client // one for the whole session: intake remembers things by it
	r      *smtp.Reader
	big    *buffer // while a message comes in; nil: the small buffer is in use
	small  []byte
	out    []byte // replies that were not sent yet

	phase   phase
	tx      Tx
	ext     smtp.Ext // extensions whose parameters are known: none after HELO
	params  smtp.MailParams
	rcpts   int      // recipients taken in this transaction
	chunked *chunked // the message that comes in by BDAT
	pending []byte   // a command that broke one off and is to be done next

	timing timing
	counts counts
	why    string // reason of the end, for the log
}

// counts are what limits are about.
type counts struct {
	transactions int // MAIL taken
	messages     int // taken
	errors       int // since the last message
	idle         int // commands without use since the last message
	goodRcpts    int
	badRcpts     int
	authFailures int
}

func newSession(ctx context.Context, srv *Server, c *listen.Conn) *session {
	s := &session{
		srv: srv, ctx: ctx, conn: c, phase: start, small: make([]byte, commandBuffer),
		client: &mail.Client{
			Session: srv.ids.New(), Role: srv.set.Role, Remote: c.Remote, Local: c.Local, Started: time.Now(),
		},
	}
	if who, ok := c.Conn.(interface{ LocalUser() string }); ok {
		s.client.User = who.LocalUser()
	}
	s.r = smtp.NewReader(s, s.small)
	s.describeTLS()
	return s
}

func (s *session) describeTLS() {
	if state, ok := s.conn.TLS(); ok {
		s.client.TLS = basetls.Describe(state)
	}
}

// run is the life of the session.
func (s *session) run(now time.Time) {
	s.timing.started = now
	s.srv.metrics.session(s.srv.set.Role)
	defer s.finish()
	err := s.greet()
	for err == nil {
		err = s.next()
	}
	s.last(err)
}

// finish runs even if something panicked: the transaction is aborted and the end is logged.
func (s *session) finish() {
	s.clear()
	s.shrink()
	s.srv.log.LogAttrs(s.ctx, slog.LevelInfo, "session ended",
		slog.String("session", s.client.Session), slog.String("role", s.client.Role.String()),
		slog.Any("remote", addrOf(s.client.Remote)), slog.String("helo", s.client.Helo), slog.String("tls", s.client.TLS),
		slog.Uint64("login", uint64(s.client.Login)), slog.String("end", s.why),
		slog.Int("transactions", s.counts.transactions), slog.Int("messages", s.counts.messages),
		slog.Int("bad_rcpts", s.counts.badRcpts), slog.Duration("duration", time.Since(s.timing.started)))
}

func addrOf(ap netip.AddrPort) string {
	if !ap.IsValid() {
		return ""
	}
	return ap.String()
}

// next reads one command and does it.
func (s *session) next() error {
	if s.pending != nil {
		line := s.pending
		s.pending = nil
		return s.settle(s.do(line))
	}
	if err := s.mayGoOn(); err != nil {
		return err
	}
	line, err := s.command()
	if err != nil {
		return s.settle(err)
	}
	return s.settle(s.do(line))
}

// mayGoOn ends a session between two commands.
func (s *session) mayGoOn() error {
	switch {
	case s.conn.IsStopping():
		return ended("stopping", stopping())
	case time.Since(s.timing.started) > s.srv.set.SessionTimeout:
		return ended("session-timeout", sessionTooLong())
	}
	return nil
}

// do is one command: known, short enough, legal now, checked, done.
func (s *session) do(line []byte) error {
	cmd := smtp.ParseCommand(line)
	v := s.srv.verbs[string(cmd.Verb())]
	if v == nil {
		return s.unknown(line)
	}
	s.srv.metrics.command(v.name)
	if len(line)+len("\r\n") > s.srv.set.MaxLine && v.flags&longLine == 0 {
		return lineTooLong()
	}
	if v.proceed == nil {
		return notImplemented()
	}
	if err := s.legal(v, cmd.Args); err != nil {
		return err
	}
	if v.check != nil {
		if err := v.check(s, cmd.Args); err != nil {
			return err
		}
	}
	if s.chunked != nil && v.flags&endsChunks != 0 {
		s.pending = append([]byte(nil), line...)
		return errBrokenOff
	}
	return v.proceed(s, cmd.Args)
}

// legal tells whether v may come now.
func (s *session) legal(v *verb, args []byte) error {
	submission := s.srv.set.Role == mail.RoleSubmission
	switch {
	case v.flags&countsAsIdle != 0 && s.idled() > s.srv.set.MaxIdleCommands:
		return ended("idle-commands", tooManyCommands())
	case s.phase&v.legal == 0:
		return s.outOfOrder(v)
	case v.flags&noArgs != 0 && len(args) > 0:
		return noArguments()
	case submission && v.flags&wantsTLS != 0 && !s.sealed():
		return needTLS()
	case submission && v.flags&wantsLogin != 0 && s.client.Login == 0:
		return needLogin()
	}
	return nil
}

// idled counts one more command without use.
func (s *session) idled() int {
	s.counts.idle++
	return s.counts.idle
}

// unknown is a verb that nobody knows.
func (s *session) unknown(line []byte) error {
	s.srv.metrics.command("other")
	if len(bytes.TrimRight(line, " \t")) == 0 {
		return emptyCommand()
	}
	return unknownCommand()
}

// outOfOrder names what should have come first.
func (s *session) outOfOrder(v *verb) *status.Error {
	switch {
	case s.phase == start:
		return badSequence("say " + s.greeting() + " first")
	case s.phase == chunks:
		return badSequence("a message is coming in by BDAT")
	case v.name == "MAIL":
		return badSequence("MAIL was given already")
	case v.name == "DATA" && s.phase == mailed && s.srv.set.Role != mail.RoleLMTP:
		return noValidRecipients()
	case v.name == "RCPT" || v.name == "DATA" && s.phase == idle:
		return badSequence("MAIL comes first")
	case v.name == "DATA":
		return badSequence("no valid recipients")
	}
	return badSequence("not within a mail transaction")
}

// greeting is the verb that begins a session of our role.
func (s *session) greeting() string {
	if s.srv.set.Role == mail.RoleLMTP {
		return "LHLO"
	}
	return "EHLO"
}

// clear ends the transaction. It is the only function that does.
func (s *session) clear() {
	if s.tx != nil {
		s.tx.Abort()
	}
	s.tx, s.params, s.rcpts, s.chunked = nil, smtp.MailParams{}, 0, nil
	if s.phase != start {
		s.phase = idle
	}
}

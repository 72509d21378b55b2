// Package smtp is the server's side of SMTP and LMTP: it turns what peers say into calls of flow/intake, and
// what comes back into replies.
//
// Life: a listen.Server hands each connection over; a session lives until QUIT, a limit or a lost connection;
// every MAIL begins a transaction of flow/intake, which alone decides what is taken.
//
// Promises:
//   - Invariant: 250 after the end of data is sent only if intake said so and the whole message was read:
//     CRLF.CRLF of DATA or the last chunk of BDAT. A connection that ends earlier delivers nothing.
//   - Invariant: one function, session.clear, ends a transaction; it runs after every end of data whatever the
//     answer, after EHLO, HELO, LHLO, RSET and STARTTLS, and when the session ends.
//   - Octets of a message are never taken for commands: what is refused is read to its real end first, or the
//     connection is closed.
//   - Nothing that came in clear survives STARTTLS; no login is offered or taken in clear.
//   - Replies go out when the input is drained, so a pipelined group is answered in one segment (RFC 2920).
//
// Limits: Settings, each with a name and a unit. Failure: errors.go is the only place where codes are written;
// a plain error of what is behind us is 451 4.3.0 with an id that the log repeats.
// Standards: RFC 5321, RFC 6409 (submission), RFC 2033 (LMTP), RFC 1870, RFC 2034, RFC 2852, RFC 2920, RFC 3030,
// RFC 3207, RFC 3461, RFC 4468 (BURL), RFC 4865, RFC 4954, RFC 6152, RFC 6531, RFC 6710, RFC 8314, RFC 8689, RFC 9422.
package smtp

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"barid/base/id"
	"barid/flow/intake"
	"barid/mail"
	"barid/mail/account"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/serve/listen"
)

// An Intake takes the transactions of sessions. Use makes one of an *intake.Intake.
type Intake interface {
	Connect(ctx context.Context, c *mail.Client) error
	Helo(ctx context.Context, c *mail.Client) error
	Begin(ctx context.Context, c *mail.Client, from addr.Path, p smtp.MailParams) (Tx, error)
}

// A Tx is one transaction. *intake.Tx is one.
type Tx interface {
	ID() string
	Priority() int8 // that the message has: not always what MAIL asked for
	Rcpt(ctx context.Context, to addr.Path, p smtp.RcptParams) error
	Data(ctx context.Context, body io.Reader) (intake.Receipt, error)
	Abort()
}

// An Authenticator tells whose password it is. *account.Directory is one.
type Authenticator interface {
	Authenticate(ctx context.Context, a account.Attempt) (account.Account, error)
}

// Use makes in the Intake that a Server wants.
func Use(in *intake.Intake) Intake { return adapter{in} }

type adapter struct{ *intake.Intake }

// Begin gives the transaction as a Tx, and a nil one with an error.
func (a adapter) Begin(ctx context.Context, c *mail.Client, from addr.Path, p smtp.MailParams) (Tx, error) {
	tx, err := a.Intake.Begin(ctx, c, from, p)
	if err != nil {
		return nil, err
	}
	return tx, nil
}

// Deps are what NewServer needs. Auth is needed for submission only; Log and Metrics may be nil.
type Deps struct {
	Settings Settings
	Intake   Intake
	Auth     Authenticator
	URLs     URLs // for BURL; nil: it is not done
	IDs      *id.Source
	Log      *slog.Logger
	Metrics  *Metrics
}

// A Server serves the sessions of one role. It is a listen.Handler; one Server may have many listeners.
type Server struct {
	set     Settings
	in      Intake
	auth    Authenticator
	urls    URLs
	ids     *id.Source
	log     *slog.Logger
	metrics *Metrics
	verbs   map[string]*verb
	buffers sync.Pool // *buffer: for messages, while they come in
}

// buffer is what a message is read through. Sessions that wait for a command have a small one instead.
type buffer [32 << 10]byte

// commandBuffer is the size of the small buffer in octets: a pipelined group of usual length.
const commandBuffer = 4 << 10

// NewServer makes a server.
func NewServer(d Deps) *Server {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		set: d.Settings.WithDefaults(), in: d.Intake, auth: d.Auth, urls: d.URLs, ids: d.IDs, log: d.Log, metrics: d.Metrics,
		verbs:   verbsOf(d.Settings.Role, d.URLs != nil),
		buffers: sync.Pool{New: func() any { return new(buffer) }},
	}
}

// Refusal is what a listener says to a connection past its limits (listen.Config.Refusal).
func (s *Server) Refusal() []byte {
	return smtp.AppendReply(nil, 421, "4.7.0", s.set.Hostname+" too many connections, try again later")
}

// Serve runs one session.
func (s *Server) Serve(ctx context.Context, c *listen.Conn) {
	newSession(ctx, s, c).run(time.Now())
}

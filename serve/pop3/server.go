// Package pop3 is the POP3 front end: it shows the INBOX of an account to one client at a time and lets it fetch
// and delete messages.
//
// What: server.go serves a connection, session.go reads commands, verb.go is the table of them, each verb has its
// file verb_<name>.go, maildrop.go is the INBOX as it was at login, update.go does what QUIT promises, errors.go
// is the only place that writes -ERR.
//
// Life: serve/listen hands over a connection; a session ends with QUIT, with the connection, or politely when
// the server stops. Messages are read and removed here through mail/mailbox; none come in.
//
// Promises:
//   - Invariant: nothing is removed before QUIT, and QUIT answers +OK only when all that was to be removed is.
//     A connection that ends otherwise changes nothing.
//   - Invariant: an account has one session at a time; message numbers, sizes and unique-ids do not change
//     during it, and a unique-id (UIDVALIDITY and UID) is never given to another message.
//   - No password is taken in clear, except from loopback where Settings.AllowPlain says so.
//   - Messages are sent octet for octet as they are stored, by pieces. Also messages with UTF-8 in their header
//     section go to clients that did not say UTF8. RFC 6856 §2.1 would have them refused or rewritten: that hides
//     mail from, or destroys addresses for, every client that never heard of UTF8 and shows it rightly all the
//     same (docs/adr/0013-pop3-sends-messages-as-they-are.md).
//   - What a client sends in clear behind STLS is dropped.
//
// What DELE means is the account's choice (account.Account.POP3Delete): the message is removed, or moved to
// Trash, or hidden from POP3 by the keyword HiddenKeyword and otherwise kept. Messages that were fetched and stay
// are marked \Seen at QUIT.
//
// Limits: Settings names them; a command line has 255 octets, an AUTH line 4,094.
// Failure: an error of the store is -ERR [SYS/TEMP] with the id that the log repeats; a damaged message is
// -ERR [SYS/PERM], the others can be fetched. If it strikes in the middle of a message the connection ends, because
// only so a client learns that it does not have the whole.
//
// Standards: RFC 1939 (without APOP, which needs passwords in clear), RFC 2449, RFC 2595, RFC 3206, RFC 5034,
// RFC 6856, RFC 8314.
package pop3

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"barid/base/id"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/serve/listen"
)

// HiddenKeyword marks messages of INBOX that a POP3 client deleted under the policy account.POP3Keep.
const HiddenKeyword = "$POP3Deleted"

// Settings bound and shape sessions. DefaultSettings are right for a server on the internet.
type Settings struct {
	Host       string        // name in the greeting
	AllowPlain bool          // take passwords without TLS from loopback: for development
	LoginTime  time.Duration // from connection to login, in all
	IdleTime   time.Duration // without a command after login; RFC 1939 §3: at least 10 minutes
	WriteTime  time.Duration // for 64 KiB to a client that reads slowly
	LockTime   time.Duration // to wait for another session of the account to end
	LoginDelay time.Duration // between two logins of an account (RFC 2449 §6.5); 0: none, and none is announced
	MaxJunk    int           // commands that are unknown, wrong or out of place, until the connection ends
	MaxLogins  int           // failed logins of one connection
}

// DefaultSettings are the settings for host.
func DefaultSettings(host string) Settings {
	return Settings{
		Host: host, LoginTime: 3 * time.Minute, IdleTime: 10 * time.Minute, WriteTime: 2 * time.Minute,
		LockTime: time.Second,
		MaxJunk:  20, MaxLogins: 5,
	}
}

// Accounts says who may log in; a *account.Directory. A refusal is a *status.Error.
type Accounts interface {
	Authenticate(ctx context.Context, a account.Attempt) (account.Account, error)
}

// Deps is what the front end stands on.
type Deps struct {
	Mail     *mailbox.Store
	Accounts Accounts
	IDs      *id.Source
	Log      *slog.Logger
	Metrics  *Metrics // may be nil
	Texts    Texts    // nil: only English, and no LANG
}

// Texts gives what is said to a client in another language, by the English words; *locales.Texts is one.
type Texts interface {
	Text(lang, english string) (string, bool)
}

// Conn is what a session needs of a *listen.Conn.
type Conn interface {
	net.Conn
	TLS() (tls.ConnectionState, bool)
	CanStartTLS() bool
	StartTLS(context.Context) error
	Interruptible(on bool) // whether a stop of the server ends a Read
	IsStopping() bool
	Linger()
}

var _ Conn = (*listen.Conn)(nil)

// Server serves POP3 connections. It is safe for all goroutines. Listeners that serve the same accounts must
// share one Server: it holds the maildrop locks.
type Server struct {
	Deps
	set     Settings
	verbs   []verb
	buffers sync.Pool // of *[bufferBytes]byte

	mu     sync.Mutex
	locked map[mail.AccountID]chan struct{} // closed when the lock is given back
	logins map[mail.AccountID]time.Time     // when the last ones were, with Settings.LoginDelay
}

// New makes a server.
func New(d Deps, s Settings) *Server {
	srv := &Server{Deps: d, set: s, verbs: verbTable(), locked: make(map[mail.AccountID]chan struct{}), logins: make(map[mail.AccountID]time.Time)}
	srv.buffers.New = func() any { return new([bufferBytes]byte) }
	return srv
}

// Serve serves one connection until it ends: Server is a listen.Handler.
func (srv *Server) Serve(ctx context.Context, c *listen.Conn) { srv.ServeConn(ctx, c, c.Remote) }

// ServeConn serves a connection whose peer is remote.
func (srv *Server) ServeConn(ctx context.Context, c Conn, remote netip.AddrPort) {
	newSession(srv, c, remote).run(ctx)
}

// lock takes the maildrop of an account (RFC 1939 §4). It waits a little for a session that has it: a client that
// lost its connection comes back at once. ok is false if that session goes on.
func (srv *Server) lock(ctx context.Context, a mail.AccountID) (unlock func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, srv.set.LockTime)
	defer cancel()
	for {
		unlock, held := srv.tryLock(a)
		if held == nil {
			return unlock, true
		}
		select {
		case <-held:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// tryLock gives held, which is closed when the session that has the lock gives it back.
func (srv *Server) tryLock(a mail.AccountID) (unlock func(), held <-chan struct{}) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if c := srv.locked[a]; c != nil {
		return nil, c
	}
	mine := make(chan struct{})
	srv.locked[a] = mine
	return func() {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		delete(srv.locked, a)
		close(mine)
	}, nil
}

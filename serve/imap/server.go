// Package imap is the IMAP front end: it turns commands into calls of mail/mailbox and mail/account, and
// what they answer into responses.
//
// What: server.go serves a connection, wait.go waits for commands and news, session.go reads commands, command.go does one, each command has its
// file cmd_<name>.go, view.go tells a client what changed in its mailbox, errors.go is the only place that
// turns an error into NO or BAD with a code. Commands, capabilities and what ENABLE knows are tables, a slice
// for each family of extensions: commands_<family>.go and capability_<family>.go.
//
// Pipelining: commands of one session are done one after another, in their order, and their answers leave in
// one write when no further command has come. STOREs that came together are one commit (together.go); RFC 9051 §5.5
// would allow more at once, which brings nothing here: reading waits for memory and the page cache only, and
// sessions run side by side (docs/adr/0012). What the section forbids is kept: EXPUNGE is not told while a
// command with sequence numbers runs or has come.
//
// Names of mailboxes are resolved in place.go, and only there: to their owner, and to what the session may do.
//
// Life: serve/listen hands over a connection; a session ends with LOGOUT, with the connection, or
// politely when the server stops. Messages are read here, and appended; delivery does not pass here.
//
// Promises:
//   - Invariant: what a client is told of its mailbox is a sequence of durable states; sequence numbers
//     change only where RFC 3501 §7.4.1 allows it.
//   - Invariant: nothing is announced as a capability that does not work whole.
//   - A client that never says ENABLE gets the answers of RFC 3501.
//   - The index narrows a search and messages confirm it: with and without one the answers are the same.
//   - Message bodies are streamed, never whole in memory; a session that waits holds no buffer and
//     one goroutine with a small stack.
//
// Limits: Settings and rfc/imap's Limits name them all.
// Failure: an error of the store is a tagged NO [UNAVAILABLE]; the session and all others go on. If it
// strikes in the middle of a literal the connection ends, because nothing else is true any more.
//
// Standards: RFC 3501, RFC 9051, RFC 2971, RFC 2177, RFC 2342, RFC 3348, RFC 3691, RFC 4315, RFC 4959,
// RFC 5161, RFC 5530, RFC 6154, RFC 6851, RFC 7162, RFC 7888; of searching RFC 4731, RFC 5032, RFC 5051,
// RFC 5182, RFC 5255, RFC 5256, RFC 5267, RFC 5957, RFC 6203, RFC 7377, RFC 9394, RFC 9585, RFC 9586, RFC 9738;
// of messages RFC 3502, RFC 3516, RFC 4467, RFC 4469, RFC 4978, RFC 7889, RFC 8437, RFC 8474, RFC 8508, RFC 8514,
// RFC 8970, RFC 9755; of mailboxes
// RFC 4314, RFC 5258, RFC 5464, RFC 5465, RFC 5819, RFC 8438, RFC 8440, RFC 8474, RFC 9208, RFC 9590.
package imap

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"barid/base/id"
	"barid/base/kv"
	"barid/base/text"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/rfc/imap"
	"barid/serve/listen"
)

// Settings bound and shape sessions. DefaultSettings are right for a server on the internet.
type Settings struct {
	Host            string        // name in the greeting
	Version         string        // told in ID after login
	MaxMessageBytes int64         // of one APPEND
	LoginTime       time.Duration // from connection to login, in all
	IdleTime        time.Duration // without a command; RFC 3501 §5.4: at least 30 minutes
	AwakeTime       time.Duration // a silent session keeps its large stack and its buffer, so that a dialog does not pay for them
	WriteTime       time.Duration // one write to a client that does not read
	MaxBad          int           // commands that can not be understood, and failed logins
	MaxNeedles      int           // texts to look for in one SEARCH
	PlainLogin      bool          // take passwords without TLS: for loopback and development only
	SortBytes       int64         // memory for what SORT and THREAD order by, of all mailboxes
	Admins          []string      // login names that may set quotas (RFC 9208 §4.1.3)
	// CommandMessages is how many messages one command may work on (RFC 9738, MESSAGELIMIT), SavedMessages how many one
	// COPY or APPEND may bring (SAVELIMIT); 0: any number.
	CommandMessages, SavedMessages int
	Hidden                         []Hide // capabilities that some clients or accounts are not told of
}

// DefaultSettings are the settings for host.
func DefaultSettings(host string) Settings {
	return Settings{
		Host:            host,
		MaxMessageBytes: 50 << 20,
		LoginTime:       time.Minute,
		IdleTime:        31 * time.Minute,
		AwakeTime:       250 * time.Millisecond,
		WriteTime:       2 * time.Minute,
		MaxBad:          20,
		MaxNeedles:      128,
		SortBytes:       64 << 20,
	}
}

// Conn is what a session needs of a *listen.Conn.
type Conn interface {
	net.Conn
	TLS() (tls.ConnectionState, bool)
	CanStartTLS() bool
	StartTLS(context.Context) error
	Interruptible(on bool) // whether a stop of the server ends a Read
	CanAwait() bool
	Await() error // waits as Read does and takes nothing
	IsStopping() bool
	Linger()
}

var _ Conn = (*listen.Conn)(nil)

// Accounts says who may log in and who there is; a *account.Directory. A refused login is a *status.Error.
type Accounts interface {
	Authenticate(ctx context.Context, a account.Attempt) (account.Account, error)
	Account(ctx context.Context, id mail.AccountID) (account.Account, error)
	ByName(ctx context.Context, address string) (account.Account, error)
	SetAccount(ctx context.Context, a account.Account) (account.Account, error)
}

// Deps is what the front end stands on.
type Deps struct {
	Mail     *mailbox.Store
	Blobs    kv.Blobs
	Accounts Accounts
	IDs      *id.Source
	Log      *slog.Logger
	Index    *search.Index // of texts; nil: every message is looked at
	Texts    Texts         // nil: only English, and no LANGUAGE
	Metrics  *Metrics      // may be nil

	Now func() time.Time // by which OLDER and YOUNGER search and notices of progress are told; nil: time.Now
}

// Server serves IMAP connections. It is safe for all goroutines.
type Server struct {
	Deps
	set          Settings
	commands     map[string]*command
	capabilities []capability
	extensions   []extensionRow
	statusItems  []statusItem
	buffers      *buffers
	readers      readers
	wide         readers
	keyrings     *keyrings
	previews     *previews
	collation    text.Collation
}

// New makes a server.
func New(d Deps, s Settings) *Server {
	if d.Now == nil {
		d.Now = time.Now
	}
	srv := &Server{
		Deps: d, set: s, commands: commandTable(), capabilities: capabilityTable(), extensions: extensionTable(),
		statusItems: statusItems(),
		readers:     readers{size: readBytes}, wide: readers{size: wideBytes},
		buffers: newBuffers(), keyrings: newKeyrings(s.SortBytes), previews: newPreviews(),
	}
	srv.warnOfHidden()
	return srv
}

// Serve serves one connection until it ends: Server is a listen.Handler.
func (srv *Server) Serve(ctx context.Context, c *listen.Conn) {
	newSession(ctx, srv, c, c.Remote).live()
}

// ServeConn serves a connection whose peer is remote.
func (srv *Server) ServeConn(ctx context.Context, c Conn, remote netip.AddrPort) {
	newSession(ctx, srv, c, remote).live()
}

// newSession makes a session that greet completes.
func newSession(ctx context.Context, srv *Server, c Conn, remote netip.AddrPort) *session {
	return &session{srv: srv, ctx: ctx, conn: c, remote: remote, started: time.Now()}
}

// writeBytes is the size of a buffer for responses: what one write to the network carries.
const writeBytes = 64 << 10

// buffers lends write buffers to sessions that have something to say.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	b := &buffers{}
	b.pool.New = func() any { s := make([]byte, 0, writeBytes); return &s }
	return b
}

// Get lends a buffer.
func (b *buffers) Get() []byte { return (*b.pool.Get().(*[]byte))[:0] }

// Put takes a buffer back; one that was grown is left to the collector.
func (b *buffers) Put(s []byte) {
	if cap(s) == writeBytes {
		b.pool.Put(&s)
	}
}

var _ imap.Pool = (*buffers)(nil)

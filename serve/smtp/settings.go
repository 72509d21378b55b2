package smtp

import (
	"net/netip"
	"time"

	"barid/flow/intake"
	"barid/mail"
	"barid/rfc/smtp"
)

// Settings are the name, role and limits of a server. The zero value of a limit has the default; a limit that
// intake also has (message, recipients) should be given the same value there.
type Settings struct {
	Role     mail.Role
	Hostname string // in the banner and after EHLO
	HelpURL  string // shown by HELP; "" none

	PlainLogin bool // take passwords without TLS from loopback: for development

	// Queue tells that there is one behind us: mail is carried on, held for later and reported on. Without it what
	// needs it is not offered (DSN, FUTURERELEASE, DELIVERBY, MT-PRIORITY; duty D24).
	Queue    bool
	MaxHold  time.Duration  // how long a message may be held, announced by FUTURERELEASE; 0: 366 days
	Networks []netip.Prefix // LMTP: who may speak it; nil: loopback. Peers without an address (unix sockets) always may

	MaxMessage       int64 // octets of a message, announced by SIZE; 0: 25 MiB
	MaxRecipients    int   // recipients of a transaction, announced by LIMITS RCPTMAX; 0: 100 (RFC 5321 §4.5.3.1.8)
	MaxTransactions  int   // transactions of a session, announced by LIMITS MAILMAX; 0: 10,000
	MaxLine          int   // octets of a command line with CRLF; 0: 2048. AUTH may have 12,288 (RFC 4954 §4)
	MaxErrors        int   // commands refused for their form or order since the last message taken; 0: 20
	MaxIdleCommands  int   // NOOP, RSET, HELP, VRFY, EHLO, refused MAIL... since the last message taken; 0: 100
	MaxBadRecipients int   // recipients refused in a session, if more than were taken; 0: 20
	MaxAuthFailures  int   // failed logins of a session; 0: 3
	MaxChunks        int   // BDAT chunks of a message, apart from one for each KiB; 0: 1000
	MaxDrain         int64 // octets of a refused message that are read in search of its end; 0: twice MaxMessage

	CommandTimeout time.Duration // for a command line, from the reply before it; 0: 5 min (RFC 5321 §4.5.3.2.7)
	DataTimeout    time.Duration // for the next octets of a message; 0: 5 min
	MessageTimeout time.Duration // for a whole message; 0: 1 h
	SessionTimeout time.Duration // after which no command is taken; 0: 6 h
	WriteTimeout   time.Duration // for a peer to take our replies; 0: 1 min
	EarlyWait      time.Duration // wait before the banner, in which a peer that talks is refused; 0: no wait
}

// The defaults of Settings.
const (
	DefaultMaxMessage       = intake.DefaultMaxMessage
	DefaultMaxRecipients    = intake.DefaultMaxRecipients
	DefaultMaxTransactions  = 10_000
	DefaultMaxLine          = smtp.MaxMailLine
	DefaultMaxErrors        = 20
	DefaultMaxIdleCommands  = 100
	DefaultMaxBadRecipients = 20
	DefaultMaxAuthFailures  = 3
	DefaultMaxChunks        = 1000
	DefaultMaxHold          = intake.DefaultMaxHold
	DefaultCommandTimeout   = 5 * time.Minute
	DefaultDataTimeout      = 5 * time.Minute
	DefaultMessageTimeout   = time.Hour
	DefaultSessionTimeout   = 6 * time.Hour
	DefaultWriteTimeout     = time.Minute
)

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	def(&s.Hostname, "localhost")
	def(&s.MaxMessage, DefaultMaxMessage)
	def(&s.MaxRecipients, DefaultMaxRecipients)
	def(&s.MaxTransactions, DefaultMaxTransactions)
	def(&s.MaxLine, DefaultMaxLine)
	def(&s.MaxErrors, DefaultMaxErrors)
	def(&s.MaxIdleCommands, DefaultMaxIdleCommands)
	def(&s.MaxBadRecipients, DefaultMaxBadRecipients)
	def(&s.MaxAuthFailures, DefaultMaxAuthFailures)
	def(&s.MaxChunks, DefaultMaxChunks)
	def(&s.MaxHold, DefaultMaxHold)
	def(&s.MaxDrain, 2*s.MaxMessage)
	def(&s.CommandTimeout, DefaultCommandTimeout)
	def(&s.DataTimeout, DefaultDataTimeout)
	def(&s.MessageTimeout, DefaultMessageTimeout)
	def(&s.SessionTimeout, DefaultSessionTimeout)
	def(&s.WriteTimeout, DefaultWriteTimeout)
	return s
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

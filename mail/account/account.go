// Package account knows who owns mail: hosted domains, accounts, addresses, aliases, passwords, and what each may
// send.
//
// Life: flow/route asks it where a recipient leads, flow/policy whether a login may use a sender address,
// every front end whether a password is right, the commands of cmd change it. It keeps everything in the
// one directory partition (tables 1 to 5 of mail/tables.go).
//
// Promises:
//   - Invariant: an account id is never used again.
//   - Invariant: an address leads to one account or one alias, never to both; every address of a hosted
//     domain that an account lists has its row, and no other row leads to that account.
//   - Invariant: postmaster of a hosted domain is always taken, if there is any account at all.
//   - An unknown user, a wrong password and a disabled account are refused alike: same text, same work.
//   - At most Brake.PerAddress wrong passwords a minute are tried for one remote address.
//   - Secrets of application passwords are not kept: only a keyed hash of them.
//
// Limits: MaxAddresses, MaxMembers, MaxDepth, MaxExpansion, MaxPassword, MaxApplications, Options.HashSlots, Brake.
// Failure: ErrExists, ErrUnknown, ErrInvalid, ErrInUse for an administrator; *status.Error for a peer;
// anything else comes from the store and is temporary.
// Standards: RFC 5321 §4.5.1 (postmaster), RFC 5233 (sub-addresses), RFC 6531, RFC 8265 (names and
// passwords), RFC 9106 (Argon2), RFC 4954 §6.
package account

import (
	"log/slog"
	"net/netip"
	"time"

	"barid/mail"
	"barid/rfc/addr"
)

// The limits of what one record may hold.
const (
	MaxAddresses = 1000 // addresses of one account
	MaxMembers   = 1000 // members of one alias
	MaxDepth     = 10   // aliases within aliases
	MaxExpansion = 5000 // destinations of one address
	MaxPassword  = 1024 // octets of a password, normalised
	MaxUser      = 512  // octets of a name at login
	MaxDisplay   = 256  // octets of a display name
)

// Domain is a hosted domain.
type Domain struct {
	Name string `json:"name"` // A-labels, lower case
	// CatchAll is the address that takes mail for unknown users, or "".
	CatchAll string `json:"catch_all,omitempty"`
	// Separator divides user and detail (RFC 5233). "" is taken as "+" when the domain is written;
	// NoSeparator means there are no sub-addresses.
	Separator string `json:"separator"`
	// Postmaster is the account or alias that takes mail for postmaster, if that is no address of its
	// own. Left empty it becomes the domain's first account.
	Postmaster string `json:"postmaster,omitempty"`
	// Limits are for all accounts of the domain together, EachAccount for each that does not say otherwise.
	Limits      Limits    `json:"limits,omitzero"`
	EachAccount Limits    `json:"each_account,omitzero"`
	VERP        *bool     `json:"verp,omitempty"` // for each account that does not say otherwise; nil: no
	Created     time.Time `json:"created"`
}

// The values of Domain.Separator that are not the separator itself.
const (
	DefaultSeparator = "+"
	NoSeparator      = "none"
)

// Unicode gives the domain's name with U-labels.
func (d Domain) Unicode() string { return addr.UnicodeDomain(d.Name) }

// What POP3 does when a client deletes a message (duty D88).
const (
	POP3Remove = "delete" // RFC 1939: the message is gone after QUIT
	POP3Trash  = "trash"  // it is moved to Trash
	POP3Keep   = "keep"   // it is hidden from POP3, and stays where it is
)

// Account is somebody who logs in and has mailboxes.
type Account struct {
	ID   mail.AccountID `json:"id"`
	Name string         `json:"name"` // the login: the primary address, as addr.Mailbox.Key gives it
	// Display is the owner's name, Locale the language they are spoken to in (BCP 47: "fa").
	Display string `json:"display,omitempty"`
	Locale  string `json:"locale,omitempty"`
	// Addresses are all addresses that lead here, Name first.
	Addresses     []string `json:"addresses"`
	QuotaBytes    int64    `json:"quota_bytes,omitempty"`    // 0: no limit
	QuotaMessages int64    `json:"quota_messages,omitempty"` // 0: no limit
	// Disabled accounts can not log in. Their mail is still taken and kept.
	Disabled   bool      `json:"disabled,omitempty"`
	POP3Delete string    `json:"pop3_delete"`     // POP3Remove unless set
	Limits     Limits    `json:"limits,omitzero"` // what it may send; what is not said is as its domain says
	VERP       *bool     `json:"verp,omitempty"`  // reverse-paths that name the recipient; nil: as its domain says
	Created    time.Time `json:"created"`

	// Application is the application password that logged in. Authenticate alone sets it; nil: the account's own.
	Application *Application `json:"-"`
}

// Alias is an address that leads to others.
type Alias struct {
	Address string    `json:"address"` // as addr.Mailbox.Key gives it
	Members []string  `json:"members"` // addresses of ours or of others
	Created time.Time `json:"created"`
}

// Kind tells what an address is to us.
type Kind uint8

// The kinds of targets.
const (
	Unknown   Kind = iota // the domain is ours, the address is nobody's
	NotHosted             // the domain is not ours
	ToAccount             // one account
	ToAlias               // the members of an alias, expanded
)

// Via tells by which rule an address leads where it does.
type Via uint8

// The rules, in the order in which they are tried.
const (
	Direct       Via = iota // the address itself, or its user part before a separator
	ByPostmaster            // RFC 5321 §4.5.1, Domain.Postmaster
	ByFallback              // postmaster of a domain that names none: the first account of all
	ByCatchAll              // Domain.CatchAll
)

// Target is where an address leads. Its slices are shared: do not change them.
type Target struct {
	Kind     Kind
	Via      Via
	Accounts []mail.AccountID // each once
	Forward  []addr.Mailbox   // foreign members of an alias, each once
	Detail   string           // what stood behind the separator: "news" of info+news@
	Domain   string           // the hosted domain, "" if NotHosted
}

// Attempt is one try to log in.
type Attempt struct {
	User     string // "info@example.org", or "info@example.org/shop" with the name of an application password
	Password string
	Remote   netip.Addr // whose guesses are counted; the zero value counts as one address
	Protocol string     // "smtp", "imap", "pop3" ... for log and metrics
}

// Options are the settings of a Directory. The zero value is good.
type Options struct {
	Now     func() time.Time // time.Now
	Log     *slog.Logger     // discards
	Metrics *Metrics         // none

	// DefaultDomain completes a login without '@', and takes mail for a bare postmaster. "" means the
	// first hosted domain for postmaster, and no completion.
	DefaultDomain string
	// Hash is the cost of new password hashes; older ones are renewed at login. DefaultHash if zero.
	Hash HashCost
	// HashSlots is how many hashes are computed at once (19 MiB each); HashQueue how many may wait.
	HashSlots int // GOMAXPROCS
	HashQueue int // 1024
	Brake     Brake
}

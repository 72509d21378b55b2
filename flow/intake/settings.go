package intake

import "time"

// Settings are the names and limits of the installation. The zero value of a limit has the default.
type Settings struct {
	Host  string   // our name: in Received, the authserv-id, and Message-ID
	Names []string // further names of ours under which nobody else may write Authentication-Results

	MaxMessage    int64 // bytes of a message; 0: 25 MiB
	MaxHeader     int   // bytes of the header section; 0: 1 MiB
	MaxFields     int   // fields of the header section; 0: 10,000
	MaxReceived   int   // Received fields before a message is a loop (RFC 5321 §6.3); 0: 100
	MaxOwnHops    int   // Received fields of ours before a message is a loop; 0: 10
	MaxRecipients int   // forward-paths of one transaction; 0: 100, which RFC 5321 §4.5.3.1.8 asks for

	MaxDestinations int // mailboxes and addresses elsewhere they may lead to, aliases expanded; 0: 1,000

	Expire time.Duration // how long a message for others is tried; 0: 5 days (RFC 5321 §4.5.4.1)

	MaxHold     time.Duration // how long a message may be held for later (RFC 4865 §3); 0: 366 days
	MaxPriority int8          // the highest priority that a login may ask for (RFC 6710 §3); 0: nobody may hurry
}

// The defaults of Settings.
const (
	DefaultMaxMessage    = 25 << 20
	DefaultMaxHeader     = 1 << 20
	DefaultMaxFields     = 10_000
	DefaultMaxReceived   = 100
	DefaultMaxOwnHops    = 10
	DefaultMaxRecipients = 100

	DefaultMaxDestinations = 1000

	DefaultExpire  = 5 * 24 * time.Hour
	DefaultMaxHold = 366 * 24 * time.Hour
)

func (s *Settings) fill() {
	def(&s.MaxMessage, DefaultMaxMessage)
	def(&s.MaxHeader, DefaultMaxHeader)
	def(&s.MaxFields, DefaultMaxFields)
	def(&s.MaxReceived, DefaultMaxReceived)
	def(&s.MaxOwnHops, DefaultMaxOwnHops)
	def(&s.MaxRecipients, DefaultMaxRecipients)
	def(&s.MaxDestinations, DefaultMaxDestinations)
	def(&s.Expire, DefaultExpire)
	def(&s.MaxHold, DefaultMaxHold)
	def(&s.Host, "localhost")
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

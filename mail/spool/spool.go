package spool

import (
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// Limits.
const (
	MaxRcpts  = 1000 // recipients of one Entry; a message for more is several entries
	maxText   = 512  // bytes of a remote server's words that an Answer keeps
	maxName   = 255  // bytes of a destination, route or host
	maxStatus = 16   // bytes of an enhanced code or stage

	maxRelease = 64 // bytes of Message.Release
)

// Priority bounds of RFC 6710 §5.1.
const (
	MinPriority = -9
	MaxPriority = 9
)

// ID numbers an entry within its shard. It ascends and is never used again. Zero is none.
type ID uint64

// Message is what all entries of one transaction share. Times are kept to the millisecond.
type Message struct {
	ID     string    // of the transaction, for traces
	Blob   kv.BlobID // the stored bytes
	Size   int64     // octets of it
	From   addr.Path // reverse-path
	EnvID  string    // ENVID, decoded (RFC 3461 §4.4)
	Ret    string    // RET: "", "FULL", "HDRS" (RFC 3461 §4.3)
	Body   string    // BODY as submitted: "", "7BIT", "8BITMIME", "BINARYMIME"
	UTF8   bool      // SMTPUTF8 was asked for (RFC 6531)
	Locale string    // of its sender: the language of reports

	HeaderLen     int64 // octets of the header section with its empty line
	Has8bit       bool  // there are octets over 127 anywhere
	HasUTF8Header bool  // there are in the header section
	HasLong       bool  // there are lines over 998 octets
	Binary        bool  // BINARYMIME: lines are not lines

	Account     mail.AccountID // whose it is; 0: nobody's, as a report
	VERP        bool           // other servers are told a reverse-path that names the recipient: see mail/bounce
	Several     bool           // the transaction made more entries than one: what fails may be told together
	Local       bool           // submitted by a program on this machine: its sender may be told
	Priority    int8           // MT-PRIORITY −9…9 (RFC 6710)
	RequireTLS  bool           // RFC 8689 §4.2.1
	TLSOptional bool           // "TLS-Required: No" (RFC 8689 §5): it may go in clear if need be
	DeliverBy   time.Time      // deadline of RFC 2852; zero: none
	ByMode      byte           // 'R': return at DeliverBy, 'N': notify
	ByTrace     bool
	NotBefore   time.Time // FUTURERELEASE (RFC 4865); zero: at once
	Release     string    // how that was asked for, for reports: "for;3600", "until;2026-12-01T08:00:00Z"
	Arrived     time.Time
	Expires     time.Time // when we give up (RFC 5321 §4.5.4.1)
	Hops        int       // Received fields it came with
}

// Class is the coarse priority of a message.
type Class uint8

// The classes, most urgent first.
const (
	Transactional Class = iota // MT-PRIORITY above 0: somebody waits for it
	Normal
	Bulk // below 0
	Classes
)

// String gives the class's name in metrics and listings.
func (c Class) String() string {
	return [...]string{"transactional", "normal", "bulk", "?"}[min(c, Classes)]
}

// ClassOf gives the class of a priority.
func ClassOf(priority int8) Class {
	switch {
	case priority > 0:
		return Transactional
	case priority < 0:
		return Bulk
	}
	return Normal
}

// Class gives the message's class.
func (m *Message) Class() Class { return ClassOf(m.Priority) }

// State is how far a recipient is. The zero value is Waiting. Numbers are part of the stored form.
type State uint8

// The states; see the table in the package's documentation.
const (
	Waiting   State = 0 // to be tried
	Relayed   State = 1 // the next server took it
	Delivered State = 2 // it is where it belongs, by final delivery
	Failed    State = 3 // refused for good, by a server or by us
	Expired   State = 4 // given up after too long
	Removed   State = 5 // deleted by an operator; nobody is told
	Expanded  State = 6 // it was an alias of several, who have the message or entries of their own
)

// String gives the state's word.
func (s State) String() string {
	if s > Expanded {
		return "unknown"
	}
	return [...]string{"waiting", "relayed", "delivered", "failed", "expired", "removed", "expanded"}[s]
}

// Stages of an attempt, for Answer.Stage. The first ones come before the other side said anything about
// this message: they are the destination's fault, not the message's.
const (
	StageDNS      = "dns"
	StageConnect  = "connect"
	StageGreeting = "greeting"
	StageEHLO     = "ehlo"
	StageTLS      = "tls"
	StageAuth     = "auth"
	StageMail     = "mail"
	StageRcpt     = "rcpt"
	StageData     = "data" // DATA or BDAT and everything to the answer after the last octet
	StageLocal    = "local"
)

// Answer is the last word about a recipient: a server's reply, or our own reason.
type Answer struct {
	Time     time.Time
	Code     int    // basic reply code; 0: no reply was read
	Enhanced string // "4.4.1"
	Text     string // the remote server's words, or ours
	Remote   string // "mx1.example.org [192.0.2.1]"; "" if nobody was reached
	Stage    string // one of the Stage constants
}

// Passed are the duties that the next server took over with a message.
type Passed uint8

// The duties.
const (
	PassedReport   Passed = 1 << iota // to report (RFC 3461 §5.2.2)
	PassedDeadline                    // to deliver in time, or to say so (RFC 2852 §4.1.4)
)

// Rcpt is one recipient of an entry.
type Rcpt struct {
	To     addr.Path
	ORcpt  string      // "rfc822;info@example.org" (RFC 3461 §4.2)
	Notify smtp.Notify // 0: not given
	State  State
	Told   bool // a final state whose report is made, or that owes none
	Last   Answer
}

// Settled tells whether nothing is left to do for r.
func (r *Rcpt) Settled() bool { return r.State != Waiting && r.Told }

// Entry is a message on its way to one destination: one row, tried as a whole.
type Entry struct {
	Shard Shard // set by Enqueue
	ID    ID    // set by Enqueue
	Message
	Destination string // domain with A-labels in lower case, or an address literal
	Route       string // name of a smarthost route; "": by MX
	Rcpts       []Rcpt // at most MaxRcpts
	Attempts    int
	Next        time.Time // next attempt
	Must        time.Time // when something must happen even if nothing can be tried: notice, expiry; zero: Deadline
	Hold        bool      // left alone until released: it has no row in the schedule
	DelayTold   time.Time // when the sender was last told of the delay; zero: never
	Batch       int       // recipients of one transaction at most, by the line's Shape; 0: no limit. Not stored
	ReportTries int       // failed tries to make a report that is owed

	due    int64 // milliseconds of its row in the schedule, 0 if it has none
	stored bool  // the row exists, with due as it is here
	once   bool  // its rows are as Enqueue put them: told by the stored form
}

// Queue names the line the entry stands in: its destination, or "route:NAME" if it has a route.
func (e *Entry) Queue() string { return QueueOf(e.Destination, e.Route) }

// Direct is the route of an entry that goes by MX whatever else is configured: it stands in the line of its
// destination.
const Direct = "direct"

// QueueOf gives "example.org" or "route:NAME".
func QueueOf(destination, route string) string {
	if route != "" && route != Direct {
		return "route:" + route
	}
	return destination
}

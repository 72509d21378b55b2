// Package allowance counts what logins send, against what they may send: messages an hour, recipients of one
// message, bytes a day, and recipients a day that the account never wrote to.
//
// Life: the policy check of the same name holds a place at MAIL, RCPT and end of data; when the message is
// accepted the hold is committed, else it is given back. Commands read the counters.
//
// Promises:
//   - Invariant: what is counted and what is held together never pass a limit, however many sessions there are.
//   - Invariant: only what was accepted is counted.
//   - The time at which to try again is honest: nobody who waits for it, and for whom nothing else is sent
//     meanwhile, is refused for the same limit again.
//   - No message waits for the disk: counters and known recipients are written behind, all Options.Every, and at
//     Close. A process that is killed forgets at most so much.
//
// Limits: maxCounters in memory, MaxKnown recipients remembered for each account, maxPending of them unwritten.
// A window is a little longer than it says: an hour is 60 to 65 minutes, a day is 24 to 25 hours.
// Failure: counters that can not be read are an error, temporary for the peer; what can not be written is tried
// again with the next batch.
// Standards: none; RFC 5321 §4.5.3.1.10 for too many recipients is the caller's.
package allowance

import (
	"encoding/binary"
	"log/slog"
	"time"

	"barid/mail"
)

// What is the quantity of a limit.
type What uint8

// The quantities.
const (
	Messages      What = iota // in an hour
	Recipients                // of one message
	Bytes                     // in a day
	NewRecipients             // in a day
	quantities
)

// Quantities lists them in the order they are shown.
func Quantities() []What { return []What{Messages, Recipients, Bytes, NewRecipients} }

// String gives the word used in logs and metrics.
func (w What) String() string {
	if w >= quantities {
		return "unknown"
	}
	return [...]string{"messages", "recipients", "bytes", "new_recipients"}[w]
}

// Limits are what may be sent. Zero is no limit.
type Limits struct {
	Messages      int64 // messages in an hour
	Recipients    int64 // recipients of one message
	Bytes         int64 // octets of messages in a day
	NewRecipients int64 // recipients in a day that the account never wrote to
}

// Of gives the limit of one quantity.
func (l Limits) Of(w What) int64 {
	switch w {
	case Messages:
		return l.Messages
	case Recipients:
		return l.Recipients
	case Bytes:
		return l.Bytes
	case NewRecipients:
		return l.NewRecipients
	}
	return 0
}

// Scope is a kind of sender that is counted.
type Scope uint8

// The scopes, from narrow to wide. The numbers are part of stored keys.
const (
	Application Scope = 1
	Account     Scope = 2
	Domain      Scope = 3
	Local       Scope = 4
)

// String gives the word used in logs and listings.
func (s Scope) String() string {
	if s < Application || s > Local {
		return "unknown"
	}
	return [...]string{Application: "application", Account: "account", Domain: "domain", Local: "local"}[s]
}

// Sender is who is counted: an application password, an account, a hosted domain with all its accounts, or a user of
// this machine whose programs send without a login.
// The zero values of the fields that its scope does not need.
type Sender struct {
	Scope       Scope
	Account     mail.AccountID
	Application mail.ApplicationID
	Domain      string
	User        string
}

// key is the key of the sender's row.
func (s Sender) key() []byte {
	k := []byte{byte(s.Scope)}
	switch s.Scope {
	case Domain:
		return append(k, s.Domain...)
	case Local:
		return append(k, s.User[:min(len(s.User), maxUser)]...)
	case Application:
		k = binary.BigEndian.AppendUint64(k, uint64(s.Account))
		return binary.BigEndian.AppendUint32(k, uint32(s.Application))
	}
	return binary.BigEndian.AppendUint64(k, uint64(s.Account))
}

// maxUser is how many octets of the name of a user count.
const maxUser = 255

// Grant is what one sender may send. A message needs room in all grants of its login.
type Grant struct {
	Sender Sender
	Name   string // as people know it: "shop", "info@example.org", "example.org"
	Limits Limits
}

// Exceeded says which limit a message would pass.
type Exceeded struct {
	Grant Grant
	What  What
	// Until is from when on there is room. Zero: never, it is more than the whole limit; and for Recipients,
	// where another message is what has room.
	Until time.Time
}

// Limit is the limit that would be passed.
func (e *Exceeded) Limit() int64 { return e.Grant.Limits.Of(e.What) }

// Use is how much of one limit is used.
type Use struct {
	What  What
	Used  int64
	Limit int64 // 0: none
	// More is when the first of what is used is free again, Resets when all of it is. Zero when nothing is used.
	More, Resets time.Time
	Warning      bool // at least warnAt percent of the limit are used
}

// warnAt is the share of a limit, in percent, from which on the log warns.
const warnAt = 80

// Options shape a Book. The zero value is good.
type Options struct {
	Now     func() time.Time // time.Now
	Every   time.Duration    // longest time a count waits to be written; 0: 5 s
	Log     *slog.Logger     // discards
	Metrics *Metrics         // none
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every <= 0 {
		o.Every = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

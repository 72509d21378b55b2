// Package event is the append-only record of what happened to each message: who sent it, who got it, what was
// answered and how long it took. Never what it said.
//
// Life: flow/intake records every message it accepts and every transaction it refuses; the operator's
// commands and the webmail read it to tell the state of a message by one id.
//
// Promises: Record never blocks and never fails a delivery: events are written behind the messages, in
// batches, and what does not fit the queue is dropped and counted. Events that were written are durable and
// keep their order. No subject, body or password is ever part of an event; of the header section only the
// Message-ID, by which people ask for a message. One message is found among millions by any of its names, with
// a few reads: see index.go.
//
// Limits: Options names them; an event older than Options.Keep, 30 days, is removed by Sweep. Failure: a batch that can not be stored is tried once more with the next one,
// then dropped and counted. Close writes what is queued.
//
// Standards: RFC 3463 for codes; RFC 8499 names in Remote are addresses only.
package event

import (
	"net/netip"
	"time"

	"barid/mail"
)

// Kind is what happened.
type Kind uint8

// The kinds. Numbers are part of the stored form and never change.
const (
	Accepted  Kind = 1  // we answered 250 for it: it is delivered, or will be
	Delivered Kind = 2  // it is in mailboxes
	Refused   Kind = 3  // answered 5xx
	Deferred  Kind = 4  // answered 4xx
	Discarded Kind = 5  // accepted and thrown away by a rule of its recipient
	Queued    Kind = 6  // it waits in the queue for a destination; the Hop says which
	Relayed   Kind = 7  // another server took it
	Delayed   Kind = 8  // an attempt that is to be repeated
	Bounced   Kind = 9  // given up: refused for good
	Expired   Kind = 10 // given up: nobody took it in time
)

// String gives the kind's word in logs and listings.
func (k Kind) String() string {
	if k == 0 || k > Expired {
		return "unknown"
	}
	return [...]string{
		Accepted: "accepted", Delivered: "delivered", Refused: "refused", Deferred: "deferred", Discarded: "discarded",
		Queued: "queued", Relayed: "relayed", Delayed: "delayed", Bounced: "bounced", Expired: "expired",
	}[k]
}

// Event is one thing that happened to one message or transaction. The zero value of every field but Time and
// Kind means: not known.
type Event struct {
	Time     time.Time // UTC, to the microsecond
	Kind     Kind
	Session  string           // of the connection
	ID       string           // of the transaction
	Role     mail.Role        // of the listener
	Login    mail.AccountID   // who had logged in
	Accounts []mail.AccountID // whose mailboxes it concerns
	Remote   netip.Addr       // the peer
	From     string           // reverse-path, "" for the null one
	To       []string         // forward-paths, the first MaxTo
	Rcpts    int              // how many there were
	Size     int64            // bytes
	Stage    string           // of a refusal: "connect", "helo", "mail", "rcpt", "data", "deliver"
	Code     int              // basic reply code, e.g. 250
	Enhanced string           // e.g. "5.1.1"
	Reason   string           // stable id of a refusal, e.g. "rcpt-unknown"
	Timing   Timing
	Hop      *Hop    // of an attempt to bring it to another server; nil: none
	Facts    *Facts  // of an accepted or refused one: what the listener knew; nil: not known
	Places   []Place // where it was delivered, the first MaxTo
	Other    string  // id of the other transaction: of a message its report, of a report the message it is about
}

// Facts are what a listener knew of the peer, and names that the sender gave to the message.
type Facts struct {
	Started     time.Time // of the session, to the millisecond
	Helo        string    // as the peer gave it
	TLS         string    // "" in clear
	User        string    // name that was used to log in
	Application string    // whose password it was, "" the account's own
	Protocol    string    // "ESMTPSA", as in Received (RFC 3848)
	EnvID       string    // RFC 3461 §4.4
	MessageID   string    // without <>
	Findings    []string  // of the checks, "iprev=pass", the first maxFindings
}

// Place is a message in a mailbox.
type Place struct {
	Account mail.AccountID
	Mailbox uint32 // its number in the account
	UID     uint32
}

// Hop is one attempt, or the wait for it.
type Hop struct {
	Entry       string    // name of the queue's entry
	Destination string    // domain, or "route:NAME"
	Host        string    // who answered: "mx1.example.org [192.0.2.1]"
	TLS         string    // "" in clear
	Text        string    // the other server's words
	Attempt     int       // 1 is the first
	Next        time.Time // of the next attempt, to the millisecond; zero: none

	DNS, Connect, Handshake, Dialogue, Data time.Duration // how long the stages took
}

// Timing is how long the stages of an accepted message took, to the microsecond.
type Timing struct {
	Receive time.Duration // MAIL to the last byte
	Check   time.Duration // checks at end of data
	Store   time.Duration // body made durable
	Deliver time.Duration // commit into the mailboxes
}

// MaxTo is how many forward-paths an event keeps; Rcpts has the true number.
const MaxTo = 100

// maxText is how many bytes of one text an event keeps.
const maxText = 512

// maxFindings is how many findings of checks an event keeps.
const maxFindings = 32

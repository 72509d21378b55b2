// Package intake turns one SMTP, LMTP or API transaction into a message that is accepted once and durably, or
// refused with one status.
//
// Life: called by the front ends for every MAIL, RCPT and end of data; calls flow/policy (may it?), flow/route
// (where to?) and flow/deliver/local (into the mailboxes, one commit).
//
// Promises:
//   - Invariant: Data returns nil only after the commit that links the message into every destination.
//   - Invariant: after any error of Data nothing is stored, and the transaction is over.
//   - The stored bytes are those received, behind the trace fields we prepend. Removed are only fields that
//     claim to be ours and are not: Authentication-Results and Received-SPF in our name (RFC 8601 §5), a
//     Return-Path from outside (RFC 5321 §4.4), and Bcc on submission (RFC 5322 §3.6.3). On submission a
//     missing Date, Message-ID or From is added (RFC 6409 §8).
//   - Malformed MIME is never a reason to refuse.
//
// Limits: Settings names them. Failure: everything of ours that breaks is 451 4.3.0 or 452 4.3.1, never 5xx.
// Standards: RFC 5321 §3.3, §4.4, §6.3, RFC 6409, RFC 6531, RFC 8601, RFC 2033.
package intake

import (
	"context"
	"io"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/policy"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// Router finds where mail for an address goes, or the *status.Error to answer RCPT with. *route.Router is one.
type Router interface {
	Route(ctx context.Context, c *mail.Client, to addr.Path) (route.Route, error)
}

// Deliverer puts a stored body into mailboxes, all of them or none. *local.Deliverer is one.
type Deliverer interface {
	Deliver(ctx context.Context, m *mailbox.Message, to []local.Recipient) ([]mailbox.Delivered, error)
}

// Recorder takes what happened to messages; it never blocks. *event.Log is one.
type Recorder interface {
	Record(e event.Event)
}

// Deps are what New needs. Events, Log and Metrics may be nil.
type Deps struct {
	Settings Settings
	Blobs    kv.Blobs
	Router   Router
	Local    Deliverer
	Policy   *policy.Runner
	Events   Recorder
	Log      *slog.Logger
	Metrics  *Metrics
	Now      func() time.Time // nil: time.Now
}

// Intake accepts messages. It is safe for many sessions at once.
type Intake struct {
	d        Deps
	sessions sessions
}

// Receipt is what became of an accepted message.
type Receipt struct {
	ID        string  // of the transaction; also in Received, the log and the events
	Delivered int     // mailboxes the message is in
	PerRcpt   []error // LMTP: one for each accepted RCPT in order, nil: delivered (RFC 2033 §4.2)
}

// Tx is one mail transaction: MAIL, RCPT ..., end of data. It is for one goroutine.
type Tx struct {
	in     *Intake
	c      *mail.Client
	s      *session
	id     string
	from   addr.Path
	params smtp.MailParams
	rcpts  []rcpt
	begun  time.Time
	done   bool
}

// rcpt is one accepted forward-path.
type rcpt struct {
	path  addr.Path
	route route.Route
}

var (
	_ Router    = (*route.Router)(nil)
	_ Deliverer = (*local.Deliverer)(nil)
	_ Recorder  = (*event.Log)(nil)
	_ io.Reader = (*io.LimitedReader)(nil)
)

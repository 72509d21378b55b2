// Package intake turns one SMTP, LMTP or API transaction into a message that is accepted once and durably, or
// refused with one status.
//
// Life: called by the front ends for every MAIL, RCPT and end of data; calls flow/policy (may it?), flow/route
// (where to?) and flow/deliver/local (into the mailboxes, one commit).
//
// What is asked for later (RFC 4865), and reports of success (RFC 3461), go the way of the queue: as entries of our
// own domains, in the same commit.
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
// Standards: RFC 5321 §3.3, §4.4, §6.3, RFC 6409, RFC 6531, RFC 8601, RFC 2033; RFC 2852, RFC 3461 §5.2, RFC 4865,
// RFC 6710, RFC 8689.
package intake

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/policy"
	"barid/flow/report"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// Router finds where mail for an address goes, or the *status.Error to answer RCPT with. *route.Router is one.
type Router interface {
	Route(ctx context.Context, c *mail.Client, to addr.Path) (route.Route, error)
}

// Deliverer puts a stored body into mailboxes, all of them or none, in one commit with what also writes.
// *local.Deliverer is one.
type Deliverer interface {
	Deliver(ctx context.Context, m *mailbox.Message, to []local.Recipient, also ...mailbox.Also) ([]mailbox.Delivered, error)
}

// Queue is told which entries a commit has spooled. *queue.Queue is one.
type Queue interface {
	Submitted(es ...*spool.Entry)
}

// Reports is told of every message taken that may be a report about one of ours. It must not block.
// *report.Inbox is one.
type Reports interface {
	Arrived(a report.Arrival)
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
	Locale   func(ctx context.Context, a mail.AccountID) string // language of a login, for reports; nil: not known
	Queue    Queue                                              // nil: nothing is carried on; the Router must not give remote routes then
	Route    func(from addr.Path, domain string) string         // names the smarthost route for mail to a domain; nil: by MX
	Policy   *policy.Runner
	Reports  Reports // nil: reports that come in are mail like other mail
	Events   Recorder
	Log      *slog.Logger
	Metrics  *Metrics
	Now      func() time.Time // nil: time.Now

	// VERP tells whether the mail of a login gets reverse-paths that name the recipient; nil: nobody's does.
	VERP func(ctx context.Context, c *mail.Client) bool
	// MaxPriority tells the highest priority that a login may ask for; nil: Settings.MaxPriority.
	MaxPriority func(ctx context.Context, c *mail.Client) int8
}

// Intake accepts messages. Use New; it is safe for many sessions at once.
type Intake struct {
	d        Deps
	names    []string // our names in canonical form, Host first
	sessions sessions
	swollen  swollen
	work     sync.Pool // *incoming: buffers and scanner of one message
}

// New gives an Intake.
func New(d Deps) *Intake {
	d.Settings.fill()
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	in := &Intake{d: d, names: canonicalNames(d.Settings)}
	in.work.New = func() any { return newIncoming() }
	return in
}

// Receipt is what became of an accepted message.
type Receipt struct {
	ID        string  // of the transaction; also in Received, the log and the events
	Delivered int     // mailboxes the message is in
	PerRcpt   []error // LMTP: one for each accepted RCPT in order, nil: delivered (RFC 2033 §4.2)
}

// Connect runs the policy of a new connection, before the banner. A *status.Error refuses it: 554 or 421.
// What was found is kept for the session's messages, as long as c lives.
func (in *Intake) Connect(ctx context.Context, c *mail.Client) error {
	return in.greet(ctx, c, policy.Connect)
}

// Helo runs the policy of HELO, EHLO or LHLO.
func (in *Intake) Helo(ctx context.Context, c *mail.Client) error {
	return in.greet(ctx, c, policy.Helo)
}

// greet runs a stage of the session and keeps what was found; a repeated HELO replaces what the last found.
func (in *Intake) greet(ctx context.Context, c *mail.Client, stage policy.Stage) error {
	found, d := in.d.Policy.Run(ctx, &policy.Tx{Client: c, Stage: stage})
	in.sessions.of(c).found[stage] = found
	if err := d.Refusal(); err != nil {
		in.refused(ctx, refusal{c: c, stage: stage.String(), err: err})
		return err
	}
	return nil
}

package intake

import (
	"context"
	"time"

	"barid/base/id"
	"barid/flow/policy"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/rfc/status"
)

// Tx is one mail transaction: MAIL, RCPT ..., end of data. It is for one goroutine.
type Tx struct {
	in       *Intake
	c        *mail.Client
	id       string
	from     addr.Path
	params   smtp.MailParams
	rcpts    []rcpt
	accounts int              // mailboxes all recipients lead to
	hops     int              // Received fields of the message
	remote   int              // addresses elsewhere that they lead to
	found    []policy.Finding // by the checks so far
	begun    time.Time
	done     bool
	places   policy.Held // what checks hold until the end

	wishes      wishes
	clearIsFine bool   // "TLS-Required: No" in the message of a login
	messageID   string // of the message of a login, without <>

	entries []*spool.Entry // that the commit put into the queue
}

// rcpt is one accepted forward-path.
type rcpt struct {
	path   addr.Path
	params smtp.RcptParams // for reports (RFC 3461)
	route  route.Route
}

// Begin starts a transaction with the reverse-path from: MAIL.
func (in *Intake) Begin(ctx context.Context, c *mail.Client, from addr.Path, p smtp.MailParams) (*Tx, error) {
	s := in.sessions.of(c)
	s.txs++
	tx := &Tx{in: in, c: c, id: id.Tx(c.Session, s.txs), from: from, params: p, begun: in.d.Now(), found: s.findings()}
	if err := tx.mail(ctx); err != nil {
		tx.done = true
		tx.places.End(policy.Outcome{})
		in.refused(ctx, refusal{c: c, tx: tx, stage: "mail", err: err})
		return nil, err
	}
	return tx, nil
}

// mail tells whether MAIL may be taken.
func (tx *Tx) mail(ctx context.Context) error {
	switch {
	case tx.c.Role == mail.RoleSubmission && tx.c.Login == 0:
		return status.Perm(7, 0, "authentication required").WithReply(530).Because("auth-required")
	case tx.from.NeedsUTF8() && !tx.params.UTF8:
		return needsUTF8()
	case tx.params.Size > tx.in.d.Settings.MaxMessage:
		return tooBig()
	}
	if err := tx.check(ctx, &policy.Tx{Stage: policy.Mail, Size: tx.params.Size}); err != nil {
		return err
	}
	return tx.wish(ctx)
}

// ID is the transaction's correlation id.
func (tx *Tx) ID() string { return tx.id }

// Rcpt adds the forward-path to, or tells why not: one status for each recipient. A recipient that was given
// before is taken again and gets the message once.
func (tx *Tx) Rcpt(ctx context.Context, to addr.Path, p smtp.RcptParams) error {
	if tx.done {
		return badSequence()
	}
	err := tx.rcpt(ctx, to, p)
	if err != nil {
		err = answer(err, tx.id)
		tx.in.refused(ctx, refusal{c: tx.c, tx: tx, stage: "rcpt", to: to, err: err})
	}
	return err
}

func (tx *Tx) rcpt(ctx context.Context, to addr.Path, p smtp.RcptParams) error {
	s := &tx.in.d.Settings
	switch {
	case len(tx.rcpts) >= s.MaxRecipients:
		return tooManyRecipients()
	case to.NeedsUTF8() && !tx.params.UTF8:
		return needsUTF8()
	}
	r, err := tx.in.d.Router.Route(ctx, tx.c, to)
	if err != nil {
		return err
	}
	if tx.accounts+tx.remote+len(r.Accounts)+len(r.Remote) > s.MaxDestinations {
		return tooManyRecipients()
	}
	facts := policy.Tx{Stage: policy.Rcpt, Size: tx.sizeFor(r.Accounts), To: to, Accounts: r.Accounts}
	if err := tx.check(ctx, &facts); err != nil {
		return err
	}
	tx.rcpts = append(tx.rcpts, rcpt{to, p, r})
	tx.accounts += len(r.Accounts)
	tx.remote += len(r.Remote)
	return nil
}

// check runs a stage of policy with the facts of the transaction.
func (tx *Tx) check(ctx context.Context, facts *policy.Tx) error {
	facts.ID, facts.Client, facts.From, facts.Rcpts, facts.Held = tx.id, tx.c, tx.from, len(tx.rcpts), &tx.places
	found, d := tx.in.d.Policy.Run(ctx, facts)
	tx.found = append(tx.found, found...)
	return d.Refusal()
}

// Abort ends the transaction without a message: RSET, a new greeting, or a lost connection. It may be called
// at any time, also twice and after Data.
func (tx *Tx) Abort() {
	tx.done = true
	tx.rcpts, tx.found = nil, nil
	tx.places.End(policy.Outcome{})
}

// counted tells what checks hold that the message was taken.
func (tx *Tx) counted(size int64) {
	to := make([]addr.Mailbox, len(tx.rcpts))
	for i := range tx.rcpts {
		to[i] = tx.rcpts[i].path.Mailbox
	}
	tx.places.End(policy.Outcome{Accepted: true, Rcpts: to, Size: size})
}

package intake

import (
	"context"
	"io"

	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/rfc/status"
)

var errSkeleton = status.Temp(3, 0, "not yet")

type sessions struct{}
type session struct{}

// New gives an Intake.
func New(d Deps) *Intake { d.Settings.fill(); return &Intake{d: d} }

// Connect runs the policy of a new connection, before the banner. A *status.Error refuses it: 554 or 421.
func (in *Intake) Connect(ctx context.Context, c *mail.Client) error { return nil }

// Helo runs the policy of HELO, EHLO or LHLO.
func (in *Intake) Helo(ctx context.Context, c *mail.Client) error { return nil }

// Begin starts a transaction with the reverse-path from: MAIL.
func (in *Intake) Begin(ctx context.Context, c *mail.Client, from addr.Path, p smtp.MailParams) (*Tx, error) {
	return nil, errSkeleton
}

// ID is the transaction's correlation id.
func (tx *Tx) ID() string { return tx.id }

// Rcpt adds the forward-path to, or tells why not: one status for each recipient.
func (tx *Tx) Rcpt(ctx context.Context, to addr.Path, p smtp.RcptParams) error { return errSkeleton }

// Data takes the whole message from body, up to its io.EOF, and ends the transaction. Only a nil error earns
// a 250. An error of body, such as io.ErrUnexpectedEOF, is given back as it is, and nothing was stored. When
// Data refuses before the end of body, the caller finds body not drained.
func (tx *Tx) Data(ctx context.Context, body io.Reader) (Receipt, error) { return Receipt{}, errSkeleton }

// Abort ends the transaction without a message: RSET, a new greeting, or a lost connection. It may be called
// at any time, also twice and after Data.
func (tx *Tx) Abort() {}

// Package allowance checks that a login sends no more than it may: its application password, its account, and
// all accounts of its domain together; and that no user of this machine does.
//
// Life: runs at MAIL (messages, octets announced), at RCPT (recipients of the message, recipients never written
// to) and at end of data (octets received), for sessions with a login, and for programs of this machine. It holds a place from MAIL on; the end of
// the transaction counts it or gives it back.
// Promises: refusals are temporary and say from when on to try again; two sessions never share the last place;
// nothing counts that was not accepted. Only a message that is bigger than a whole day's share is refused for good.
// Limits: those of mail/account, counted by mail/allowance.
// Failure: grants or counters that can not be read are an error, which the rules turn into 451: limits guard
// others from a stolen password, so they are never skipped.
// Standards: RFC 6409 §5.1 (a submission server may limit), RFC 5321 §4.5.3.1.10, RFC 3463 §3.8 (X.7.1).
package allowance

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"barid/flow/policy"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/allowance"
)

// Name is the name of the checks.
const Name = "allowance"

// Granter tells what a login may send. *account.Directory is one.
type Granter interface {
	Grants(ctx context.Context, id mail.AccountID, app mail.ApplicationID) ([]allowance.Grant, error)
	// LocalGrant is the same for a user of this machine, who needs no login.
	LocalGrant(ctx context.Context, user string) (allowance.Grant, error)
}

// Checks gives the checks of MAIL, RCPT and end of data. now is the clock of the book; nil: time.Now.
func Checks(g Granter, b *allowance.Book, now func() time.Time) []policy.Check {
	if now == nil {
		now = time.Now
	}
	return []policy.Check{&message{g, b, now}, &recipient{now}, &octets{now}}
}

// place is what a transaction holds.
type place struct{ *allowance.Hold }

// End counts the message if it was accepted.
func (p place) End(o policy.Outcome) {
	if !o.Accepted {
		p.Release()
		return
	}
	p.Commit(o.Rcpts, o.Size)
}

// message takes a place at MAIL.
type message struct {
	granter Granter
	book    *allowance.Book
	now     func() time.Time
}

func (*message) Name() string        { return Name }
func (*message) Stage() policy.Stage { return policy.Mail }
func (*message) Quick() bool         { return true }

// Run fails with "allowance-messages", "allowance-bytes" or "allowance-too-big" when there is no room, and with
// "allowance-revoked" when the login was taken away since.
func (c *message) Run(ctx context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	if !tx.Client.Known() || tx.Held == nil {
		return nil, nil
	}
	grants, err := c.grants(ctx, tx.Client)
	if _, gone := errors.AsType[account.ErrUnknown](err); gone {
		return []policy.Finding{{Result: policy.Fail, Reason: "allowance-revoked", Cause: err}}, nil
	}
	if err != nil {
		return nil, err
	}
	hold, x, err := c.book.Begin(ctx, tx.Client.Login, grants, max(tx.Size, 0))
	if err != nil || x != nil {
		return found(x, c.now()), err
	}
	tx.Held.Put(Name, place{hold})
	return nil, nil
}

func (c *message) grants(ctx context.Context, client *mail.Client) ([]allowance.Grant, error) {
	if client.Login != 0 {
		return c.granter.Grants(ctx, client.Login, client.Application)
	}
	g, err := c.granter.LocalGrant(ctx, client.User)
	return []allowance.Grant{g}, err
}

// recipient takes a place at RCPT.
type recipient struct{ now func() time.Time }

func (*recipient) Name() string        { return Name }
func (*recipient) Stage() policy.Stage { return policy.Rcpt }
func (*recipient) Quick() bool         { return true }

// Run fails with "allowance-recipients" or "allowance-new-recipients".
func (c *recipient) Run(ctx context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	p, ok := held(tx)
	if !ok {
		return nil, nil
	}
	x, err := p.Recipient(ctx, tx.To.Mailbox, tx.Rcpts)
	return found(x, c.now()), err
}

// octets takes what the message has, at end of data.
type octets struct{ now func() time.Time }

func (*octets) Name() string        { return Name }
func (*octets) Stage() policy.Stage { return policy.Data }
func (*octets) Quick() bool         { return true }

// Run fails with "allowance-bytes" or "allowance-too-big".
func (c *octets) Run(_ context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	p, ok := held(tx)
	if !ok {
		return nil, nil
	}
	return found(p.Size(tx.Size), c.now()), nil
}

func held(tx *policy.Tx) (place, bool) {
	if tx.Held == nil {
		return place{}, false
	}
	p, ok := tx.Held.Get(Name).(place)
	return p, ok
}

// found makes a finding of a limit that would be passed.
func found(x *allowance.Exceeded, now time.Time) []policy.Finding {
	if x == nil {
		return nil
	}
	f := policy.Finding{Result: policy.Fail, Reason: reason(x), Says: says(x), Note: note(x), Until: x.Until}
	if !x.Until.IsZero() {
		f.Retry = max(x.Until.Sub(now), time.Second)
	}
	return []policy.Finding{f}
}

func reason(x *allowance.Exceeded) string {
	switch x.What {
	case allowance.Messages:
		return "allowance-messages"
	case allowance.Recipients:
		return "allowance-recipients"
	case allowance.NewRecipients:
		return "allowance-new-recipients"
	}
	if x.Until.IsZero() {
		return "allowance-too-big"
	}
	return "allowance-bytes"
}

// says tells whose limit it is and how high. The peer has logged in and knows its own names.
func says(x *allowance.Exceeded) string {
	n := strconv.FormatInt(x.Limit(), 10)
	switch x.What {
	case allowance.Messages:
		n += " an hour"
	case allowance.Recipients:
		n += " in one message"
	case allowance.NewRecipients:
		n += " a day"
	case allowance.Bytes:
		n += " octets a day"
	}
	switch x.Grant.Sender.Scope {
	case allowance.Application:
		return "application password" + ascii(x.Grant.Name) + ": " + n
	case allowance.Domain:
		return "domain" + ascii(x.Grant.Name) + ": " + n
	case allowance.Local:
		return "user" + ascii(x.Grant.Name) + " of this machine: " + n
	}
	return "account: " + n
}

// ascii gives a name behind a blank, or nothing: SMTP texts are ASCII.
func ascii(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return " " + name
}

// note is for our log.
func note(x *allowance.Exceeded) string { return x.Grant.Sender.Scope.String() + " " + x.Grant.Name }

var _ policy.Holding = place{}

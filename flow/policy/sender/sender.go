// Package sender checks on submission that a login sends only in its own name: in the envelope, and in the
// From and Sender fields of the header.
//
// Life: runs at MAIL and at end of data, for sessions with a login; mail from the world is not its business.
// Promises: every address of every From and Sender field (also of the Resent- forms) must belong to the
// login, so a second From field or a list can not hide a foreign one. The null reverse-path is allowed: read
// receipts must use it (RFC 8098 §3), and the header still names the author.
// Limits: MaxAddresses in all of these fields together; more are refused as unreadable.
// Failure: a directory that can not be asked is an error, which the rules turn into 451: rights are never
// assumed.
// Standards: RFC 6409 §6.1, RFC 5322 §3.6.2, §3.6.6, RFC 3463 §3.8 (X.7.1).
package sender

import (
	"bytes"
	"context"
	"slices"

	"barid/flow/policy"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/header"
)

// Name is the name of both checks.
const Name = "sender"

// MaxAddresses is how many addresses the author fields of one message may hold.
const MaxAddresses = 100

// Owner tells whether a login may use an address as sender; app is the application password that logged in, 0 for
// none. *account.Directory is one.
type Owner interface {
	MaySend(ctx context.Context, id mail.AccountID, app mail.ApplicationID, a addr.Mailbox) (bool, error)
}

// Checks gives the check of the envelope and the check of the header.
func Checks(o Owner) []policy.Check { return []policy.Check{&envelope{o}, &author{o}} }

// envelope looks at MAIL FROM.
type envelope struct{ owner Owner }

func (*envelope) Name() string        { return Name }
func (*envelope) Stage() policy.Stage { return policy.Mail }
func (*envelope) Quick() bool         { return true }

// Run fails with "sender-envelope" when the reverse-path is another's.
func (c *envelope) Run(ctx context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	if !concerns(tx) || tx.From.Null {
		return nil, nil
	}
	ok, err := c.owner.MaySend(ctx, tx.Client.Login, tx.Client.Application, tx.From.Mailbox)
	if err != nil || ok {
		return nil, err
	}
	return failed("sender-envelope", tx.From.Mailbox.String()), nil
}

// author looks at the fields that name who wrote and who sent.
type author struct{ owner Owner }

func (*author) Name() string        { return Name }
func (*author) Stage() policy.Stage { return policy.Data }
func (*author) Quick() bool         { return true }

// Run fails with "sender-header" when a field names another's address, and with "sender-unreadable" when a
// field names none that can be read. A message without any From gets one from flow/intake: the reverse-path,
// which the other check has passed; without that one there is nobody to name.
func (c *author) Run(ctx context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	if !concerns(tx) {
		return nil, nil
	}
	own := make([]string, 0, 4) // keys that were already found to belong to the login
	budget, authors := MaxAddresses, 0
	for off := 0; ; {
		f, ok := header.Next(tx.Header, off)
		if !ok {
			break
		}
		off = f.Off + f.Len
		switch {
		case isOdd(f):
			return failed("sender-unreadable", "malformed name of a field"), nil
		case !names(f):
			continue
		}
		if f.Is("From") {
			authors++
		}
		items, err := addr.ParseList(string(header.Unfold(f.Value)), budget)
		if err != nil {
			return failed("sender-unreadable", "too many addresses"), nil
		}
		budget -= len(items)
		if bad, err := c.field(ctx, tx.Client, items, &own); bad != nil || err != nil {
			return bad, err
		}
	}
	if authors == 0 && tx.From.Null {
		return failed("sender-unreadable", "no From field"), nil
	}
	return nil, nil
}

// field looks at the addresses of one field.
func (c *author) field(ctx context.Context, who *mail.Client, items []addr.Item, own *[]string) ([]policy.Finding, error) {
	seen := 0
	for _, it := range items {
		if it.Kind != addr.Address {
			continue
		}
		seen++
		m, err := it.Canonical()
		if err != nil {
			return failed("sender-unreadable", err.Error()), nil
		}
		key := m.Key()
		if slices.Contains(*own, key) {
			continue
		}
		ok, err := c.owner.MaySend(ctx, who.Login, who.Application, m)
		if err != nil {
			return nil, err
		}
		if !ok {
			return failed("sender-header", m.String()), nil
		}
		*own = append(*own, key)
	}
	if seen == 0 {
		return failed("sender-unreadable", "no address"), nil
	}
	return nil, nil
}

// names tells whether a field names an author or sender.
func names(f header.Field) bool {
	return f.Is("From") || f.Is("Sender") || f.Is("Resent-From") || f.Is("Resent-Sender")
}

// maxOddName is how far into a malformed line a name is looked for, in octets.
const maxOddName = 64

// isOdd tells whether a line is no field that names an author, but one that a careless reader may take for such:
// with a fold, a control character or other invisible octets in its name ("From\r\n : info@example.org").
func isOdd(f header.Field) bool {
	name := f.Name
	if len(name) == 0 {
		i := bytes.IndexByte(f.Value, ':')
		if i < 0 || i > maxOddName {
			return false
		}
		name = f.Value[:i]
	}
	if !bytes.ContainsFunc(name, isInvisible) {
		return false
	}
	return names(header.Field{Name: bytes.Map(visible, name)})
}

func isInvisible(r rune) bool { return r <= ' ' || r >= 0x7f }

func visible(r rune) rune {
	if isInvisible(r) {
		return -1
	}
	return r
}

// concerns tells whether somebody logged in, on whatever listener.
func concerns(tx *policy.Tx) bool { return tx.Client.Login != 0 }

func failed(reason, note string) []policy.Finding {
	return []policy.Finding{{Result: policy.Fail, Reason: reason, Note: note}}
}

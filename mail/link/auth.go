package link

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// Internal is the only mechanism there is (RFC 4467 §4): the server alone makes and checks tokens.
const Internal = "INTERNAL"

// macSHA256 is the first byte of a token: how the rest was made.
const macSHA256 = 1

func token(key []byte, signed string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return mac.Sum([]byte{macSHA256})
}

// Sign gives the URL with its token, for the owner of the mailbox called name (RFC 4467 §7, GENURLAUTH).
func Sign(ctx context.Context, a *mailbox.Account, name string, u *imap.URL) (string, error) {
	box, err := a.Open(ctx, name)
	if err != nil {
		return "", err
	}
	defer box.Close()
	if u.UIDValidity != 0 && u.UIDValidity != box.View().UIDValidity() {
		return "", ErrUnknown
	}
	key, err := box.LinkKey(ctx, true)
	if err != nil {
		return "", err
	}
	return u.Signed + ":internal:" + hex.EncodeToString(token(key, u.Signed)), nil
}

// Accounts tells who there is; a *account.Directory.
type Accounts interface {
	ByName(ctx context.Context, address string) (account.Account, error)
}

// Opener opens signed URLs.
type Opener struct {
	Mail     *mailbox.Store
	Accounts Accounts
	Host     string // the name of this server in URLs
	Now      func() time.Time
}

// Fetch opens a signed URL for somebody who reads mail by IMAP; who is 0 for a stranger (RFC 4467 §7, URLFETCH).
func (o *Opener) Fetch(ctx context.Context, who mail.AccountID, u *imap.URL) (*Part, error) {
	switch u.Access {
	case "anonymous":
		return o.signed(ctx, u)
	case "authuser":
		if who != 0 {
			return o.signed(ctx, u)
		}
	case "user":
		if o.is(ctx, who, u.For) {
			return o.signed(ctx, u)
		}
	}
	return nil, ErrUnknown // "submit" is for submission alone
}

// Submit opens a URL for somebody who submits a message (RFC 4468 §3.3): a signed one, or one of a mailbox that is the
// submitter's own.
func (o *Opener) Submit(ctx context.Context, who mail.AccountID, u *imap.URL) (*Part, error) {
	switch {
	case u.Access == "submit" && o.is(ctx, who, u.For):
		return o.signed(ctx, u)
	case u.Access == "" && u.Host == o.Host && u.Mailbox != "" && o.is(ctx, who, u.User):
		box, err := o.mailbox(ctx, u)
		if err != nil {
			return nil, err
		}
		defer box.Close()
		return open(ctx, box, u)
	}
	return nil, ErrUnknown
}

// SubmitURL is Submit of a URL as it is written.
func (o *Opener) SubmitURL(ctx context.Context, who mail.AccountID, text string) (*Part, error) {
	lim := imap.AfterLogin(0)
	u, why := imap.ParseURL(text, &lim)
	if why != "" {
		return nil, ErrUnknown
	}
	return o.Submit(ctx, who, &u)
}

// is reports whether name is a login of the account.
func (o *Opener) is(ctx context.Context, who mail.AccountID, name string) bool {
	a, err := o.Accounts.ByName(ctx, name)
	return err == nil && who != 0 && a.ID == who
}

// nobody tells an error of the store from a name that is no account's.
func nobody(err error) error {
	var unknown account.ErrUnknown
	var invalid account.ErrInvalid
	if err == nil || errors.As(err, &unknown) || errors.As(err, &invalid) {
		return ErrUnknown
	}
	return err
}

// signed opens a URL if its token is right.
func (o *Opener) signed(ctx context.Context, u *imap.URL) (*Part, error) {
	if u.Mechanism != Internal || u.Host != o.Host || u.Mailbox == "" || !u.Expire.IsZero() && o.Now().After(u.Expire) {
		return nil, ErrUnknown
	}
	box, err := o.mailbox(ctx, u)
	if errors.Is(err, ErrUnknown) {
		token(plausible(), u.Signed) // in the time that a wrong token takes (RFC 4467 §6)
	}
	if err != nil {
		return nil, err
	}
	defer box.Close()
	key, err := box.LinkKey(ctx, false)
	if err != nil {
		return nil, err
	}
	known := key != nil
	if !known {
		key = plausible()
	}
	if right := hmac.Equal(token(key, u.Signed), u.Token); !right || !known {
		return nil, ErrUnknown
	}
	return open(ctx, box, u)
}

// plausible stands for the key of a mailbox that has none or is not there.
func plausible() []byte { return make([]byte, sha256.Size) }

// mailbox opens the mailbox of a URL of this server, whoever asks.
func (o *Opener) mailbox(ctx context.Context, u *imap.URL) (*mailbox.Mailbox, error) {
	owner, err := o.Accounts.ByName(ctx, u.User)
	if err != nil || owner.Disabled {
		return nil, nobody(err)
	}
	a := o.Mail.Account(owner.ID)
	at, err := a.Meaning(ctx, u.Mailbox)
	if err != nil {
		return nil, unknown(err)
	}
	box, err := a.Open(ctx, at.Name)
	return box, unknown(err)
}

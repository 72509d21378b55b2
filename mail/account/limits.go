package account

import (
	"cmp"
	"context"
	"fmt"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/allowance"
	"barid/rfc/addr"
)

// MaxLimit is the highest limit that can be set, of whatever quantity.
const MaxLimit = 1 << 50

// Limits say what may be sent. nil leaves it to the next wider record; 0 is no limit.
type Limits struct {
	Messages      *int64 `json:"per_hour,omitempty"`       // messages an hour
	Recipients    *int64 `json:"recipients,omitempty"`     // recipients of one message
	Bytes         *int64 `json:"per_day,omitempty"`        // octets a day
	NewRecipients *int64 `json:"new_recipients,omitempty"` // recipients a day that the account never wrote to
}

// fields gives the limits with their names.
func (l *Limits) fields() [4]struct {
	name string
	v    **int64
} {
	return [4]struct {
		name string
		v    **int64
	}{
		{"messages per hour", &l.Messages},
		{"recipients", &l.Recipients},
		{"octets per day", &l.Bytes},
		{"new recipients per day", &l.NewRecipients},
	}
}

// check refuses limits that mean nothing.
func (l Limits) check(kind, name string) error {
	for _, f := range l.fields() {
		if v := *f.v; v != nil && (*v < 0 || *v > MaxLimit) {
			return ErrInvalid{
				Kind: kind, Name: name, Field: f.name, Value: fmt.Sprint(*v),
				Why: "must be from 0 (no limit) to " + fmt.Sprint(int64(MaxLimit)), Near: "0",
			}
		}
	}
	return nil
}

// Over gives l with what it does not say filled in from wider.
func (l Limits) Over(wider Limits) Limits {
	for i, f := range l.fields() {
		if *f.v == nil {
			*f.v = *wider.fields()[i].v
		}
	}
	return l
}

// effective takes what is not said as no limit.
func (l Limits) effective() allowance.Limits {
	value := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	return allowance.Limits{
		Messages: value(l.Messages), Recipients: value(l.Recipients),
		Bytes: value(l.Bytes), NewRecipients: value(l.NewRecipients),
	}
}

// DefaultLimits are those of every account whose own record and domain do not say otherwise.
func (d *Directory) DefaultLimits(ctx context.Context) (l Limits, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		l, err = getDefaultLimits(r)
		return err
	})
	return l, err
}

// SetDefaultLimits changes them.
func (d *Directory) SetDefaultLimits(ctx context.Context, l Limits) error {
	if err := l.check("limits", "of every account"); err != nil {
		return err
	}
	return d.update(ctx, func(t kv.Txn) error {
		v, err := encode(l)
		if err == nil {
			t.Put(mail.TableCounter, keyDefaultLimits, v)
		}
		return err
	})
}

func getDefaultLimits(r kv.Reader) (Limits, error) { return getLimits(r, keyDefaultLimits) }

func getLimits(r kv.Reader, key []byte) (l Limits, err error) {
	v, ok, err := r.Get(mail.TableCounter, key)
	if err != nil || !ok {
		return l, err
	}
	return l, decode(v, string(key), &l)
}

// LocalLimits are what each user of this machine may send through its socket, without a login.
func (d *Directory) LocalLimits(ctx context.Context) (l Limits, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		l, err = getLimits(r, keyLocalLimits)
		return err
	})
	return l, err
}

// SetLocalLimits changes that.
func (d *Directory) SetLocalLimits(ctx context.Context, l Limits) error {
	if err := l.check("limits", "of every user of this machine"); err != nil {
		return err
	}
	return d.update(ctx, func(t kv.Txn) error {
		v, err := encode(l)
		if err == nil {
			t.Put(mail.TableCounter, keyLocalLimits, v)
		}
		return err
	})
}

// LocalGrant gives what a user of this machine may send; "" is one whose name is not known.
func (d *Directory) LocalGrant(ctx context.Context, user string) (allowance.Grant, error) {
	l, err := d.LocalLimits(ctx)
	return allowance.Grant{Sender: allowance.Sender{Scope: allowance.Local, User: user}, Name: user, Limits: l.effective()}, err
}

// Grants gives what a login may send: as its application password if app is not 0, as its account, and as one of
// all accounts of the domain of the account's name. An account that is gone, and an application password that was
// removed, give ErrUnknown. The slice is shared: do not change it.
func (d *Directory) Grants(ctx context.Context, id mail.AccountID, app mail.ApplicationID) ([]allowance.Grant, error) {
	changes := d.changes.Load()
	if g, ok := d.grants.get(id, app, changes); ok {
		return g, nil
	}
	var gs []allowance.Grant
	err := d.view(ctx, func(r kv.Reader) (err error) {
		gs, err = grants(r, id, app)
		return err
	})
	if err == nil {
		d.grants.put(id, app, changes, gs)
	}
	return gs, err
}

func grants(r kv.Reader, id mail.AccountID, app mail.ApplicationID) (gs []allowance.Grant, err error) {
	a, err := needAccount(r, id)
	if err != nil {
		return nil, err
	}
	if app != 0 {
		p, err := needApplication(r, a, app)
		if err != nil {
			return nil, err
		}
		gs = append(gs, p.grant())
	}
	dom, _, err := getDomain(r, parseKey(a.Name).Domain)
	if err != nil {
		return nil, err
	}
	wider, err := getDefaultLimits(r)
	if err != nil {
		return nil, err
	}
	return append(gs, allowance.Grant{
		Sender: allowance.Sender{Scope: allowance.Account, Account: id},
		Name:   a.Name,
		Limits: a.Limits.Over(dom.EachAccount).Over(wider).effective(),
	}, dom.Grant()), nil
}

// Grant is what all accounts of the domain may send together.
func (d Domain) Grant() allowance.Grant {
	return allowance.Grant{
		Sender: allowance.Sender{Scope: allowance.Domain, Domain: d.Name}, Name: d.Name, Limits: d.Limits.effective(),
	}
}

// MaySend tells whether a login may send in the name of an address: the account must own it, and its application
// password, if app is not 0, must still be there and be allowed to use it.
func (d *Directory) MaySend(ctx context.Context, id mail.AccountID, app mail.ApplicationID, a addr.Mailbox) (bool, error) {
	ok, err := d.Owns(ctx, id, a)
	if err != nil || !ok || app == 0 {
		return ok, err
	}
	err = d.view(ctx, func(r kv.Reader) error {
		p, found, err := getApplication(r, id, app)
		if ok = found; err != nil || !found || len(p.From) == 0 {
			return err
		}
		ok, err = p.maySend(r, a)
		return err
	})
	return ok && err == nil, err
}

// VERP tells whether what a login sends gets reverse-paths that name the recipient: as its application password says,
// else its account, else the domain of the account's name.
func (d *Directory) VERP(ctx context.Context, id mail.AccountID, app mail.ApplicationID) (on bool, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		a, err := needAccount(r, id)
		if err != nil {
			return err
		}
		said := a.VERP
		if app != 0 {
			p, err := needApplication(r, a, app)
			if err != nil {
				return err
			}
			said = cmp.Or(p.VERP, said)
		}
		if said == nil {
			dom, _, err := getDomain(r, parseKey(a.Name).Domain)
			if err != nil {
				return err
			}
			said = dom.VERP
		}
		on = said != nil && *said
		return nil
	})
	return on, err
}

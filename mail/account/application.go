package account

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/allowance"
	"barid/rfc/addr"
)

// The limits of application passwords.
const (
	MaxApplications    = 100 // of one account
	MaxApplicationName = 64  // octets of a name
)

// The protocols an application password may be used with.
const (
	MaySMTP = "smtp"
	MayIMAP = "imap"
	MayPOP3 = "pop3"
)

// Protocols are all of them.
func Protocols() []string { return []string{MaySMTP, MayIMAP, MayPOP3} }

// Application is a password of an account that one program uses: a shop, a printer, a phone. The secret itself is
// shown once and not kept.
type Application struct {
	ID      mail.ApplicationID `json:"id"`
	Account mail.AccountID     `json:"-"`
	Name    string             `json:"name"` // "shop"; one account has no two of a name
	May     []string           `json:"may"`  // protocols it may log in with, in the order of Protocols
	// From are the addresses of the account it may send as, with their sub-addresses. None: all.
	From    []string  `json:"from,omitempty"`
	Limits  Limits    `json:"limits,omitzero"` // besides those of the account
	VERP    *bool     `json:"verp,omitempty"`  // reverse-paths that name the recipient; nil: as the account says
	Created time.Time `json:"created"`

	// When and from where it logged in last, to some minutes; zero: never.
	LastUsed   time.Time  `json:"-"`
	LastRemote netip.Addr `json:"-"`
}

// mayUse tells whether the password may be used with a protocol of Attempt.Protocol.
func (p Application) mayUse(protocol string) bool { return slices.Contains(p.May, protocol) }

func (p Application) grant() allowance.Grant {
	return allowance.Grant{
		Sender: allowance.Sender{Scope: allowance.Application, Account: p.Account, Application: p.ID},
		Name:   p.Name, Limits: p.Limits.effective(),
	}
}

// Grant is what the program may send, besides what its account may.
func (p Application) Grant() allowance.Grant { return p.grant() }

// maySend tells whether From holds an address of the account, or the address it is a sub-address of.
func (p Application) maySend(r kv.Reader, a addr.Mailbox) (bool, error) {
	if slices.Contains(p.From, a.Key()) {
		return true, nil
	}
	dom, ok, err := getDomain(r, a.Domain)
	if err != nil || !ok {
		return false, err
	}
	user, _ := split(a.Local, dom.Separator)
	return slices.Contains(p.From, addr.Mailbox{Local: user, Domain: a.Domain}.Key()), nil
}

// AddApplication makes an application password for the account p.Account and gives it with its secret, which can
// not be had again.
func (d *Directory) AddApplication(ctx context.Context, p Application) (Application, string, error) {
	p, err := d.canonicalApplication(ctx, p)
	if err != nil {
		return Application{}, "", err
	}
	p.Created = d.now().UTC()
	secret := newSecret()
	err = d.update(ctx, func(t kv.Txn) error {
		a, err := needAccount(t, p.Account)
		if err != nil {
			return err
		}
		all, err := applications(t, a.ID)
		switch {
		case err != nil:
			return err
		case len(all) >= MaxApplications:
			return ErrInvalid{
				Kind: "application password", Name: p.Name, Field: "account", Value: a.Name,
				Why: fmt.Sprintf("has %d application passwords already", MaxApplications),
			}
		}
		if i := named(all, p.Name); i >= 0 {
			return ErrExists{Kind: "application password", Name: p.Name, By: fmt.Sprintf("account %q", a.Name)}
		}
		if p.ID, err = nextApplication(t, a.ID); err != nil {
			return err
		}
		key, err := secretKey(t)
		if err != nil {
			return err
		}
		return putApplication(t, p, hashSecret(key, p.Account, secret))
	})
	return p, secret, err
}

// Applications gives the application passwords of an account, in order of age.
func (d *Directory) Applications(ctx context.Context, id mail.AccountID) (all []Application, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		all, err = applications(r, id)
		return err
	})
	for i := range all {
		d.uses.latest(&all[i])
	}
	return all, err
}

// Application gives one by the name it has in its account.
func (d *Directory) Application(ctx context.Context, id mail.AccountID, name string) (p Application, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		p, err = applicationNamed(r, id, name)
		return err
	})
	d.uses.latest(&p)
	return p, err
}

// SetApplication changes name, protocols, addresses and limits of the application password p.ID. Its secret stays.
func (d *Directory) SetApplication(ctx context.Context, p Application) (Application, error) {
	p, err := d.canonicalApplication(ctx, p)
	if err != nil {
		return Application{}, err
	}
	err = d.update(ctx, func(t kv.Txn) error {
		a, err := needAccount(t, p.Account)
		if err != nil {
			return err
		}
		old, err := needApplication(t, a, p.ID)
		if err != nil {
			return err
		}
		all, err := applications(t, a.ID)
		if err != nil {
			return err
		}
		if i := named(all, p.Name); i >= 0 && all[i].ID != p.ID {
			return ErrExists{Kind: "application password", Name: p.Name, By: fmt.Sprintf("account %q", a.Name)}
		}
		p.Created = old.Created
		hash, _, err := applicationHash(t, p.Account, p.ID)
		if err != nil {
			return err
		}
		return putApplication(t, p, hash)
	})
	d.uses.latest(&p)
	return p, err
}

// RemoveApplication takes an application password away. Its number is never used again, so nobody inherits its
// counters.
func (d *Directory) RemoveApplication(ctx context.Context, id mail.AccountID, name string) error {
	return d.update(ctx, func(t kv.Txn) error {
		p, err := applicationNamed(t, id, name)
		if err != nil {
			return err
		}
		t.Del(mail.TableCredential, applicationKey(id, p.ID))
		t.Del(mail.TableCredential, usedKey(id, p.ID))
		return nil
	})
}

// canonicalApplication checks the values of an application password.
func (d *Directory) canonicalApplication(ctx context.Context, p Application) (Application, error) {
	name, err := foldName(p.Name)
	invalid := func(field, value, why, near string) error {
		return ErrInvalid{Kind: "application password", Name: p.Name, Field: field, Value: value, Why: why, Near: near}
	}
	switch {
	case err != nil, name == "", len(name) > MaxApplicationName, strings.ContainsFunc(name, badInName):
		why := fmt.Sprintf("must be a word of letters, digits and . _ - of at most %d octets", MaxApplicationName)
		return p, invalid("name", p.Name, why, nearName(p.Name))
	case len(p.May) == 0:
		return p, invalid("protocols", "", "are missing: it may do nothing", MaySMTP)
	}
	p.Name = name
	var may []string
	for _, m := range p.May {
		if !slices.Contains(Protocols(), m) {
			return p, invalid("protocol", m, "must be "+strings.Join(Protocols(), ", "), nearest(m, Protocols()))
		}
	}
	for _, m := range Protocols() {
		if slices.Contains(p.May, m) {
			may = append(may, m)
		}
	}
	p.May = may
	if p.From, err = d.canonicalFrom(ctx, p, invalid); err != nil {
		return p, err
	}
	return p, p.Limits.check("application password", p.Name)
}

// canonicalFrom checks that the account owns the addresses it is to send as.
func (d *Directory) canonicalFrom(ctx context.Context, p Application, invalid func(field, value, why, near string) error) (from []string, err error) {
	if len(p.From) > MaxAddresses {
		return nil, invalid("addresses", "", fmt.Sprintf("are more than %d", MaxAddresses), "")
	}
	for _, s := range p.From {
		m, err := parseOwn("application password", p.Name, "sender address", s)
		if err != nil {
			return nil, err
		}
		ok, err := d.Owns(ctx, p.Account, m)
		if err != nil {
			return nil, err
		}
		if !ok {
			a, err := d.Account(ctx, p.Account)
			if err != nil {
				return nil, err
			}
			if a.Disabled && slices.Contains(a.Addresses, m.Key()) {
				from = append(from, m.Key())
				continue
			}
			return nil, invalid("sender address", s, "is no address that the account may send as", nearest(m.Key(), a.Addresses))
		}
		if !slices.Contains(from, m.Key()) {
			from = append(from, m.Key())
		}
	}
	return from, nil
}

// badInName are characters that would make "address/name" ambiguous, or can not be typed.
func badInName(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`/@:\"'<>()[],;`, r)
}

// nearName gives a name that would do.
func nearName(s string) string {
	near := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '/' || r == '@':
			return '-'
		case badInName(r):
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if name, err := foldName(near); err == nil && name != s && name != "" && len(name) <= MaxApplicationName {
		return name
	}
	return ""
}

// named gives the place of a name in all, or -1.
func named(all []Application, name string) int {
	return slices.IndexFunc(all, func(p Application) bool { return p.Name == name })
}

func applicationNamed(r kv.Reader, id mail.AccountID, name string) (Application, error) {
	all, err := applications(r, id)
	if err != nil {
		return Application{}, err
	}
	folded, err := foldName(name)
	if i := named(all, folded); i >= 0 && err == nil {
		return all[i], nil
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return Application{}, ErrUnknown{Kind: "application password", Name: name, Near: nearest(name, names)}
}

func needApplication(r kv.Reader, a Account, app mail.ApplicationID) (Application, error) {
	p, ok, err := getApplication(r, a.ID, app)
	if err == nil && !ok {
		err = ErrUnknown{Kind: "application password", Name: fmt.Sprintf("%d of %s", app, a.Name)}
	}
	return p, err
}

// LoginName is how a login is named in logs: "info@example.org", or "info@example.org/shop" for an application
// password.
func (a Account) LoginName() string {
	if a.Application == nil {
		return a.Name
	}
	return a.Name + "/" + a.Application.Name
}

package account

import (
	"context"
	"slices"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
)

// AddAccount makes an account with the addresses a.Name and a.Addresses and gives it as it was written,
// with its ID. An empty password makes an account that can not log in yet.
func (d *Directory) AddAccount(ctx context.Context, a Account, password string) (Account, error) {
	a, own, err := a.canonical()
	if err != nil {
		return Account{}, err
	}
	var phc string
	if password != "" {
		if phc, err = d.newHash(ctx, a.Name, password); err != nil {
			return Account{}, err
		}
	}
	a.Created = d.now().UTC()
	err = d.update(ctx, func(t kv.Txn) error {
		if a.ID, err = nextAccount(t); err != nil {
			return err
		}
		if err := claimAddresses(t, a, own); err != nil {
			return err
		}
		if phc != "" {
			putPassword(t, a.ID, phc)
		}
		return putAccount(t, a)
	})
	return a, err
}

// Accounts gives all accounts, the oldest first.
func (d *Directory) Accounts(ctx context.Context) (all []Account, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		return r.Scan(mail.TableAccount, nil, nil, kv.ScanOpt{}, func(_, v []byte) error {
			var a Account
			if err := decode(v, "an account", &a); err != nil {
				return err
			}
			all = append(all, a)
			return nil
		})
	})
	return all, err
}

// Account gives the account with an id.
func (d *Directory) Account(ctx context.Context, id mail.AccountID) (a Account, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		a, err = needAccount(r, id)
		return err
	})
	return a, err
}

// ByName gives the account that has an address, be it its name or another one. An alias is no account.
func (d *Directory) ByName(ctx context.Context, address string) (a Account, err error) {
	m, err := parseOwn("account", "", "address", address)
	if err != nil {
		return Account{}, err
	}
	err = d.view(ctx, func(r kv.Reader) error {
		a, err = accountAt(r, m)
		return err
	})
	return a, err
}

// SetAccount changes the account a.ID: name, addresses, quota and all else but its age and password.
func (d *Directory) SetAccount(ctx context.Context, a Account) (Account, error) {
	id := a.ID
	a, own, err := a.canonical()
	if err != nil {
		return Account{}, err
	}
	err = d.update(ctx, func(t kv.Txn) error {
		old, err := needAccount(t, id)
		if err != nil {
			return err
		}
		a.ID, a.Created = id, old.Created
		if err := claimAddresses(t, a, own); err != nil {
			return err
		}
		if err := releaseAddresses(t, without(old.Addresses, a.Addresses), old.Name, a.Name); err != nil {
			return err
		}
		return putAccount(t, a)
	})
	if err == nil {
		d.proven.forget(id) // it may be disabled now
	}
	return a, err
}

// SetPassword gives an account a new password.
func (d *Directory) SetPassword(ctx context.Context, id mail.AccountID, password string) error {
	a, err := d.Account(ctx, id)
	if err != nil {
		return err
	}
	phc, err := d.newHash(ctx, a.Name, password)
	if err != nil {
		return err
	}
	err = d.update(ctx, func(t kv.Txn) error {
		if _, err := needAccount(t, id); err != nil {
			return err
		}
		putPassword(t, id, phc)
		return nil
	})
	d.proven.forget(id)
	return err
}

// RemoveAccount removes an account with its addresses and password. Its mail is not of the directory:
// the caller removes it and then calls Removed with the id; see Leftovers. Aliases keep naming it, and skip it.
func (d *Directory) RemoveAccount(ctx context.Context, id mail.AccountID) error {
	err := d.update(ctx, func(t kv.Txn) error {
		a, err := needAccount(t, id)
		if err != nil {
			return err
		}
		if err := releaseAddresses(t, a.Addresses, a.Name, ""); err != nil {
			return err
		}
		t.Del(mail.TableAccount, accountKey(id))
		t.DelRange(mail.TableCredential, accountKey(id), accountKey(id+1))
		t.Put(mail.TableCounter, removedKey(id), []byte{format})
		return nil
	})
	d.proven.forget(id)
	return err
}

// needAccount gives an account or ErrUnknown.
func needAccount(r kv.Reader, id mail.AccountID) (Account, error) {
	a, ok, err := getAccount(r, id)
	if err == nil && !ok {
		err = ErrUnknown{Kind: "account", Name: id.String()}
	}
	return a, err
}

// accountAt gives the account that has an address.
func accountAt(r kv.Reader, m addr.Mailbox) (Account, error) {
	w, ok, err := getAddress(r, m)
	if err != nil {
		return Account{}, err
	}
	if ok && w.alias == nil {
		return needAccount(r, w.account)
	}
	near, err := nearAddresses(r, m)
	if err != nil {
		return Account{}, err
	}
	return Account{}, ErrUnknown{Kind: "account", Name: m.Key(), Near: near}
}

// canonical checks what can be checked without the store, and gives the addresses, parsed.
func (a Account) canonical() (Account, []addr.Mailbox, error) {
	name, err := parseOwn("account", "", "name", a.Name)
	if err != nil {
		return Account{}, nil, err
	}
	a.Name = name.Key()
	own, keys := []addr.Mailbox{name}, []string{a.Name}
	for _, s := range a.Addresses {
		m, err := parseOwn("account", a.Name, "address", s)
		if err != nil {
			return Account{}, nil, err
		}
		if k := m.Key(); !slices.Contains(keys, k) {
			own, keys = append(own, m), append(keys, k)
		}
	}
	a.Addresses = keys
	return a, own, a.check(&a.POP3Delete)
}

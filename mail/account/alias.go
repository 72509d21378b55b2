package account

import (
	"context"
	"fmt"
	"slices"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
)

// AddAlias makes an address that leads to others. Members in hosted domains must be there already.
func (d *Directory) AddAlias(ctx context.Context, a Alias) (Alias, error) {
	return d.putAlias(ctx, a, func(t kv.Txn, m addr.Mailbox, a *Alias) error {
		w, ok, err := getAddress(t, m)
		if err != nil {
			return err
		}
		if ok {
			return taken(t, m, w)
		}
		a.Created = d.now().UTC()
		return nil
	})
}

// SetAlias gives an alias other members.
func (d *Directory) SetAlias(ctx context.Context, a Alias) (Alias, error) {
	return d.putAlias(ctx, a, func(t kv.Txn, m addr.Mailbox, a *Alias) error {
		old, err := needAlias(t, m)
		a.Created = old.Created
		return err
	})
}

// putAlias writes an alias if it is valid and allow agrees.
func (d *Directory) putAlias(ctx context.Context, a Alias, allow func(kv.Txn, addr.Mailbox, *Alias) error) (Alias, error) {
	own, err := a.canonical()
	if err != nil {
		return Alias{}, err
	}
	err = d.update(ctx, func(t kv.Txn) error {
		if _, err := needDomain(t, own.Domain); err != nil {
			return err
		}
		if err := allow(t, own, &a); err != nil {
			return err
		}
		if err := putAlias(t, own, a); err != nil {
			return err
		}
		for _, member := range a.Members {
			if err := checkMember(t, a, member); err != nil {
				return err
			}
		}
		return checkLoop(t, a)
	})
	return a, err
}

// Alias gives one alias.
func (d *Directory) Alias(ctx context.Context, address string) (a Alias, err error) {
	m, err := parseOwn("alias", "", "address", address)
	if err != nil {
		return Alias{}, err
	}
	err = d.view(ctx, func(r kv.Reader) error {
		a, err = needAlias(r, m)
		return err
	})
	return a, err
}

// Aliases gives all aliases by domain, then local part.
func (d *Directory) Aliases(ctx context.Context) (all []Alias, err error) {
	err = d.view(ctx, func(r kv.Reader) error {
		return r.Scan(mail.TableAddress, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
			w, err := decodeRow(v, keyAddress(k))
			if err == nil && w.alias != nil {
				all = append(all, *w.alias)
			}
			return err
		})
	})
	return all, err
}

// RemoveAlias removes an alias. Other aliases keep naming it, and skip it.
func (d *Directory) RemoveAlias(ctx context.Context, address string) error {
	m, err := parseOwn("alias", "", "address", address)
	if err != nil {
		return err
	}
	return d.update(ctx, func(t kv.Txn) error {
		if _, err := needAlias(t, m); err != nil {
			return err
		}
		return releaseAddresses(t, []string{m.Key()}, "", "")
	})
}

func needAlias(r kv.Reader, m addr.Mailbox) (Alias, error) {
	w, ok, err := getAddress(r, m)
	if err != nil {
		return Alias{}, err
	}
	if ok && w.alias != nil {
		return *w.alias, nil
	}
	near, err := nearAddresses(r, m)
	if err != nil {
		return Alias{}, err
	}
	if near == m.Key() {
		near = "" // it is an account's
	}
	return Alias{}, ErrUnknown{Kind: "alias", Name: m.Key(), Near: near}
}

// canonical checks what can be checked without the store, makes members canonical and drops doubles.
// Members keep the case of their local part: they may be of others.
func (a *Alias) canonical() (addr.Mailbox, error) {
	own, err := parseOwn("alias", "", "address", a.Address)
	if err != nil {
		return own, err
	}
	a.Address = own.Key()
	var members []string
	for _, s := range a.Members {
		m, err := addr.ParseMailbox(s, true)
		if err != nil {
			return own, ErrInvalid{Kind: "alias", Name: a.Address, Field: "member", Value: s, Why: err.Error(), Near: nearAddress(s)}
		}
		if !slices.Contains(members, m.String()) {
			members = append(members, m.String())
		}
	}
	a.Members = members
	switch n := len(members); {
	case n == 0:
		return own, ErrInvalid{Kind: "alias", Name: a.Address, Field: "members", Why: "are none; name at least one address"}
	case n > MaxMembers:
		return own, ErrInvalid{Kind: "alias", Name: a.Address, Field: "members", Why: fmt.Sprintf("are more than %d", MaxMembers)}
	}
	return own, nil
}

// checkMember checks that a member of ours is there.
func checkMember(r kv.Reader, a Alias, member string) error {
	m, err := addr.ParseMailbox(member, true)
	if err != nil {
		return err
	}
	v := &resolver{r: r}
	step, err := v.find(m)
	if err != nil || step.kind == NotHosted || step.found && step.via != ByCatchAll {
		return err
	}
	near, err := nearAddresses(r, m)
	if err != nil {
		return err
	}
	return ErrInvalid{Kind: "alias", Name: a.Address, Field: "member", Value: member, Why: "is no account or alias here", Near: near}
}

// checkLoop refuses an alias that leads back to itself, or further than MaxDepth or MaxExpansion.
func checkLoop(r kv.Reader, a Alias) error {
	own := parseKey(a.Address)
	v := &resolver{r: r, loopTo: own}
	_, err := v.resolve(own)
	invalid := ErrInvalid{Kind: "alias", Name: a.Address, Field: "members"}
	switch {
	case v.looped:
		invalid.Why = "lead back to the alias itself, through " + v.loopFrom
	case v.tooFar:
		invalid.Why = fmt.Sprintf("lead through more than %d aliases or to more than %d destinations", MaxDepth, MaxExpansion)
	default:
		return err
	}
	return invalid
}

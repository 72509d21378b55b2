package account

import (
	"context"
	"strings"

	"barid/base/kv"
	"barid/mail"
)

// separators are the characters that may divide user and detail.
const separators = "+-_.=#~"

// AddDomain begins to host a domain and gives it as it was written.
func (d *Directory) AddDomain(ctx context.Context, dom Domain) (Domain, error) {
	dom, err := dom.canonical()
	if err != nil {
		return Domain{}, err
	}
	dom.Created = d.now().UTC()
	err = d.update(ctx, func(t kv.Txn) error {
		if _, ok, err := getDomain(t, dom.Name); err != nil {
			return err
		} else if ok {
			return ErrExists{Kind: "domain", Name: dom.Name}
		}
		if err := checkRoles(t, dom); err != nil {
			return err
		}
		return putDomain(t, dom)
	})
	return dom, err
}

// Domains gives all hosted domains in order of name.
func (d *Directory) Domains(ctx context.Context) ([]Domain, error) {
	var all []Domain
	err := d.view(ctx, func(r kv.Reader) (err error) {
		all, err = allDomains(r)
		return err
	})
	return all, err
}

// Domain gives one hosted domain, named with A-labels or U-labels.
func (d *Directory) Domain(ctx context.Context, name string) (dom Domain, err error) {
	key, err := parseDomain(name)
	if err != nil {
		return Domain{}, err
	}
	err = d.view(ctx, func(r kv.Reader) error {
		dom, err = needDomain(r, key)
		return err
	})
	return dom, err
}

// SetDomain changes everything of a hosted domain but its name and age. Without a Postmaster it gets its
// oldest account.
func (d *Directory) SetDomain(ctx context.Context, dom Domain) (Domain, error) {
	dom, err := dom.canonical()
	if err != nil {
		return Domain{}, err
	}
	err = d.update(ctx, func(t kv.Txn) error {
		old, err := needDomain(t, dom.Name)
		if err != nil {
			return err
		}
		dom.Created = old.Created
		if dom.Postmaster == "" {
			if dom.Postmaster, err = firstAccount(t, dom.Name); err != nil {
				return err
			}
		}
		if err := checkRoles(t, dom); err != nil {
			return err
		}
		return putDomain(t, dom)
	})
	return dom, err
}

// RemoveDomain ends the hosting of a domain. While an account or alias has an address in it, that is ErrInUse.
func (d *Directory) RemoveDomain(ctx context.Context, name string) error {
	key, err := parseDomain(name)
	if err != nil {
		return err
	}
	return d.update(ctx, func(t kv.Txn) error {
		if _, err := needDomain(t, key); err != nil {
			return err
		}
		use := ErrInUse{Kind: "domain", Name: key}
		lo, hi := domainRange(key)
		err := t.Scan(mail.TableAddress, lo, hi, kv.ScanOpt{}, func(k, _ []byte) error {
			if len(use.By) < 5 {
				use.By = append(use.By, keyAddress(k))
			} else {
				use.More++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(use.By) > 0 {
			return use
		}
		t.Del(mail.TableDomain, []byte(key))
		return nil
	})
}

// canonical checks what can be checked without the store.
func (d Domain) canonical() (Domain, error) {
	name, err := parseDomain(d.Name)
	if err != nil {
		return Domain{}, err
	}
	d.Name = name
	switch {
	case d.Separator == "":
		d.Separator = DefaultSeparator
	case d.Separator == NoSeparator:
	case len(d.Separator) != 1 || !strings.Contains(separators, d.Separator):
		return Domain{}, ErrInvalid{
			Kind: "domain", Name: name, Field: "separator", Value: d.Separator,
			Why: "must be one of " + strings.Join(strings.Split(separators, ""), " ") + " or none", Near: nearSeparator(d.Separator),
		}
	}
	for _, role := range []struct {
		field string
		value *string
	}{{"catch-all", &d.CatchAll}, {"postmaster", &d.Postmaster}} {
		if *role.value == "" {
			continue
		}
		m, err := parseOwn("domain", name, role.field, *role.value)
		if err != nil {
			return Domain{}, err
		}
		*role.value = m.Key()
	}
	if err := d.Limits.check("domain", d.Name); err != nil {
		return Domain{}, err
	}
	return d, d.EachAccount.check("domain", d.Name)
}

func nearSeparator(s string) string {
	if i := strings.IndexAny(s, separators); i >= 0 {
		return s[i : i+1]
	}
	if s == "off" || s == "no" || s == "false" {
		return NoSeparator
	}
	return DefaultSeparator
}

// checkRoles checks that catch-all and postmaster are there.
func checkRoles(r kv.Reader, d Domain) error {
	for field, value := range map[string]string{"catch-all": d.CatchAll, "postmaster": d.Postmaster} {
		if value == "" {
			continue
		}
		m := parseKey(value)
		_, ok, err := getAddress(r, m)
		if err != nil {
			return err
		}
		if !ok {
			near, err := nearAddresses(r, m)
			if err != nil {
				return err
			}
			return ErrInvalid{
				Kind: "domain", Name: d.Name, Field: field, Value: value,
				Why: "is no account or alias here", Near: near,
			}
		}
	}
	return nil
}

// needDomain gives a hosted domain or ErrUnknown.
func needDomain(r kv.Reader, name string) (Domain, error) {
	d, ok, err := getDomain(r, name)
	if err != nil || ok {
		return d, err
	}
	all, err := allDomains(r)
	if err != nil {
		return d, err
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return d, ErrUnknown{Kind: "domain", Name: name, Near: nearest(name, names)}
}

func allDomains(r kv.Reader) (all []Domain, err error) {
	err = r.Scan(mail.TableDomain, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		var d Domain
		if err := decode(v, "domain "+string(k), &d); err != nil {
			return err
		}
		all = append(all, d)
		return nil
	})
	return all, err
}

package manage

import (
	"context"
	"strings"

	"barid/mail/account"
)

// DomainChange is the input of domain.add and domain.set; nil fields stay as they are.
type DomainChange struct {
	Domain    string  `json:"domain"`
	CatchAll  *string `json:"catch_all,omitempty"`
	Separator *string `json:"separator,omitempty"` // "" for none
	VERP      *string `json:"verp,omitempty"`      // VERPOn, VERPOff or VERPDefault
}

// DomainInfo describes a hosted domain.
type DomainInfo struct {
	Domain    string `json:"domain"`  // A-labels
	Unicode   string `json:"unicode"` // as people write it
	CatchAll  string `json:"catch_all,omitempty"`
	Separator string `json:"separator,omitempty"`
	VERP      string `json:"verp,omitempty"` // for each account that does not say otherwise; missing: off
	Accounts  int    `json:"accounts"`
	Aliases   int    `json:"aliases"`
}

// Named is the input of operations on one object.
type Named struct {
	Name string `json:"name"`
}

func domainOperations() []Operation {
	return []Operation{
		op("domain.add", func(ctx context.Context, m *Manager, in DomainChange, _ Progress) (DomainInfo, error) {
			d := account.Domain{Name: in.Domain, Separator: account.DefaultSeparator}
			if err := in.apply(&d); err != nil {
				return DomainInfo{}, err
			}
			d, err := m.Directory.AddDomain(ctx, d)
			return domainInfo(d, nil, nil), err
		}),
		op("domain.set", func(ctx context.Context, m *Manager, in DomainChange, _ Progress) (DomainInfo, error) {
			d, err := m.Directory.Domain(ctx, in.Domain)
			if err != nil {
				return DomainInfo{}, err
			}
			if err := in.apply(&d); err != nil {
				return DomainInfo{}, err
			}
			if d, err = m.Directory.SetDomain(ctx, d); err != nil {
				return DomainInfo{}, err
			}
			return m.domain(ctx, d)
		}),
		op("domain.show", func(ctx context.Context, m *Manager, in Named, _ Progress) (DomainInfo, error) {
			d, err := m.Directory.Domain(ctx, in.Name)
			if err != nil {
				return DomainInfo{}, err
			}
			return m.domain(ctx, d)
		}),
		op("domain.list", func(ctx context.Context, m *Manager, _ None, _ Progress) ([]DomainInfo, error) { return m.domains(ctx) }),
		op("domain.rm", func(ctx context.Context, m *Manager, in Named, _ Progress) (None, error) {
			return None{}, m.Directory.RemoveDomain(ctx, in.Name)
		}),
	}
}

func (in DomainChange) apply(d *account.Domain) error {
	if in.CatchAll != nil {
		d.CatchAll = *in.CatchAll
	}
	if in.Separator != nil {
		d.Separator = *in.Separator
		if d.Separator == "" {
			d.Separator = account.NoSeparator
		}
	}
	return setVERP(&d.VERP, in.VERP)
}

func (m *Manager) domains(ctx context.Context) ([]DomainInfo, error) {
	all, err := m.Directory.Domains(ctx)
	if err != nil {
		return nil, err
	}
	accounts, aliases, err := m.addresses(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]DomainInfo, 0, len(all))
	for _, d := range all {
		out = append(out, domainInfo(d, accounts, aliases))
	}
	return out, nil
}

func (m *Manager) domain(ctx context.Context, d account.Domain) (DomainInfo, error) {
	accounts, aliases, err := m.addresses(ctx)
	return domainInfo(d, accounts, aliases), err
}

// addresses gives the names of all accounts and aliases, for counting.
func (m *Manager) addresses(ctx context.Context) (accounts, aliases []string, err error) {
	as, err := m.Directory.Accounts(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range as {
		accounts = append(accounts, a.Name)
	}
	ls, err := m.Directory.Aliases(ctx)
	for _, l := range ls {
		aliases = append(aliases, l.Address)
	}
	return accounts, aliases, err
}

func domainInfo(d account.Domain, accounts, aliases []string) DomainInfo {
	in := func(names []string) (n int) {
		for _, name := range names {
			if strings.HasSuffix(name, "@"+d.Name) {
				n++
			}
		}
		return n
	}
	sep := d.Separator
	if sep == account.NoSeparator {
		sep = ""
	}
	return DomainInfo{d.Name, d.Unicode(), d.CatchAll, sep, verpWord(d.VERP), in(accounts), in(aliases)}
}

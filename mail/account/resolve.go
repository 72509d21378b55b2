package account

import (
	"context"
	"strings"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/status"
)

// Resolve tells where an address leads: RCPT asks it for every recipient. The order is: the address itself,
// its user part before the separator, postmaster, catch-all. A bare postmaster is that of
// Options.DefaultDomain, or else of the first domain.
func (d *Directory) Resolve(ctx context.Context, m addr.Mailbox) (Target, error) {
	if m.Domain != "" && m.Domain[0] == '[' {
		return Target{Kind: NotHosted}, nil
	}
	changes := d.changes.Load()
	key := m.Key()
	if t, ok := d.targets.get(key, m.Local, changes); ok {
		return t, nil
	}
	var t Target
	err := d.view(ctx, func(r kv.Reader) (err error) {
		if m.Domain == "" {
			if m.Domain, err = d.defaultDomain(r); err != nil || m.Domain == "" {
				return err
			}
		}
		v := resolver{r: r}
		t, err = v.resolve(m)
		return err
	})
	if err != nil {
		return Target{}, err
	}
	d.targets.put(key, m.Local, changes, t)
	return t, nil
}

// Owns tells whether an account may send in the name of an address: one of its own, a sub-address of one,
// an alias that leads to it alone, or the postmaster it was made. A catch-all gives no such right, and an
// account that was disabled has none any more, whatever sessions it still has.
func (d *Directory) Owns(ctx context.Context, id mail.AccountID, a addr.Mailbox) (bool, error) {
	if id == 0 || a.Domain == "" {
		return false, nil
	}
	t, err := d.Resolve(ctx, a)
	if err != nil {
		return false, err
	}
	alone := len(t.Accounts) == 1 && t.Accounts[0] == id && len(t.Forward) == 0
	if !alone || t.Via != Direct && t.Via != ByPostmaster {
		return false, nil
	}
	enabled := false
	err = d.view(ctx, func(r kv.Reader) error {
		a, ok, err := getAccount(r, id)
		enabled = ok && !a.Disabled
		return err
	})
	return enabled, err
}

// defaultDomain gives the domain of a bare postmaster, "" if there is none.
func (d *Directory) defaultDomain(r kv.Reader) (name string, err error) {
	if d.o.DefaultDomain != "" {
		return parseDomain(d.o.DefaultDomain)
	}
	err = r.Scan(mail.TableDomain, nil, nil, kv.ScanOpt{Limit: 1}, func(k, _ []byte) error {
		name = string(k)
		return nil
	})
	return name, err
}

// resolver follows one address.
type resolver struct {
	r    kv.Reader
	t    Target
	seen map[string]bool // aliases that were expanded, by address
	has  map[any]bool    // destinations that t holds

	// For checkLoop: the alias that nothing may lead back to, and what was found.
	loopTo   addr.Mailbox
	looped   bool
	loopFrom string
	tooFar   bool
}

// step is where one address leads, before aliases are expanded.
type step struct {
	kind   Kind // NotHosted or Unknown; meaningless if found
	found  bool
	row    row
	via    Via
	detail string
}

func (v *resolver) resolve(m addr.Mailbox) (Target, error) {
	s, err := v.find(m)
	if err != nil {
		return Target{}, err
	}
	if s.kind == NotHosted {
		return Target{Kind: NotHosted}, nil
	}
	v.t = Target{Kind: Unknown, Via: s.via, Domain: m.Domain}
	if !s.found {
		return v.t, nil
	}
	if err := v.follow(s, 0); err != nil {
		return Target{}, err
	}
	if s.detail != "" {
		v.t.Detail = s.detail
	}
	switch {
	case len(v.t.Accounts)+len(v.t.Forward) == 0: // an alias with nobody left
		v.t.Kind = Unknown
	case s.row.alias != nil:
		v.t.Kind = ToAlias
	default:
		v.t.Kind = ToAccount
	}
	return v.t, nil
}

// find applies the rules to one address, in their order.
func (v *resolver) find(m addr.Mailbox) (step, error) {
	dom, ok, err := getDomain(v.r, m.Domain)
	if err != nil || !ok {
		return step{kind: NotHosted}, err
	}
	local := addr.FoldLocal(m.Local)
	if s, err := v.row(local, dom.Name, step{}); s.found || err != nil {
		return s, err
	}
	user, detail := split(m.Local, dom.Separator)
	user = addr.FoldLocal(user)
	if detail != "" || user != local {
		if s, err := v.row(user, dom.Name, step{detail: detail}); s.found || err != nil {
			return s, err
		}
	}
	if user == "postmaster" {
		if s, err := v.postmaster(dom, detail); s.found || err != nil {
			return s, err
		}
	}
	if dom.CatchAll == "" {
		return step{kind: Unknown}, nil
	}
	c := parseKey(dom.CatchAll)
	return v.row(c.Local, c.Domain, step{via: ByCatchAll})
}

// row fills in what the address row says.
func (v *resolver) row(local, domain string, s step) (_ step, err error) {
	s.row, s.found, err = getAddress(v.r, addr.Mailbox{Local: local, Domain: domain})
	return s, err
}

// postmaster finds who takes mail for a domain's postmaster (RFC 5321 §4.5.1): whom the domain names, or
// else the first account there is.
func (v *resolver) postmaster(dom Domain, detail string) (step, error) {
	if dom.Postmaster != "" {
		p := parseKey(dom.Postmaster)
		if s, err := v.row(p.Local, p.Domain, step{via: ByPostmaster, detail: detail}); s.found || err != nil {
			return s, err
		}
	}
	s := step{via: ByFallback, detail: detail}
	err := v.r.Scan(mail.TableAccount, nil, nil, kv.ScanOpt{Limit: 1}, func(_, val []byte) error {
		var a Account
		if err := decode(val, "an account", &a); err != nil {
			return err
		}
		s.row, s.found = row{account: a.ID}, true
		return nil
	})
	return s, err
}

// split divides a local part at the first separator (RFC 5233 §4). There is always a user part.
func split(local, separator string) (user, detail string) {
	if separator == NoSeparator || separator == "" {
		return local, ""
	}
	i := strings.Index(local, separator)
	if i <= 0 {
		return local, ""
	}
	return local[:i], local[i+len(separator):]
}

// follow adds what a step leads to. depth counts the aliases above it.
func (v *resolver) follow(s step, depth int) error {
	if s.row.alias == nil {
		return v.add(s.row.account)
	}
	if v.seen[s.row.alias.Address] {
		return nil
	}
	if depth >= MaxDepth || len(v.seen) >= MaxExpansion {
		return v.far()
	}
	if v.seen == nil {
		v.seen = make(map[string]bool)
	}
	v.seen[s.row.alias.Address] = true
	for _, member := range s.row.alias.Members {
		if err := v.member(s.row.alias, member, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// member follows one member of an alias. One that is gone is skipped.
func (v *resolver) member(of *Alias, member string, depth int) error {
	m, err := addr.ParseMailbox(member, true)
	if err != nil {
		return damaged("alias " + of.Address)
	}
	s, err := v.find(m)
	switch {
	case err != nil:
		return err
	case s.kind == NotHosted:
		return v.forward(m)
	case !s.found:
		return nil
	}
	if s.row.alias != nil && s.row.alias.Address == v.loopTo.Key() && !v.loopTo.IsZero() {
		v.looped, v.loopFrom = true, of.Address
	}
	if v.t.Detail == "" && len(of.Members) == 1 {
		v.t.Detail = s.detail
	}
	return v.follow(s, depth)
}

func (v *resolver) add(id mail.AccountID) error {
	isNew, err := v.count(id)
	if isNew {
		v.t.Accounts = append(v.t.Accounts, id)
	}
	return err
}

func (v *resolver) forward(m addr.Mailbox) error {
	isNew, err := v.count(m)
	if isNew {
		v.t.Forward = append(v.t.Forward, m)
	}
	return err
}

// count notes a destination and tells whether it is a new one.
func (v *resolver) count(destination any) (isNew bool, err error) {
	if v.has[destination] {
		return false, nil
	}
	if len(v.has) >= MaxExpansion {
		return false, v.far()
	}
	if v.has == nil {
		v.has = make(map[any]bool)
	}
	v.has[destination] = true
	return true, nil
}

// far refuses an expansion past the limits; it is temporary, an administrator can mend it (RFC 3463 §3.3, X.2.4).
func (v *resolver) far() error {
	v.tooFar = true
	return status.Temp(2, 4, "address expands too far").Because("alias-too-far")
}

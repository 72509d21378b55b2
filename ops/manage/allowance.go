package manage

import (
	"context"
	"time"

	"barid/base/fault"
	"barid/mail/account"
	"barid/mail/allowance"
	"barid/rfc/addr"
)

// InheritLimit as a limit means: as the next wider record says.
const InheritLimit = -1

// LimitsChange changes limits. nil stays, 0 is no limit, InheritLimit leaves it to the domain or the defaults.
type LimitsChange struct {
	PerHour       *int64 `json:"per_hour,omitempty"`       // messages
	Recipients    *int64 `json:"recipients,omitempty"`     // of one message
	PerDay        *int64 `json:"per_day,omitempty"`        // octets
	NewRecipients *int64 `json:"new_recipients,omitempty"` // a day
}

// LimitsInfo are limits as they are set; what is missing is left to the next wider record.
type LimitsInfo struct {
	PerHour       *int64 `json:"per_hour,omitempty"`
	Recipients    *int64 `json:"recipients,omitempty"`
	PerDay        *int64 `json:"per_day,omitempty"`
	NewRecipients *int64 `json:"new_recipients,omitempty"`
}

// AllowanceOf names whose limits are meant: scope account (Name an address), domain, each (every account of a
// domain), default (every account), application (of the account Name), or local (every user of this machine; to show,
// one of them as Name).
type AllowanceOf struct {
	Scope       string `json:"scope"`
	Name        string `json:"name,omitempty"`
	Application string `json:"application,omitempty"`
}

// AllowanceChange is the input of limits.set.
type AllowanceChange struct {
	AllowanceOf
	LimitsChange
}

// AllowanceRow is one limit and how much of it is used.
type AllowanceRow struct {
	Scope   string     `json:"scope"` // "application", "account", "domain", "each", "default" or "local"
	Name    string     `json:"name,omitempty"`
	Limit   string     `json:"limit"` // "messages", "recipients", "bytes" or "new_recipients"
	Window  string     `json:"window"`
	Used    int64      `json:"used"`
	Of      int64      `json:"of"`     // 0: no limit
	SetBy   string     `json:"set_by"` // "application", "account", "domain", "default", "local" or "nobody"
	State   string     `json:"state"`  // "ok", "warning" (80 %) or "full"
	MoreAt  *time.Time `json:"more_at,omitempty"`
	ResetAt *time.Time `json:"resets_at,omitempty"`
}

func allowanceOperations() []Operation {
	return []Operation{
		op("limits.show", func(ctx context.Context, m *Manager, in AllowanceOf, _ Progress) ([]AllowanceRow, error) {
			return m.allowances(ctx, in)
		}),
		op("limits.set", func(ctx context.Context, m *Manager, in AllowanceChange, _ Progress) ([]AllowanceRow, error) {
			if err := m.setLimits(ctx, in); err != nil {
				return nil, err
			}
			return m.allowances(ctx, in.AllowanceOf)
		}),
	}
}

// allowances gives the limits of one scope; for an application and an account those that bind it too.
func (m *Manager) allowances(ctx context.Context, of AllowanceOf) ([]AllowanceRow, error) {
	switch of.Scope {
	case "default":
		l, err := m.Directory.DefaultLimits(ctx)
		return limitRows("default", "", l), err
	case "local":
		return m.localUsage(ctx, of.Name)
	case "each", "domain":
		d, err := m.Directory.Domain(ctx, of.Name)
		if err != nil {
			return nil, err
		}
		if of.Scope == "each" {
			return limitRows("each", d.Unicode(), d.EachAccount), nil
		}
		return m.domainUsage(ctx, d)
	case "account", "application":
		return m.loginUsage(ctx, of)
	}
	return nil, unknownScope(of.Scope)
}

// localUsage gives what bounds the users of this machine, or one of them with what he sent.
func (m *Manager) localUsage(ctx context.Context, user string) ([]AllowanceRow, error) {
	l, err := m.Directory.LocalLimits(ctx)
	if err != nil || user == "" {
		return limitRows("local", "", l), err
	}
	g, err := m.Directory.LocalGrant(ctx, user)
	if err != nil {
		return nil, err
	}
	return m.usage(ctx, g, source{"local", l})
}

func unknownScope(scope string) error {
	return fault.New("B4003", "%q has no limits", scope).WithExit(fault.ExitUsage).
		WithFix("one of: account, domain, each, default, application, local")
}

// limitRows are limits that nobody uses by themselves.
func limitRows(scope, name string, l account.Limits) (rows []AllowanceRow) {
	values, set := limitsOf(l)
	for i, w := range allowance.Quantities() {
		r := AllowanceRow{Scope: scope, Name: name, Limit: w.String(), Window: windowOf(w), Of: values[i], SetBy: "nobody", State: "ok"}
		if set[i] {
			r.SetBy = scope
		}
		rows = append(rows, r)
	}
	return rows
}

// source is a record that may say a limit.
type source struct {
	by     string
	limits account.Limits
}

func (m *Manager) domainUsage(ctx context.Context, d account.Domain) ([]AllowanceRow, error) {
	return m.usage(ctx, d.Grant(), source{"domain", d.Limits})
}

func (m *Manager) applicationUsage(ctx context.Context, p account.Application) ([]AllowanceRow, error) {
	return m.usage(ctx, p.Grant(), source{"application", p.Limits})
}

// loginUsage gives the rows of an account, before them those of an application password, behind them the domain's.
func (m *Manager) loginUsage(ctx context.Context, of AllowanceOf) (rows []AllowanceRow, err error) {
	a, err := m.Directory.ByName(ctx, of.Name)
	if err != nil {
		return nil, err
	}
	if of.Scope == "application" {
		p, err := m.Directory.Application(ctx, a.ID, of.Application)
		if err != nil {
			return nil, applicationFault(of.Name, err)
		}
		if rows, err = m.applicationUsage(ctx, p); err != nil {
			return nil, err
		}
	}
	grants, err := m.Directory.Grants(ctx, a.ID, 0)
	if err != nil {
		return nil, err
	}
	d, err := m.domainOf(ctx, a)
	if err != nil {
		return nil, err
	}
	wider, err := m.Directory.DefaultLimits(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		from := []source{{"account", a.Limits}, {"domain", d.EachAccount}, {"default", wider}}
		if g.Sender.Scope == allowance.Domain {
			from = []source{{"domain", d.Limits}}
		}
		more, err := m.usage(ctx, g, from...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// domainOf gives the domain of an account's name.
func (m *Manager) domainOf(ctx context.Context, a account.Account) (account.Domain, error) {
	box, err := addr.ParseMailbox(a.Name, true)
	if err != nil {
		return account.Domain{}, err
	}
	return m.Directory.Domain(ctx, box.Domain)
}

// usage gives the rows of a grant. The first source that says a limit is the one that set it.
func (m *Manager) usage(ctx context.Context, g allowance.Grant, from ...source) ([]AllowanceRow, error) {
	uses, err := m.Book.Usage(ctx, g)
	if err != nil {
		return nil, err
	}
	name := unicode(g.Name)
	if g.Sender.Scope == allowance.Domain {
		name = addr.UnicodeDomain(g.Name)
	}
	rows := make([]AllowanceRow, 0, len(uses))
	for i, u := range uses {
		r := AllowanceRow{
			Scope: g.Sender.Scope.String(), Name: name, Limit: u.What.String(), Window: windowOf(u.What),
			Used: u.Used, Of: u.Limit, SetBy: "nobody", State: stateOf(u), MoreAt: moment(u.More), ResetAt: moment(u.Resets),
		}
		for _, s := range from {
			if _, set := limitsOf(s.limits); set[i] {
				r.SetBy = s.by
				break
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func stateOf(u allowance.Use) string {
	switch {
	case u.Limit > 0 && u.Used >= u.Limit:
		return "full"
	case u.Warning:
		return "warning"
	}
	return "ok"
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func windowOf(w allowance.What) string {
	switch w {
	case allowance.Messages:
		return "hour"
	case allowance.Recipients:
		return "message"
	}
	return "day"
}

// limitsOf gives limits in the order of allowance.Quantities, and which of them are said.
func limitsOf(l account.Limits) (values [4]int64, set [4]bool) {
	for i, p := range []*int64{l.Messages, l.Recipients, l.Bytes, l.NewRecipients} {
		if p != nil {
			values[i], set[i] = *p, true
		}
	}
	return values, set
}

func limitsInfo(l account.Limits) LimitsInfo {
	return LimitsInfo{PerHour: l.Messages, Recipients: l.Recipients, PerDay: l.Bytes, NewRecipients: l.NewRecipients}
}

// apply moves what was given into l.
func (in LimitsChange) apply(l *account.Limits) {
	for _, f := range []struct {
		v  *int64
		to **int64
	}{{in.PerHour, &l.Messages}, {in.Recipients, &l.Recipients}, {in.PerDay, &l.Bytes}, {in.NewRecipients, &l.NewRecipients}} {
		switch {
		case f.v == nil:
		case *f.v == InheritLimit:
			*f.to = nil
		default:
			*f.to = f.v
		}
	}
}

func (m *Manager) setLimits(ctx context.Context, in AllowanceChange) error {
	switch in.Scope {
	case "default":
		l, err := m.Directory.DefaultLimits(ctx)
		if err != nil {
			return err
		}
		in.apply(&l)
		return m.Directory.SetDefaultLimits(ctx, l)
	case "local":
		l, err := m.Directory.LocalLimits(ctx)
		if err != nil {
			return err
		}
		in.apply(&l)
		return m.Directory.SetLocalLimits(ctx, l)
	case "domain", "each":
		d, err := m.Directory.Domain(ctx, in.Name)
		if err != nil {
			return err
		}
		if in.Scope == "each" {
			in.apply(&d.EachAccount)
		} else {
			in.apply(&d.Limits)
		}
		_, err = m.Directory.SetDomain(ctx, d)
		return err
	case "account":
		a, err := m.Directory.ByName(ctx, in.Name)
		if err != nil {
			return err
		}
		in.apply(&a.Limits)
		_, err = m.Directory.SetAccount(ctx, a)
		return err
	case "application":
		_, err := m.setApplication(ctx, ApplicationChange{
			ApplicationNamed: ApplicationNamed{Account: in.Name, Name: in.Application}, LimitsChange: in.LimitsChange,
		})
		return err
	}
	return unknownScope(in.Scope)
}

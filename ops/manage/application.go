package manage

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"barid/base/fault"
	"barid/mail/account"
)

// ApplicationNamed is the input of operations on one application password.
type ApplicationNamed struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	// For names the frameworks to give settings for. "all" is all of them.
	For []string `json:"for,omitempty"`
}

// ApplicationChange is the input of application.add and application.set; nil fields stay as they are.
type ApplicationChange struct {
	ApplicationNamed
	NewName *string   `json:"new_name,omitempty"` // set only
	May     *[]string `json:"may,omitempty"`      // add: nothing given is smtp
	From    *[]string `json:"from,omitempty"`
	VERP    *string   `json:"verp,omitempty"` // VERPOn, VERPOff or VERPDefault
	LimitsChange
}

// ApplicationInfo describes an application password.
type ApplicationInfo struct {
	Account  string         `json:"account"`
	Name     string         `json:"name"`
	User     string         `json:"user"` // to log in with, also account/name
	May      []string       `json:"may"`
	From     []string       `json:"from,omitempty"` // none: all addresses of the account
	VERP     string         `json:"verp,omitempty"` // missing: as the account says
	Limits   LimitsInfo     `json:"limits"`
	Created  time.Time      `json:"created"`
	LastUsed *time.Time     `json:"last_used,omitempty"`
	LastFrom string         `json:"last_from,omitempty"` // address it logged in from
	Secret   string         `json:"secret,omitempty"`    // only when it was made
	Settings *MailSettings  `json:"settings,omitempty"`  // add and show
	Uses     []AllowanceRow `json:"uses,omitempty"`      // show
}

func applicationOperations() []Operation {
	return []Operation{
		op("application.add", func(ctx context.Context, m *Manager, in ApplicationChange, _ Progress) (ApplicationInfo, error) {
			return m.addApplication(ctx, in)
		}),
		op("application.set", func(ctx context.Context, m *Manager, in ApplicationChange, _ Progress) (ApplicationInfo, error) {
			return m.setApplication(ctx, in)
		}),
		op("application.show", func(ctx context.Context, m *Manager, in ApplicationNamed, _ Progress) (ApplicationInfo, error) {
			return m.showApplication(ctx, in)
		}),
		op("application.list", func(ctx context.Context, m *Manager, in Named, _ Progress) ([]ApplicationInfo, error) {
			return m.listApplications(ctx, in.Name)
		}),
		op("application.rm", func(ctx context.Context, m *Manager, in ApplicationNamed, _ Progress) (None, error) {
			a, err := m.Directory.ByName(ctx, in.Account)
			if err != nil {
				return None{}, err
			}
			return None{}, applicationFault(in.Account, m.Directory.RemoveApplication(ctx, a.ID, in.Name))
		}),
	}
}

func (m *Manager) addApplication(ctx context.Context, in ApplicationChange) (ApplicationInfo, error) {
	a, err := m.Directory.ByName(ctx, in.Account)
	if err != nil {
		return ApplicationInfo{}, err
	}
	p := account.Application{Account: a.ID, Name: in.Name, May: []string{account.MaySMTP}}
	if err := in.apply(&p); err != nil {
		return ApplicationInfo{}, err
	}
	p, secret, err := m.Directory.AddApplication(ctx, p)
	if err != nil {
		return ApplicationInfo{}, applicationFault(in.Account, err)
	}
	info := applicationInfo(a, p)
	info.Secret = secret
	info.Settings, err = m.settings(a, p, secret, in.For)
	return info, err
}

func (m *Manager) setApplication(ctx context.Context, in ApplicationChange) (ApplicationInfo, error) {
	a, p, err := m.application(ctx, in.ApplicationNamed)
	if err != nil {
		return ApplicationInfo{}, err
	}
	if err := in.apply(&p); err != nil {
		return ApplicationInfo{}, err
	}
	if p, err = m.Directory.SetApplication(ctx, p); err != nil {
		return ApplicationInfo{}, applicationFault(in.Account, err)
	}
	return applicationInfo(a, p), nil
}

func (m *Manager) showApplication(ctx context.Context, in ApplicationNamed) (ApplicationInfo, error) {
	a, p, err := m.application(ctx, in)
	if err != nil {
		return ApplicationInfo{}, err
	}
	info := applicationInfo(a, p)
	if info.Settings, err = m.settings(a, p, keptSecret, in.For); err != nil {
		return ApplicationInfo{}, err
	}
	info.Uses, err = m.applicationUsage(ctx, p)
	return info, err
}

func (m *Manager) application(ctx context.Context, in ApplicationNamed) (account.Account, account.Application, error) {
	a, err := m.Directory.ByName(ctx, in.Account)
	if err != nil {
		return a, account.Application{}, err
	}
	p, err := m.Directory.Application(ctx, a.ID, in.Name)
	return a, p, applicationFault(in.Account, err)
}

// listApplications gives those of one account, or of all if name is "".
func (m *Manager) listApplications(ctx context.Context, name string) ([]ApplicationInfo, error) {
	var of []account.Account
	if name == "" {
		all, err := m.Directory.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		of = all
	} else {
		a, err := m.Directory.ByName(ctx, name)
		if err != nil {
			return nil, err
		}
		of = []account.Account{a}
	}
	out := []ApplicationInfo{}
	for _, a := range of {
		all, err := m.Directory.Applications(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			out = append(out, applicationInfo(a, p))
		}
	}
	return out, nil
}

func (in ApplicationChange) apply(p *account.Application) error {
	assign(&p.Name, in.NewName)
	assign(&p.May, in.May)
	assign(&p.From, in.From)
	in.LimitsChange.apply(&p.Limits)
	return setVERP(&p.VERP, in.VERP)
}

func applicationInfo(a account.Account, p account.Application) ApplicationInfo {
	info := ApplicationInfo{
		Account: unicode(a.Name), Name: p.Name, User: unicode(a.Name), May: p.May, VERP: verpWord(p.VERP), Limits: limitsInfo(p.Limits), Created: p.Created,
	}
	for _, s := range p.From {
		info.From = append(info.From, unicode(s))
	}
	if !p.LastUsed.IsZero() {
		info.LastUsed, info.LastFrom = &p.LastUsed, p.LastRemote.String()
	}
	return info
}

// applicationFault adds the account to what the directory says of application passwords.
func applicationFault(of string, err error) error {
	var exists account.ErrExists
	var unknown account.ErrUnknown
	switch {
	case errors.As(err, &exists):
		return fault.New("B4001", "%s has an application password %q already", of, exists.Name).Wrap(err).
			WithFix("barid app-password show %s %s", of, exists.Name).WithFix("barid app-password rm %s %s", of, exists.Name)
	case errors.As(err, &unknown) && unknown.Kind == "application password":
		f := fault.New("B4002", "%s has no application password %q", of, unknown.Name).Wrap(err)
		if unknown.Near != "" {
			f.WithFix("did you mean %q?", unknown.Near)
		}
		return f.WithFix("barid app-password list %s", of)
	}
	return err
}

// settings are what to enter into a program.
func (m *Manager) settings(a account.Account, p account.Application, secret string, frameworks []string) (*MailSettings, error) {
	s := &MailSettings{Server: m.Host, User: unicode(a.Name), Password: secret, From: unicode(a.Name), Doors: m.doors(p.May)}
	if len(p.From) > 0 {
		s.From = unicode(p.From[0])
	}
	if slices.Contains(frameworks, "all") {
		frameworks = Frameworks()
	}
	for _, name := range frameworks {
		text, err := s.snippet(name)
		if err != nil {
			return nil, err
		}
		if s.Snippets == nil {
			s.Snippets = map[string]string{}
		}
		s.Snippets[name] = text
	}
	return s, nil
}

// ways are the doors that people use, by the word of a listener's protocol, the best first.
var ways = []struct{ protocol, may, use, tls string }{
	{"submission", account.MaySMTP, "send", startTLS},
	{"submissions", account.MaySMTP, "send", "TLS"},
	{"imaps", account.MayIMAP, "imap", "TLS"},
	{"imap", account.MayIMAP, "imap", startTLS},
	{"pop3s", account.MayPOP3, "pop3", "TLS"},
	{"pop3", account.MayPOP3, "pop3", startTLS},
}

// doors gives the doors of the running server, or of the configuration, that a password may use.
func (m *Manager) doors(may []string) []MailDoor {
	listeners := m.Doors
	if m.Server != nil {
		listeners = m.Server()
	}
	doors := []MailDoor{}
	for _, w := range ways {
		for _, l := range listeners {
			_, port, err := net.SplitHostPort(l.Address)
			n, err2 := strconv.Atoi(port)
			if l.Protocol == w.protocol && slices.Contains(may, w.may) && err == nil && err2 == nil {
				doors = append(doors, MailDoor{Use: w.use, Port: n, TLS: w.tls})
				break
			}
		}
	}
	return doors
}

package manage

import (
	"context"
	"slices"
	"time"

	"barid/base/fault"
	"barid/flow/deliver/remote"
	"barid/mail/relay"
	"barid/rfc/addr"
)

// Relaying is what the operations on routes work on.
type Relaying struct {
	Store   *relay.Store
	Presets func() (*relay.Presets, error)
	Live    *remote.Live      // nil: mail is not carried on here
	Remote  *remote.Deliverer // nil with Live
	Levels  Levels
}

// RelayLogin is how a relay is logged into. Secrets go in and never come out.
type RelayLogin struct {
	User         string `json:"user,omitempty"`
	Password     string `json:"password,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"` // instead of a password
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	TokenURL     string `json:"token_url,omitempty"` // "": the preset's
	Scope        string `json:"scope,omitempty"`     // "": the preset's
}

// RelayChange is the input of relay.set and relay.add.
type RelayChange struct {
	Name   string `json:"name,omitempty"` // of the route; "": "default"
	Target string `json:"target"`         // "smtps://user@relay.example:465", "smtp://…", "direct", or a preset
	Region string `json:"region,omitempty"`
	TLS    string `json:"tls,omitempty"`
	RelayLogin

	ForSenders    []string `json:"for_senders,omitempty"`    // relay.set: rules for their mail
	ForRecipients []string `json:"for_recipients,omitempty"` // and for mail to these; both: for each pair
	NoRule        bool     `json:"no_rule,omitempty"`        // no rule is made
	DryRun        bool     `json:"dry_run,omitempty"`
}

// RelayRemoval is the input of relay.rm.
type RelayRemoval struct {
	Name      string `json:"name"`
	WithRules bool   `json:"with_rules,omitempty"`
	DryRun    bool   `json:"dry_run,omitempty"`
}

// RelayChanged is what a change made different.
type RelayChanged struct {
	DryRun  bool           `json:"dry_run"`
	Changes []relay.Change `json:"changes"`
	Queued  int            `json:"queued"`          // queued messages that are tried now because of it
	Notes   []string       `json:"notes,omitempty"` // what whoever changed it should know
}

// RouteInfo describes a route.
type RouteInfo struct {
	Name    string      `json:"name"`
	Relays  []RelayInfo `json:"relays"`
	Rules   []string    `json:"rules"` // the mail that takes it: "all mail", "from shop.example"
	Changed time.Time   `json:"changed"`
}

// RelayInfo describes a relay of a chain.
type RelayInfo struct {
	Relay   string `json:"relay"` // "smtps://office@relay.example:465", or "direct"
	TLS     string `json:"tls,omitempty"`
	Login   string `json:"login"` // "none", "password", "oauth"
	Preset  string `json:"preset,omitempty"`
	Trouble string `json:"trouble,omitempty"` // what happened last; "": nothing that the running server knows of
}

// RelayTrial is the input of relay.test.
type RelayTrial struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"` // sender to try; "": postmaster of the first hosted domain
}

// RelayTrials is what relay.test saw: one for each relay of the chain.
type RelayTrials struct {
	Name   string         `json:"name"`
	From   string         `json:"from"`
	Trials []remote.Trial `json:"trials"`
	Passed bool           `json:"passed"` // every relay would take mail
}

func relayOperations() []Operation {
	return []Operation{
		op("relay.set", func(ctx context.Context, m *Manager, in RelayChange, p Progress) (RelayChanged, error) {
			return m.setRelay(ctx, in, false, p)
		}),
		op("relay.add", func(ctx context.Context, m *Manager, in RelayChange, p Progress) (RelayChanged, error) {
			return m.setRelay(ctx, in, true, p)
		}),
		op("relay.list", func(_ context.Context, m *Manager, _ None, _ Progress) ([]RouteInfo, error) {
			snap := m.Relaying.Store.Snapshot()
			out := []RouteInfo{}
			for _, r := range snap.Routes() {
				out = append(out, m.routeInfo(snap, r))
			}
			return out, snap.Err()
		}),
		op("relay.show", func(_ context.Context, m *Manager, in Named, _ Progress) (RouteInfo, error) {
			snap := m.Relaying.Store.Snapshot()
			r, err := snap.Need(in.Name)
			if err != nil {
				return RouteInfo{}, err
			}
			return m.routeInfo(snap, &r), nil
		}),
		op("relay.rm", func(ctx context.Context, m *Manager, in RelayRemoval, p Progress) (RelayChanged, error) {
			return m.changeRelays(ctx, in.DryRun, p, func(e *relay.Edit) error { return e.RemoveRoute(in.Name, in.WithRules) })
		}),
		op("relay.test", func(ctx context.Context, m *Manager, in RelayTrial, p Progress) (RelayTrials, error) {
			return m.tryRelays(ctx, in, p)
		}),
		op("relay.presets", func(_ context.Context, m *Manager, _ None, _ Progress) ([]*relay.Preset, error) {
			p, err := m.Relaying.Presets()
			if err != nil {
				return nil, err
			}
			return p.All(), nil
		}),
	}
}

// changeRelays changes everything that f changes in one commit.
func (m *Manager) changeRelays(ctx context.Context, dry bool, p Progress, f func(*relay.Edit) error) (RelayChanged, error) {
	changes, err := m.Relaying.Store.Update(ctx, dry, f)
	out := RelayChanged{DryRun: dry, Changes: changes}
	if err == nil && !dry {
		out.Queued, err = m.follow(ctx, changes, p)
	}
	return out, err
}

// setRelay makes a route of one relay with its rules, or adds a relay to the end of a chain.
func (m *Manager) setRelay(ctx context.Context, in RelayChange, add bool, p Progress) (RelayChanged, error) {
	if in.Name == "" {
		in.Name = relay.Default
	}
	r, err := m.relayOf(&in)
	if err != nil {
		return RelayChanged{}, err
	}
	return m.changeRelays(ctx, in.DryRun, p, func(e *relay.Edit) error {
		route := relay.Route{Name: in.Name}
		if add {
			if route, err = e.Route(in.Name); err != nil {
				return err
			}
		}
		route.Relays = append(slices.Clone(route.Relays), r)
		if err := e.SetRoute(route); err != nil || add {
			return err
		}
		return in.setRules(e)
	})
}

// setRules makes the rules that are asked for; for a route that no rule names, the one for all mail.
func (in *RelayChange) setRules(e *relay.Edit) error {
	senders, recipients := in.ForSenders, in.ForRecipients
	if len(senders)+len(recipients) == 0 {
		used := slices.ContainsFunc(e.Now().Rules(), func(r *relay.Rule) bool { return r.Route == in.Name })
		if in.NoRule || used {
			return nil
		}
	}
	if len(senders) == 0 {
		senders = []string{""}
	}
	if len(recipients) == 0 {
		recipients = []string{""}
	}
	for _, s := range senders {
		for _, r := range recipients {
			if err := e.SetRule(relay.Rule{Sender: s, Recipient: r, Route: in.Name}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Manager) routeInfo(snap *relay.Snapshot, r *relay.Route) RouteInfo {
	info := RouteInfo{Name: r.Name, Rules: []string{}, Changed: r.Changed}
	for i := range r.Relays {
		x := &r.Relays[i]
		one := RelayInfo{Relay: x.String(), TLS: x.TLS, Login: "none", Preset: x.Preset, Trouble: m.relayTrouble(r.Name, i)}
		switch {
		case x.OAuth != nil:
			one.Login = "oauth"
		case x.User != "":
			one.Login = "password"
		}
		info.Relays = append(info.Relays, one)
	}
	for _, rule := range snap.Rules() {
		if rule.Route == r.Name {
			info.Rules = append(info.Rules, rule.String())
		}
	}
	return info
}

// relayTrouble tells what was wrong with a relay of a route lately, as far as a running server knows.
func (m *Manager) relayTrouble(route string, at int) string {
	if m.Relaying.Remote == nil || m.Server == nil {
		return ""
	}
	r, ok := m.Relaying.Live.Named(route)
	if !ok || at >= len(r.Relays) || r.Relays[at].Host == "" {
		return ""
	}
	for _, h := range m.Relaying.Remote.Health() {
		if h.Host == r.Relays[at].ID() {
			return h.Why
		}
	}
	return ""
}

// tryRelays goes to each relay of a route as far as MAIL.
func (m *Manager) tryRelays(ctx context.Context, in RelayTrial, p Progress) (RelayTrials, error) {
	if _, err := m.Relaying.Store.Snapshot().Need(in.Name); err != nil {
		return RelayTrials{}, err
	}
	if m.Relaying.Live == nil {
		return RelayTrials{}, fault.New("B2111", "this installation does not carry mail on").
			WithMeans("routes can be kept, but nothing uses them").WithFix("[outbound] enabled = true")
	}
	from, err := m.trialSender(ctx, in.From)
	if err != nil {
		return RelayTrials{}, err
	}
	r, _ := m.Relaying.Live.Named(in.Name)
	out := RelayTrials{Name: in.Name, From: from, Passed: true, Trials: []remote.Trial{}}
	for i := range r.Relays {
		if r.Relays[i].Host == "" {
			continue // the mail exchangers of whom?
		}
		p("relays", int64(i), int64(len(r.Relays)))
		t := m.Relaying.Remote.Try(ctx, &r.Relays[i], from)
		out.Passed = out.Passed && t.Trouble == nil
		out.Trials = append(out.Trials, t)
	}
	return out, nil
}

// trialSender gives the reverse-path of a trial: relays often take only addresses of a domain they know.
func (m *Manager) trialSender(ctx context.Context, from string) (string, error) {
	if from == "<>" {
		return from, nil
	}
	if from != "" {
		a, err := addr.ParseMailbox(from, false)
		if err != nil {
			return "", fault.New("B2007", "%q is not an address in ASCII", from).WithFound("%v", err).WithExit(fault.ExitUsage)
		}
		return "<" + a.String() + ">", nil
	}
	all, err := m.Directory.Domains(ctx)
	if err != nil || len(all) == 0 {
		return "<>", err
	}
	return "<postmaster@" + all[0].Name + ">", nil
}

// RelayPreset is a provider that is known.
type RelayPreset = relay.Preset

// OneTrial is what a try of one relay showed.
type OneTrial = remote.Trial

package manage

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"

	"barid/mail/relay"
	"barid/rfc/addr"
)

// RuleChange is the input of relay.rule.add and relay.rule.rm. "" is every sender or recipient, "<>" the sender of
// reports.
type RuleChange struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Route  string `json:"route,omitempty"` // relay.rule.add; "direct" for the mail exchangers
	DryRun bool   `json:"dry_run,omitempty"`
}

// RuleInfo describes a rule. Of two that fit a message the one that is listed first counts.
type RuleInfo struct {
	From  string `json:"from"` // "" is everybody
	To    string `json:"to"`
	Route string `json:"route"`
}

// SourceChange is the input of relay.source.add and relay.source.rm.
type SourceChange struct {
	Address string   `json:"address"`
	Helo    string   `json:"helo,omitempty"`    // name said there; "": the server's
	Senders []string `json:"senders,omitempty"` // domains; none: everybody's who has no address of his own
	DryRun  bool     `json:"dry_run,omitempty"`
}

// SourceInfo describes an address that mail leaves from.
type SourceInfo struct {
	Address string   `json:"address"`
	Helo    string   `json:"helo"`
	Senders []string `json:"senders"`
}

// WayQuery is the input of relay.which.
type WayQuery struct {
	From string `json:"from,omitempty"` // address or domain; "" or "<>" is the sender of reports
	To   string `json:"to"`
}

// Way is how a message would leave.
type Way struct {
	Rule   string   `json:"rule,omitempty"` // the rule that counts; "": none fits
	Route  string   `json:"route"`          // "direct": by the mail exchangers of the recipient
	Relays []string `json:"relays,omitempty"`
}

func relayRuleOperations() []Operation {
	return []Operation{
		op("relay.rule.add", func(ctx context.Context, m *Manager, in RuleChange, p Progress) (RelayChanged, error) {
			return m.changeRelays(ctx, in.DryRun, p, func(e *relay.Edit) error {
				return e.SetRule(relay.Rule{Sender: in.From, Recipient: in.To, Route: in.Route})
			})
		}),
		op("relay.rule.list", func(_ context.Context, m *Manager, _ None, _ Progress) ([]RuleInfo, error) {
			snap := m.Relaying.Store.Snapshot()
			out := []RuleInfo{}
			for _, r := range snap.Rules() {
				out = append(out, RuleInfo{From: r.Sender, To: r.Recipient, Route: r.Route})
			}
			return out, snap.Err()
		}),
		op("relay.rule.rm", func(ctx context.Context, m *Manager, in RuleChange, p Progress) (RelayChanged, error) {
			return m.changeRelays(ctx, in.DryRun, p, func(e *relay.Edit) error { return e.RemoveRule(in.From, in.To) })
		}),
		op("relay.source.add", func(ctx context.Context, m *Manager, in SourceChange, p Progress) (RelayChanged, error) {
			out, err := m.changeRelays(ctx, in.DryRun, p, func(e *relay.Edit) error { return e.SetSource(in.Address, in.Helo, in.Senders) })
			if err == nil && isElsewhere(in.Address) {
				out.Notes = append(out.Notes, in.Address+" is no address of this machine now: mail that is to leave from there waits until it is")
			}
			return out, err
		}),
		op("relay.source.list", func(_ context.Context, m *Manager, _ None, _ Progress) ([]SourceInfo, error) {
			snap := m.Relaying.Store.Snapshot()
			out := []SourceInfo{}
			for _, s := range snap.Sources() {
				out = append(out, SourceInfo{Address: s.Addr.String(), Helo: s.Helo, Senders: append([]string{}, s.Senders...)})
			}
			return out, snap.Err()
		}),
		op("relay.source.rm", func(ctx context.Context, m *Manager, in SourceChange, p Progress) (RelayChanged, error) {
			return m.changeRelays(ctx, in.DryRun, p, func(e *relay.Edit) error { return e.RemoveSource(in.Address) })
		}),
		op("relay.which", func(_ context.Context, m *Manager, in WayQuery, _ Progress) (Way, error) { return m.way(in) }),
	}
}

// isElsewhere tells whether this machine does not have an address. It may get it later: to move between machines is
// what some addresses are for.
func isElsewhere(address string) bool {
	nc, err := net.ListenPacket("udp", net.JoinHostPort(strings.Trim(address, "[]"), "0"))
	if err != nil {
		return errors.Is(err, syscall.EADDRNOTAVAIL)
	}
	_ = nc.Close()
	return false
}

// way tells how a message would leave.
func (m *Manager) way(in WayQuery) (Way, error) {
	snap := m.Relaying.Store.Snapshot()
	if err := snap.Err(); err != nil {
		return Way{}, err
	}
	from, err := domainOf("sender", in.From)
	if err != nil {
		return Way{}, err
	}
	to, err := domainOf("recipient", in.To)
	if err != nil {
		return Way{}, err
	}
	if to == "" {
		return Way{}, relay.ErrInvalid{Kind: "recipient", Why: "an address or a domain is needed"}
	}
	route, rule := snap.Choose(from, to)
	w := Way{Route: relay.Direct}
	if rule != nil {
		w.Rule = rule.String()
	}
	if route != nil {
		w.Route = route.Name
		for i := range route.Relays {
			w.Relays = append(w.Relays, route.Relays[i].String())
		}
	}
	return w, nil
}

// domainOf gives the domain of an address or of itself.
func domainOf(kind, s string) (string, error) {
	if s == "" || s == relay.NullSender {
		return "", nil
	}
	if m, err := addr.ParseMailbox(s, true); err == nil {
		return m.Domain, nil
	}
	d, err := addr.ParseDomain(s)
	if err != nil {
		return "", relay.ErrInvalid{Kind: kind, Value: s, Why: "an address or a domain is needed"}
	}
	return d, nil
}

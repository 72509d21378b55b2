package app

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"barid/flow/deliver/local"
	"barid/flow/deliver/remote"
	"barid/flow/queue"
	"barid/flow/report"
	"barid/flow/route"
	"barid/locales"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// outbound is what carries mail on to other servers: the queue, who delivers for it, who reports for it.
type outbound struct {
	queue  *queue.Queue
	remote *remote.Deliverer
	inbox  *report.Inbox
	live   *remote.Live
}

// queueGrace is how long attempts may go on after a stop was asked for.
const queueGrace = 2 * time.Second

// lineMetrics is how many destinations have metrics of their own.
const lineMetrics = 100

// openOutbound makes it, if the configuration wants it; it works from start on.
func (s *System) openOutbound(ctx context.Context) error {
	s.relays, s.levels = relay.Open(ctx, s.engine, time.Now), remote.OpenLevels(s.engine)
	if err := s.relays.Snapshot().Err(); err != nil {
		s.log.Error("routes can not be read; mail for other servers waits", "err", err)
	}
	if !s.cfg.Outbound.Enabled {
		return nil
	}
	if err := s.openResolver(); err != nil {
		return err
	}
	texts, err := locales.Report()
	if err != nil {
		return err
	}
	out := &outbound{live: remote.NewLive(s.relays, tokenClient(s.resolver))}
	out.remote = s.newRemote(out.live)
	counts := report.NewMetrics(s.reg)
	here := route.HostNames{Directory: s.directory, Host: s.host()}
	reports := report.New(report.Deps{
		Settings: report.Settings{Host: s.host(), Lifetime: time.Duration(s.cfg.Outbound.Expire)},
		Blobs:    s.engine, Directory: here, Store: s.mail, Texts: texts, Events: s.events, Log: s.log,
		Metrics: counts, Locale: s.locale,
		Route:     func(to addr.Mailbox) string { return s.routeHint(addr.Path{Null: true}, to.Domain) },
		Submitted: func(es ...*spool.Entry) { out.queue.Submitted(es...) },
		Together:  s.engine.Caps().Together,
	})
	out.queue = s.newQueue(local.NewQueued(local.QueuedDeps{
		Directory: here, Store: s.mail, Blobs: s.engine, Elsewhere: out.remote, Log: s.log,
		Route:     s.routeHint,
		Submitted: func(es ...*spool.Entry) { out.queue.Submitted(es...) },
	}), reports)
	out.inbox = s.newInbox(counts)
	s.outbound = out
	return nil
}

// newInbox makes what reads the reports of other servers.
func (s *System) newInbox(counts *report.Metrics) *report.Inbox {
	return report.NewInbox(report.InboxDeps{
		Matcher: &report.Matcher{Events: s.events, Index: s.events, Names: []string{s.host()}, Addresses: s.bounces, Metrics: counts},
		Blobs:   s.engine, Events: s.events, Flush: s.events.Flush, Log: s.log,
	})
}

// newRemote makes what speaks to other servers. Ready stays nil: one process works the queue of a data folder, so no
// lease can end under an attempt.
func (s *System) newRemote(live *remote.Live) *remote.Deliverer {
	o := s.cfg.Outbound
	return remote.New(remote.Deps{
		Resolver: mxResolver{s.resolver, s.known}, Blobs: s.engine, Memory: s.levels,
		Routes: live, Sources: live.Sources, Twin: s.twin, Bounce: s.bounceAddress, Log: s.log, Metrics: remote.NewMetrics(s.reg),
		Settings: remote.Settings{
			HeloName: s.host(), Port: uint16(o.Port), AllowPrivate: o.AllowPrivate, MaxHops: s.cfg.Limits.ReceivedHops,
			Listen: s.smtpAddresses(),
		},
	})
}

func (s *System) newQueue(d queue.Deliverer, r queue.Reporter) *queue.Queue {
	o := s.cfg.Outbound
	return queue.New(queue.Deps{
		KV: s.engine, Deliver: d, Report: r, Events: s.events, Log: s.log,
		Metrics: queue.NewMetrics(s.reg, lineMetrics),
		Set: queue.Settings{
			FirstRetry: time.Duration(o.FirstRetry), MaxRetry: time.Duration(o.MaxRetry), Lifetime: time.Duration(o.Expire),
			Delays: []time.Duration{time.Duration(o.DelayNotice)},
		},
	})
}

// start begins to carry mail on.
func (o *outbound) start(ctx context.Context) error {
	if o == nil {
		return nil
	}
	o.inbox.Start()
	return o.queue.Start(ctx)
}

// stop lets attempts that run end, for a while.
func (o *outbound) stop() {
	if o == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), queueGrace)
	defer cancel()
	o.inbox.Close()
	o.queue.Stop(ctx)
	o.remote.Close()
}

// routeHint names the line of the queue that a message stands in.
func (s *System) routeHint(from addr.Path, domain string) string {
	return s.relays.Snapshot().HintFor(from.Domain, domain)
}

// smtpAddresses are where we take mail: a mail exchanger or relay there is ourselves. A port that the system chooses
// is not known here.
func (s *System) smtpAddresses() (all []netip.AddrPort) {
	for _, l := range s.cfg.Listeners {
		switch l.Protocol {
		case "smtp", "submission", "submissions", "lmtp":
			ap, err := netip.ParseAddrPort(l.Address)
			if rest, ok := strings.CutPrefix(l.Address, ":"); ok {
				ap, err = netip.ParseAddrPort("[::]:" + rest)
			}
			if err == nil && ap.Port() != 0 {
				all = append(all, ap)
			}
		}
	}
	return all
}

// twin gives another address of one of our accounts that servers without SMTPUTF8 can read: the account's first
// address in ASCII, in the same domain if there is one (RFC 6531 §3.7.1 leaves such a choice to the sender).
func (s *System) twin(ctx context.Context, m addr.Mailbox) (addr.Mailbox, bool) {
	t, err := s.directory.Resolve(ctx, m)
	if err != nil || t.Kind != account.ToAccount || len(t.Accounts) != 1 || t.Detail != "" || t.Via == account.ByCatchAll {
		return addr.Mailbox{}, false
	}
	a, err := s.directory.Account(ctx, t.Accounts[0])
	if err != nil {
		return addr.Mailbox{}, false
	}
	var best addr.Mailbox
	for _, text := range a.Addresses {
		x, err := addr.ParseMailbox(text, true)
		if err != nil || x.NeedsUTF8() {
			continue
		}
		if best.IsZero() || x.Domain == m.Domain && best.Domain != m.Domain {
			best = x
		}
	}
	return best, !best.IsZero()
}

// locale is the language of an account, for reports; "" if it has none.
func (s *System) locale(ctx context.Context, id mail.AccountID) string {
	a, err := s.directory.Account(ctx, id)
	if err != nil {
		return "" // the report is then in the usual language
	}
	return a.Locale
}

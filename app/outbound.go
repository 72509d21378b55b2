package app

import (
	"context"
	"time"

	"barid/flow/deliver/remote"
	"barid/flow/queue"
	"barid/flow/report"
	"barid/locales"
	"barid/mail"
	"barid/mail/spool"
)

// outbound is what carries mail on to other servers: the queue, who delivers for it, who reports for it.
type outbound struct {
	queue  *queue.Queue
	remote *remote.Deliverer
}

// queueGrace is how long attempts may go on after a stop was asked for.
const queueGrace = 2 * time.Second

// lineMetrics is how many destinations have metrics of their own.
const lineMetrics = 100

// openOutbound makes it, if the configuration wants it; it works from start on.
func (s *System) openOutbound() error {
	o := s.cfg.Outbound
	if !o.Enabled {
		return nil
	}
	if err := s.openResolver(); err != nil {
		return err
	}
	texts, err := locales.Report()
	if err != nil {
		return err
	}
	out := &outbound{remote: remote.New(remote.Deps{
		Resolver: s.resolver, Blobs: s.engine, Memory: remote.OpenLevels(s.engine), Log: s.log, Metrics: remote.NewMetrics(s.reg),
		Settings: remote.Settings{
			HeloName: s.host(), Port: uint16(o.Port), AllowPrivate: o.AllowPrivate, MaxHops: s.cfg.Limits.ReceivedHops,
		},
	})}
	reports := report.New(report.Deps{
		Settings: report.Settings{Host: s.host(), Lifetime: time.Duration(o.Expire)},
		Blobs:    s.engine, Directory: s.directory, Store: s.mail, Texts: texts, Events: s.events, Log: s.log,
		Metrics:   report.NewMetrics(s.reg),
		Submitted: func(es ...*spool.Entry) { out.queue.Submitted(es...) },
	})
	out.queue = queue.New(queue.Deps{
		KV: s.engine, Deliver: out.remote, Report: reports, Events: s.events, Log: s.log,
		Metrics: queue.NewMetrics(s.reg, lineMetrics),
		Set: queue.Settings{
			FirstRetry: time.Duration(o.FirstRetry), MaxRetry: time.Duration(o.MaxRetry), Lifetime: time.Duration(o.Expire),
			Delays: []time.Duration{time.Duration(o.DelayNotice)},
		},
	})
	s.outbound = out
	return nil
}

// start begins to carry mail on.
func (o *outbound) start(ctx context.Context) error {
	if o == nil {
		return nil
	}
	return o.queue.Start(ctx)
}

// stop lets attempts that run end, for a while.
func (o *outbound) stop() {
	if o == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), queueGrace)
	defer cancel()
	o.queue.Stop(ctx)
	o.remote.Close()
}

// locale is the language of an account, for reports; "" if it has none.
func (s *System) locale(ctx context.Context, id mail.AccountID) string {
	a, err := s.directory.Account(ctx, id)
	if err != nil {
		return "" // the report is then in the usual language
	}
	return a.Locale
}

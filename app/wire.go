package app

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"barid/base/dns"
	"barid/base/fault"
	"barid/base/rate"
	btls "barid/base/tls"
	"barid/flow/deliver/local"
	"barid/flow/intake"
	"barid/flow/policy"
	"barid/flow/policy/allowance"
	"barid/flow/policy/iprev"
	"barid/flow/policy/quota"
	"barid/flow/policy/ratelimit"
	"barid/flow/policy/sender"
	"barid/flow/route"
	"barid/mail"
	"barid/mail/account"
	book "barid/mail/allowance"
	"barid/mail/bounce"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/store/embedded"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// wire builds everything below the listeners, from the disk up.
func (s *System) wire(ctx context.Context, o opening) error {
	for _, step := range []func() error{
		func() error { return s.openStore(ctx, o) },
		s.openMail,
		func() error { return s.openOutbound(ctx) },
		s.openIntake,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

func (s *System) openStore(ctx context.Context, how opening) (err error) {
	o := embedded.Options{
		Logger: s.log, Metrics: embedded.NewMetrics(s.reg),
		CacheBytes: s.cfg.Storage.CacheBytes, ReserveBytes: s.cfg.Storage.ReserveBytes,
	}
	if how.inMemory {
		o.FS = vfs.NewMem()
		o.ReserveBytes = -1
	} else if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return fault.New("B3005", "the data folder %s can not be made", s.cfg.Data).Wrap(err).
			WithFix("make it, and give it to the user that runs barid").WithFix("use another --data FOLDER")
	}
	deadline := time.Now().Add(how.lockWait)
	s.engine, err = embedded.Open(s.cfg.Data, o)
	for errors.Is(err, embedded.ErrLocked) && time.Now().Before(deadline) && ctx.Err() == nil {
		time.Sleep(lockLook)
		s.engine, err = embedded.Open(s.cfg.Data, o)
	}
	switch {
	case errors.Is(err, embedded.ErrLocked):
		return fault.New("B3004", "the data folder %s is in use", s.cfg.Data).WithFound("%s", strings.TrimSuffix(err.Error(), ": "+embedded.ErrLocked.Error())).Wrap(err).
			WithMeans("two processes on one folder would destroy mail, so this one does not begin").
			WithFix("barid status").WithFix("stop the other process, or use another --data folder")
	case err != nil:
		return fault.New("B3005", "the data folder %s can not be opened", s.cfg.Data).WithFound("%v", err).Wrap(err).
			WithFix("ls -ld %s    shows whose it is; the user that runs barid must own it", s.cfg.Data)
	}
	return nil
}

// lockLook is the time between two tries at the lock of a data folder.
const lockLook = 20 * time.Millisecond

func (s *System) openMail() (err error) {
	s.directory, err = account.Open(s.engine, account.Options{
		Log: s.log, Metrics: account.NewMetrics(s.reg), DefaultDomain: "",
		Brake: account.Brake{PerAddress: s.cfg.Limits.LoginTries},
	})
	if err != nil {
		return err
	}
	s.bounces = bounce.New(s.engine, nil)
	s.book = book.Open(s.engine, book.Options{Log: s.log, Metrics: book.NewMetrics(s.reg)})
	s.mail = mailbox.Open(s.engine, s.engine, mailbox.Options{
		Log: s.log, Metrics: mailbox.NewMetrics(s.reg),
		Appended: func(id mail.AccountID, n int) { s.search.Appended(id, n) },
		Reaped:   func(id mail.AccountID, n int) { s.search.Reaped(id, n) },
	})
	s.search = search.Open(s.engine, s.mail, search.Options{Log: s.log, Metrics: search.NewMetrics(s.reg)})
	s.events, err = event.Open(s.engine, event.Options{
		Log: s.log, Metric: event.NewMetrics(s.reg), Keep: time.Duration(s.cfg.Storage.EventDays) * 24 * time.Hour,
	})
	return err
}

func (s *System) openCertificates() (err error) {
	if len(s.cfg.Certificates) == 0 {
		return nil
	}
	var pairs []btls.Pair
	for _, c := range s.cfg.Certificates {
		pairs = append(pairs, btls.Pair{Cert: c.Cert, Key: c.Key})
	}
	if s.certs, err = btls.Open(pairs...); err != nil {
		return fault.New("B1012", "a certificate can not be used").WithFound("%v", err).Wrap(err).
			WithMeans("nothing is started, so that no listener is without the TLS it should have").
			WithFix("correct cert and key in the [[certificate]] tables").WithFix("barid config check")
	}
	return nil
}

func (s *System) openIntake() error {
	chain, err := s.checks()
	if err != nil {
		return err
	}
	d := intake.Deps{
		Settings: intake.Settings{
			Host: s.host(), MaxMessage: s.cfg.Limits.MessageBytes, MaxRecipients: s.cfg.Limits.Recipients,
			MaxReceived: s.cfg.Limits.ReceivedHops, Expire: time.Duration(s.cfg.Outbound.Expire),
		},
		Blobs:   s.engine,
		Router:  route.New(s.directory, s.outbound != nil).AtHost(s.host()).With(bounced{s.bounces, s.directory}),
		Local:   local.New(s.mail),
		Policy:  policy.NewRunner(chain, policy.DefaultSettings(), policy.NewMetrics(s.reg)),
		Events:  s.events,
		Log:     s.log,
		Locale:  s.locale,
		Metrics: intake.NewMetrics(s.reg),
	}
	if s.outbound != nil {
		d.Queue, d.Reports, d.Route, d.MaxPriority = s.outbound.queue, s.outbound.inbox, s.routeHint, mayHurry
		d.VERP = s.verp
	}
	s.intake = intake.New(d)
	return nil
}

// host is our name; commands that only open the folder may have none.
func (s *System) host() string {
	if s.cfg.Hostname == "" {
		return "localhost"
	}
	return s.cfg.Hostname
}

// checks is the chain of this installation; policy.Order has the order.
func (s *System) checks() ([]policy.Check, error) {
	links := policy.Links{
		RateLimit: ratelimit.Checks(s.rates()),
		Sender:    sender.Checks(s.directory),
		Quota:     quota.New(s.mail),
		Allowance: allowance.Checks(s.directory, s.book, nil),
	}
	if s.cfg.Policy.IPRev != "off" {
		if err := s.openResolver(); err != nil {
			return nil, err
		}
		links.IPRev = iprev.New(s.resolver, iprev.Options{})
	}
	return policy.Order(links), nil
}

func (s *System) rates() (l ratelimit.Limits) {
	if n := s.cfg.Limits.MailRate; n > 0 {
		l.NetworkMessages = rate.New[string](rate.Limit{Events: n, Per: time.Minute}, rateKeys, time.Now)
	}
	return l
}

// rateKeys is how many networks a limiter remembers.
const rateKeys = 1 << 16

// openResolver makes the resolver, once.
func (s *System) openResolver() (err error) {
	if s.resolver != nil {
		return nil
	}
	s.resolver, err = dns.New(dns.Config{
		Servers: s.cfg.Resolver, Timeout: time.Duration(s.cfg.ResolverWait), Metrics: dns.NewMetrics(s.reg),
		Stale: s.known.Has,
	})
	if err != nil {
		return fault.New("B1003", "no DNS server can be asked").WithFound("%v", err).Wrap(err).
			WithFix(`resolver = ["127.0.0.1:53"]`).WithFix(`[policy] iprev = "off"`)
	}
	s.sayResolvers()
	return nil
}

// sayResolvers tells who is asked for names: who set none is to see that it is the system's choice.
func (s *System) sayResolvers() {
	from := "barid.toml"
	if len(s.cfg.Resolver) == 0 {
		from = "/etc/resolv.conf"
	}
	s.log.Info("names are looked up", "resolvers", s.resolver.Servers(), "from", from)
}

// Package app is the composition root: it ties the parts together, starts and stops them.
//
// Life: made once by a command of cmd. wire.go is the only file that names concrete stores, checks, deliverers
// and front ends; this file opens and closes an installation, serve.go runs it, dev.go and setup.go are two
// other ways to begin.
// Promise: nothing listens before everything behind it works; on the way down the listeners stop first, then
// the sessions, then what they use, and the store last.
// Failure: *fault.Fault, with everything that was opened closed again.
package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"barid/app/config"
	"barid/base/dns"
	"barid/base/id"
	btls "barid/base/tls"
	"barid/flow/deliver/remote"
	"barid/flow/intake"
	"barid/flow/queue"
	"barid/mail/account"
	"barid/mail/allowance"
	"barid/mail/bounce"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/relay"
	"barid/mail/search"
	"barid/ops/manage"
	"barid/store/embedded"

	"github.com/prometheus/client_golang/prometheus"
)

// Version is set by the build.
var Version = "devel"

// System is an opened installation: store, directory, mail, and what accepts mail into it.
type System struct {
	cfg       *config.Config
	log       *slog.Logger
	reg       *prometheus.Registry
	ids       *id.Source
	engine    *embedded.Store
	directory *account.Directory
	book      *allowance.Book // what logins sent lately
	bounces   *bounce.Book    // reverse-paths of our own
	mail      *mailbox.Store
	search    *search.Index
	events    *event.Log
	resolver  *dns.Resolver // nil when no check asks
	known     *dns.Known    // names of servers that mail goes to
	relays    *relay.Store
	levels    *remote.Levels // TLS that other domains were reached with
	certs     *btls.Store    // nil without certificates
	outbound  *outbound      // nil: mail for other domains is refused
	queue     *queue.Queue   // see spooled
	queueOnce sync.Once
	intake    *intake.Intake
	started   time.Time
	inMemory  bool // nothing is on a disk
	listening atomic.Pointer[func() []manage.Listening]
}

// Open opens the data folder of cfg. Close must be called.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger) (*System, error) {
	return open(ctx, cfg, log, opening{lockWait: lockWait})
}

// opening shapes open.
type opening struct {
	inMemory bool          // a world that is gone afterwards
	lockWait time.Duration // for a folder that another process has open
}

func open(ctx context.Context, cfg *config.Config, log *slog.Logger, o opening) (*System, error) {
	s := &System{cfg: cfg, log: log, ids: id.NewSource(time.Now), started: time.Now(), known: dns.NewKnown(knownNames)}
	s.reg = newRegistry()
	if err := s.wire(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Manager().SweepLeftovers(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Manager gives what the operator's commands work on.
func (s *System) Manager() *manage.Manager {
	m := &manage.Manager{
		Directory: s.directory, Mail: s.mail, Events: s.events, Engine: engine{s.engine}, KV: s.engine,
		Blobs: s.engine, Queue: s.spooled(),
		Started: s.started, Version: Version,
	}
	m.Book, m.Host = s.book, s.host()
	for _, l := range s.cfg.Listeners {
		m.Doors = append(m.Doors, manage.Listening{Protocol: l.Protocol, Address: l.Address})
	}
	m.Relaying = s.relaying()
	m.Around, m.Probe = s.around(), s.prober
	m.Search = s.search
	if f := s.listening.Load(); f != nil {
		m.Server = *f
	}
	return m
}

// Close closes what is open, in the reverse order of wire.
func (s *System) Close() error {
	var err error
	if s.resolver != nil {
		s.resolver.Close()
	}
	if s.events != nil {
		err = s.events.Close()
	}
	if s.book != nil {
		err = errors.Join(err, s.book.Close())
	}
	if s.search != nil {
		s.search.Close()
	}
	if s.mail != nil {
		s.mail.Close()
	}
	if s.engine != nil {
		err = errors.Join(err, s.engine.Close())
	}
	return err
}

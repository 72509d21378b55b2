package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"barid/app/config"
	"barid/base/fault"
	"barid/ops/manage"
	"barid/serve/admin"
	"barid/serve/listen"
)

// stopGrace is how long sessions may go on after a stop was asked for; the whole stop takes less than 5 s.
const stopGrace = 3 * time.Second

// Serve runs the installation of cfg until ctx ends. ready is called once, when every listener answers.
func Serve(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func([]manage.Listening)) error {
	if cfg.Hostname == "" {
		return fault.New("B1003", "hostname is not set").WithExit(fault.ExitUsage).
			WithMeans("other servers and the certificate need to know it").WithFix(`hostname = "mail.example.org"`)
	}
	s, err := Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	return s.serve(ctx, func(l []manage.Listening) error {
		ready(l)
		return nil
	})
}

// running are the open doors of a system.
type running struct {
	mail   []*listen.Server
	local  []*listen.Server // unix sockets, for programs on this machine
	names  []string         // protocol of each of mail
	admin  []net.Listener   // TCP, for health and metrics
	socket net.Listener
}

// serve opens the listeners, tells ready, waits for ctx and stops in order. It closes s.
func (s *System) serve(ctx context.Context, ready func([]manage.Listening) error) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.openCertificates(); err != nil {
		return err
	}
	r, err := s.openDoors(ctx)
	if err != nil {
		return err
	}
	if err := s.outbound.start(ctx); err != nil {
		r.close()
		return err
	}
	defer s.outbound.stop()
	s.search.Start(ctx)
	list := r.listening
	s.listening.Store(&list)
	var wg sync.WaitGroup
	fail := make(chan error, len(r.mail)+len(r.local)+len(r.admin)+1)
	run := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				fail <- err
			}
		})
	}
	for _, m := range slices.Concat(r.local, r.mail) {
		run(func() error { return m.Serve(ctx) })
	}
	m := s.Manager()
	for _, l := range r.admin {
		run(func() error { return admin.Serve(ctx, l, admin.Watch(m.Ready, s.reg), stopGrace) })
	}
	run(func() error { return admin.Serve(ctx, r.socket, admin.Operate(m, s.log), stopGrace) })
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // also without certificates: unheard, the signal would end the process
	defer signal.Stop(hup)
	go s.reload(ctx, hup)
	wg.Go(func() { s.sweep(ctx) })
	wg.Go(func() { giveBack(ctx) })
	s.log.Info("ready", "version", Version, "data", s.cfg.Data)
	if err := ready(r.listening()); err != nil {
		cancel()
		wg.Wait()
		return err
	}
	select {
	case <-ctx.Done():
	case err = <-fail:
		cancel()
	}
	s.log.Info("stopping")
	wg.Wait()
	return err
}

// openDoors opens every listener, or none.
func (s *System) openDoors(ctx context.Context) (*running, error) {
	r := &running{}
	if err := s.openInto(ctx, r); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (s *System) openInto(ctx context.Context, r *running) (err error) {
	doors := s.doors()
	for _, l := range s.cfg.Listeners {
		if l.Protocol == "admin" {
			ln, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
			if err != nil {
				return listenFault(l, err)
			}
			r.admin = append(r.admin, ln)
			continue
		}
		srv, err := doors.server(l)
		if err != nil {
			return err
		}
		if err := srv.Listen(ctx); err != nil {
			return listenFault(l, err)
		}
		r.mail, r.names = append(r.mail, srv), append(r.names, l.Protocol)
	}
	if err := s.openLocal(doors, r); err != nil {
		return err
	}
	r.socket, err = admin.ListenSocket(filepath.Join(s.cfg.Data, socketName))
	if err != nil {
		return fault.New("B1011", "the admin socket can not be opened in %s", s.cfg.Data).Wrap(err).
			WithMeans("commands such as barid status could not reach this server").
			WithFix("use a data folder with a shorter path that this user may write to")
	}
	return nil
}

func listenFault(l config.Listener, err error) error {
	f := fault.New("B1011", "%s can not listen on %s", l.Protocol, l.Address).Wrap(err).
		WithMeans("nothing was started: a server with half of its listeners would hide the fault")
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.WithFound("another program uses the port").WithFix("ss -ltnp    shows which")
	case errors.Is(err, os.ErrPermission):
		f.WithFound("ports below 1024 need the right to bind them").WithFix("setcap cap_net_bind_service=+ep $(command -v barid)")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.WithFound("this machine does not have the address").WithFix("ip address    shows those it has")
	}
	return f.WithFix("give another address in the [[listener]] table of %s", l.Protocol)
}

func (r *running) close() {
	for _, m := range slices.Concat(r.local, r.mail) {
		m.Stop()
	}
	for _, l := range append(r.admin, r.socket) {
		if l != nil {
			_ = l.Close()
		}
	}
}

// listening names the open listeners.
func (r *running) listening() []manage.Listening {
	var out []manage.Listening
	for i, m := range r.mail {
		out = append(out, manage.Listening{Protocol: r.names[i], Address: m.Addr().String(), Sessions: m.Sessions()})
	}
	for _, l := range r.admin {
		out = append(out, manage.Listening{Protocol: "admin", Address: l.Addr().String()})
	}
	return out
}

// reload reads the certificates again at every hangup, and when their files change.
func (s *System) reload(ctx context.Context, hup <-chan os.Signal) {
	look := time.NewTicker(time.Minute)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			s.reloaded(true)
		case <-look.C:
			s.reloaded(false)
		}
	}
}

// reloaded says in the log what came of it; asked is false for a look that nobody asked for.
func (s *System) reloaded(asked bool) {
	if s.certs == nil {
		if asked {
			s.log.Info("there are no certificates to read again; the configuration is read at a restart only")
		}
		return
	}
	changed, err := asked, error(nil)
	if asked {
		err = s.certs.Reload()
	} else {
		changed, err = s.certs.Refresh()
	}
	switch {
	case err != nil:
		s.log.Error("certificates were not read again; the old ones stay", "error", err)
	case changed:
		s.log.Info("certificates were read again")
	}
}

// sweep removes events that are too old, at the start and every hour: a server that is started every day must not
// keep them for ever.
func (s *System) sweep(ctx context.Context) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		if _, err := s.events.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.log.Error("old events were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		}
	}
}

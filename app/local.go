package app

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"barid/app/config"
	"barid/base/fault"
	"barid/base/log"
	"barid/mail"
	"barid/serve/admin"
	"barid/serve/listen"
)

// localSocketName is the socket in the data folder at which programs on this machine hand in mail, by SMTP and
// without a password: who may enter the folder may send. PublicSocket is where the sendmail command looks when
// it may not read the configuration.
const (
	localSocketName = "smtp.sock"
	PublicSocket    = "/run/barid/smtp.sock"
)

// openLocal opens the sockets for programs on this machine.
func (s *System) openLocal(d *doors, r *running) error {
	private := filepath.Join(s.cfg.Data, localSocketName)
	l, err := admin.ListenSocket(private)
	if err != nil {
		return localFault(private, err)
	}
	if err := r.serveLocal(d, l); err != nil {
		return err
	}
	public := s.cfg.LocalSocket
	if public == "" || public == private {
		return nil
	}
	if c, err := net.DialTimeout("unix", public, time.Second); err == nil {
		_ = c.Close()
		return localFault(public, errors.New("another server answers on it"))
	}
	if l, err = admin.ListenSocketFor(public, 0o666); err != nil {
		return localFault(public, err)
	}
	return r.serveLocal(d, l)
}

func localFault(path string, err error) error {
	return fault.New("B1011", "the socket %s for programs on this machine can not be opened", path).Wrap(err).
		WithMeans("the sendmail command could not hand in mail").
		WithFix("make the folder %s, and give it to the user that runs barid", filepath.Dir(path)).WithFix("local_socket = \"\" does without")
}

// serveLocal adds a server on l to those that run.
func (r *running) serveLocal(d *doors, l net.Listener) error {
	srv, err := d.localServer(l)
	if err == nil {
		err = srv.Listen(context.Background())
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	r.local = append(r.local, srv)
	return nil
}

// localServer makes the server of sessions with programs on this machine; l may be nil.
func (d *doors) localServer(l net.Listener) (*listen.Server, error) {
	h := d.smtpServer(mail.RoleLocal)
	c := listen.Config{
		Name: "local", Mode: listen.Plain, Logger: d.s.log, Metrics: d.listen,
		Limits: listen.Limits{MaxConns: d.s.cfg.Limits.Connections, MaxPerNetwork: d.s.cfg.Limits.Connections, Grace: stopGrace},
	}
	if l != nil {
		c.Listener = peers{l}
	}
	if own, ok := h.(interface{ Refusal() []byte }); ok {
		c.Refusal = own.Refusal()
	}
	return listen.NewServer(c, h), nil
}

// peers tells of each connection who made it.
type peers struct{ net.Listener }

// Accept waits for the next connection.
func (p peers) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return peer{c, userOf(c)}, nil
}

// peer is a connection of a program on this machine.
type peer struct {
	net.Conn
	user string
}

// LocalUser is the user that the program runs as, "" if that is not known.
func (p peer) LocalUser() string { return p.user }

// DialLocal gives a connection to the running server of cfg, or at the public socket if cfg is nil, that speaks
// SMTP as a program on this machine.
func DialLocal(ctx context.Context, cfg *config.Config) (net.Conn, error) {
	paths := []string{PublicSocket}
	if cfg != nil {
		paths = []string{filepath.Join(cfg.Data, localSocketName)}
		if cfg.LocalSocket != "" {
			paths = append(paths, cfg.LocalSocket)
		}
	}
	var failed error
	for _, p := range paths {
		c, err := new(net.Dialer).DialContext(ctx, "unix", p)
		if err == nil {
			return c, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// ServeLocal opens the data folder of cfg without a running server and speaks SMTP on c with a program on this
// machine, until it ends. What it takes is stored durably; what is for others waits for a running server.
func ServeLocal(ctx context.Context, cfg *config.Config, c net.Conn) (err error) {
	if err := checkFolder(cfg.Data); err != nil {
		return err
	}
	if err := ownFolder(cfg.Data); err != nil {
		return err
	}
	s, err := open(ctx, cfg, log.New(os.Stderr, "error", cfg.Log.Format), opening{lockWait: lockWait})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	srv, err := s.doors().localServer(nil)
	if err != nil {
		return err
	}
	srv.ServeConn(ctx, peer{c, userOf(c)})
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"barid/app"
	"barid/app/config"
	"barid/base/fault"
	"barid/ops/manage"
	"barid/ops/sendmail"
)

func sendmailShim(ctx context.Context, args []string, s streams) error {
	o, err := sendmail.Parse(args)
	if err != nil {
		return err
	}
	switch o.Mode {
	case sendmail.List:
		return mailqShim(ctx, nil, s)
	case sendmail.Aliases:
		return nil
	case sendmail.Flush:
		return flush(ctx, s, o.Only, o.Site)
	case sendmail.Session:
		return onLine(ctx, func(c net.Conn) error { return sendmail.Proxy(c, s.in, s.out) })
	case sendmail.Verify:
		return onLine(ctx, func(c net.Conn) error { return verify(c, &o, s) })
	}
	l, err := sendmail.Read(s.in, o.IgnoreDots) // wholly, before anything is held up by it
	if err != nil {
		return err
	}
	defer l.Close()
	return onLine(ctx, func(c net.Conn) error { return handIn(c, &o, l, s) })
}

// handIn sends a message.
func handIn(c net.Conn, o *sendmail.Options, l *sendmail.Letter, s streams) error {
	d, err := sendmail.Begin(c, shown(o, s))
	if err != nil {
		return err
	}
	defer d.End()
	e, err := sendmail.Plan(o, l, whoami(), d.Host)
	if err != nil {
		return err
	}
	return d.Deliver(o, &e, l)
}

func verify(c net.Conn, o *sendmail.Options, s streams) error {
	d, err := sendmail.Begin(c, shown(o, s))
	if err != nil {
		return err
	}
	defer d.End()
	e, err := sendmail.Plan(o, &sendmail.Letter{}, whoami(), d.Host)
	if err != nil {
		return err
	}
	return d.Verify(o, &e, func(line string) { fmt.Fprintln(s.out, plain(line)) })
}

// shown prints the dialogue if -v asks for it.
func shown(o *sendmail.Options, s streams) func(side byte, line []byte) {
	if !o.Verbose {
		return nil
	}
	return func(side byte, line []byte) {
		arrow := ">>>"
		if side == 'S' {
			arrow = "<<<"
		}
		fmt.Fprintf(s.err, "%s %s\n", arrow, plain(string(line)))
	}
}

// whoami is the user that runs the command.
func whoami() string {
	id := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid-" + id
}

// onLine calls f with a connection to the server: the running one, or one in this process on the data folder.
func onLine(ctx context.Context, f func(net.Conn) error) error {
	cfg, err := localConfig()
	if err != nil {
		return err
	}
	c, err := app.DialLocal(ctx, cfg)
	if err == nil {
		defer c.Close()
		return f(c)
	}
	if cfg == nil {
		return &sendmail.Exit{Code: sendmail.TempFail, Text: "no mail server answers on this machine", Cause: err}
	}
	ours, theirs, err := pair()
	if err != nil {
		return &sendmail.Exit{Code: sendmail.OSErr, Text: "no connection within the machine", Cause: err}
	}
	served := make(chan error, 1)
	go func() {
		err := app.ServeLocal(ctx, cfg, theirs)
		_ = theirs.Close()
		served <- err
	}()
	err = f(ours)
	_ = ours.Close()
	if opened := <-served; opened != nil && err != nil {
		return opened // why there was nobody to talk to
	}
	return err
}

// localConfig is the configuration, or nil if this user may not read it or there is none: such a user reaches the
// server by its public socket.
func localConfig() (*config.Config, error) {
	s := shimSettings()
	cfg, err := s.load()
	var f *fault.Fault
	if errors.As(err, &f) && f.Code == "B1001" && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)) && os.Getenv("BARID_CONFIG") == "" {
		return nil, nil
	}
	return cfg, err
}

// pair is two ends of one connection within this process.
func pair() (ours, theirs net.Conn, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	ends := make([]net.Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "sendmail")
		ends[i], err = net.FileConn(f) // has a descriptor of its own
		_ = f.Close()
		if err != nil {
			return nil, nil, err
		}
	}
	return ends[0], ends[1], nil
}

// flush tries what waits: all, one entry, or the destinations that hold site.
func flush(ctx context.Context, s streams, id, site string) error {
	in := manage.QueueChange{QueueSelector: manage.QueueSelector{All: true}}
	switch {
	case id != "":
		in.QueueSelector = manage.QueueSelector{IDs: []string{id}}
	case site != "":
		in.QueueSelector = manage.QueueSelector{Domain: site}
	}
	_, err := call[manage.QueueResult](ctx, shimSettings(), &terminal{out: s.out, err: s.err, quiet: true}, "queue.retry", in)
	return err
}

package app

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"barid/app/config"
	"barid/base/fault"
	"barid/base/log"
	"barid/e2e/server"
	"barid/ops/manage"
)

// devAt is a configuration with one listener on a port that is free.
func devAt(t *testing.T, data string) *config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Hostname, cfg.Data, cfg.Policy.IPRev = "mail.example.test", data, "off"
	cfg.Storage.ReserveBytes = -1
	cfg.Listeners = []config.Listener{{Protocol: "smtp", Address: "127.0.0.1:0"}}
	return cfg
}

// serveWhile runs a server for the time of f.
func serveWhile(t *testing.T, cfg *config.Config, f func()) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	return Serve(ctx, cfg, log.Nothing(), func([]manage.Listening) {
		defer stop()
		f()
	})
}

func addDomain(t *testing.T, cfg *config.Config, name string) manage.Status {
	t.Helper()
	c, done, err := Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	if err := c.Call(t.Context(), "domain.add", manage.DomainChange{Domain: name}, nil, nil); err != nil {
		t.Error(err)
	}
	var st manage.Status
	if err := c.Call(t.Context(), "status", manage.None{}, &st, nil); err != nil {
		t.Error(err)
	}
	return st
}

func TestACommandMeansTheSameWhetherTheServerRuns(t *testing.T) {
	cfg := devAt(t, t.TempDir())
	if st := addDomain(t, cfg, "first.example.test"); st.Running || st.Domains != 1 {
		t.Errorf("not running: %+v", st)
	}
	err := serveWhile(t, cfg, func() {
		if st := addDomain(t, cfg, "second.example.test"); !st.Running || st.Domains != 2 || len(st.Listeners) != 1 {
			t.Errorf("running: %+v", st)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, socketName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stayed: %v", err)
	}
	if _, err := Dial(cfg); fault.ExitCode(wantFault(t, err, "B1006")) != fault.ExitUnreachable {
		t.Errorf("nobody to talk to: %v", err)
	}
}

func TestConnectDoesNotMakeAFolder(t *testing.T) {
	cfg := devAt(t, filepath.Join(t.TempDir(), "missing"))
	_, _, err := Connect(t.Context(), cfg)
	if f := wantFault(t, err, "B3005"); !strings.Contains(f.What, cfg.Data) {
		t.Errorf("fault %+v", f)
	}
	if _, err := os.Stat(cfg.Data); err == nil {
		t.Error("the folder was made")
	}
}

func TestSecondServerOnOneFolder(t *testing.T) {
	cfg := devAt(t, t.TempDir())
	err := serveWhile(t, cfg, func() {
		_, err := open(t.Context(), cfg, log.Nothing(), opening{})
		f := wantFault(t, err, "B3004")
		if !strings.Contains(f.Found, "pid") || strings.Count(f.Found, "in use") != 1 {
			t.Errorf("found %q", f.Found)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A listener that can not be opened stops everything, with words, and leaves no port open behind it.
func TestAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, protocol := range []string{"smtp", "admin"} {
		cfg := devAt(t, t.TempDir())
		free := server.FreeAddress(t)
		cfg.Listeners = []config.Listener{{Protocol: "smtp", Address: free}, {Protocol: protocol, Address: taken.Addr().String()}}
		err = serveWhile(t, cfg, func() { t.Error("it is ready") })
		f := wantFault(t, err, "B1011")
		if !strings.Contains(f.What, taken.Addr().String()) || f.Means == "" || len(f.Fix) == 0 {
			t.Errorf("fault %+v", f)
		}
		again, err := net.Listen("tcp", free)
		if err != nil {
			t.Fatalf("the first listener stayed open: %v", err)
		}
		_ = again.Close()
	}
}

func TestListenFaults(t *testing.T) {
	l := config.Listener{Protocol: "smtp", Address: "[::]:25"}
	for _, tt := range []struct {
		err         error
		found, help string
	}{
		{syscall.EADDRINUSE, "another program uses the port", "ss -ltnp"},
		{syscall.EACCES, "below 1024", "setcap"},
		{syscall.EADDRNOTAVAIL, "does not have the address", "ip address"},
		{errors.New("odd"), "", "[[listener]] table of smtp"},
	} {
		f := wantFault(t, listenFault(l, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", tt.err)}), "B1011")
		if !strings.Contains(f.Found, tt.found) || !strings.Contains(strings.Join(f.Fix, "\n"), tt.help) {
			t.Errorf("%v: %+v", tt.err, f)
		}
	}
}

func TestServeNeedsItsName(t *testing.T) {
	cfg := devAt(t, t.TempDir())
	cfg.Hostname = ""
	wantFault(t, serveWhile(t, cfg, func() { t.Error("it is ready") }), "B1003")
}

func TestACertificateThatIsMissing(t *testing.T) {
	cfg := devAt(t, t.TempDir())
	cfg.Certificates = []config.Certificate{{Cert: "/nowhere/cert.pem", Key: "/nowhere/key.pem"}}
	f := wantFault(t, serveWhile(t, cfg, func() { t.Error("it is ready") }), "B1012")
	if !strings.Contains(f.Found, "/nowhere/cert.pem") || len(f.Fix) == 0 {
		t.Errorf("fault %+v", f)
	}
	cfg.Certificates = nil
	cfg.Listeners = []config.Listener{{Protocol: "imaps", Address: "127.0.0.1:0"}}
	wantFault(t, serveWhile(t, cfg, func() { t.Error("it is ready") }), "B1012")
}

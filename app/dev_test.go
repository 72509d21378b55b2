package app

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"barid/base/log"
	"barid/mail"
	"barid/ops/manage"
)

// devWorld runs Dev until tell returns.
func devWorld(t *testing.T, o DevOptions, tell func(DevWorld)) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	return Dev(ctx, o, log.Nothing(), func(w DevWorld) error {
		defer stop()
		tell(w)
		return nil
	})
}

func TestDevSeedsAndAnswers(t *testing.T) {
	err := devWorld(t, DevOptions{FreePorts: true}, func(w DevWorld) {
		if len(w.Listeners) != len(devPorts) || len(w.Accounts) != 3 || w.Try == "" || !w.Ready {
			t.Errorf("told %+v", w)
		}
		for _, l := range w.Listeners {
			if l.Note == "" || !strings.HasPrefix(l.Address, "127.0.0.1:") {
				t.Errorf("listener %+v: no note, or not on loopback", l)
			}
			c, err := net.Dial("tcp", l.Address)
			if err != nil {
				t.Errorf("%s: %v", l.Protocol, err)
				continue
			}
			_ = c.Close()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A world in a folder is seeded once: what somebody did in it is there the next time.
func TestDevKeepsAWorldInAFolder(t *testing.T) {
	data := t.TempDir()
	count := func() (st manage.Status) {
		t.Helper()
		err := devWorld(t, DevOptions{FreePorts: true, Data: data}, func(w DevWorld) {
			c, err := Dial(devAt(t, data))
			if err != nil {
				t.Error(err)
				return
			}
			if err := c.Call(t.Context(), "status", manage.None{}, &st, nil); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	first, second := count(), count()
	if first.Messages == 0 || first.Accounts != 3 {
		t.Errorf("not seeded: %+v", first)
	}
	if first.Messages != second.Messages || !second.Running {
		t.Errorf("%d messages, the second time %d", first.Messages, second.Messages)
	}
}

func TestDevMovesFromPortsThatAreTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	var w DevWorld
	cfg, err := devConfig(DevOptions{SMTPPort: port}, &w)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Listeners[0]; got.Protocol != "smtp" || got.Address == l.Addr().String() {
		t.Errorf("smtp is on %s, which is taken", got.Address)
	}
	if len(w.Notes) == 0 || !strings.Contains(w.Notes[0], strconv.Itoa(port)) {
		t.Errorf("notes %q do not say that %d is taken", w.Notes, port)
	}
	seen := map[string]bool{}
	for _, l := range cfg.Listeners {
		if seen[l.Address] {
			t.Errorf("two listeners on %s", l.Address)
		}
		seen[l.Address] = true
	}
}

func TestDevIsStrictWhenAsked(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	err = devWorld(t, DevOptions{SMTPPort: port, StrictPorts: true}, func(DevWorld) { t.Error("it is ready") })
	f := wantFault(t, err, "B1011")
	if !strings.Contains(f.What, strconv.Itoa(port)) || f.Found != "another program uses the port" {
		t.Errorf("fault %+v", f)
	}
}

// Only strangers wait for the greeting.
func TestGreetWaitIsForPort25(t *testing.T) {
	cfg := devAt(t, t.TempDir())
	cfg.Limits.GreetWait = 7e9
	d := &doors{s: &System{cfg: cfg}}
	for role, want := range map[mail.Role]int64{mail.RoleMX: 7e9, mail.RoleSubmission: 0, mail.RoleLMTP: 0} {
		if got := d.smtpSettings(role).EarlyWait; int64(got) != want {
			t.Errorf("%v waits %v, want %d ns", role, got, want)
		}
	}
}

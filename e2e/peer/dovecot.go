package peer

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"barid/e2e/server"
)

// Dovecot is an instance of Dovecot with a folder of its own. It needs root, as Dovecot does.
type Dovecot struct {
	t    testing.TB
	Dir  string
	Addr string // its IMAP, on loopback, without TLS
	cmd  *exec.Cmd
}

// dovecotConfig is a Dovecot that touches nothing outside its folder and lets everybody in with one password.
const dovecotConfig = `base_dir = %[1]s/run
state_dir = %[1]s/state
instance_name = %[2]s
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = %[1]s/log
mail_location = %[3]s:~/mail
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
mail_fsync = %[7]s
mail_plugins = %[6]s
auth_cache_size = 1M
passdb {
  driver = static
  args = password=%[4]s
}
userdb {
  driver = static
  args = home=%[1]s/home/%%u
}
namespace inbox {
  inbox = yes
}
service imap-login {
  service_count = 0
  client_limit = 4000
  process_min_avail = 2
  inet_listener imap {
    address = 127.0.0.1
    port = %[5]s
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  process_limit = 4000
  client_limit = 1
}
service auth {
  client_limit = 10000
  unix_listener %[1]s/auth {
    mode = 0666
  }
}
auth_mechanisms = plain login
service anvil {
  client_limit = 10000
}
service stats {
  client_limit = 10000
}
service imap-hibernate {
  client_limit = 10000
}
`

// DovecotOptions shape an instance.
type DovecotOptions struct {
	Format  string // of mailboxes: "maildir", "sdbox"; "" is "mdbox", its fastest
	Plugins string // "fts fts_..."
	Synced  bool   // every change is on disk before it is answered, not bodies alone
}

func (o DovecotOptions) fsync() string {
	if o.Synced {
		return "always"
	}
	return "optimized"
}

// StartDovecot starts an instance and waits until it answers. Everybody's password is server.Password.
func StartDovecot(t testing.TB, o DovecotOptions) *Dovecot {
	t.Helper()
	bin := Need(t, "dovecot")
	if o.Format == "" {
		o.Format = "mdbox"
	}
	// Not t.TempDir: its users must be able to walk there, and its sockets have short names.
	dir, err := os.MkdirTemp("", "barid-dovecot-")
	if err != nil {
		t.Fatal(err)
	}
	d := &Dovecot{t: t, Dir: dir, Addr: server.FreeAddress(t)}
	_, port, _ := net.SplitHostPort(d.Addr)
	for _, sub := range []string{"run", "state", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(dir, "dovecot.conf")
	text := fmt.Sprintf(dovecotConfig, dir, filepath.Base(dir), o.Format, server.Password, port, o.Plugins, o.fsync())
	err = os.WriteFile(conf, []byte(text), 0o644)
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = exec.Command("chown", "nobody:nogroup", filepath.Join(dir, "home")).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(bin, "-F", "-c", conf)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Stop(); _ = os.RemoveAll(dir) })
	waitFor(t, d.Addr, d.Log)
	return d
}

// SASL is the socket at which a Postfix asks it about logins.
func (d *Dovecot) SASL() string { return filepath.Join(d.Dir, "auth") }

// PID is the id of the master process; all others are its children.
func (d *Dovecot) PID() int { return d.cmd.Process.Pid }

// Stop ends the instance.
func (d *Dovecot) Stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = d.cmd.Wait(); close(ended) }() // it ends with the signal
	select {
	case <-ended:
	case <-time.After(StopWait):
		_ = d.cmd.Process.Kill()
		d.t.Errorf("dovecot did not stop within %s\n%s", StopWait, d.Log())
	}
	d.cmd = nil
}

// Log is what it wrote.
func (d *Dovecot) Log() string {
	b, err := os.ReadFile(filepath.Join(d.Dir, "log"))
	if err != nil {
		return "Dovecot wrote no log"
	}
	return "log of Dovecot:\n" + strings.TrimSpace(string(b))
}

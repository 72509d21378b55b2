package peer

import (
	"bytes"
	"context"
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

// StopWait is how long an instance may take to stop.
const StopWait = time.Minute

// Postfix is an instance of Postfix with a folder of its own. It needs root, as Postfix does.
type Postfix struct {
	t    testing.TB
	Dir  string
	Addr string // its smtpd, on loopback; it relays for everybody there
	conf string
	bin  string
}

// PostfixOptions shape an instance.
type PostfixOptions struct {
	Relay string // "127.0.0.1:port": where everything is sent on to; "" keeps mail in maildirs
	Main  string // further lines of main.cf
}

// mainConfig is a Postfix that touches nothing outside its folder. It logs to the system's log, if there is one: its
// own log daemon (maillog_file) now and then is not started by a master that waits for it.
const mainConfig = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example.com
mydomain = example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_banner = $myhostname ESMTP
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_tls_security_level = none
smtputf8_enable = yes
strict_smtputf8 = no
biff = no
append_dot_mydomain = no
readme_directory = no
message_size_limit = 102400000
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
`

// StartPostfix starts an instance and waits until it answers.
func StartPostfix(t testing.TB, o PostfixOptions) *Postfix {
	t.Helper()
	p := &Postfix{t: t, bin: Need(t, "postfix"), Addr: server.FreeAddress(t)}
	// Not t.TempDir: Postfix's own users must be able to walk there.
	dir, err := os.MkdirTemp("", "barid-postfix-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.Dir, p.conf = dir, filepath.Join(dir, "etc")
	t.Cleanup(func() { p.Stop(); _ = os.RemoveAll(dir) })
	p.write(o)
	p.run("start")
	waitFor(t, p.Addr, p.Log)
	return p
}

func (p *Postfix) write(o PostfixOptions) {
	for _, d := range []string{"", "etc", "queue", "data", "mail"} {
		if err := os.MkdirAll(filepath.Join(p.Dir, d), 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
	main := fmt.Sprintf(mainConfig, p.Dir)
	if o.Relay != "" {
		host, port, _ := net.SplitHostPort(o.Relay)
		main += fmt.Sprintf("relayhost = [%s]:%s\n", host, port)
	} else {
		main += fmt.Sprintf("virtual_mailbox_domains = example.test\nvirtual_mailbox_base = %s/mail\n"+
			"virtual_mailbox_maps = static:box/\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n"+
			"virtual_minimum_uid = 1000\nvirtual_mailbox_limit = 0\n", p.Dir)
	}
	main += o.Main
	_, port, _ := net.SplitHostPort(p.Addr)
	p.file("etc/main.cf", lastOfEach(main))
	p.file("etc/master.cf", fmt.Sprintf(masterConfig, port))
	for _, c := range [][]string{
		{"chown", "postfix", filepath.Join(p.Dir, "data")},
		{"chown", "65534:65534", filepath.Join(p.Dir, "mail")},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			p.t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
}

// lastOfEach keeps the last line for each parameter. Postfix takes the last one too, but every process warns of
// the others, and when the log daemon is not up yet so many warnings block the master that should start it.
func lastOfEach(config string) string {
	last := map[string]int{}
	lines := strings.Split(config, "\n")
	for i, l := range lines {
		key, _, _ := strings.Cut(l, "=")
		last[strings.TrimSpace(key)] = i
	}
	var b strings.Builder
	for i, l := range lines {
		key, _, _ := strings.Cut(l, "=")
		if l != "" && last[strings.TrimSpace(key)] == i {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// masterConfig lists Postfix's services; only smtpd listens on a port.
const masterConfig = `%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
`

func (p *Postfix) file(name, text string) {
	if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Postfix) run(verb string) {
	cmd := exec.Command(p.bin, "-c", p.conf, verb)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		log := p.Log()
		p.t.Fatalf("postfix %s: %v\n%s\n%s", verb, err, out.String(), log)
	}
}

// Stop ends the instance.
func (p *Postfix) Stop() {
	if p.bin == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), StopWait)
	defer cancel()
	_ = exec.CommandContext(ctx, p.bin, "-c", p.conf, "stop").Run() // it may not run
	if ctx.Err() != nil {
		_ = syscall.Kill(p.MasterPID(), syscall.SIGKILL) // the command waits for ever when nobody reads Postfix's log socket
		p.t.Errorf("postfix did not stop within %s\n%s", StopWait, p.Log())
	}
	p.bin = ""
}

// MasterPID is the id of the master process; all others are its children.
func (p *Postfix) MasterPID() int {
	b, err := os.ReadFile(filepath.Join(p.Dir, "queue/pid/master.pid"))
	if err != nil {
		p.t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(strings.TrimSpace(string(b)), &pid); err != nil {
		p.t.Fatal(err)
	}
	return pid
}

// Queued counts the messages that are still in its queue.
func (p *Postfix) Queued() int {
	n := 0
	for _, q := range []string{"incoming", "active", "deferred", "maildrop"} {
		_ = filepath.Walk(filepath.Join(p.Dir, "queue", q), func(_ string, st os.FileInfo, err error) error {
			if err == nil && st.Mode().IsRegular() {
				n++
			}
			return nil
		})
	}
	return n
}

// Log says where to look when something went wrong: what is queued, and the system's log.
func (p *Postfix) Log() string {
	return fmt.Sprintf("Postfix in %s keeps %d messages; it logs to the system's log", p.Dir, p.Queued())
}

// waitFor waits until somebody answers at addr.
func waitFor(t testing.TB, addr string, log func() string) {
	t.Helper()
	for end := time.Now().Add(StopWait); time.Now().Before(end); {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nobody answers at %s\n%s", addr, log())
}

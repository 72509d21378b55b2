package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// EximSite starts an Exim that is all of a domain.
func EximSite(t testing.TB, o SiteOptions) *Site {
	t.Helper()
	return newSite(t, "Exim", "exim4", true, eximKind{}, o)
}

type eximKind struct{}

// eximConfig is an Exim that keeps everything in its folder. It goes to /etc/exim4, the only place from which Exim
// takes a configuration without giving up root.
const eximConfig = `exim_path = %[6]s
primary_hostname = %[2]s
domainlist ours = %[3]s
hostlist clients = 127.0.9.0/24
spool_directory = %[1]s/spool
log_file_path = %[1]s/log/%%slog
log_selector = +all
pid_file_path = %[1]s/exim.pid
local_interfaces = %[4]s
daemon_smtp_ports = 25
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
smtputf8_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = %[1]s/cert.pem
tls_privatekey = %[1]s/key.pem
rfc1413_query_timeout = 0s
smtp_accept_max = 60
smtp_accept_queue = 30
queue_run_max = 2
message_size_limit = 100M
ignore_bounce_errors_after = 1h
keep_environment =
allow_domain_literals = false
begin acl
rcpt:
  accept hosts = +clients
  deny domains = ! +ours
  require verify = recipient
  accept
begin routers
away:
  driver = dnslookup
  domains = ! +ours
  transport = away
  no_more
here:
  driver = accept
  local_parts = %[5]s
  transport = here
begin transports
away:
  driver = smtp
  message_linelength_limit = 1000000
  connect_timeout = 5s
  final_timeout = 30s
here:
  driver = appendfile
  directory = %[1]s/mail/$local_part_data
  maildir_format
  return_path_add
  user = nobody
  group = nogroup
begin retry
* * F,1h,1s
`

func (eximKind) configure(s *Site) error {
	for _, f := range []string{"spool", "log"} {
		if err := s.folder(f, "Debian-exim"); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(s.Dir, "key.pem"), 0o644); err != nil { // Exim reads it as itself
		return err
	}
	if err := os.MkdirAll("/etc/exim4", 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf(eximConfig, s.Dir, s.Host(), s.Domain, s.Addr, strings.Join(s.Users, " : "), Need(s.t, "exim4"))
	return os.WriteFile("/etc/exim4/exim4.conf", []byte(text), 0o644)
}

func (eximKind) command(s *Site) *exec.Cmd { return exec.Command(Need(s.t, "exim4"), "-bdf", "-q1s") }

func (eximKind) queued(s *Site) (int, error) {
	return s.filesIn(func(name string) bool { return strings.HasSuffix(name, "-H") }, filepath.Join(s.Dir, "spool/input")), nil
}

func (eximKind) push(*Site) *exec.Cmd { return nil }

func (eximKind) journal(s *Site) string {
	var out string
	for _, name := range []string{"mainlog", "paniclog"} {
		if b, err := os.ReadFile(filepath.Join(s.Dir, "log", name)); err == nil {
			out += string(b)
		}
	}
	return out
}

func (eximKind) quiesce(*Site) {}

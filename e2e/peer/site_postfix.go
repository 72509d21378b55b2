package peer

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/island"
)

// PostfixSite starts a Postfix that is all of a domain.
func PostfixSite(t testing.TB, o SiteOptions) *Site {
	t.Helper()
	return newSite(t, "Postfix", "postfix", true, postfixKind{}, o)
}

type postfixKind struct{}

// sitePostfix goes behind mainConfig. Long lines and 8-bit octets are not changed on their way.
const sitePostfix = `myhostname = %[2]s
mydomain = %[3]s
inet_interfaces = all
mynetworks = 127.0.9.0/24
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
local_header_rewrite_clients =
disable_dns_lookups = no
smtp_host_lookup = dns
smtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_cert_file = %[1]s/cert.pem
smtpd_tls_key_file = %[1]s/key.pem
smtp_line_length_limit = 0
line_length_limit = 65536
header_size_limit = 1048576
message_drop_headers =
virtual_mailbox_domains = %[3]s
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = inline:{%[4]s}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1000
virtual_mailbox_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
smtp_connect_timeout = 5s
notify_classes =
default_process_limit = 50
`

func (postfixKind) configure(s *Site) error {
	var boxes []string
	for _, u := range s.Users {
		boxes = append(boxes, fmt.Sprintf("{%s@%s = %s/}", u, s.Domain, u))
	}
	main := fmt.Sprintf(mainConfig, s.Dir) + fmt.Sprintf(sitePostfix, s.Dir, s.Host(), s.Domain, strings.Join(boxes, ", "))
	if err := s.file("etc/main.cf", lastOfEach(main)); err != nil {
		return err
	}
	if err := s.file("etc/master.cf", fmt.Sprintf(masterConfig, s.Listen())); err != nil {
		return err
	}
	if err := s.folder("queue", "root"); err != nil {
		return err
	}
	if err := s.folder("data", "postfix"); err != nil {
		return err
	}
	out, err := exec.Command(Need(s.t, "postfix"), "-c", filepath.Join(s.Dir, "etc"), "check").CombinedOutput()
	if err != nil {
		return fmt.Errorf("postfix check: %w\n%s%s", err, out, island.Log("postfix"))
	}
	return nil
}

func (postfixKind) command(s *Site) *exec.Cmd {
	return exec.Command("/usr/lib/postfix/sbin/master", "-c", filepath.Join(s.Dir, "etc"), "-d")
}

func (postfixKind) queued(s *Site) (int, error) {
	var folders []string
	for _, q := range []string{"incoming", "active", "deferred", "maildrop"} {
		folders = append(folders, filepath.Join(s.Dir, "queue", q))
	}
	return s.filesIn(func(string) bool { return true }, folders...), nil
}

func (postfixKind) push(s *Site) *exec.Cmd {
	return exec.Command(Need(s.t, "postqueue"), "-c", filepath.Join(s.Dir, "etc"), "-f")
}

func (postfixKind) journal(*Site) string { return island.Log("postfix") }

func (postfixKind) quiesce(*Site) {}

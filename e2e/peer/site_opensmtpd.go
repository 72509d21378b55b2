package peer

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// OpenSMTPDSite starts an OpenSMTPD that is all of a domain. Its places are compiled in: there is one on an island.
func OpenSMTPDSite(t testing.TB, o SiteOptions) *Site {
	t.Helper()
	return newSite(t, "OpenSMTPD", "smtpd", false, opensmtpdKind{}, o)
}

type opensmtpdKind struct{}

// opensmtpdConfig is without TLS on the listener: Debian 12 has one that can not do it with the OpenSSL it is built with.
const opensmtpdConfig = `table people { %[5]s }
smtp max-message-size 100M
queue ttl 1h
bounce warn-interval 1h
listen on %[4]s port 25 hostname %[2]s
action "here" maildir "%[1]s/mail/%%{user.username}" userbase <people>
action "away" relay helo %[2]s
match from any for domain "%[3]s" action "here"
match from src 127.0.9.0/24 for any action "away"
match from local for any action "away"
`

// Places that are compiled in.
const (
	opensmtpdSpool = "/var/spool/smtpd"
	opensmtpdEmpty = "/var/lib/opensmtpd/empty"
	libexec        = "/usr/libexec"
)

func (opensmtpdKind) configure(s *Site) error {
	if err := os.MkdirAll(opensmtpdEmpty, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(opensmtpdSpool); err != nil { // what another one left
		return err
	}
	if err := os.MkdirAll(libexec, 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(libexec + "/opensmtpd/mail.maildir"); err != nil {
		if err := unix.Mount(filepath.Join(Apart, libexec), libexec, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", libexec, err)
		}
	}
	var people []string
	for _, u := range s.Users {
		people = append(people, fmt.Sprintf("%q = %q", u, "65534:65534:/"))
	}
	return s.file("smtpd.conf", fmt.Sprintf(opensmtpdConfig, s.Dir, s.Host(), s.Domain, s.Addr, strings.Join(people, ", ")))
}

func (opensmtpdKind) command(s *Site) *exec.Cmd {
	return exec.Command(Need(s.t, "smtpd"), "-d", "-f", filepath.Join(s.Dir, "smtpd.conf"))
}

func (opensmtpdKind) queued(s *Site) (int, error) {
	return s.filesIn(func(name string) bool { return name == "message" },
		opensmtpdSpool+"/queue", opensmtpdSpool+"/incoming", opensmtpdSpool+"/corrupt"), nil
}

// push takes back the waits for servers that were away, then those of messages.
func (opensmtpdKind) push(s *Site) *exec.Cmd {
	const all = `$0 show routes | sed -n 's/^\([0-9]*\)\. .*/\1/p' | while read -r n; do $0 resume route "$n" || true; done; $0 schedule all`
	return asItsGroup(s, exec.Command("sh", "-c", all, Need(s.t, "smtpctl")))
}

// asItsGroup lets a command talk to the program: smtpctl has lost its set-group-id bit, as the group is not outside.
func asItsGroup(s *Site, cmd *exec.Cmd) *exec.Cmd {
	g, err := user.LookupGroup("opensmtpq")
	if err != nil {
		s.t.Fatal(err)
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Gid: uint32(gid)}}
	return cmd
}

// quiesce waits for mail.maildir: if its other end stops, it delivers a part of a message, which then comes again.
func (opensmtpdKind) quiesce(s *Site) {
	if out, err := asItsGroup(s, exec.Command(Need(s.t, "smtpctl"), "pause", "mda")).CombinedOutput(); err != nil {
		fmt.Fprintf(s.log, "pause mda: %v\n%s", err, out)
	}
	for end := time.Now().Add(StopWait); runs(s.daemon.Process.Pid, "mail.maildir") && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

func (opensmtpdKind) journal(*Site) string { return "" }

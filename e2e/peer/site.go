package peer

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"barid/e2e/island"
)

// Clients is where a site lets mail for everybody come from. Other sites bring only what is for its own domain.
const Clients = "127.0.9.0/24"

// SitePort is where sites take mail: the only port that MX knows.
const SitePort = 25

// SiteOptions shape a mail server that is all of a domain.
type SiteOptions struct {
	Domain string     // in A-labels
	Addr   netip.Addr // its own, on loopback: "127.0.1.3"
	Users  []string   // local parts; others are refused at RCPT
}

// Host is what a site calls itself.
func (o SiteOptions) Host() string { return "mx." + o.Domain }

// Site is a foreign mail server with a domain of its own, on an island: it finds others by MX, tries again within
// seconds and tells senders what did not go.
type Site struct {
	SiteOptions
	Name string // "Postfix"
	Dir  string
	UTF8 bool // it speaks SMTPUTF8

	t      testing.TB
	kind   siteKind
	daemon *exec.Cmd
	ended  chan struct{}
	log    *os.File
}

// siteKind is what differs between the programs.
type siteKind interface {
	configure(s *Site) error
	command(s *Site) *exec.Cmd // in the foreground
	queued(s *Site) (int, error)
	push(s *Site) *exec.Cmd // tries everything again now; nil: it does so by itself
	quiesce(s *Site)        // before a stop: lets end what a stop would tear
	journal(s *Site) string // what it writes elsewhere than to its standard error
}

// Folders of a site: mail holds a maildir for each user.
const mailFolder = "mail"

// newSite makes the folder and the configuration, and starts the program.
func newSite(t testing.TB, name, program string, utf8 bool, kind siteKind, o SiteOptions) *Site {
	t.Helper()
	island.Need(t)
	Need(t, program)
	dir, err := os.MkdirTemp("", "barid-"+program+"-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{SiteOptions: o, Name: name, Dir: dir, UTF8: utf8, t: t, kind: kind}
	t.Cleanup(func() { s.Stop(); _ = os.RemoveAll(dir) })
	// A file, not a pipe: whoever the program leaves behind would keep a pipe open.
	if s.log, err = os.OpenFile(filepath.Join(dir, "output"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.log.Close() })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.folder(mailFolder, "nobody"); err != nil {
		t.Fatal(err)
	}
	if err := s.certificate(); err != nil {
		t.Fatal(err)
	}
	if err := kind.configure(s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s.Start()
	return s
}

// folder makes a folder that belongs to a user.
func (s *Site) folder(name, owner string) error {
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("chown", owner, path).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w: %s", err, out)
	}
	return nil
}

func (s *Site) file(name, text string) error {
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// certificate makes cert.pem and key.pem: senders use TLS where it is offered.
func (s *Site) certificate() error {
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", // OpenSMTPD can not use others
		"-keyout", filepath.Join(s.Dir, "key.pem"), "-out", filepath.Join(s.Dir, "cert.pem"), "-days", "30",
		"-subj", "/CN="+s.Host(), "-addext", "subjectAltName=DNS:"+s.Host()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("making a certificate: %w\n%s", err, out)
	}
	return nil
}

// Listen is where the site takes mail.
func (s *Site) Listen() string { return netip.AddrPortFrom(s.Addr, SitePort).String() }

// Start starts the program and waits until it answers.
func (s *Site) Start() {
	s.t.Helper()
	cmd := s.kind.command(s)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("%s: %v", s.Name, err)
	}
	s.daemon, s.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}(s.ended)
	waitFor(s.t, s.Listen(), s.Log)
}

// Stop asks the program to end (SIGTERM), and waits. What it is doing for others it may finish.
func (s *Site) Stop() {
	if s.daemon == nil {
		return
	}
	s.Thaw()
	s.kind.quiesce(s)
	defer func() { s.daemon = nil }()
	for end := time.Now().Add(StopWait); time.Now().Before(end); {
		_ = s.daemon.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		select {
		case <-s.ended:
			return
		case <-time.After(time.Second): // Exim may miss one that comes before it waits
		}
	}
	_ = syscall.Kill(-s.daemon.Process.Pid, syscall.SIGKILL)
	<-s.ended
	s.t.Errorf("%s did not stop within %s\n%s", s.Name, StopWait, s.Log())
}

// Freeze stops all its processes where they are, as a machine that hangs; Thaw lets them go on.
func (s *Site) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *Site) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Site) signal(sig syscall.Signal) {
	if s.daemon != nil {
		for _, pid := range family(s.daemon.Process.Pid) {
			_ = syscall.Kill(pid, sig) // it may be gone
		}
	}
}

// runs tells whether a program of this name is below a process.
func runs(root int, program string) bool {
	for _, pid := range family(root) {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.TrimSpace(string(b)) == program {
			return true
		}
	}
	return false
}

// family gives the ids of a process and all below it, parents first.
func family(root int) []int {
	children := map[int][]int{}
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		rest := string(b[bytes.LastIndexByte(b, ')')+1:]) // " S 1 ..."
		if f := strings.Fields(rest); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	out := []int{root}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

// Push makes the site try everything that waits now, as an administrator may ask it to.
func (s *Site) Push() {
	if cmd := s.kind.push(s); cmd != nil && s.daemon != nil {
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(s.log, "%v: %v\n%s", cmd.Args, err, out)
		}
	}
}

// Queued counts the messages that it has not settled.
func (s *Site) Queued() int {
	s.t.Helper()
	n, err := s.kind.queued(s)
	if err != nil {
		s.t.Fatalf("%s: looking at its queue: %v", s.Name, err)
	}
	return n
}

// Mail gives what a user has got: raw messages as the site keeps them, with LF.
func (s *Site) Mail(user string) []string {
	s.t.Helper()
	var out []string
	for _, sub := range []string{"new", "cur"} {
		files, _ := filepath.Glob(filepath.Join(s.Dir, mailFolder, user, sub, "*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				s.t.Fatal(err)
			}
			out = append(out, string(b))
		}
	}
	return out
}

// Log is the end of what the site has written about its work.
func (s *Site) Log() string {
	said, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Error(err)
	}
	return fmt.Sprintf("%s (%s) said:\n%s%s", s.Name, s.Domain, said, s.kind.journal(s))
}

// filesIn counts the plain files below folders of the site.
func (s *Site) filesIn(match func(name string) bool, folders ...string) (n int) {
	for _, q := range folders {
		_ = filepath.WalkDir(q, func(_ string, e os.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && match(e.Name()) {
				n++
			}
			return nil
		})
	}
	return n
}

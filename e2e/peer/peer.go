// Package peer runs foreign mail programs for tests: real ones, in folders and on loopback ports of their own.
//
// Life: outside; the programs are the world that Barid meets. Promise: a missing program fails the test and
// says which package has it; a program that was started is ended by its own stop command or its id.
//
// Two ways to stand: StartPostfix is a server beside the test, on a port of its own, without DNS. A Site (Postfix,
// Exim, OpenSMTPD) is all of a domain, with an address of its own on port 25, and needs e2e/island: there it finds
// others in the resolver that the test answers for.
// Limits: everything listens on loopback only. Failure: the test fails with the program's output.
package peer

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// RunWait is how long one run of a client may take.
const RunWait = 2 * time.Minute

// packages tells which Debian package has a program.
var packages = map[string]string{
	"postfix": "postfix", "swaks": "swaks", "mbsync": "isync", "fetchmail": "fetchmail", "mutt": "mutt",
	"msmtp": "msmtp", "curl": "curl", "openssl": "openssl", "strace": "strace", "exim4": "exim4-daemon-light", "smtpd": "opensmtpd", "smtpctl": "opensmtpd",
	"dovecot": "dovecot-imapd", "thunderbird": "thunderbird", "Xvfb": "xvfb", "neomutt": "neomutt", "offlineimap": "offlineimap3", "getmail": "getmail6", "aerc": "aerc",
	"alpine": "alpine", "tmux": "tmux",
}

// Apart is the folder of programs whose packages can not be installed beside Postfix's; tools/peers/install fills it.
const Apart = "/opt/barid-peers"

// Need gives the path of a program, or fails the test: a missing peer is never a reason to pass. With -short
// the test is left out, as all tests with peers are.
func Need(t testing.TB, program string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("tests with real peers are left out with -short")
	}
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/", "/sbin/", Apart + "/usr/sbin/"} {
		if path, err := exec.LookPath(dir + program); err == nil {
			return path
		}
	}
	t.Fatalf("the test peer %q is missing: run `make peers` as root (it is in the package %s)", program, packages[program])
	return ""
}

// Port is the port of an address that a test's server or peer listens on.
func Port(addr string) string {
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err) // the harness made the address
	}
	return p
}

// Write writes a configuration file and gives its path.
func Write(t testing.TB, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// Environ is what a client runs in: that of the test without what would change what it does, files, language, certificates, certificates
// and proxies, and with more.
func Environ(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(strings.ToLower(v), "=")
		return strings.HasSuffix(name, "_proxy") || strings.HasSuffix(name, "_ca_bundle") ||
			slices.ContainsFunc([]string{"lc_", "lang", "mail", "ssl_cert_"}, func(p string) bool { return strings.HasPrefix(name, p) })
	})
	return append(append(env, "HOME=/nonexistent", "LC_ALL=C.UTF-8"), more...)
}

// Result is how a client ended.
type Result struct {
	Out, Err string
	Code     int
}

// Command is a client to run.
type Command struct {
	Name  string // "swaks"
	Args  []string
	Env   []string
	Stdin []byte
	Dir   string
}

// Run runs a client to its end.
func Run(t testing.TB, c Command) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), RunWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, Need(t, c.Name), c.Args...)
	cmd.Env = Environ(c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// Must runs a client that has to end with 0.
func Must(t testing.TB, c Command) Result {
	t.Helper()
	r := Run(t, c)
	if r.Code != 0 {
		t.Fatalf("%s %q: exit %d\n%s\n%s", c.Name, c.Args, r.Code, r.Out, r.Err)
	}
	return r
}

// Package server runs the real barid binary for tests: a process of its own, a data folder of its own, free
// ports on loopback.
//
// Life: outside; it stands where an operator stands. Promise: whatever a test does, the process is ended by its
// id when the test ends. Limits: StartWait. Failure: the test fails with the server's log.
package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// StartWait is how long the server may take until it answers, EndWait until it has ended. They only end tests of servers
// that hang.
const (
	StartWait = time.Minute
	EndWait   = time.Minute
)

// Options shape a server. The zero value is a server for example.test with the usual three accounts.
type Options struct {
	Dir      string   // "" is a new temporary folder
	Listen   []string // protocols; nil: smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s, admin
	Settings string   // TOML put at the end of the configuration: tables only
	Top      string   // TOML put at its beginning: keys
	Env      []string // further environment
	Resolver string   // DNS server; "" is one that does not answer
	Empty    bool     // no domain and accounts
	Hostname string   // what it calls itself; "" is mx.example.test
}

// Domain and Password are those of the accounts that Start makes: info@, demo@ and فروش@.
const (
	Domain   = "example.test"
	Password = "correct-horse"
)

// Accounts are the addresses that Start makes.
func Accounts() []string { return []string{"info@" + Domain, "demo@" + Domain, "فروش@" + Domain} }

// Server is a running barid.
type Server struct {
	t     testing.TB
	Dir   string
	File  string            // its barid.toml
	Addr  map[string]string // protocol -> address; the same after a restart
	o     Options
	cmd   *exec.Cmd
	log   *tail
	ended chan struct{}
}

var (
	buildOnce sync.Once
	buildPath string
	buildErr  error
	buildLock *os.File // keeps others from taking the folder for a left one, until the process ends
)

// Binary builds barid once for all tests of the process and gives its path.
func Binary(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() {
		removeLeftBinaries()
		dir, err := os.MkdirTemp("", binaryPrefix)
		if err == nil {
			err = os.Chmod(dir, 0o755) // a test may run the binary as somebody else
		}
		if err == nil {
			buildLock, err = holdFolder(dir)
		}
		if err != nil {
			buildErr = err
			return
		}
		buildPath = filepath.Join(dir, "barid")
		cmd := exec.Command("go", "build", "-trimpath", "-o", buildPath, "barid/cmd/barid")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("building barid: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	runtime.KeepAlive(buildLock) // a file that nobody refers to is closed, and its lock gone
	return buildPath
}

// binaryPrefix begins the name of a folder with a binary.
const binaryPrefix = "barid-binary-"

// holdFolder locks a folder with a binary. A lock, not a process id: a test in a namespace sees other processes.
func holdFolder(dir string) (*os.File, error) {
	f, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	return f, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// newFolder is the age below which a folder is left alone.
const newFolder = time.Minute

// removeLeftBinaries takes away what test processes that have ended left behind: a process can not clean up
// after its last test.
func removeLeftBinaries() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), binaryPrefix+"*"))
	for _, dir := range left {
		if st, err := os.Stat(dir); err != nil || time.Since(st.ModTime()) < newFolder {
			continue // its maker may not have locked it yet
		}
		if lock, err := holdFolder(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}

// Start makes the domain and accounts and starts the server.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := Prepare(t, o)
	s.Boot()
	return s
}

// Prepare does everything but start the server.
func Prepare(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, o: o, Dir: o.Dir, Addr: map[string]string{}}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	s.File = filepath.Join(s.Dir, "barid.toml")
	protocols := o.Listen
	if protocols == nil {
		protocols = []string{"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "admin"}
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.certificate()
	s.configure(protocols)
	if !o.Empty {
		s.people()
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() && s.log != nil {
			t.Logf("log of the server:\n%s", s.log.last())
		}
	})
	return s
}

func (s *Server) certificate() {
	cert, key := filepath.Join(s.Dir, "cert.pem"), filepath.Join(s.Dir, "key.pem")
	if _, err := os.Stat(cert); err == nil {
		return
	}
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", key, "-out", cert, "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1").CombinedOutput()
	if err != nil {
		s.t.Fatalf("making a certificate: %v\n%s", err, out)
	}
}

// configure writes barid.toml with ports that are free now, and that stay the same over restarts.
func (s *Server) configure(protocols []string) {
	var b strings.Builder
	resolver := s.o.Resolver
	if resolver == "" {
		resolver = "127.0.0.1:9"
	}
	host := s.o.Hostname
	if host == "" {
		host = "mx." + Domain
	}
	fmt.Fprintf(&b, "hostname = %q\ndata = \"data\"\nresolver = [%q]\nresolver_timeout = \"1s\"\n%s\n", host, resolver, s.o.Top)
	for _, p := range protocols {
		s.Addr[p] = FreeAddress(s.t)
		fmt.Fprintf(&b, "[[listener]]\nprotocol = %q\naddress = %q\n", p, s.Addr[p])
	}
	b.WriteString("[[certificate]]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n")
	if !strings.Contains(s.o.Settings, "[policy]") {
		b.WriteString("[policy]\niprev = \"off\"\n")
	}
	b.WriteString(s.o.Settings)
	if err := os.WriteFile(s.File, []byte(b.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) people() {
	s.Must("domain", "add", Domain)
	for _, a := range Accounts() {
		s.Must("account", "add", a)
	}
}

// Boot starts the process and waits until it says that it is ready.
func (s *Server) Boot() {
	s.t.Helper()
	cmd := exec.Command(Binary(s.t), "serve", "--json", "--config", s.File)
	cmd.Env = s.environ()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = &tail{}
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.ended = cmd, make(chan struct{})
	ready := make(chan bool, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- strings.Contains(line, `"ready":true`)
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
		close(s.ended)
	}()
	select {
	case ok := <-ready:
		if !ok {
			s.t.Fatalf("the server did not start:\n%s", s.log.last())
		}
	case <-time.After(StartWait):
		s.t.Fatalf("the server was not ready after %s:\n%s", StartWait, s.log.last())
	}
}

// environ leaves BARID_* variables of the tests out: a program takes one that it does not know for a mistake.
func (s *Server) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BARID_") })
	return append(append(env, "BARID_PASSWORD="+Password), s.o.Env...)
}

// PID is the server's process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log is the end of what the server has written to its log.
func (s *Server) Log() string { return s.log.last() }

// Kill ends the process with SIGKILL.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Stop ends the process with SIGTERM and waits.
func (s *Server) Stop() { s.signal(syscall.SIGTERM) }

func (s *Server) signal(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig) // it may have ended by itself
	select {
	case <-s.ended:
	case <-time.After(EndWait):
		_ = s.cmd.Process.Kill()
		<-s.ended
		s.t.Errorf("the server did not end within %v of signal %v", EndWait, sig)
	}
	s.cmd = nil
}

// Run runs a barid command against the server's configuration.
func (s *Server) Run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := exec.Command(Binary(s.t), append(args, "--config", s.File)...)
	cmd.Env = s.environ()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Must runs a barid command that has to work and gives what it printed.
func (s *Server) Must(args ...string) string {
	s.t.Helper()
	out, errs, code := s.Run(args...)
	if code != 0 {
		s.t.Fatalf("barid %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// JSON runs a barid command with --json and decodes what it printed.
func (s *Server) JSON(v any, args ...string) {
	s.t.Helper()
	out := s.Must(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		s.t.Fatalf("barid %s printed %q: %v", strings.Join(args, " "), out, err)
	}
}

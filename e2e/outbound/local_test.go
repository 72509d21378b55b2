package outbound

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"barid/e2e/hostile/wire"
	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
)

// TestAMessageBetweenTwoAccountsOpensNoConnection looks at every connect, sendto and sendmsg of the process: mail from
// one account to another, and from a stranger to an account, asks no name and reaches for no server. Mail for
// elsewhere, at the end, shows that the look would see it.
func TestAMessageBetweenTwoAccountsOpensNoConnection(t *testing.T) {
	strace := peer.Need(t, "strace")
	k := sink.Start(t, sink.Options{})
	w := world.Start(t, "$ORIGIN example.net.\n$TTL 0\n@ MX 10 mx\nmx A 127.0.0.1\n",
		"$ORIGIN "+server.Domain+".\n$TTL 0\n@ MX 10 mx\nmx A 127.0.0.1\n")
	s := server.Start(t, server.Options{Resolver: w.Addr(), Settings: fmt.Sprintf("[outbound]\nport = %d\nallow_private = true\n", k.Port())})
	out := watchCalls(t, strace, s.PID())
	for _, to := range []string{"demo@" + server.Domain, "فروش@" + server.Domain, "info+detail@" + server.Domain} {
		sendNear(t, s, to)
	}
	peer.Must(t, peer.Command{Name: "swaks", Args: []string{
		"--server", s.Addr["smtp"], "--from", "sender@example.com", "--to", "demo@" + server.Domain, "--helo", "client.example",
	}})
	if calls := outgoing(t, out); len(calls) > 0 {
		t.Errorf("local mail made the server call out:\n%s", strings.Join(calls, "\n"))
	}
	for _, name := range []string{server.Domain, "mx." + server.Domain, "example.com", "client.example"} {
		if n := w.Asked(name); n > 0 {
			t.Errorf("%s was asked for %d times", name, n)
		}
	}
	if k.Conns() > 0 {
		t.Errorf("%d connections came out", k.Conns())
	}
	if r := submit(t, s, "info@example.net", "From: info@"+server.Domain+"\nSubject: far\n\nbody\n"); r.Code != 0 {
		t.Fatalf("swaks: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	k.Await(1)
	await(t, func() (string, bool) { return "", len(outgoing(t, out)) >= 2 }, func() string {
		b, _ := os.ReadFile(out)
		return "strace saw no question and no connection:\n" + string(b)
	})
}

// sendNear gives a message to the server as a login does, with SMTPUTF8 (RFC 6531).
func sendNear(t *testing.T, s *server.Server, to string) {
	t.Helper()
	c, err := wire.Submission(s.Addr["submission"], "127.0.0.1", sender, server.Password, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, line := range []string{"MAIL FROM:<" + sender + "> SMTPUTF8", "RCPT TO:<" + to + ">", "DATA", "From: <" + sender + ">\r\nSubject: near\r\n\r\nbody\r\n."} {
		if r, err := c.Ask(line); err != nil || r.Code/100 > 3 {
			t.Fatalf("%q was answered %s: %v", line, r, err)
		}
	}
}

// watchCalls writes down the calls of a process that reach another one, until the test ends.
func watchCalls(t *testing.T, strace string, pid int) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "calls")
	cmd := exec.Command(strace, "-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", file, "-p", strconv.Itoa(pid))
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // it ends with the signal
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !strings.Contains(line, "attached") {
		t.Fatalf("strace said %q: %v", line, err)
	}
	return file
}

// inet is a call towards an address of the internet.
var inet = regexp.MustCompile(`sin6?_port=htons\((\d+)\)`)

// outgoing gives the calls that reach for another server or a name.
func outgoing(t *testing.T, file string) (calls []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if inet.MatchString(line) {
			calls = append(calls, strings.TrimSpace(line))
		}
	}
	return calls
}

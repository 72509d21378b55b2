package commands

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"barid/e2e/bench"
	"barid/e2e/server"
)

// devReady is the processors' time within which "barid dev" says where everything is. How long it waits for them is the
// machine's.
const devReady = 2 * time.Second

// world is what "barid dev --json" prints.
type world struct {
	Ready     bool    `json:"ready"`
	Seconds   float64 `json:"ready_seconds"`
	Data      string  `json:"data"`
	Listeners []struct {
		Protocol string `json:"protocol"`
		Address  string `json:"address"`
	} `json:"listeners"`
	Accounts []struct {
		Address  string `json:"address"`
		Password string `json:"password"`
	} `json:"accounts"`
	Try   string   `json:"try"`
	Notes []string `json:"notes"`
}

func (w world) addr(protocol string) string {
	for _, l := range w.Listeners {
		if l.Protocol == protocol {
			return l.Address
		}
	}
	return ""
}

// dev is a running "barid dev".
type dev struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *bufio.Reader
	errs  *bytes.Buffer
	world world
	cost  time.Duration // processors' time until it was ready
}

func startDev(t *testing.T, args ...string) *dev {
	t.Helper()
	d := &dev{t: t, errs: &bytes.Buffer{}}
	d.cmd = exec.Command(server.Binary(t), append([]string{"dev", "--json"}, args...)...)
	d.cmd.Stderr = d.errs
	pipe, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	d.out = bufio.NewReader(pipe)
	line, err := d.out.ReadString('\n')
	d.cost = bench.CPU(d.cmd.Process.Pid)
	if err != nil {
		t.Fatalf("barid dev said %q and ended: %s", line, d.errs)
	}
	if err := json.Unmarshal([]byte(line), &d.world); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return d
}

// stop ends it by a signal and gives what else it printed, its exit code and how long it took.
func (d *dev) stop(sig syscall.Signal) (rest string, code int, took time.Duration) {
	d.t.Helper()
	begin := time.Now()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatal(err)
	}
	b, _ := io.ReadAll(d.out) // ends with the process
	_ = d.cmd.Wait()          // its code says all
	return string(b), d.cmd.ProcessState.ExitCode(), time.Since(begin)
}

// TestDevTellsWhereEverythingIs reads the one line, and tries everything that stands in it.
func TestDevTellsWhereEverythingIs(t *testing.T) {
	needTime(t)
	d := startDev(t, "--port", "0")
	if d.cost == 0 || d.cost > devReady || !d.world.Ready || d.world.Seconds <= 0 || d.world.Data != "" {
		t.Errorf("it cost %s: %+v", d.cost, d.world)
	}
	if len(d.world.Listeners) != 8 || len(d.world.Accounts) != 3 {
		t.Errorf("%d listeners and %d accounts", len(d.world.Listeners), len(d.world.Accounts))
	}
	for _, l := range d.world.Listeners {
		if host, _, err := net.SplitHostPort(l.Address); err != nil || host != "127.0.0.1" {
			t.Errorf("%s listens on %s, which is not loopback", l.Protocol, l.Address)
		}
		if err := answers(l.Protocol, l.Address); err != nil {
			t.Errorf("%s: %v", l.Protocol, err)
		}
	}
	for _, a := range d.world.Accounts {
		if n, err := inbox(d.world, a.Address, a.Password); err != nil || n == 0 {
			t.Errorf("%s has %d messages, %v", a.Address, n, err)
		}
	}
	d.try()
	if rest, code, _ := d.stop(syscall.SIGTERM); rest != "" || code != 0 {
		t.Errorf("more than one line, or a bad end: %q, exit %d", rest, code)
	}
}

// try runs the ready-made line, as it stands, and looks for the message.
func (d *dev) try() {
	d.t.Helper()
	args := strings.Fields(strings.ReplaceAll(d.world.Try, `"`, ""))
	before, _ := inbox(d.world, "demo@barid.test", "demo")
	if args[0] != "barid" {
		d.t.Fatalf("try is %q", d.world.Try)
	}
	if out, err := exec.Command(server.Binary(d.t), args[1:]...).CombinedOutput(); err != nil {
		d.t.Errorf("%s: %v\n%s", d.world.Try, err, out)
	}
	if after, err := inbox(d.world, "demo@barid.test", "demo"); err != nil || after != before+1 {
		d.t.Errorf("demo@ had %d messages and has %d, %v", before, after, err)
	}
}

// TestDevMovesOnFromTakenPorts takes SMTP's port, and then sees the next one used, or the refusal.
func TestDevMovesOnFromTakenPorts(t *testing.T) {
	needTime(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	d := startDev(t, "--port", port)
	now := d.world.addr("smtp")
	if now == taken.Addr().String() || answers("smtp", now) != nil {
		t.Errorf("SMTP is on %s", now)
	}
	_, moved, _ := net.SplitHostPort(now)
	want := fmt.Sprintf("port %s is taken, smtp is on %s", port, moved)
	if !strings.Contains(strings.Join(d.world.Notes, "\n"), want) {
		t.Errorf("notes %q, want %q", d.world.Notes, want)
	}
	d.stop(syscall.SIGTERM)

	r := barid(t, "", "dev", "--json", "--strict-ports", "--port", port)
	if r.code != 1 || r.out != "" || !strings.Contains(r.errs, `"B1011"`) || !strings.Contains(r.errs, port) {
		t.Errorf("--strict-ports on a taken port: exit %d, %q, %q", r.code, r.out, r.errs)
	}
}

// TestDevKeepsItsDataFolder sends, stops and starts again.
func TestDevKeepsItsDataFolder(t *testing.T) {
	needTime(t)
	dir := t.TempDir() + "/new"
	d := startDev(t, "--port", "0", "--data", dir)
	if d.world.Data != dir {
		t.Errorf("data is %q", d.world.Data)
	}
	seeded, err := inbox(d.world, "demo@barid.test", "demo")
	if err != nil {
		t.Fatal(err)
	}
	d.try()
	d.stop(syscall.SIGTERM)
	d = startDev(t, "--port", "0", "--data", dir)
	if n, err := inbox(d.world, "demo@barid.test", "demo"); err != nil || n != seeded+1 {
		t.Errorf("%d messages after a restart, want %d, %v", n, seeded+1, err)
	}
	if r := barid(t, "", "dev", "--json", "--port", "0", "--data", dir); r.code != 1 || !strings.Contains(r.errs, `"B3004"`) {
		t.Errorf("a second one on the folder: exit %d %s", r.code, r.errs)
	}
	d.stop(syscall.SIGINT)
}

// TestDevStopsInTime stops it while clients are in the middle of things.
func TestDevStopsInTime(t *testing.T) {
	needTime(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		d := startDev(t, "--port", "0")
		idle := say(t, d.world.addr("imap"), "a LOGIN info@barid.test demo\r\nb SELECT INBOX\r\nc IDLE\r\n", "+ idling")
		data := say(t, d.world.addr("smtp"), "EHLO x.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<info@barid.test>\r\nDATA\r\nhalf a li", "354 ")
		rest, code, took := d.stop(sig)
		if took > 30*time.Second || code != 0 || rest != "" {
			t.Errorf("%v: ended after %s with %d %q %s", sig, took, code, rest, d.errs)
		}
		if b, err := io.ReadAll(idle); err != nil || !strings.Contains(string(b), "* BYE") {
			t.Errorf("the IMAP client heard %q, %v", b, err)
		}
		if b, _ := io.ReadAll(data); !strings.HasPrefix(string(b), "421") && len(b) > 0 || strings.Contains(string(b), "250") {
			t.Errorf("the SMTP client heard %q", b)
		}
	}
}

// say opens a connection, says something, and reads until it hears something.
func say(t *testing.T, addr, what, until string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a missing answer fails below
	b := make([]byte, 64<<10)
	n, _ := c.Read(b)
	if _, err := io.WriteString(c, what); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(string(b[:n]), until) {
		m, err := c.Read(b[n:])
		if n += m; err != nil {
			t.Fatalf("heard %q, want %q: %v", b[:n], until, err)
		}
	}
	return c
}

// answers tells whether a listener speaks its protocol.
func answers(protocol, addr string) error {
	if protocol == "admin" {
		r, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz is %s", r.Status)
		}
		return nil
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if strings.HasSuffix(protocol, "s") {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a silent one fails below
	line, err := bufio.NewReader(c).ReadString('\n')
	want := map[byte]string{'s': "220 ", 'i': "* OK", 'p': "+OK ", 'l': "220 "}[protocol[0]]
	if !strings.HasPrefix(line, want) {
		return fmt.Errorf("says %q, %v", line, err)
	}
	return nil
}

// inbox counts the messages of an account by POP3.
func inbox(w world, user, password string) (n int, err error) {
	c, err := net.Dial("tcp", w.addr("pop3"))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a silent one fails below
	r := bufio.NewReader(c)
	var line string
	for _, say := range []string{"", "UTF8\r\n", "USER " + user + "\r\n", "PASS " + password + "\r\n", "STAT\r\n"} {
		if _, err = io.WriteString(c, say); err == nil {
			line, err = r.ReadString('\n')
		}
		if err != nil || !strings.HasPrefix(line, "+OK") {
			return 0, fmt.Errorf("%q was answered %q, %v", say, line, err)
		}
	}
	_, err = fmt.Sscanf(line, "+OK %d", &n)
	return n, err
}

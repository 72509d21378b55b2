package hostile

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// descriptors counts the files that the server has open.
func (b *bed) descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// mayOpen sets how many files the running server may have open, and gives how many it might before.
func (b *bed) mayOpen(t *testing.T, n uint64) (before uint64) {
	t.Helper()
	var old unix.Rlimit
	err := unix.Prlimit(b.PID(), unix.RLIMIT_NOFILE, nil, &old)
	if err == nil {
		err = unix.Prlimit(b.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: old.Max}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return old.Cur
}

// patience is how long a new session waits for its first line.
const patience = 10 * time.Second

// greeting is the first line that a new session hears.
type greeting struct {
	line string
	err  error
}

// greetings listens to all at once: some may hear nothing.
func greetings(crowd []*wire.Conn) []greeting {
	out := make([]greeting, len(crowd))
	var all sync.WaitGroup
	for i, c := range crowd {
		all.Go(func() { out[i].line, out[i].err = c.Line() })
	}
	all.Wait()
	return out
}

// TestOutOfDescriptorsNewSessionsWait is row 65: the server has no descriptor left. Running sessions finish, their
// mail is taken or deferred; new ones are refused or wait; when there are some again everything works, by itself.
func TestOutOfDescriptorsNewSessionsWait(t *testing.T) {
	b := begin(t, server.Options{})
	running := b.smtp(t, "127.0.2.2")
	box := b.imap(t, "127.0.2.1", info)
	if r, err := running.Send(stranger, []string{info}, "Subject: before\r\n\r\nx\r\n"); err != nil || r.Code != 250 {
		t.Fatal(r, err)
	}
	usual := b.mayOpen(t, uint64(b.descriptors(t)+20))
	var crowd []*wire.Conn
	for i := range 60 {
		c, err := wire.Dial(b.Addr[[]string{"smtp", "imap", "pop3"}[i%3]], fmt.Sprintf("127.0.12.%d", i+1))
		if err != nil {
			t.Fatal(err) // the system takes connections for us
		}
		c.Wait = patience
		crowd = append(crowd, c)
	}
	served, refused, waiting := 0, 0, 0
	for _, h := range greetings(crowd) {
		switch line, err := h.line, h.err; {
		case strings.HasPrefix(line, "220 "), strings.HasPrefix(line, "* OK"), strings.HasPrefix(line, "+OK"):
			served++
		case strings.HasPrefix(line, "421 4."), strings.HasPrefix(line, "* BYE [UNAVAILABLE]"), strings.HasPrefix(line, "-ERR [SYS/TEMP]"):
			refused++
		case isTimeout(err):
			waiting++
		default:
			t.Errorf("a new session got %q %v", line, err)
		}
	}
	t.Logf("without descriptors: of 60 new sessions %d were served, %d refused, %d had to wait", served, refused, waiting)
	if served > 30 || waiting > 5 { // the store may have closed some files since they were counted
		t.Errorf("there were about 20 descriptors, %d sessions were served and %d were told nothing", served, waiting)
	}
	taken := 0
	for n := range 20 {
		r, err := running.Send(stranger, []string{info}, fmt.Sprintf("Subject: during %d\r\n\r\n%s", n, strings.Repeat("x\r\n", 10_000)))
		if err != nil || r.Code != 250 && r.Code/100 != 4 {
			t.Fatalf("a running session: %q %v", r, err)
		}
		if r.Code == 250 {
			taken++
		}
	}
	t.Logf("running sessions: %d of 20 messages were taken, the others deferred", taken)
	if n := messages(t, box, "INBOX"); n != taken+1 {
		t.Errorf("%d messages are there, %d were taken", n, taken+1)
	}
	for _, c := range crowd {
		_ = c.Close()
	}
	b.mayOpen(t, usual)
	b.alive(t)
	for _, protocol := range []string{"imaps", "pop3s", "submissions"} {
		c := b.client(t, protocol, "127.0.2.9")
		if line, err := c.Line(); err != nil {
			t.Errorf("%s afterwards: %q %v", protocol, line, err)
		}
	}
	if r, err := running.Ask("QUIT"); err != nil || r.Code != 221 {
		t.Errorf("the running session ends with %q %v", r, err)
	}
}

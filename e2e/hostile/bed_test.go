package hostile

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

const (
	info     = "info@" + server.Domain
	demo     = "demo@" + server.Domain
	sales    = "فروش@" + server.Domain
	stranger = "stranger@elsewhere.example"
)

// What alive means.
const (
	aliveWithin = 30 * time.Second
	maxGrowth   = 256 << 20 // bytes
)

// bed is a server under attack.
type bed struct {
	*server.Server
	calm    int64 // memory before the attacks
	visitor int
}

// begin starts a server; the zero Options are good.
func begin(t *testing.T, o server.Options) *bed {
	t.Helper()
	if testing.Short() {
		t.Skip("the real program is not attacked with -short")
	}
	if !strings.Contains(o.Settings, "[log]") {
		o.Settings += "\n[log]\nlevel = \"error\"\n"
	}
	b := &bed{Server: server.Start(t, o)}
	b.alive(t)
	b.calm = b.memory(t)
	return b
}

// memory is what the process has resident, in bytes.
func (b *bed) memory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.PID()))
	if err != nil {
		t.Fatalf("the server is gone: %v\n%s", err, b.Log())
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// alive wants a normal message from an address that nobody has used to be taken soon, and memory to be bounded.
func (b *bed) alive(t *testing.T) {
	t.Helper()
	b.visitor++
	from := fmt.Sprintf("127.0.1.%d", b.visitor%250+1)
	start := time.Now()
	c, err := wire.SMTP(b.Addr["smtp"], from, false)
	if err != nil {
		t.Fatalf("not alive: %v\n%s", err, b.Log())
	}
	defer c.Close()
	c.Wait = aliveWithin
	r, err := c.Send("visitor@elsewhere.example", []string{demo}, "Subject: still there?\r\n\r\nyes\r\n")
	if took := time.Since(start); err != nil || r.Code != 250 || took > aliveWithin {
		t.Fatalf("not alive: %s %v after %v\n%s", r, err, took, b.Log())
	}
	if grown := b.memory(t) - b.calm; b.calm > 0 && grown > maxGrowth {
		t.Errorf("the server has grown by %d MiB", grown>>20)
	}
}

// client connects to a port and closes the connection when the test ends.
func (b *bed) client(t *testing.T, protocol, from string) *wire.Conn {
	t.Helper()
	dial := wire.Dial
	if strings.HasSuffix(protocol, "s") {
		dial = wire.DialTLS
	}
	c, err := dial(b.Addr[protocol], from)
	if err != nil {
		t.Fatalf("%s: %v", protocol, err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	return c
}

// raw connects to a port as it is, without TLS.
func (b *bed) raw(t *testing.T, protocol string) *wire.Conn {
	t.Helper()
	c, err := wire.Dial(b.Addr[protocol], "127.0.2.2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// smtp connects and says EHLO.
func (b *bed) smtp(t *testing.T, from string) *wire.Conn {
	t.Helper()
	c, err := wire.SMTP(b.Addr["smtp"], from, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// submission connects to a submission port and logs in as info@.
func (b *bed) submission(t *testing.T, protocol, from string) *wire.Conn {
	t.Helper()
	c, err := wire.Submission(b.Addr[protocol], from, info, server.Password, protocol == "submissions")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// imap logs in over TLS.
func (b *bed) imap(t *testing.T, from, user string) *wire.IMAP {
	t.Helper()
	c, err := wire.LoginIMAP(b.Addr["imaps"], from, user, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// pop3 logs in over TLS.
func (b *bed) pop3(t *testing.T, from, user string) *wire.Conn {
	t.Helper()
	c, err := wire.LoginPOP3(b.Addr["pop3s"], from, user, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// do is IMAP.Do that must be answered OK.
func do(t *testing.T, c *wire.IMAP, command string) wire.Result {
	t.Helper()
	r, err := c.Do(command)
	if err != nil || !r.OK() {
		t.Fatalf("%.80s: %q %v", command, r.Tagged, err)
	}
	return r
}

// messages counts what is in a mailbox.
func messages(t *testing.T, c *wire.IMAP, mailbox string) (n int) {
	t.Helper()
	r := do(t, c, "STATUS "+mailbox+" (MESSAGES)")
	_, rest, _ := strings.Cut(strings.Join(r.Untagged, " "), "(MESSAGES ")
	if _, err := fmt.Sscanf(rest, "%d)", &n); err != nil {
		t.Fatalf("STATUS: %q", r.Untagged)
	}
	return n
}

// latest fetches the message of a mailbox that came last.
func latest(t *testing.T, c *wire.IMAP, mailbox, items string) map[string]wire.Node {
	t.Helper()
	do(t, c, "SELECT "+mailbox)
	f, err := do(t, c, "FETCH * ("+items+")").Fetches()
	if err != nil || len(f) != 1 {
		t.Fatalf("FETCH: %d responses, %v", len(f), err)
	}
	return f[0].Items
}

// step is one exchange of a dialog: what is sent, and how the answer begins. "closed" is the end of the
// connection; several answers are separated by "|".
type step struct{ say, hear string }

const closed = "closed"

// dialog plays steps. Each line gets its CRLF; say "" sends nothing.
func dialog(t *testing.T, c *wire.Conn, steps []step) {
	t.Helper()
	for i, s := range steps {
		if s.say != "" {
			if err := c.Put(s.say + "\r\n"); err != nil {
				t.Fatalf("step %d, %.80q: %v", i+1, s.say, err)
			}
		}
		for want := range strings.SplitSeq(s.hear, "|") {
			if want == "" {
				continue
			}
			r, err := c.Reply()
			if want == closed {
				if err == nil || isTimeout(err) {
					t.Fatalf("step %d, %.80q: %s %v; the connection should be closed", i+1, s.say, r, err)
				}
				return
			}
			if err != nil || !r.Is(want) {
				t.Fatalf("step %d, %.80q: %q %v, want %q", i+1, s.say, r, err, want)
			}
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// within fails the test if f costs the server more than limit of the processors' time: how long it waits for them and
// for the disk says something about the machine.
func (b *bed) within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	before := work(t, b)
	f()
	if did := work(t, b) - before; did > limit {
		t.Errorf("%s cost %v", what, did)
	}
}

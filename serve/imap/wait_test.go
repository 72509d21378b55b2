package imap

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"barid/store/memory"
)

// restless makes sessions rest at once: every command and every piece of news finds one that rests.
func restless(s *Settings) { s.AwakeTime = 1 }

// settle waits until there are no more than n goroutines.
func settle(t *testing.T, n int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > n; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), n)
		}
	}
}

// TestIdleSessionsAreSmall: a session that idles in a mailbox has one goroutine, and heap and stack far below the goals of
// 12 KiB in clear and 32 KiB under TLS that the process may grow by; what is more there is left by the work before.
func TestIdleSessionsAreSmall(t *testing.T) {
	for _, c := range []struct {
		name   string
		secure bool
		packed bool
		limit  int
	}{{"clear", false, false, 9 << 10}, {"TLS", true, false, 18 << 10}, {"DEFLATE", false, true, 13 << 10}} {
		t.Run(c.name, func(t *testing.T) {
			const sessions = 500
			w := newWorldOn(t, memory.New(), slog.LevelWarn, func(s *Settings) { s.AwakeTime = time.Millisecond })
			w.idler(c.secure, c.packed) // what the first session costs once is not the price of a session
			before, running := inUse(), runtime.NumGoroutine()
			for range sessions {
				w.idler(c.secure, c.packed)
			}
			settle(t, running+sessions)
			if got := (inUse() - before) / sessions; got > c.limit {
				t.Errorf("%d bytes a session, want at most %d", got, c.limit)
			}
		})
	}
}

// inUse is the heap and the stacks in use after what is not was collected.
func inUse() int {
	var m runtime.MemStats
	for range 3 { // what pools hold goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// idler opens a session that idles, of which nothing but the socket is kept on the client's side.
func (w *world) idler(secure, packed bool) {
	conn, err := net.Dial("tcp", w.server.Addr().String())
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	c := &client{t: w.t, conn: conn, br: bufio.NewReaderSize(conn, 1<<10)}
	c.expect("* OK ...")
	if secure {
		c.do("STARTTLS")
		c.conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		c.br = bufio.NewReaderSize(c.conn, 1<<10)
	}
	c.do(`LOGIN %s "%s"`, testUser, testPassword)
	if packed {
		c.compress()
	}
	c.do("SELECT INBOX")
	c.send("z IDLE\r\n")
	c.expect("+ idling")
}

// TestTheEndOfACompressedBlockKeepsNobodyAwake: a client's flush ends with four octets that say nothing. They may come when
// the session rests already.
func TestTheEndOfACompressedBlockKeepsNobodyAwake(t *testing.T) {
	w := newWorld(t, restless)
	resting := runtime.NumGoroutine() + 1
	c := w.login()
	if got := c.do("COMPRESS DEFLATE"); got[0] != "OK DEFLATE is active" {
		t.Fatal(got)
	}
	c.br = bufio.NewReader(flate.NewReader(c.br))
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.BestSpeed)
	must(t, err)
	for n := range 2 {
		packed.Reset()
		_, _ = fmt.Fprintf(z, "n%d NOOP\r\n", n)
		must(t, z.Flush())
		said, end := packed.Bytes()[:packed.Len()-4], packed.Bytes()[packed.Len()-4:]
		_, err = c.conn.Write(said)
		must(t, err)
		c.expect(fmt.Sprintf("n%d OK ...", n))
		settle(t, resting)
		_, err = c.conn.Write(end)
		must(t, err)
		for end := time.Now().Add(time.Second); runtime.NumGoroutine() <= resting && time.Now().Before(end); {
			time.Sleep(time.Millisecond) // until it is awake
		}
		settle(t, resting)
	}
}

// A session that rests hears all that one hears that was just spoken to: news, commands, its time, a stop.
func TestSessionsThatRest(t *testing.T) {
	testRest(t, func(*client) {})
}

func TestCompressedSessionsThatRest(t *testing.T) {
	testRest(t, (*client).compress)
}

func testRest(t *testing.T, begin func(*client)) {
	w := newWorld(t, restless)
	idle, notified := w.login(), w.login()
	begin(idle)
	begin(notified)
	idle.do("SELECT INBOX")
	notified.do("NOTIFY SET (PERSONAL (MessageNew MessageExpunge))")
	idle.send("i IDLE\r\n")
	idle.expect("+ idling")
	for n := range 3 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
		idle.expect("* " + string(rune('1'+n)) + " EXISTS")
		idle.expect("* ... RECENT")
		notified.expect("* STATUS INBOX ...")
	}
	idle.send("done\r\nn NOOP\r\n")
	idle.expect("i OK ...")
	idle.expect("n OK ...")
	idle.send("i IDLE\r\nDONE\r\n")
	idle.expect("+ idling")
	idle.expect("i OK ...")
	idle.send("i IDLE\r\nfinished\r\n")
	idle.expect("+ idling")
	idle.expect("i BAD ...")
	w.server.Stop()
	idle.expect("* BYE ...")
	idle.closed()
	notified.expect("* BYE ...")
}

func TestRestHasAnEnd(t *testing.T) {
	stranger := newWorld(t, func(s *Settings) { restless(s); s.LoginTime = 200 * time.Millisecond }).dial()
	stranger.expect("* BYE autologout...")
	stranger.closed()
	idle := newWorld(t, func(s *Settings) { restless(s); s.IdleTime = time.Second }).dial()
	idle.send(fmt.Sprintf("a LOGIN %s %q\r\ni IDLE\r\n", testUser, testPassword)) // at once: the second passes from the login on
	idle.expect("a OK ...")
	idle.expect("+ idling")
	idle.expect("* BYE autologout...")
	idle.closed()
}

// A session ends with its connection, also when it learns that by telling news.
func TestRestEndsWithTheConnection(t *testing.T) {
	w := newWorld(t, restless)
	running := runtime.NumGoroutine()
	for range 5 {
		c := w.login()
		c.do("SELECT INBOX")
		c.send("i IDLE\r\n")
		c.expect("+ idling")
		must(t, c.conn.(*net.TCPConn).SetLinger(0)) // a reset
		c.conn.Close()
	}
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	settle(t, running)
}

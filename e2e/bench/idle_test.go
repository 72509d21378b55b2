package bench

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"barid/e2e/server"
)

// idlers is how many sessions wait for news: BARID_BENCH_IDLERS, or 1,000.
func idlers() int {
	if n, err := strconv.Atoi(os.Getenv("BARID_BENCH_IDLERS")); err == nil && n > 0 {
		return n
	}
	return 1000
}

// BenchmarkIMAPIdle is the memory of sessions that idle, each in a mailbox of its own, and how soon one hears of a message.
func BenchmarkIMAPIdle(b *testing.B) {
	for _, s := range imapServers {
		b.Run(s.name, func(b *testing.B) { idle(b, s.start, false, false) })
	}
	b.Run("barid-tls", func(b *testing.B) { idle(b, imapsBarid, true, false) })
}

// BenchmarkIMAPIdleShared is the same with all in one mailbox, so that all hear of each message.
func BenchmarkIMAPIdleShared(b *testing.B) {
	for _, s := range imapServers {
		b.Run(s.name, func(b *testing.B) { idle(b, s.start, false, true) })
	}
}

func imapsBarid(b *testing.B) (string, int) {
	s := server.Start(b, server.Options{Settings: "[log]\nlevel = \"warn\"\n[limits]\nconnections_per_network = 20000\nconnections = 20000\n"})
	return s.Addr["imaps"], s.PID()
}

// notice is when a session heard of a message.
type notice struct{ at time.Time }

func idle(b *testing.B, start func(*testing.B) (string, int), secure, shared bool) {
	addr, pid := start(b)
	n := idlers()
	box := func(i int) string {
		if shared {
			return "INBOX"
		}
		return fmt.Sprintf("box%d", i%n)
	}
	sender := session{}
	sender.login(b, addr, secure)
	for i := 0; i < n && !shared; i++ {
		sender.send([]byte("z CREATE " + box(i) + "\r\n"))
		sender.line("z OK")
	}
	first := session{}
	first.idle(b, addr, secure, "INBOX") // what the first session costs once is not the price of a session
	time.Sleep(settled)
	before := treeMemory(pid)
	heard := make(chan notice, n)
	var gone atomic.Int64
	for i := range n {
		s := session{}
		s.idle(b, addr, secure, box(i))
		go s.listen(heard, &gone)
	}
	time.Sleep(settled) // both servers have put away what idle sessions do not need
	size := float64(treeMemory(pid)-before) / float64(n)
	letter := Letter(1, 2000)
	want := 1
	if shared {
		want = n
	}
	var late []time.Duration
	missed, rounds := 0, 0
	b.ResetTimer()
	for b.Loop() {
		begin := time.Now()
		sender.send(fmt.Appendf(nil, "z APPEND %s {%d+}\r\n%s\r\n", box(rounds*7919), len(letter), letter))
		until := time.After(noticeWait)
		for got := 0; got < want; got++ {
			select {
			case h := <-heard:
				late = append(late, h.at.Sub(begin))
			case <-until:
				missed += want - got
				got = want
			}
		}
		rounds++
		if sender.line("z OK"); sender.err != nil {
			b.Fatal(sender.err)
		}
	}
	slices.Sort(late)
	if len(late) == 0 || gone.Load() > 0 {
		b.Fatalf("%d sessions ended, %d notices", gone.Load(), len(late))
	}
	b.ReportMetric(size, "KiB/session")
	b.ReportMetric(float64(late[len(late)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(late[len(late)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(missed)/float64(rounds), "missed/op")
}

// noticeWait is how long a session may take to hear of a message.
const noticeWait = 5 * time.Second

// login opens a session.
func (s *session) login(b *testing.B, addr string, secure bool) {
	b.Helper()
	s.connect(addr, secure)
	s.authenticate()
	if s.err != nil {
		b.Fatal(s.err)
	}
	b.Cleanup(func() { _ = s.conn.Close() })
}

// idle opens a session that waits in a mailbox.
func (s *session) idle(b *testing.B, addr string, secure bool, mailbox string) {
	b.Helper()
	s.login(b, addr, secure)
	if s.wait(mailbox); s.err != nil {
		b.Fatal(s.err)
	}
}

// connect goes as far as the greeting.
func (s *session) connect(addr string, secure bool) {
	conn, err := net.Dial("tcp", addr)
	if s.err = err; err != nil {
		return
	}
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	s.conn, s.r = conn, bufio.NewReaderSize(conn, 512)
	s.line("* OK")
}

// authenticate logs in.
func (s *session) authenticate() {
	s.send([]byte("z LOGIN " + imapUser + " " + server.Password + "\r\n"))
	s.line("z OK")
}

// wait idles in a mailbox.
func (s *session) wait(mailbox string) {
	s.send([]byte("z SELECT " + mailbox + "\r\n"))
	s.line("z OK")
	s.send([]byte("z IDLE\r\n"))
	s.line("+ ")
}

// line reads to a line that begins so.
func (s *session) line(prefix string) {
	found, inside := false, false // inside a line longer than the buffer
	for s.err == nil {
		line, err := s.r.ReadSlice('\n')
		found = found || !inside && bytes.HasPrefix(line, []byte(prefix))
		if inside = err == bufio.ErrBufferFull; inside {
			continue
		}
		if s.err = err; found {
			return
		}
	}
}

// listen tells of every EXISTS.
func (s *session) listen(heard chan<- notice, gone *atomic.Int64) {
	for {
		line, err := s.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			if !strings.Contains(err.Error(), "closed") {
				gone.Add(1)
			}
			return
		}
		if bytes.HasSuffix(line, []byte(" EXISTS\r\n")) {
			heard <- notice{time.Now()}
		}
	}
}

// treeMemory is the proportional set size of a process and its descendants in KiB.
func treeMemory(pid int) (sum int) {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended while we looked
		}
		id, _ := strconv.Atoi(string(text[:bytes.IndexByte(text, ' ')]))
		if f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])); len(f) > 1 {
			parents[id], _ = strconv.Atoi(f[1])
		}
	}
	for id := range parents {
		if descends(parents, id, pid) {
			sum += Memory(id)
		}
	}
	return sum
}

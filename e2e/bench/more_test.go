package bench

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
)

// syncCalls counts the sync calls of a process with strace until stop is called.
func syncCalls(b *testing.B, pid int) (stop func() int) {
	b.Helper()
	out := filepath.Join(b.TempDir(), "strace")
	cmd := exec.Command(peer.Need(b, "strace"), "-f", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", out, "-p", strconv.Itoa(pid))
	errs, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if line, _ := bufio.NewReader(errs).ReadString('\n'); !strings.Contains(line, "attached") {
		b.Fatalf("strace said %q", line)
	}
	return func() int {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // strace ends with the signal
		text, err := os.ReadFile(out)
		if err != nil {
			b.Fatal(err)
		}
		return strings.Count(string(text), "sync(") + strings.Count(string(text), "sync_file_range(")
	}
}

func quiet(b *testing.B) *server.Server {
	return server.Start(b, server.Options{Settings: "[log]\nlevel = \"warn\"\n[limits]\nsession_messages = 1000000\nconnections_per_network = 20000\nconnections = 20000\n"})
}

// BenchmarkSyncs counts the sync calls for each message taken; strace slows the server, so read no rate here.
func BenchmarkSyncs(b *testing.B) {
	for _, conns := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%dconns", conns), func(b *testing.B) {
			s := quiet(b)
			stop := syncCalls(b, s.PID())
			l := Load{Addr: s.Addr["smtp"], Conns: conns, Messages: b.N, PerConn: 100, Size: 4 << 10, Recipients: server.Accounts()[:2]}
			if err := l.Run(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(stop())/float64(b.N), "syncs/msg")
		})
	}
}

// BenchmarkSessions opens a connection, says EHLO (and STARTTLS), and QUIT.
func BenchmarkSessions(b *testing.B) {
	for _, secure := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "starttls"}[secure]
		b.Run(name, func(b *testing.B) {
			s := quiet(b)
			before := CPU(s.PID())
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := greet(s.Addr["smtp"], secure); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
			b.ReportMetric((CPU(s.PID())-before).Seconds()/float64(b.N)*1000, "cpu-ms/session")
		})
	}
}

func greet(addr string, secure bool) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	s := session{conn: conn, r: bufio.NewReaderSize(conn, 4096)}
	s.expect("220")
	s.send([]byte("EHLO client.example.com\r\n"))
	s.expect("250")
	if secure {
		s.send([]byte("STARTTLS\r\n"))
		s.expect("220")
		t := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		s.conn, s.r = t, bufio.NewReaderSize(t, 4096)
		s.send([]byte("EHLO client.example.com\r\n"))
		s.expect("250")
	}
	s.send([]byte("QUIT\r\n"))
	s.expect("221")
	return s.err
}

// BenchmarkVisible is the time from the final dot to the 250, and to the EXISTS in an idling IMAP session.
func BenchmarkVisible(b *testing.B) {
	s := quiet(b)
	imap, err := net.Dial("tcp", s.Addr["imaps"])
	if err != nil {
		b.Fatal(err)
	}
	defer imap.Close()
	t := tls.Client(imap, &tls.Config{InsecureSkipVerify: true})
	reader := session{conn: t, r: bufio.NewReader(t)}
	fmt.Fprintf(t, "a LOGIN info@%s %s\r\nb SELECT INBOX\r\nc IDLE\r\n", server.Domain, server.Password)
	exists := make(chan time.Time, 16)
	go func() {
		for {
			line, err := reader.r.ReadString('\n')
			if err != nil {
				close(exists)
				return
			}
			if strings.Contains(line, "EXISTS") || strings.HasPrefix(line, "+ ") {
				exists <- time.Now()
			}
		}
	}()
	<-exists // of SELECT
	<-exists // the + of IDLE
	conn, err := net.Dial("tcp", s.Addr["smtp"])
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	w := session{conn: conn, r: bufio.NewReader(conn)}
	w.expect("220")
	w.send([]byte("EHLO c.example\r\n"))
	w.expect("250")
	body := Body(4 << 10)
	var answered, visible []time.Duration
	for b.Loop() {
		w.send([]byte("MAIL FROM:<sender@example.com>\r\nRCPT TO:<info@" + server.Domain + ">\r\nDATA\r\n"))
		for _, c := range []string{"250", "250", "354"} {
			w.expect(c)
		}
		begin := time.Now()
		w.send(body)
		w.expect("250")
		if w.err != nil {
			b.Fatal(w.err)
		}
		answered = append(answered, time.Since(begin))
		visible = append(visible, (<-exists).Sub(begin))
	}
	for name, d := range map[string][]time.Duration{"answered": answered, "visible": visible} {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(d[len(d)*99/100].Microseconds())/1000, name+"-p99-ms")
	}
}

// BenchmarkIdleConnections is the memory of the server with nobody and with 1,000 greeted connections.
func BenchmarkIdleConnections(b *testing.B) {
	const conns = 1000
	for b.Loop() {
		s := quiet(b)
		idle := Memory(s.PID())
		var open []net.Conn
		for range conns {
			c, err := net.Dial("tcp", s.Addr["smtp"])
			if err != nil {
				b.Fatal(err)
			}
			open = append(open, c)
			g := session{conn: c, r: bufio.NewReader(c)}
			g.expect("220")
			g.send([]byte("EHLO c.example\r\n"))
			g.expect("250")
			if g.err != nil {
				b.Fatal(g.err)
			}
		}
		b.ReportMetric(float64(idle)/1024, "MiB-idle")
		b.ReportMetric(float64(Memory(s.PID())-idle)/conns, "KiB/conn")
		for _, c := range open {
			_ = c.Close()
		}
		s.Stop()
	}
}

// BenchmarkStart is the time from exec to the first greeting, on a store that holds mail.
func BenchmarkStart(b *testing.B) {
	s := quiet(b)
	l := Load{Addr: s.Addr["smtp"], Conns: 10, Messages: 20000, PerConn: 1000, Size: 4 << 10, Recipients: server.Accounts()[:2]}
	if err := l.Run(); err != nil {
		b.Fatal(err)
	}
	s.Kill()
	for b.Loop() {
		s.Boot()
		b.StopTimer()
		s.Kill()
		b.StartTimer()
	}
}

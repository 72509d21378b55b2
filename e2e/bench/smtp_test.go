package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
)

// people is how many mailboxes a load is spread over.
const people = 20

// target is a server under load.
type target struct {
	name  string
	start func(b *testing.B) (addr string, pid int, drained func() bool)
}

var targets = []target{{"barid", startBarid}, {"postfix", startPostfix}}

func recipients() (all []string) {
	for i := range people {
		all = append(all, fmt.Sprintf("user%02d@%s", i, server.Domain))
	}
	return all
}

func startBarid(b *testing.B) (string, int, func() bool) {
	s := server.Prepare(b, server.Options{
		Empty:    true,
		Settings: "[log]\nlevel = \"warn\"\n[limits]\nsession_messages = 100000\nconnections_per_network = 10000\n",
	})
	s.Must("domain", "add", server.Domain)
	for _, r := range recipients() {
		s.Must("account", "add", r)
	}
	s.Boot()
	return s.Addr["smtp"], s.PID(), func() bool { return true }
}

func startPostfix(b *testing.B) (string, int, func() bool) {
	p := peer.StartPostfix(b, peer.PostfixOptions{Main: "virtual_mailbox_maps = regexp:{{/^(user[0-9]+)@/ $1/}}\n"})
	return p.Addr, p.MasterPID(), func() bool { return p.Queued() == 0 }
}

// BenchmarkDelivery is performance.md's "SMTP in": accepted, on disk, in the mailbox.
func BenchmarkDelivery(b *testing.B) {
	for _, size := range []int{4 << 10, 50 << 10, 1 << 20} {
		for _, conns := range []int{1, 10, 100, 1000} {
			if size > 4<<10 && conns != 10 {
				continue
			}
			for _, t := range targets {
				if conns == 1000 && t.name == "postfix" {
					continue // it greets 100 by default
				}
				b.Run(fmt.Sprintf("%dKiB/%dconns/%s", size>>10, conns, t.name), func(b *testing.B) { deliver(b, t, size, conns) })
			}
		}
	}
}

func deliver(b *testing.B, t target, size, conns int) {
	addr, pid, drained := t.start(b)
	l := Load{Addr: addr, Conns: conns, Messages: b.N, PerConn: 100, Size: size, Recipients: recipients()}
	before := CPU(pid)
	b.SetBytes(int64(size))
	b.ResetTimer()
	begin := time.Now()
	if err := l.Run(); err != nil {
		b.Fatal(err)
	}
	for !drained() {
		time.Sleep(20 * time.Millisecond)
	}
	elapsed := time.Since(begin)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "msg/s")
	b.ReportMetric((CPU(pid)-before).Seconds()/float64(b.N)*1000, "cpu-s/1000")
	b.ReportMetric(float64(Memory(pid))/1024, "MiB-pss")
}

// TestLoadIsTaken shows that the load driver drives: a small load arrives whole in both servers.
func TestLoadIsTaken(t *testing.T) {
	peer.Need(t, "openssl")
	s := server.Start(t, server.Options{Settings: "[log]\nlevel = \"warn\"\n"})
	l := Load{Addr: s.Addr["smtp"], Conns: 3, Messages: 30, PerConn: 5, Size: 4096, Recipients: []string{"info@" + server.Domain}}
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	var info struct{ Messages int }
	s.JSON(&info, "account", "show", "info@"+server.Domain)
	if info.Messages != 30 {
		t.Fatalf("%d messages arrived, want 30", info.Messages)
	}
	if l.Recipients = []string{"nobody@" + server.Domain}; l.Run() == nil || !strings.Contains(l.Run().Error(), "550") {
		t.Error("a refused load must be an error")
	}
}

package bench

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
)

// relayTo is the domain that the relayed load goes to; its only mail exchanger is the sink.
const relayTo = "example.net"

// deadEnd is a domain whose mail exchanger refuses connections.
const deadEnd = "example.org"

// relayWait is how long a load may take.
const relayWait = 5 * time.Minute

// relayer is a server that carries on what it is given.
type relayer struct {
	name  string
	start func(b *testing.B, to *sink.Sink) (l Load, pid int)
}

var relayers = []relayer{{"barid", relayBarid}, {"postfix", relayPostfix}}

func relayBarid(b *testing.B, to *sink.Sink) (Load, int) {
	const zone = "@ 300 IN SOA ns hostmaster 1 60 60 60 0\n@ 300 IN MX 10 mx\nmx 300 IN A %s\n"
	w := world.Start(b, "$ORIGIN "+relayTo+".\n"+fmt.Sprintf(zone, "127.0.0.1"), "$ORIGIN "+deadEnd+".\n"+fmt.Sprintf(zone, "127.0.0.77"))
	s := server.Start(b, server.Options{
		Resolver: w.Addr(), Top: "plain_login = true",
		Settings: fmt.Sprintf("[log]\nlevel = \"warn\"\n[limits]\nsession_messages = 100000\nconnections_per_network = 10000\n"+
			"[outbound]\nport = %d\nallow_private = true\n", to.Port()),
	})
	return Load{Addr: s.Addr["submission"], From: "info@" + server.Domain, Password: server.Password}, s.PID()
}

func relayPostfix(b *testing.B, to *sink.Sink) (Load, int) {
	p := peer.StartPostfix(b, peer.PostfixOptions{Relay: net.JoinHostPort("127.0.0.1", fmt.Sprint(to.Port()))})
	return Load{Addr: p.Addr, From: "info@" + server.Domain}, p.MasterPID()
}

// BenchmarkRelay is performance.md's "Relay": submitted, queued, handed to the next server, which throws it away.
func BenchmarkRelay(b *testing.B) {
	for _, conns := range []int{10, 100} {
		for _, r := range relayers {
			b.Run(fmt.Sprintf("4KiB/%dconns/%s", conns, r.name), func(b *testing.B) { relay(b, r, conns) })
		}
	}
}

// BenchmarkRelayStanding is the same beside 100,000 messages that wait for a server that is down.
func BenchmarkRelayStanding(b *testing.B) {
	to := sink.Start(b, sink.Options{Discard: true})
	l, pid := relayBarid(b, to)
	wait := l
	wait.Conns, wait.Messages, wait.PerConn, wait.Size, wait.Recipients = 50, 100_000, 1000, 4<<10, []string{"info@" + deadEnd}
	if err := wait.Run(); err != nil {
		b.Fatal(err)
	}
	for _, conns := range []int{10, 100} {
		b.Run(fmt.Sprintf("4KiB/%dconns", conns), func(b *testing.B) { relayed(b, to, l, pid, conns) })
	}
}

func relay(b *testing.B, r relayer, conns int) {
	to := sink.Start(b, sink.Options{Discard: true})
	l, pid := r.start(b, to)
	relayed(b, to, l, pid, conns)
}

// relayed hands a load over and waits until the sink has all of it.
func relayed(b *testing.B, to *sink.Sink, l Load, pid, conns int) {
	already := to.Count()
	l.Conns, l.Messages, l.PerConn, l.Size, l.Recipients = conns, b.N, 100, 4<<10, []string{"info@" + relayTo}
	var mu sync.Mutex
	took := make([]time.Duration, 0, b.N)
	l.Answered = func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		took = append(took, d)
	}
	before := CPU(pid)
	b.ResetTimer()
	begin := time.Now()
	if err := l.Run(); err != nil {
		b.Fatal(err)
	}
	taken := time.Since(begin)
	for to.Count()-already < b.N && time.Since(begin) < relayWait {
		time.Sleep(time.Millisecond)
	}
	elapsed := time.Since(begin)
	b.StopTimer()
	if n := to.Count() - already; n != b.N {
		b.Fatalf("%d messages arrived, want %d", n, b.N)
	}
	slices.Sort(took)
	for _, percent := range []int{50, 95, 99} { // how long a program waits that sends: D107
		b.ReportMetric(float64(took[len(took)*percent/100].Microseconds())/1000, fmt.Sprintf("answered-p%d-ms", percent))
	}
	b.ReportMetric(float64(b.N)/taken.Seconds(), "taken/s")
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "msg/s")
	b.ReportMetric((CPU(pid)-before).Seconds()/float64(b.N)*1000, "cpu-s/1000")
	b.ReportMetric(float64(Memory(pid))/1024, "MiB-pss")
}

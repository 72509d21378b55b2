package bench

import (
	"fmt"
	"net"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
)

// relayTo is the domain that the relayed load goes to; its only mail exchanger is the sink.
const relayTo = "example.net"

// relayWait is how long a load may take.
const relayWait = 5 * time.Minute

// relayer is a server that carries on what it is given.
type relayer struct {
	name  string
	start func(b *testing.B, to *sink.Sink) (l Load, pid int)
}

var relayers = []relayer{{"barid", relayBarid}, {"postfix", relayPostfix}}

func relayBarid(b *testing.B, to *sink.Sink) (Load, int) {
	w := world.Start(b, "$ORIGIN "+relayTo+".\n@ 300 IN SOA ns hostmaster 1 60 60 60 0\n@ 300 IN MX 10 mx\nmx 300 IN A 127.0.0.1\n")
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

func relay(b *testing.B, r relayer, conns int) {
	to := sink.Start(b, sink.Options{Discard: true})
	l, pid := r.start(b, to)
	l.Conns, l.Messages, l.PerConn, l.Size, l.Recipients = conns, b.N, 100, 4<<10, []string{"info@" + relayTo}
	before := CPU(pid)
	b.ResetTimer()
	begin := time.Now()
	if err := l.Run(); err != nil {
		b.Fatal(err)
	}
	taken := time.Since(begin)
	for to.Count() < b.N && time.Since(begin) < relayWait {
		time.Sleep(time.Millisecond)
	}
	elapsed := time.Since(begin)
	b.StopTimer()
	if to.Count() != b.N {
		b.Fatalf("%d messages arrived, want %d", to.Count(), b.N)
	}
	b.ReportMetric(float64(b.N)/taken.Seconds(), "taken/s")
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "msg/s")
	b.ReportMetric((CPU(pid)-before).Seconds()/float64(b.N)*1000, "cpu-s/1000")
	b.ReportMetric(float64(Memory(pid))/1024, "MiB-pss")
}

// Package world is a small DNS world on loopback for tests and demonstrations: zones written as text, and
// servers that are slow, silent, lying or broken where a test wants them to be.
//
// Life: started by a test (or by an e2e program) before the part that asks; its Addr goes where a resolver's
// address is configured. It answers UDP and TCP like a recursive resolver that knows the whole world:
// what no zone holds does not exist.
//
// Promises: the same questions get the same answers, nothing leaves loopback, and Stop ends every goroutine.
// Zones are RFC 1035 §5 master files. A line that begins with ";!" changes how a name answers:
//
//	$ORIGIN example.test.
//	$TTL 0
//	@      MX 10 mx
//	mx     A  127.0.0.1
//	slow   A  127.0.0.1
//	;! slow   delay=200ms
//	;! dead   silent
//	;! ill    rcode=SERVFAIL ede=22:no_reachable_authority
//	;! big    truncate
//	;! liar   lie=id
//	;! forged lie=first
//	;! proven ad
//
// Knobs: see Behaviour. Limits: a message of 65,535 octets; 16 aliases followed in one answer.
// Failure: a zone that can not be read is an error of Run and Load with its line.
// Standards: RFC 1034 §4.3.2 (wildcards, empty non-terminals), RFC 2308, RFC 6891, RFC 8914.
package world

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/miekg/dns"
)

// World is a running DNS world. It is for many goroutines.
type World struct {
	addr    netip.AddrPort
	servers []*dns.Server
	stopped chan struct{} // closed by Stop; answers on their way are given up
	once    sync.Once
	running sync.WaitGroup

	mu        sync.Mutex
	records   map[string]map[uint16][]dns.RR // by owner (lower case), then type
	zones     map[string]*dns.SOA            // by apex
	behaviour map[question]Behaviour
	all       Behaviour // of names without one
	asked     map[question]int
	held      map[question]chan struct{}
	arrival   *sync.Cond // of mu: a question came, or the world ended
	ended     bool
}

// question is what behaviour and counts go by. Type 0 is every type.
type question struct {
	name  string
	qtype uint16
}

// TB is what Start needs of a test.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Start runs a world for the length of a test.
func Start(t TB, zones ...string) *World {
	t.Helper()
	w, err := Run("127.0.0.1:0", zones...)
	if err != nil {
		t.Fatalf("world: %v", err)
		return nil
	}
	t.Cleanup(w.Stop)
	return w
}

// Run starts a world at a loopback address; port 0 takes a free one.
func Run(addr string, zones ...string) (*World, error) {
	w := &World{
		stopped: make(chan struct{}), records: map[string]map[uint16][]dns.RR{}, zones: map[string]*dns.SOA{},
		behaviour: map[question]Behaviour{}, asked: map[question]int{}, held: map[question]chan struct{}{},
	}
	w.arrival = sync.NewCond(&w.mu)
	w.zones["."] = rootSOA()
	for _, z := range zones {
		if err := w.Load(z); err != nil {
			return nil, err
		}
	}
	udp, tcp, err := listen(addr)
	if err != nil {
		return nil, err
	}
	w.addr = netip.MustParseAddrPort(tcp.Addr().String())
	w.serve(&dns.Server{PacketConn: udp}, "udp")
	w.serve(&dns.Server{Listener: tcp}, "tcp")
	return w, nil
}

// Addr is where the world answers, by UDP and TCP: "127.0.0.1:40213".
func (w *World) Addr() string { return w.addr.String() }

// Stop ends the world. Questions that are held or delayed get no answer any more.
func (w *World) Stop() {
	w.once.Do(func() {
		close(w.stopped)
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
		w.arrival.Broadcast()
		for _, s := range w.servers {
			_ = s.Shutdown()
		}
		w.running.Wait()
	})
}

// serve returns when the server takes questions.
func (w *World) serve(s *dns.Server, network string) {
	ready := make(chan struct{})
	s.NotifyStartedFunc = func() { close(ready) }
	s.Handler = dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) { w.answer(rw, q, network) })
	w.servers = append(w.servers, s)
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		_ = s.ActivateAndServe()
	}()
	<-ready
}

// listen takes one port for both, and another one if a stranger has its other half.
func listen(addr string) (net.PacketConn, net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return nil, nil, fmt.Errorf("%s is not a loopback address", host)
	}
	var errs []error
	for range 20 {
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return udp, tcp, nil
		}
		_ = tcp.Close()
		errs = append(errs, err)
	}
	return nil, nil, errors.Join(errs...)
}

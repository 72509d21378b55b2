// Package dns asks the DNS for what a mail system needs to know: where mail goes, who a peer is, what a domain
// has published.
//
// Life: asked by flow/policy (PTR, TXT, addresses), flow/route and flow/deliver/remote (MX, TLSA, addresses)
// while a message is taken in or sent on. The recursion is done by the
// resolvers it asks; it has a cache.
//
// Promises:
//   - Only the configured resolvers are asked, for every question. The operating system's resolver, its hosts
//     file and its search list are never used. With no resolver configured the addresses in /etc/resolv.conf
//     are read once by New; Servers tells which ones are used.
//   - An answer is believed only if its id, question, class and (with CaseRandom) spelling are those of the
//     question, and it comes from the address that was asked.
//   - Nothing is cached longer than its TTL; TTL 0 is not cached at all. Negative answers are kept as
//     RFC 2308 §5 says, and not at all without a SOA. Names chosen by Config.Stale may be answered from an
//     expired entry, marked Stale, while every resolver fails (RFC 8767).
//   - The AD bit and the extended errors of the resolver are carried along, in results and in errors.
//
// Limits: Config names them; an answer has at most 65,535 octets, an alias chain at most 10 links
// (maxChain), one extended error text 200 octets.
//
// Failure: every error is an *Error. IsNotFound tells that the DNS said the thing does not exist (NXDomain,
// NoData, or a name that can not exist); IsTemporary is everything else. Signatures are not checked here yet: Kind
// Bogus is a resolver's own verdict.
//
// Standards: RFC 1034, RFC 1035, RFC 2181, RFC 2308, RFC 3596, RFC 5452, RFC 6698, RFC 6840 §5.7, RFC 6891,
// RFC 7766, RFC 8767, RFC 8914, RFC 9520.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// Config shapes a Resolver. The zero value asks the resolvers of /etc/resolv.conf with the default limits.
type Config struct {
	Servers    []string // resolvers: "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53"; tried in this order
	ResolvConf string   // read when Servers is empty; "" means /etc/resolv.conf

	Timeout  time.Duration // for one try at one server; 0 means 2 s
	Attempts int           // rounds over the servers after time-outs; 0 means 2
	Total    time.Duration // for one look-up with all its tries and aliases; 0 means 10 s

	CacheBytes     int           // memory for the cache; 0 means 16 MiB, negative none
	MaxTTL         time.Duration // longest time an answer is kept; 0 means 24 h
	MaxNegativeTTL time.Duration // longest time a "does not exist" is kept; 0 means 1 h (RFC 2308 §5 allows 3 h)
	FailureTTL     time.Duration // how long a failure is remembered (RFC 9520 §3.2); 0 means 1 s, negative never

	// Stale chooses the names (canonical, no final dot) that may be answered from an expired entry while
	// all servers fail, for at most StaleFor (0 means 24 h). Nil means none.
	Stale    func(name string) bool
	StaleFor time.Duration

	Parallel int // questions on the way at once; further ones wait; 0 means 256

	CaseRandom bool // spell questions in random case, so that a forged answer must guess it too

	Metrics *Metrics // nil: not counted
}

// Limits that are not settings.
const (
	maxChain      = 10   // links of an alias chain
	maxName       = 255  // octets of a name on the wire (RFC 1035 §2.3.4)
	maxMessage    = 1232 // octets of a datagram we ask for (RFC 9715)
	maxExtended   = 8    // extended errors kept of one look-up
	maxExtraText  = 200  // octets of the text of one
	maxEntry      = 64 << 10
	staleRecheck  = 30 * time.Second // between tries while a stale answer is served (RFC 8767 §5)
	serverPenalty = 30 * time.Second // a server that did not answer is asked last for so long
)

// Resolver answers questions. It is for many goroutines. Use New.
type Resolver struct {
	c       Config
	servers *upstreams
	wire    transport
	slots   chan struct{} // as many as questions may be on the way
	cache   *cache
	flight  singleflight.Group
	stop    context.CancelFunc
	life    context.Context
	running sync.WaitGroup
	mu      sync.Mutex // guards closed against running.Add
	closed  bool
}

// New gives a resolver, or an error if a server's address can not be read or there is none.
func New(c Config) (*Resolver, error) {
	c.fill()
	addrs, err := serverAddrs(c)
	if err != nil {
		return nil, err
	}
	r := &Resolver{
		c:       c,
		servers: newUpstreams(addrs),
		wire:    network{},
		slots:   make(chan struct{}, c.Parallel),
		cache:   newCache(c.CacheBytes),
	}
	r.life, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// Close ends the look-ups that run and waits for them. Later look-ups fail.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.running.Wait()
}

// Servers gives the addresses that are asked, in order.
func (r *Resolver) Servers() []netip.AddrPort { return r.servers.addrs() }

func (c *Config) fill() {
	def(&c.ResolvConf, "/etc/resolv.conf")
	def(&c.Timeout, 2*time.Second)
	def(&c.Attempts, 2)
	def(&c.Total, 10*time.Second)
	def(&c.Parallel, 256)
	def(&c.CacheBytes, 16<<20)
	def(&c.MaxTTL, 24*time.Hour)
	def(&c.MaxNegativeTTL, time.Hour)
	def(&c.FailureTTL, time.Second)
	def(&c.StaleFor, 24*time.Hour)
	if c.Stale == nil {
		c.Stale = func(string) bool { return false }
	}
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func serverAddrs(c Config) ([]netip.AddrPort, error) {
	names, port := c.Servers, "53"
	if len(names) == 0 {
		rc, err := mdns.ClientConfigFromFile(c.ResolvConf)
		if err != nil {
			return nil, fmt.Errorf("dns: no resolver is configured and %s can not be read: %w", c.ResolvConf, err)
		}
		names, port = rc.Servers, rc.Port
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("dns: no resolver is configured and %s names none", c.ResolvConf)
	}
	out := make([]netip.AddrPort, 0, len(names))
	for _, s := range names {
		a, err := serverAddr(s, port)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func serverAddr(s, port string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() != 0 {
		return ap, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if a, aerr := netip.ParseAddr(s); err == nil && aerr == nil {
		return netip.AddrPortFrom(a, uint16(n)), nil
	}
	return netip.AddrPort{}, errors.New("dns: resolver address " + s + " is not an IP address with an optional port, e.g. 192.0.2.1:53")
}

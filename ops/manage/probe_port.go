package manage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"barid/base/fault"
	"barid/rfc/addr"
)

// PortQuery is the input of probe.port25.
type PortQuery struct {
	Domains []string      `json:"domains,omitempty"` // whose mail exchangers are tried; none: WellKnown
	Timeout time.Duration `json:"timeout,omitempty"` // for one connection; 0: 10 s
}

// WellKnown are domains whose mail exchangers answer everybody, always: who reaches none of them reaches nobody.
func WellKnown() []string { return []string{"gmail.com", "outlook.com", "yahoo.com"} }

// PortProbe is whether this machine can connect to mail servers of others.
type PortProbe struct {
	Port   uint16    `json:"port"`
	Open   bool      `json:"open"`             // at least one was reached
	IPv4   string    `json:"ipv4"`             // "open", "blocked", "none": no address of this family was found
	IPv6   string    `json:"ipv6"`             // the same
	Tries  []PortTry `json:"tries"`            //
	Nobody []string  `json:"nobody,omitempty"` // domains of which no server could be looked up, and why
}

// PortTry is one connection.
type PortTry struct {
	Domain  string  `json:"domain"`
	Host    string  `json:"host"`
	Address string  `json:"address"`
	OK      bool    `json:"ok"`
	Banner  string  `json:"banner,omitempty"`
	Trouble string  `json:"trouble,omitempty"`
	Took    float64 `json:"took_seconds"`
}

// Limits of a probe of the port.
const (
	portWait    = 10 * time.Second // for a connection, and for the greeting
	maxPortWait = time.Minute
	maxDomains  = 10
	maxBanner   = 512 // octets
)

// Port25 tries one IPv4 and one IPv6 address of the best mail exchanger of each domain, all at once.
func (p *Prober) Port25(ctx context.Context, in PortQuery) (PortProbe, error) {
	domains := in.Domains
	if len(domains) == 0 {
		domains = WellKnown()
	}
	if len(domains) > maxDomains {
		return PortProbe{}, fault.New("B1007", "at most %d domains are tried at once", maxDomains).WithExit(fault.ExitUsage)
	}
	wait := portWait
	if in.Timeout > 0 {
		wait = min(in.Timeout, maxPortWait)
	}
	results := make([]portDomain, len(domains))
	var all sync.WaitGroup
	for i, d := range domains {
		all.Go(func() { results[i] = p.tryDomain(ctx, d, wait) })
	}
	all.Wait()
	out := PortProbe{Port: p.Port, Tries: []PortTry{}, IPv4: "none", IPv6: "none"}
	for _, r := range results {
		out.Tries = append(out.Tries, r.tries...)
		if r.nobody != "" {
			out.Nobody = append(out.Nobody, r.nobody)
		}
	}
	out.judge()
	return out, ctx.Err()
}

// portDomain is what came of one domain.
type portDomain struct {
	tries  []PortTry
	nobody string
}

func (p *Prober) tryDomain(ctx context.Context, name string, wait time.Duration) portDomain {
	domain, err := addr.ParseDomain(name)
	if err != nil {
		return portDomain{nobody: fmt.Sprintf("%s: %v", name, err)}
	}
	host, addrs, err := p.best(ctx, domain)
	if err != nil {
		return portDomain{nobody: fmt.Sprintf("%s: %v", name, err)}
	}
	tries := make([]PortTry, len(addrs))
	var all sync.WaitGroup
	for i, a := range addrs {
		all.Go(func() { tries[i] = p.try(ctx, domain, host, netip.AddrPortFrom(a, p.Port), wait) })
	}
	all.Wait()
	return portDomain{tries: tries}
}

// best gives the most preferred mail exchanger of a domain, and one address of each family.
func (p *Prober) best(ctx context.Context, domain string) (host string, addrs []netip.Addr, err error) {
	mx, err := p.Resolver.LookupMX(ctx, domain)
	if err != nil {
		return "", nil, err
	}
	if len(mx.Records) == 0 || mx.Records[0].Host == "" {
		return "", nil, errors.New("it has no mail exchanger")
	}
	host = mx.Records[0].Host
	found, err := p.Resolver.LookupAddrs(ctx, host)
	var four, six netip.Addr
	for _, a := range found.Records {
		if a = a.Unmap(); a.Is4() && !four.IsValid() {
			four = a
		} else if a.Is6() && !six.IsValid() {
			six = a
		}
	}
	for _, a := range []netip.Addr{four, six} {
		if a.IsValid() {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 && err == nil {
		err = errors.New("its mail exchanger " + host + " has no address")
	}
	if len(addrs) > 0 {
		err = nil
	}
	return host, addrs, err
}

// try opens a connection, reads the greeting and takes leave.
func (p *Prober) try(ctx context.Context, domain, host string, to netip.AddrPort, wait time.Duration) PortTry {
	t := PortTry{Domain: domain, Host: host, Address: to.String()}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	dial := p.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	c, err := dial(ctx, "tcp", to.String())
	if err != nil {
		t.Trouble, t.Took = dialTrouble(err, wait), time.Since(begin).Seconds()
		return t
	}
	defer c.Close()
	t.OK = true
	_ = c.SetDeadline(time.Now().Add(wait))
	line, _ := bufio.NewReader(io.LimitReader(c, maxBanner)).ReadString('\n') // a server that says nothing was reached all the same
	t.Banner = strings.ToValidUTF8(strings.TrimRight(line, "\r\n"), "?")
	_, _ = io.WriteString(c, "QUIT\r\n")
	t.Took = time.Since(begin).Seconds()
	return t
}

// dialTrouble says in a few words why there is no connection.
func dialTrouble(err error, wait time.Duration) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer in %s", wait)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no way there"
	}
	return err.Error()
}

// judge finds the verdict from the tries.
func (p *PortProbe) judge() {
	for _, t := range p.Tries {
		ap, err := netip.ParseAddrPort(t.Address)
		if err != nil {
			continue
		}
		family := &p.IPv6
		if ap.Addr().Is4() {
			family = &p.IPv4
		}
		switch {
		case t.OK:
			*family, p.Open = "open", true
		case *family == "none":
			*family = "blocked"
		}
	}
}

// Fault tells that mail can not leave; nil if it can.
func (p *PortProbe) Fault() error {
	if p.Open {
		return nil
	}
	if len(p.Tries) == 0 {
		return fault.New("B2103", "the servers of others can not be looked up").WithFound("%s", strings.Join(p.Nobody, "\n")).WithExit(fault.ExitProblems).
			WithMeans("nothing is known of the port; without DNS no mail leaves either").
			WithFix("barid config explain resolver    says which DNS servers are asked")
	}
	var tried []string
	for _, t := range p.Tries {
		tried = append(tried, fmt.Sprintf("%s [%s]: %s", t.Host, t.Address, t.Trouble))
	}
	return fault.New("B2104", "outgoing port %d is blocked", p.Port).WithFound("%s", strings.Join(append(tried, p.Nobody...), "\n")).WithExit(fault.ExitProblems).
		WithMeans("you can receive mail, but other servers will not get yours").
		WithFix("ask your hosting provider to open port %d outbound", p.Port).
		WithFix("or send through a relay:  barid relay set smtps://user@relay.example:465")
}

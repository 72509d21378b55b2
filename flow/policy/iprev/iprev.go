// Package iprev checks that the peer's address and the name it maps to agree in both directions.
//
// Life: runs at connect for mail from the world; the finding is written into Authentication-Results and the
// name into Received. By default it refuses nobody: many honest senders have no reverse name.
// Promises: "pass" means a name of the PTR answer leads back to the very address (forward-confirmed).
// Limits: MaxNames names of one PTR answer are tried, one after the other, within the runner's time limit.
// Failure: no answer from the DNS is "temperror"; a definite "no such name" is "fail" or "permerror".
// Standards: RFC 8601 §3, §2.7.3, RFC 1912 §2.1.
package iprev

import (
	"context"
	"net/netip"
	"strings"

	"barid/base/dns"
	"barid/flow/policy"
	"barid/mail"
)

// Name is the check's name and the method in Authentication-Results (RFC 8601 §2.7.3).
const Name = "iprev"

// MaxNames is how many names of a PTR answer are tried.
const MaxNames = 10

// Resolver asks the DNS. Its errors tell "there is none" apart by dns.IsNotFound.
type Resolver interface {
	// PTR gives the names of an address.
	PTR(ctx context.Context, a netip.Addr) ([]string, error)
	// Addrs gives the IPv4 and IPv6 addresses of a name.
	Addrs(ctx context.Context, name string) ([]netip.Addr, error)
}

// Options shape the check. The zero value looks at mail from the world and not at the machine itself.
type Options struct {
	Loopback bool // look at peers on loopback too
}

// Check is the iprev check. Use New.
type Check struct {
	dns Resolver
	o   Options
}

// New gives the check.
func New(r Resolver, o Options) *Check { return &Check{dns: r, o: o} }

// Name is "iprev".
func (*Check) Name() string { return Name }

// Stage is policy.Connect.
func (*Check) Stage() policy.Stage { return policy.Connect }

// Run looks up the peer's name and the name's addresses. The evidence has "policy.iprev" with the address,
// and the Note is the confirmed name.
func (c *Check) Run(ctx context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	ip := tx.Client.Remote.Addr().Unmap().WithZone("")
	if tx.Client.Role != mail.RoleMX || !ip.IsValid() || ip.IsLoopback() && !c.o.Loopback {
		return nil, nil
	}
	f := c.look(ctx, ip)
	f.Props = []policy.Prop{{Name: "policy.iprev", Value: ip.String()}}
	return []policy.Finding{f}, nil
}

// look is RFC 8601 §3: the result for one address.
func (c *Check) look(ctx context.Context, ip netip.Addr) policy.Finding {
	names, err := c.dns.PTR(ctx, ip)
	switch {
	case dns.IsNotFound(err) || err == nil && len(names) == 0:
		return policy.Finding{Result: policy.PermError, Reason: "iprev-no-name", Cause: err}
	case err != nil:
		return policy.Finding{Result: policy.TempError, Reason: "iprev-dns", Cause: err}
	}
	if len(names) > MaxNames {
		names = names[:MaxNames]
	}
	return c.confirm(ctx, ip, names)
}

// confirm looks for a name that leads back to ip.
func (c *Check) confirm(ctx context.Context, ip netip.Addr, names []string) policy.Finding {
	var unsure error
	for _, n := range names {
		addrs, err := c.dns.Addrs(ctx, n)
		if err != nil && !dns.IsNotFound(err) {
			unsure = err
			continue
		}
		for _, a := range addrs {
			if a.Unmap() == ip {
				return policy.Finding{Result: policy.Pass, Reason: "iprev-confirmed", Note: strings.TrimSuffix(n, ".")}
			}
		}
	}
	if unsure != nil {
		return policy.Finding{Result: policy.TempError, Reason: "iprev-dns", Cause: unsure}
	}
	return policy.Finding{Result: policy.Fail, Reason: "iprev-mismatch"}
}

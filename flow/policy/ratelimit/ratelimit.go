// Package ratelimit checks how much one network sends in a time. What a login may send is the business of
// flow/policy/allowance.
//
// Life: runs at MAIL for mail from the world, before any check that costs something.
// Promises: the refusal tells the honest time after which the next try is taken.
// Limits: Limits, per network; LMTP has none, its peer is trusted. The limiter bounds the number of networks it
// remembers.
// Failure: it reads memory only and can not fail.
// Standards: RFC 5321 §4.5.4.1 (the peer tries again), RFC 3463 §3.8 (X.7.1).
package ratelimit

import (
	"context"
	"net/netip"
	"time"

	"barid/flow/policy"
	"barid/mail"
)

// Name is the check's name.
const Name = "ratelimit"

// Limiter counts events by key. Allow takes n of them or tells after what time they could be taken.
// *rate.Limiter[string] is one.
type Limiter interface {
	Allow(key string, n int) (ok bool, retryAfter time.Duration)
}

// Limits are the limiters; a nil one does not limit.
type Limits struct {
	NetworkMessages Limiter // messages of one network (see Network) to port 25
}

// Checks gives the checks that have a limiter, in order.
func Checks(l Limits) []policy.Check {
	if l.NetworkMessages == nil {
		return nil
	}
	return []policy.Check{&messages{l}}
}

// Network is the key under which a peer is counted: its /24 for IPv4, its /64 for IPv6, because one person
// easily has that many addresses. Example: "192.0.2.0/24".
func Network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // the zero prefix, "invalid Prefix", for the zero address
	return p.String()
}

// messages counts at MAIL.
type messages struct{ l Limits }

func (*messages) Name() string        { return Name }
func (*messages) Stage() policy.Stage { return policy.Mail }
func (*messages) Quick() bool         { return true }

// Run takes one message from the budget of the network.
func (c *messages) Run(_ context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	if tx.Client.Role != mail.RoleMX {
		return nil, nil
	}
	return take(c.l.NetworkMessages, Network(tx.Client.Remote.Addr()), "rate-network"), nil
}

// take takes one event of key and reports only a refusal.
func take(l Limiter, key, reason string) []policy.Finding {
	ok, retry := l.Allow(key, 1)
	if ok {
		return nil
	}
	return []policy.Finding{{Result: policy.Fail, Reason: reason, Retry: retry, Note: key}}
}

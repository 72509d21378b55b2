// Package remote brings queued messages to the servers of other domains.
//
// Life: called by flow/queue with one entry at a time, after a message was accepted and spooled; the last
// package of ours that sees it. Everything here can be tried again, so nothing here is stored but what we
// know of each domain's TLS (Memory).
//
// The path of one attempt: choose a route (smarthost.go) or ask the DNS (resolve.go), leave out ourselves
// (loop.go) and addresses that no stranger may name (address.go), take an idle connection (pool.go) or open
// one (dial.go, session.go, tls.go, auth.go), bring the message into a form that the peer takes (convert.go),
// say it (dialogue.go, body.go), and turn what was answered into one outcome for each recipient (outcome.go).
//
// Promises:
//   - A recipient is Relayed only after a 2xx reply to the whole message.
//   - Invariant: bare CR, bare LF and NUL never go out, but in a message that was declared BINARYMIME to a
//     server that offers it.
//   - Invariant: a domain that was once reached with TLS is never sent to at a lower level without an
//     operator's word.
//   - What a peer says is bounded in octets, lines and time, whatever it says.
//   - Deliver ends within a second after its context; no goroutine outlives Close.
//
// Limits: Settings. Failure: Deliver has no error; every recipient gets an outcome that says why.
// Duplicates: a connection that breaks between the end of the message and the answer leaves open whether
// the peer took it; the recipients are deferred and the answer's text says so.
//
// Standards: RFC 5321 §3.3, §4.2, §4.5.3.2, §4.5.4, §5.1, §6.3; RFC 1870 SIZE; RFC 2852 DELIVERBY; RFC 2920
// PIPELINING; RFC 3030 CHUNKING; RFC 3207 STARTTLS; RFC 3461 §5.2 DSN; RFC 4954 AUTH; RFC 6152 8BITMIME;
// RFC 6531 SMTPUTF8; RFC 6710 MT-PRIORITY; RFC 7435 opportunistic TLS; RFC 7504 521 and 556; RFC 7505 null
// MX; RFC 8305 happy eyeballs; RFC 8689 REQUIRETLS; RFC 9422 LIMITS.
package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"barid/base/dns"
	"barid/base/kv"
	"barid/base/log"
	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// Resolver asks the DNS. *dns.Resolver is one.
type Resolver interface {
	// LookupMX gives the mail exchangers of a domain by preference. A null MX has Host "".
	LookupMX(ctx context.Context, name string) (dns.Result[dns.MX], error)
	// LookupAddrs gives addresses of both families; addresses may come together with an error.
	LookupAddrs(ctx context.Context, name string) (dns.Result[netip.Addr], error)
}

// Dialer opens TCP connections. *net.Dialer is not one by itself: the source address changes.
type Dialer interface {
	// Dial connects to an address from a source address, whose zero value leaves the choice to the system.
	Dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error)
}

// Deps is what a Deliverer needs. Resolver, Blobs and Settings.HeloName must be there.
type Deps struct {
	Resolver Resolver
	Blobs    kv.Blobs
	Settings Settings
	Routes   Routes          // nil: every domain by its mail exchangers
	Sources  func() []Source // addresses that mail leaves from, now; nil: Settings.Sources
	Memory   Memory          // nil: no level of TLS is remembered
	Roots    *x509.CertPool  // whom we believe; nil: the system's
	Dialer   Dialer          // nil: the system's TCP

	// Twin gives the ASCII address of a mailbox whose address is not ASCII, for peers without SMTPUTF8;
	// nil: nobody has one.
	Twin func(ctx context.Context, m addr.Mailbox) (addr.Mailbox, bool)
	// Bounce gives the reverse-path to tell a mail exchanger for one recipient of a message with VERP; ok is false
	// for the sender's own. Relays are always told the sender's: most take no other. Nil: nobody has any.
	Bounce func(ctx context.Context, e *spool.Entry, rcpt addr.Mailbox) (m addr.Mailbox, ok bool)
	// Ready is asked right before the octets that make the message the peer's; an error ends the attempt
	// with nothing delivered. A queue whose lease ends soon says no here. Nil: always ready.
	Ready func(ctx context.Context, e *spool.Entry) error
	// LocalAddrs lists the machine's addresses; nil: its interfaces.
	LocalAddrs func() []netip.Addr

	Now     func() time.Time // nil: time.Now
	Rand    *rand.Rand       // for the order among equal mail exchangers; nil: the runtime's
	Log     *slog.Logger     // nil: silent
	Metrics *Metrics
}

var _ queue.Deliverer = (*Deliverer)(nil)

// Deliverer implements queue.Deliverer. Use New; it is for many goroutines.
type Deliverer struct {
	Deps
	set    Settings // with defaults
	self   *self
	health *health
	pool   *pool
	tls    *tls.Config

	randMu sync.Mutex
}

// New gives a deliverer. Close it when nothing delivers any more.
func New(deps Deps) *Deliverer {
	d := &Deliverer{Deps: deps, set: deps.Settings.withDefaults(), tls: newTLS()}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = log.Nothing()
	}
	if d.Dialer == nil {
		d.Dialer = tcp{}
	}
	if d.Routes == nil {
		d.Routes = &Table{}
	}
	if d.Sources == nil {
		d.Sources = func() []Source { return d.set.Sources }
	}
	d.self = newSelf(&d.set, d.Sources, d.LocalAddrs, d.Now)
	d.health = newHealth(d.set.DownFor, d.Now)
	d.pool = newPool(&d.set, d.Metrics)
	return d
}

// Deliver tries once to bring e to its destination.
func (d *Deliverer) Deliver(ctx context.Context, e *spool.Entry) []queue.Outcome {
	a := newAttempt(d, e)
	if len(a.out) > 0 {
		a.run(ctx)
	}
	d.Metrics.outcomes(a.out)
	d.Metrics.timing(&a.timing)
	return a.out
}

// Close ends the idle connections. Attempts that run go on, and keep no connection afterwards.
func (d *Deliverer) Close() { d.pool.close() }

// Connections tells how many connections are open, and how many of them are idle.
func (d *Deliverer) Connections() (open, idle int) { return d.pool.counts() }

// Health lists the hosts that could not be reached lately.
func (d *Deliverer) Health() []HostHealth { return d.health.list() }

// CutOff tells whether several hosts were tried since the start and not one could be reached: outgoing port 25 is
// often blocked by networks (D36).
func (d *Deliverer) CutOff() bool { return d.health.cutOff() }

func (d *Deliverer) now() time.Time { return d.Now() }

// rand shuffles n things.
func (d *Deliverer) rand(n int, swap func(i, j int)) {
	if n < 2 {
		return
	}
	if d.Rand == nil {
		rand.Shuffle(n, swap)
		return
	}
	d.randMu.Lock()
	defer d.randMu.Unlock()
	d.Rand.Shuffle(n, swap)
}

// twin asks for the ASCII address of a mailbox.
func (d *Deliverer) twin(ctx context.Context, m addr.Mailbox) (string, bool) {
	if d.Twin == nil {
		return "", false
	}
	t, ok := d.Twin(ctx, m)
	if !ok {
		return "", false
	}
	return t.ASCII()
}

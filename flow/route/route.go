// Package route finds where mail for an address goes: into mailboxes of ours, or back with a refusal.
//
// Life: asked at every RCPT, and by whatever sends mail later (Sieve redirect, reports).
// Promises:
//   - Invariant: a session without a login, but from this machine itself, never gets a route that leaves this server (no open relay), but
//     by an alias of ours whose members an administrator put elsewhere.
//   - Somebody unknown in a hosted domain is refused at RCPT, never accepted and then bounced.
//   - A reverse-path that we gave out is taken as long as it is valid; one that only looks so is refused at RCPT,
//     also where a catch-all takes everything else.
//   - Postmaster is always taken, in any case, also bare and at the name of the host (RFC 5321 §4.5.1): our
//     reports are from there.
//
// Limits: the directory's limits of nested aliases. Failure: a directory that can not be asked is a plain
// error: temporary. Standards: RFC 5321 §3.3, §3.6, §4.5.1, §7; RFC 5233 for sub-addresses.
package route

import (
	"context"
	"strings"

	"barid/mail"
	"barid/mail/account"
	"barid/rfc/addr"
	"barid/rfc/status"
)

// Route is where mail for one recipient goes. Accounts and Remote are never both empty.
type Route struct {
	Accounts []mail.AccountID // whose mailboxes; an alias has several
	Remote   []addr.Mailbox   // addresses at other servers; an alias may have several
	Detail   string           // the sub-address, e.g. "lists" of info+lists@; kept for Sieve, INBOX until then
	Alias    bool             // the address is a name for others
	Bounce   bool             // it is a reverse-path that we gave out
}

// Directory knows hosted domains, accounts and aliases. *account.Directory is one.
type Directory interface {
	Resolve(ctx context.Context, a addr.Mailbox) (account.Target, error)
}

// Bounces knows the reverse-paths that mail of ours was sent with.
type Bounces interface {
	// Owner gives the account that such an address was given out for. form: m looks like one; id 0: it is none,
	// or not any more.
	Owner(ctx context.Context, m addr.Mailbox) (id mail.AccountID, form bool, err error)
}

// Router routes. Use New; it is safe for many sessions.
type Router struct {
	dir      Directory
	outbound bool
	local    Directory // for those we know, and for postmaster
	bounces  Bounces   // nil: reverse-paths are those of the senders
}

// New gives a router over dir. outbound tells whether this installation carries mail on to other servers.
func New(dir Directory, outbound bool) *Router {
	return &Router{dir: dir, outbound: outbound, local: dir}
}

// AtHost lets programs on this machine, and who logs in and answers them, write to its users by the name of the
// host: see HostNames. Strangers reach its postmaster alone. It gives r.
func (r *Router) AtHost(host string) *Router {
	r.local = HostNames{r.dir, host}
	return r
}

// With lets reports come to the reverse-paths that b knows. It gives r.
func (r *Router) With(b Bounces) *Router {
	r.bounces = b
	return r
}

// The refusals. Texts say nothing that RCPT does not tell anyway.
func unknownUser() error {
	return status.Perm(1, 1, "no such mailbox here").Because("rcpt-unknown")
}

func relayDenied() error {
	return status.Perm(7, 1, "relaying denied").Because("relay-denied")
}

func outboundOff() error {
	return status.Perm(7, 1, "this server does not send mail to other domains").Because("outbound-off")
}

// Route finds where mail from c for to goes, or the *status.Error to answer RCPT with.
func (r *Router) Route(ctx context.Context, c *mail.Client, to addr.Path) (Route, error) {
	if to.Null {
		return Route{}, status.Perm(1, 3, "a recipient must have an address").WithReply(501).Because("rcpt-null")
	}
	m := to.Mailbox
	if postmasterHere(c, m) {
		m = addr.Mailbox{Local: "postmaster"}
	}
	dir := r.dir
	if c.Known() || strings.EqualFold(m.Local, "postmaster") {
		dir = r.local
	}
	bounce := false
	if r.bounces != nil {
		id, form, err := r.bounces.Owner(ctx, m)
		if err != nil || id != 0 {
			return Route{Accounts: []mail.AccountID{id}, Bounce: true}, err
		}
		bounce = form
	}
	t, err := dir.Resolve(ctx, m)
	if err != nil {
		return Route{}, err
	}
	if bounce && t.Via == account.ByCatchAll {
		return Route{}, unknownUser() // made up, or too old: nobody is to have that
	}
	return r.choose(c, m, &t)
}

// choose makes a route or a refusal of what the directory said. It is pure.
func (r *Router) choose(c *mail.Client, m addr.Mailbox, t *account.Target) (Route, error) {
	switch {
	case t.Kind == account.NotHosted && !c.Known():
		return Route{}, relayDenied()
	case t.Kind == account.NotHosted && !r.outbound:
		return Route{}, outboundOff()
	case t.Kind == account.NotHosted:
		return Route{Remote: []addr.Mailbox{m}}, nil
	case routed(m.Local) && (t.Kind == account.Unknown || t.Via == account.ByCatchAll):
		return Route{}, relayDenied()
	case t.Kind == account.Unknown:
		return Route{}, unknownUser()
	case len(t.Forward) > 0 && !r.outbound:
		return Route{}, outboundOff()
	case len(t.Accounts)+len(t.Forward) == 0:
		return Route{}, unknownUser() // an alias whose members are all gone
	}
	return Route{Accounts: t.Accounts, Remote: t.Forward, Detail: t.Detail, Alias: t.Kind == account.ToAlias}, nil
}

// routed tells whether a local part asks us to send on: user%other.test, other!user, "user@other.test". Such
// an address is a mailbox only if somebody has exactly that name; a catch-all does not take it.
func routed(local string) bool { return strings.ContainsAny(local, "%!@") }

// postmasterHere tells whether m is the postmaster at the very address the peer connected to:
// postmaster@[192.0.2.1] (RFC 5321 §4.1.3, §4.5.1).
func postmasterHere(c *mail.Client, m addr.Mailbox) bool {
	ip, ok := m.Literal()
	return ok && ip == c.Local.Addr().Unmap().WithZone("") && strings.EqualFold(m.Local, "postmaster")
}

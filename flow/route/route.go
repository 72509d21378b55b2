// Package route finds where mail for an address goes: into mailboxes of ours, or back with a refusal.
//
// Life: asked at every RCPT, and by whatever sends mail later (Sieve redirect, reports).
// Promises:
//   - Invariant: a session without a login never gets a route that leaves this server (no open relay).
//   - Somebody unknown in a hosted domain is refused at RCPT, never accepted and then bounced.
//   - Postmaster is always taken, in any case and also bare (RFC 5321 §4.5.1).
//
// Limits: the directory's limits of nested aliases. Failure: a directory that can not be asked is a plain
// error: temporary. Standards: RFC 5321 §3.3, §3.6, §4.5.1, §7; RFC 5233 for sub-addresses.
package route

import (
	"context"

	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/status"
)

// Route is where mail for one recipient goes. Accounts is never empty.
type Route struct {
	Accounts []mail.AccountID // whose mailboxes; an alias has several
	Detail   string           // the sub-address, e.g. "lists" of info+lists@; kept for Sieve, INBOX until then
	Alias    bool             // the address is a name for others
}

// Router routes. Use New; it is safe for many sessions.
type Router struct{}

// Route finds where mail from c for to goes, or the *status.Error to answer RCPT with.
func (r *Router) Route(ctx context.Context, c *mail.Client, to addr.Path) (Route, error) {
	return Route{}, status.Temp(3, 0, "no routes")
}

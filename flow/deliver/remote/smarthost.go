package remote

import (
	"context"
	"strings"

	"barid/rfc/addr"
)

// Routes chooses the way of a message. It is for many goroutines. *Table is one.
type Routes interface {
	// Route gives the route of a name that an operator or the queue chose, or, for the name "", the one for
	// mail of a reverse-path to a domain. nil is the usual way, by the domain's mail exchangers. An error
	// defers the mail.
	Route(ctx context.Context, name string, from addr.Path, domain string) (*Route, error)
}

// Route is a chain of relays: the first is used while it works, else the next (D101). A relay that could
// not be reached is tried last for Settings.DownFor.
type Route struct {
	Name   string // "office"
	Relays []Relay
}

// Relay is a server that carries mail on for us (a smarthost). The zero Relay stands for the recipient's own
// mail exchangers, so that a chain can begin or end with the direct way.
type Relay struct {
	Host  string // a name, or an address such as "192.0.2.1"; its addresses, not its MX, are used
	Port  uint16 // 0: 465 with ImplicitTLS, 587 with a login, else 25
	TLS   TLSMode
	Login *Login // nil: without AUTH
}

// direct tells whether the relay stands for the mail exchangers.
func (r *Relay) direct() bool { return r.Host == "" }

// TLSMode is what a relay must offer.
type TLSMode uint8

// The modes. A login is said over TLS only, or to a relay on loopback.
const (
	VerifiedTLS   TLSMode = iota // STARTTLS with a certificate that fits the name
	ImplicitTLS                  // TLS from the first octet (RFC 8314 §3.3), certificate as above
	UnverifiedTLS                // STARTTLS with any certificate
	OfferedTLS                   // STARTTLS if it is offered, with any certificate
	NoTLS                        // never, for a relay on the same machine
)

// port gives the port to connect to.
func (r *Relay) port() uint16 {
	switch {
	case r.Port != 0:
		return r.Port
	case r.TLS == ImplicitTLS:
		return 465
	case r.Login != nil:
		return 587
	}
	return 25
}

// Login is who we are at a relay.
type Login struct {
	User     string
	Password string
	// Token gives an OAuth 2.0 access token; with it XOAUTH2 or OAUTHBEARER (RFC 7628) is used, and the
	// password never.
	Token func(ctx context.Context) (string, error)
	// Refused is told when a relay did not take a token; nil: nobody wants to know.
	Refused func(token string)
}

// Rule sends some mail over a route.
type Rule struct {
	Sender    string // domain of the reverse-path; "" every one, also the null one; ".example.org" those below it
	Recipient string // domain of the recipients, in the same way
	Route     *Route // nil: by the mail exchangers
}

// Table is a list of rules, the first that fits counts, and the routes that can be named. It is not changed
// while in use.
type Table struct {
	Rules  []Rule
	Routes []*Route // further ones, only for those who name them
}

// Route implements Routes. A name that no route has is *UnknownRoute.
func (t *Table) Route(_ context.Context, name string, from addr.Path, domain string) (*Route, error) {
	if name != "" {
		return t.named(name)
	}
	for i := range t.Rules {
		if r := &t.Rules[i]; fits(r.Sender, from.Domain) && fits(r.Recipient, domain) {
			return r.Route, nil
		}
	}
	return nil, nil
}

func (t *Table) named(name string) (*Route, error) {
	for _, r := range t.Routes {
		if r.Name == name {
			return r, nil
		}
	}
	for _, rule := range t.Rules {
		if rule.Route != nil && rule.Route.Name == name {
			return rule.Route, nil
		}
	}
	return nil, &UnknownRoute{name}
}

// UnknownRoute is mail for a route that does not exist (any more).
type UnknownRoute struct{ Name string }

// Error names the route.
func (e *UnknownRoute) Error() string { return "no route is called " + e.Name }

// fits tells whether a domain is meant by a pattern.
func fits(pattern, domain string) bool {
	if strings.HasPrefix(pattern, ".") {
		return strings.HasSuffix(domain, pattern)
	}
	return pattern == "" || pattern == domain
}

// Package relay keeps how mail leaves this server when it does not go to the recipients' own servers: named
// routes, the rules that choose among them, and the addresses that mail leaves from.
//
// Life: changed by an operator (ops/manage), asked by flow/deliver/remote for every attempt and by flow/intake for
// the queue's line of a new message. Both read a Snapshot in memory; no row is read for a message.
// Promises:
//   - A change is checked wholly, with every other object it touches, and committed as one or not at all.
//   - Invariant: a rule never names a route that does not exist.
//   - A change is seen by the next attempt, also of mail that was queued before it.
//   - Secrets are in the rows, and nowhere else: Secret prints as "(secret)".
//
// Limits: MaxRoutes, MaxRelays, MaxRules, MaxSources, MaxSecret.
// Failure: rows that can not be read make Snapshot.Err, and mail is deferred by it: mail that was to take a route is
// never sent another way by mistake.
// Standards: RFC 5321 §2.3.10, §5.1; RFC 6749 §6; RFC 8314 §3.3.
package relay

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"time"
)

// Limits of an installation.
const (
	MaxRoutes  = 1000
	MaxRelays  = 10 // of one route; flow/deliver/remote tries as many in one attempt
	MaxRules   = 10_000
	MaxSources = 1000
	MaxSenders = 1000     // domains of one source
	MaxSecret  = 16 << 10 // octets of a password, token or key
	MaxName    = 40       // octets of a route's name
)

// Direct is the name of the way by the recipients' own mail exchangers: no route has it, every rule may.
const Direct = "direct"

// Default is the name of a route that was given none.
const Default = "default"

// The modes of TLS that a relay may have.
const (
	TLSVerified   = "verified"   // STARTTLS with a certificate that fits the name
	TLSImplicit   = "implicit"   // TLS from the first octet (RFC 8314 §3.3), certificate as above
	TLSUnverified = "unverified" // STARTTLS with any certificate
	TLSOffered    = "offered"    // STARTTLS if it is offered, with any certificate; no login without it
	TLSNone       = "none"       // never, for a relay on the same machine
)

// Modes lists them.
func Modes() []string { return []string{TLSVerified, TLSImplicit, TLSUnverified, TLSOffered, TLSNone} }

// Route is a chain of relays: the first is used while it works, else the next.
type Route struct {
	Name    string    `json:"name"` // "office": a–z, 0–9, "-", "_" and "."
	Relays  []Relay   `json:"relays"`
	Changed time.Time `json:"changed"`
}

// Relay is a server that carries mail on for us. One without a Host stands for the recipients' own mail exchangers.
type Relay struct {
	Host     string `json:"host,omitempty"` // A-labels, or an IP address
	Port     uint16 `json:"port,omitempty"` // never 0 with a Host
	TLS      string `json:"tls,omitempty"`  // one of Modes; never "" with a Host
	User     string `json:"user,omitempty"` // "": without a login
	Password Secret `json:"password,omitempty"`
	OAuth    *OAuth `json:"oauth,omitempty"`  // instead of a password
	Preset   string `json:"preset,omitempty"` // the provider it was made from
}

// OAuth is what access tokens are got with (RFC 6749 §6).
type OAuth struct {
	TokenURL     string `json:"token_url"`
	ClientID     string `json:"client_id"`
	ClientSecret Secret `json:"client_secret,omitempty"`
	Scope        string `json:"scope,omitempty"`
	RefreshToken Secret `json:"refresh_token"`
}

// Direct tells whether the relay stands for the mail exchangers.
func (r *Relay) Direct() bool { return r.Host == "" }

// String gives the relay as it is written in commands, without secrets: "smtps://office@relay.example:465".
func (r *Relay) String() string {
	if r.Direct() {
		return Direct
	}
	scheme, user := "smtp", ""
	if r.TLS == TLSImplicit {
		scheme = "smtps"
	}
	if r.User != "" {
		user = r.User + "@"
	}
	host := r.Host
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	return scheme + "://" + user + host + ":" + strconv.Itoa(int(r.Port))
}

// Rule sends some mail over a route. Of all rules that fit a message the one with the nearest recipient counts,
// among those the one with the nearest sender: the domain itself, then ".example.org" (what is below it), then "".
type Rule struct {
	Sender    string `json:"sender,omitempty"`    // domain of the reverse-path; "": every one; NullSender: reports
	Recipient string `json:"recipient,omitempty"` // domain of the recipient; "": every one
	Route     string `json:"route"`               // its name, or Direct
}

// NullSender is the Sender of rules for mail with the null reverse-path.
const NullSender = "<>"

// String gives "from shop.example to example.org".
func (r *Rule) String() string {
	s := ""
	if r.Sender != "" {
		s = "from " + r.Sender
	}
	if r.Recipient != "" {
		if s != "" {
			s += " "
		}
		s += "to " + r.Recipient
	}
	if s == "" {
		return "all mail"
	}
	return s
}

// Title gives the rule with its route, as Change.Name does: "all mail -> office".
func (r *Rule) Title() string { return r.String() + " -> " + r.Route }

// Source is an address that mail leaves from, and the name said there.
type Source struct {
	Addr    netip.Addr `json:"addr"`
	Helo    string     `json:"helo,omitempty"`    // "": the server's host name
	Senders []string   `json:"senders,omitempty"` // domains of the reverse-path; none: everybody's who has no source of his own
}

// Secret is text that is not printed.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Format hides the secret whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// Reveal gives the secret.
func (s Secret) Reveal() string { return string(s) }

// hint marks the route of a queued message that a rule chose. "/" can not be in a name.
const hint = "rule/"

// Hint gives the route to note with a message that is queued, so that it stands in its route's line: the rules are
// asked again at every attempt, so a note that is out of date does no harm. A route that an operator gave a
// queued message has no mark and is kept.
func Hint(name string) string {
	if name == "" {
		return ""
	}
	return hint + name
}

// Hinted tells whether a queued message's route is only the note of a rule, and its name.
func Hinted(route string) (name string, ok bool) {
	if len(route) > len(hint) && route[:len(hint)] == hint {
		return route[len(hint):], true
	}
	return route, false
}

package remote

import (
	"context"
	"net/http"
	"sync"

	"barid/base/oauth"
	"barid/mail/relay"
	"barid/rfc/addr"
)

// Live is the Routes, and the sources, that an operator keeps in the store: a change counts from the next attempt on,
// also for mail that was queued before it. It is for many goroutines.
type Live struct {
	store *relay.Store
	http  *http.Client // for token servers

	mu     sync.Mutex
	now    *liveState
	tokens map[tokenKey]*oauth.Source
}

// liveState is a snapshot in our own types.
type liveState struct {
	snap    *relay.Snapshot
	routes  map[string]*Route
	sources []Source
}

// tokenKey names a login by token.
type tokenKey struct{ route, relay string }

// NewLive reads routes from store. client asks token servers; nil: the usual one.
func NewLive(store *relay.Store, client *http.Client) *Live {
	return &Live{store: store, http: client, tokens: map[tokenKey]*oauth.Source{}}
}

// Route implements Routes. The name of a rule's note (relay.Hint) asks the rules again; relay.Direct is the way by
// the mail exchangers, whatever the rules say.
func (l *Live) Route(_ context.Context, name string, from addr.Path, domain string) (*Route, error) {
	s := l.state()
	if err := s.snap.Err(); err != nil {
		return nil, err
	}
	if _, ok := relay.Hinted(name); ok {
		name = ""
	}
	switch name {
	case "":
		r, _ := s.snap.Choose(from.Domain, domain)
		if r == nil {
			return nil, nil
		}
		return s.routes[r.Name], nil
	case relay.Direct:
		return nil, nil
	}
	if r := s.routes[name]; r != nil {
		return r, nil
	}
	return nil, &UnknownRoute{name}
}

// Named gives a route by its name.
func (l *Live) Named(name string) (*Route, bool) {
	r, ok := l.state().routes[name]
	return r, ok
}

// Sources gives the addresses that mail leaves from.
func (l *Live) Sources() []Source { return l.state().sources }

// state gives what is there now; it is translated once for each change.
func (l *Live) state() *liveState {
	snap := l.store.Snapshot()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || l.now.snap != snap {
		l.now = l.translate(snap)
	}
	return l.now
}

func (l *Live) translate(snap *relay.Snapshot) *liveState {
	s := &liveState{snap: snap, routes: map[string]*Route{}}
	used := map[tokenKey]*oauth.Source{}
	for _, r := range snap.Routes() {
		out := &Route{Name: r.Name}
		for i := range r.Relays {
			out.Relays = append(out.Relays, l.make(r.Name, &r.Relays[i], used))
		}
		s.routes[r.Name] = out
	}
	l.tokens = used
	for _, x := range snap.Sources() {
		s.sources = append(s.sources, Source{Addr: x.Addr, Helo: x.Helo, Domains: x.Senders})
	}
	return s
}

// modes are the words of the store.
var modes = map[string]TLSMode{
	relay.TLSVerified: VerifiedTLS, relay.TLSImplicit: ImplicitTLS, relay.TLSUnverified: UnverifiedTLS,
	relay.TLSOffered: OfferedTLS, relay.TLSNone: NoTLS,
}

// make translates a relay; the source of its tokens is kept in used.
func (l *Live) make(route string, r *relay.Relay, used map[tokenKey]*oauth.Source) Relay {
	out := Relay{Host: r.Host, Port: r.Port, TLS: modes[r.TLS]}
	if r.User == "" {
		return out
	}
	out.Login = &Login{User: r.User, Password: r.Password.Reveal()}
	if r.OAuth != nil {
		src := l.source(tokenKey{route, r.String()}, route, r.OAuth)
		used[tokenKey{route, r.String()}] = src
		out.Login.Token, out.Login.Refused = src.Token, src.Refused
	}
	return out
}

// source gives the one we have for a login, with the token it holds, or a new one.
func (l *Live) source(k tokenKey, route string, o *relay.OAuth) *oauth.Source {
	c := oauth.Config{
		TokenURL: o.TokenURL, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Scope: o.Scope,
		RefreshToken: o.RefreshToken.Reveal(),
	}
	if src := l.tokens[k]; src != nil && src.Serves(c) {
		return src
	}
	return oauth.New(c, oauth.Options{Client: l.http, Rotated: func(ctx context.Context, old, fresh string) error {
		return l.store.Rotate(ctx, route, relay.Secret(old), relay.Secret(fresh))
	}})
}

package relay

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"barid/rfc/addr"
)

// canonical checks a route by itself and brings it into the form that is stored.
func (r Route) canonical() (Route, error) {
	bad := func(field, value, why string) (Route, error) {
		return Route{}, ErrInvalid{Kind: "route", Name: r.Name, Field: field, Value: value, Why: why}
	}
	switch {
	case !nameFits(r.Name):
		return bad("name", r.Name, "1 to "+strconv.Itoa(MaxName)+" of a-z, 0-9, \"-\", \"_\" and \".\" are needed")
	case r.Name == Direct:
		return bad("name", r.Name, "this word stands for the recipients' own mail exchangers")
	case len(r.Relays) == 0:
		return bad("", "", "it has no relay")
	case len(r.Relays) > MaxRelays:
		return bad("relays", strconv.Itoa(len(r.Relays)), "at most "+strconv.Itoa(MaxRelays)+" are allowed")
	case len(r.Relays) == 1 && r.Relays[0].Direct():
		return bad("", "", "a route of the direct way alone is the way without a route; use a rule to "+strconv.Quote(Direct))
	}
	r.Relays = slices.Clone(r.Relays)
	for i := range r.Relays {
		x, err := r.Relays[i].canonical(r.Name)
		if err != nil {
			return Route{}, err
		}
		for _, before := range r.Relays[:i] {
			if before.same(&x) {
				return bad("relay", x.String(), "it is in the chain already")
			}
		}
		r.Relays[i] = x
	}
	return r, nil
}

// same tells whether two relays are the same server and login.
func (r *Relay) same(o *Relay) bool { return r.Host == o.Host && r.Port == o.Port && r.User == o.User }

func nameFits(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func (r Relay) canonical(route string) (Relay, error) {
	if r.Direct() {
		if r != (Relay{}) {
			return Relay{}, ErrInvalid{Kind: "route", Name: route, Field: "relay", Why: "a host is needed"}
		}
		return r, nil
	}
	bad := func(field, value, why string) (Relay, error) {
		return Relay{}, ErrInvalid{Kind: "route", Name: route, Field: field, Value: value, Why: why}
	}
	host, ok := hostOf(r.Host)
	if !ok {
		return bad("host", r.Host, "a host name such as relay.example or an address such as 192.0.2.1 is needed")
	}
	r.Host = host
	if r.TLS == "" {
		r.TLS = TLSVerified
	}
	if !slices.Contains(Modes(), r.TLS) {
		return bad("tls", r.TLS, "one of "+strings.Join(Modes(), ", ")+" is needed")
	}
	if r.Port == 0 {
		r.Port = r.usualPort()
	}
	if why := r.checkLogin(); why != "" {
		return bad("login", r.User, why)
	}
	return r, nil
}

// usualPort is that of a relay whose port was not told.
func (r *Relay) usualPort() uint16 {
	switch {
	case r.TLS == TLSImplicit:
		return 465
	case r.User != "":
		return 587
	}
	return 25
}

// checkLogin says what is wrong with the login, "" if nothing.
func (r *Relay) checkLogin() string {
	hasSecret := r.Password != "" || r.OAuth != nil
	switch {
	case r.User == "" && hasSecret:
		return "a secret without a user"
	case r.User != "" && !hasSecret:
		return "a user without a password or refresh token"
	case r.Password != "" && r.OAuth != nil:
		return "either a password or OAuth is used"
	case len(r.User) > 512 || len(r.Password) > MaxSecret:
		return "it is too long"
	case strings.ContainsAny(r.User, "\x00\r\n\x01") || strings.ContainsAny(r.Password.Reveal(), "\x00\r\n"):
		return "it holds a character that can not be in a login"
	case r.User != "" && r.TLS == TLSNone && !r.isLoopback():
		return "a login is said inside TLS only; tls none is for a relay on this machine"
	case r.OAuth != nil:
		return r.OAuth.check()
	}
	return ""
}

func (r *Relay) isLoopback() bool {
	a, err := netip.ParseAddr(r.Host)
	return err == nil && a.IsLoopback() || r.Host == "localhost"
}

func (o *OAuth) check() string {
	u, err := url.Parse(o.TokenURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopbackName(u.Hostname())):
		return "the token URL must be an https address"
	case o.ClientID == "":
		return "OAuth needs a client id"
	case o.RefreshToken == "":
		return "OAuth needs a refresh token"
	case len(o.ClientID) > 1024 || len(o.Scope) > 4096 || len(o.TokenURL) > 2048 ||
		len(o.RefreshToken) > MaxSecret || len(o.ClientSecret) > MaxSecret:
		return "it is too long"
	}
	return ""
}

func isLoopbackName(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// hostOf gives a host in canonical form.
func hostOf(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" || a.IsUnspecified() {
			return "", false
		}
		return a.Unmap().String(), true
	}
	d, err := addr.ParseDomain(strings.TrimSuffix(s, "."))
	return d, err == nil && !strings.HasPrefix(d, "[")
}

// canonical checks a rule by itself.
func (r Rule) canonical() (Rule, error) {
	for _, x := range []struct {
		field string
		v     *string
	}{{"sender", &r.Sender}, {"recipient", &r.Recipient}} {
		p, ok := patternOf(*x.v)
		if x.field == "sender" && *x.v == NullSender {
			p, ok = NullSender, true
		}
		if !ok {
			return Rule{}, ErrInvalid{
				Kind: "rule", Field: x.field, Value: *x.v,
				Why: "a domain such as example.org, or .example.org for everything below it, is needed",
			}
		}
		*x.v = p
	}
	if r.Route != Direct && !nameFits(r.Route) {
		return Rule{}, ErrInvalid{Kind: "rule", Name: r.String(), Field: "route", Value: r.Route, Why: "the name of a route, or " + Direct + ", is needed"}
	}
	return r, nil
}

// patternOf gives a domain pattern in canonical form. "all" and "*" are "".
func patternOf(s string) (string, bool) {
	if s == "" || s == "*" || s == "all" {
		return "", true
	}
	rest, below := strings.CutPrefix(s, ".")
	if _, at, ok := strings.Cut(rest, "@"); ok {
		rest = at // somebody wrote an address; rules are about domains
	}
	d, err := addr.ParseDomain(rest)
	if err != nil || strings.HasPrefix(d, "[") && below {
		return "", false
	}
	if below {
		d = "." + d
	}
	return d, true
}

// canonical checks a source by itself.
func (s Source) canonical() (Source, error) {
	bad := func(field, value, why string) (Source, error) {
		return Source{}, ErrInvalid{Kind: "source", Name: s.Addr.String(), Field: field, Value: value, Why: why}
	}
	s.Addr = s.Addr.Unmap()
	if !s.Addr.IsValid() || s.Addr.IsUnspecified() || s.Addr.IsMulticast() {
		return bad("address", s.Addr.String(), "an address of this machine is needed")
	}
	if s.Helo != "" {
		h, err := addr.ParseDomain(s.Helo)
		if err != nil {
			return bad("helo", s.Helo, "a host name is needed that leads to the address")
		}
		s.Helo = h
	}
	if len(s.Senders) > MaxSenders {
		return bad("senders", strconv.Itoa(len(s.Senders)), "at most "+strconv.Itoa(MaxSenders)+" are allowed")
	}
	senders := make([]string, 0, len(s.Senders))
	for _, d := range s.Senders {
		c, err := addr.ParseDomain(d)
		if err != nil {
			return bad("sender", d, "a domain such as example.org is needed")
		}
		senders = append(senders, c)
	}
	slices.Sort(senders)
	s.Senders = slices.Compact(senders)
	return s, nil
}

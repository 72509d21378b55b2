package manage

import (
	"net/url"
	"strconv"
	"strings"

	"barid/base/fault"
	"barid/mail/relay"
)

// relayOf makes a relay of what a person typed.
func (m *Manager) relayOf(in *RelayChange) (relay.Relay, error) {
	if in.Target == relay.Direct {
		return relay.Relay{}, nil
	}
	presets, err := m.Relaying.Presets()
	if err != nil {
		return relay.Relay{}, err
	}
	var r relay.Relay
	if strings.Contains(in.Target, "://") {
		if in.Region != "" {
			return r, relay.ErrInvalid{Kind: "relay", Name: withoutPassword(in.Target), Field: "region", Value: in.Region, Why: "only a preset has regions"}
		}
		r, err = relayAt(in.Target)
	} else {
		r, err = relayBy(presets, in)
	}
	if err != nil {
		return r, err
	}
	if in.TLS != "" && in.TLS != r.TLS {
		r.TLS = in.TLS
	}
	if in.User != "" {
		r.User = in.User
	}
	return r, in.login(&r, presets)
}

// relayAt reads "smtps://user@relay.example:465". A user may hold "@": the last one divides.
func relayAt(target string) (r relay.Relay, err error) {
	bad := func(why string) (relay.Relay, error) {
		return r, relay.ErrInvalid{Kind: "relay", Field: "address", Value: withoutPassword(target), Why: why}
	}
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return bad("smtps://user@relay.example:465 or smtp://relay.example:587 is needed")
	case u.Scheme == "smtps" || u.Scheme == "submissions":
		r.TLS = relay.TLSImplicit
	case u.Scheme != "smtp" && u.Scheme != "submission":
		return bad("it must begin with smtps:// (TLS at once) or smtp:// (STARTTLS)")
	}
	if _, has := u.User.Password(); has {
		return r, fault.New("B1009", "a password does not belong into the address of a relay").WithExit(fault.ExitUsage).
			WithMeans("other users of this machine can see what is typed, and shells keep it").
			WithFix("barid relay set %s --password-file FILE", withoutPassword(target))
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" {
		return bad("only a user, a host and a port can be there")
	}
	r.Host, r.User = u.Hostname(), u.User.Username()
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return bad("the port must be 1 to 65535")
		}
		r.Port = uint16(n)
	}
	if r.Port == 465 && r.TLS == "" {
		r.TLS = relay.TLSImplicit // who writes smtp://…:465 means the port of TLS at once (RFC 8314 §3.3)
	}
	return r, nil
}

// withoutPassword takes a password out of an address that may be wrong otherwise too.
func withoutPassword(target string) string {
	scheme, rest, _ := strings.Cut(target, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return target
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	return scheme + "://" + user + rest[at:]
}

// relayBy reads "gmail", or "gmail:587" for another of its ports.
func relayBy(presets *relay.Presets, in *RelayChange) (relay.Relay, error) {
	id, portText, other := strings.Cut(in.Target, ":")
	p, err := presets.Find(strings.ToLower(id))
	if err != nil {
		return relay.Relay{}, err
	}
	port := uint64(0)
	if other {
		if port, err = strconv.ParseUint(portText, 10, 16); err != nil {
			return relay.Relay{}, relay.ErrInvalid{Kind: "preset", Name: p.ID, Field: "port", Value: portText, Why: "a number is needed"}
		}
	}
	return p.Relay(in.Region, uint16(port))
}

// login puts the secrets into a relay.
func (in *RelayChange) login(r *relay.Relay, presets *relay.Presets) error {
	r.Password = relay.Secret(in.Password)
	p, err := presets.Find(r.Preset)
	if err != nil {
		p = &relay.Preset{}
	}
	if r.Preset != "" && r.User == "" {
		return relay.ErrInvalid{Kind: "preset", Name: p.ID, Field: "user", Why: "this provider needs a login; see " + p.Link}
	}
	if in.RefreshToken == "" {
		return nil
	}
	r.OAuth = &relay.OAuth{
		TokenURL: in.TokenURL, Scope: in.Scope, ClientID: in.ClientID,
		ClientSecret: relay.Secret(in.ClientSecret), RefreshToken: relay.Secret(in.RefreshToken),
	}
	if p.OAuth != nil {
		if r.OAuth.TokenURL == "" {
			r.OAuth.TokenURL = p.OAuth.TokenURL
		}
		if r.OAuth.Scope == "" {
			r.OAuth.Scope = p.OAuth.Scope
		}
	}
	return nil
}

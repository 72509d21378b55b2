package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"

	"barid/base/dns"
)

// knownNames is how many names of other servers may be answered from an expired entry while every resolver fails.
const knownNames = 20_000

// mxResolver asks the DNS for flow/deliver/remote, and notes the names of servers that mail goes to.
type mxResolver struct {
	*dns.Resolver
	known *dns.Known
}

// LookupMX implements remote.Resolver.
func (r mxResolver) LookupMX(ctx context.Context, name string) (dns.Result[dns.MX], error) {
	r.known.Note(name)
	return r.Resolver.LookupMX(ctx, name)
}

// LookupAddrs implements remote.Resolver.
func (r mxResolver) LookupAddrs(ctx context.Context, name string) (dns.Result[netip.Addr], error) {
	r.known.Note(name)
	return r.Resolver.LookupAddrs(ctx, name)
}

// Times of a question to a token server.
const (
	tokenDial = 10 * time.Second
	tokenTLS  = 10 * time.Second
	tokenIdle = 30 * time.Second
)

// tokenClient asks token servers. Their names are asked of the configured resolvers, as all names are.
func tokenClient(r *dns.Resolver) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, address string) (net.Conn, error) { return dialName(ctx, r, address) },
		TLSHandshakeTimeout: tokenTLS,
		IdleConnTimeout:     tokenIdle,
		MaxIdleConns:        10,
		ForceAttemptHTTP2:   true,
	}}
}

// dialName connects to the first address of a name that answers.
func dialName(ctx context.Context, r *dns.Resolver, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, tokenDial)
	defer cancel()
	var d net.Dialer
	if _, err := netip.ParseAddr(host); err == nil {
		return d.DialContext(ctx, "tcp", address)
	}
	found, err := r.LookupAddrs(ctx, host)
	for _, a := range found.Records {
		c, dialErr := d.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), port))
		if dialErr == nil {
			return c, nil
		}
		err = errors.Join(err, dialErr)
	}
	return nil, err
}

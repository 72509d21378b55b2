package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	basetls "barid/base/tls"
	"barid/flow/queue"
	"barid/mail/spool"
)

// demand is what TLS a connection must have, and why.
type demand struct {
	offer    bool  // STARTTLS is used when offered
	implicit bool  // TLS from the first octet
	least    Level // below it nothing is sent
	require  bool  // REQUIRETLS (RFC 8689) of the message
}

// demandOf is what a relay's mode asks for.
func demandOf(m TLSMode) demand {
	switch m {
	case VerifiedTLS:
		return demand{offer: true, least: Verified}
	case ImplicitTLS:
		return demand{implicit: true, least: Verified}
	case UnverifiedTLS:
		return demand{offer: true, least: Encrypted}
	case OfferedTLS:
		return demand{offer: true}
	}
	return demand{}
}

// tlsConfig is shared by all connections but for the name. Certificates are looked at in secure: whether they
// are good decides the level, not whether we speak (RFC 7435 §4).
func (d *Deliverer) tlsConfig(host string) *tls.Config {
	c := d.tls.Clone()
	c.ServerName = strings.Trim(host, "[]")
	return c
}

// secure makes TLS of the session's connection and finds its level. The session's wire speaks TLS afterwards.
func (d *Deliverer) secure(ctx context.Context, s *session, host string) *trouble {
	tc := tls.Client(s.wire.nc, d.tlsConfig(host))
	if err := s.wire.upgrade(tc); err != nil {
		return ours(queue.Deferred, spool.StageTLS, "4.7.0", "the server said something in clear behind its answer to STARTTLS: somebody may be in between").
			from(s.remote).because(err).orNext()
	}
	begin := time.Now()
	s.wire.within(d.set.Timeouts.TLS)
	if err := tc.HandshakeContext(ctx); err != nil {
		t := broken(ctx, spool.StageTLS, s.remote, err)
		if ctx.Err() == nil {
			t.noTLS, t.answer.Enhanced = true, "4.7.5"
			t.answer.Text = "TLS could not be agreed on: " + plainError(err)
		}
		return t
	}
	state := tc.ConnectionState()
	s.level, s.tls = Verified, basetls.Describe(state)
	if s.doubt = d.verify(state, host); s.doubt != nil {
		s.level = Encrypted
	}
	s.tls += " " + s.level.certificate()
	s.tellTLS(begin)
	return nil
}

// certificate says what the level tells about the server's certificate.
func (l Level) certificate() string {
	if l == Verified {
		return "verified"
	}
	return "unverified"
}

var errNoCertificate = errors.New("no certificate")

// verify tells why the certificate does not prove that the server is host; nil: it does.
func (d *Deliverer) verify(state tls.ConnectionState, host string) error {
	if len(state.PeerCertificates) == 0 {
		return errNoCertificate
	}
	o := x509.VerifyOptions{Roots: d.Roots, DNSName: host, CurrentTime: d.now(), Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	return err
}

// startTLS asks for TLS if the server offers it and we want it. A server that refuses goes on in clear.
func (d *Deliverer) startTLS(ctx context.Context, s *session, host string) *trouble {
	reply, err := s.wire.ask(d.set.Timeouts.TLS, "STARTTLS")
	switch {
	case err != nil:
		return broken(ctx, spool.StageTLS, s.remote, err)
	case reply.Code == 421:
		return refused(spool.StageTLS, s.remote, reply).orNext()
	case reply.Code != 220:
		s.doubt = errors.New("STARTTLS was answered " + words([]string{reply.String()}))
		return nil
	}
	return d.secure(ctx, s, host)
}

// newTLS is the configuration all connections begin with.
func newTLS() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // verify does it: a bad certificate is better than none
		ClientSessionCache: tls.NewLRUClientSessionCache(1024),
	}
}

// lowered is a server below the level that is demanded, for want of TLS or of a good certificate.
func (a *attempt) lowered(s *session) *trouble {
	why, enhanced := "it offers no TLS", ".7.10"
	if s.doubt != nil {
		why = plainError(s.doubt)
	}
	if s.level == Encrypted || s.failed {
		enhanced = ".7.5"
	}
	if a.demand.require {
		return ours(queue.Failed, spool.StageTLS, "5.7.30", "the message demands TLS with a verified certificate (REQUIRETLS): "+why).
			from(s.remote).orNext()
	}
	t := ours(queue.Deferred, spool.StageTLS, "4"+enhanced, "").from(s.remote).orNext()
	if s.key.mode != direct {
		t.answer.Text = "the relay's settings demand TLS (" + a.demand.least.String() + "): " + why
		return t
	}
	t.answer.Text = "not sent with less protection than before: " + a.e.Destination + " was last reached with " + a.demand.least.String() +
		" TLS on " + a.levelSeen.UTC().Format("2006-01-02") + ", now " + why
	if a.d.now().Sub(a.e.Arrived) >= a.d.set.DowngradeAfter {
		t.kind, t.answer.Enhanced = queue.Failed, "5"+enhanced
	}
	a.d.Log.Warn("a domain lost its TLS", "domain", a.e.Destination, "remote", s.remote, "was", a.demand.least.String(), "why", why, "tx", a.e.ID)
	return t
}

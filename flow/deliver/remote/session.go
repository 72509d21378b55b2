package remote

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
)

// session is a connection to a server that has greeted us and knows who we are.
type session struct {
	key    key
	wire   *wire
	raw    net.Conn // below TLS
	addr   netip.AddrPort
	remote string // "mx1.example.org [192.0.2.1]"
	level  Level
	tls    string // "TLS1.3 TLS_AES_128_GCM_SHA256 verified"; "" in clear
	doubt  error  // why the level is not higher
	failed bool   // the handshake failed
	caps   capabilities

	born, since time.Time // when it was opened, and when it became idle
	messages    int       // transactions begun
	carried     int       // messages that were taken
	fresh       bool      // nothing was sent yet by the attempt that uses it
	reused      bool
	open        bool // a transaction is open at the server: RSET comes first
	broken      bool // of no more use
	rcpts       int  // recipients of a transaction that the server turned out to take; 0: not known
}

// expired tells whether the session has done enough.
func (s *session) expired(set *Settings, now time.Time) bool {
	return s.spent(set) || now.Sub(s.born) >= set.MaxLife || now.Sub(s.since) >= set.IdleTime
}

// spent tells whether the session may carry no further message (RFC 9422 §5.1).
func (s *session) spent(set *Settings) bool {
	return s.broken || s.messages >= set.MaxMessages || s.caps.maxMails > 0 && s.messages >= s.caps.maxMails
}

// quit takes leave (RFC 5321 §4.1.1.10), waiting a moment for the answer.
func (s *session) quit(d time.Duration) {
	if !s.broken {
		s.wire.ctx = context.Background()
		_, _ = s.wire.ask(d, "QUIT")
	}
	_ = s.wire.nc.Close()
}

// drop ends the connection at once; TLS would wait for a peer that does not read, to say that it ends.
func (s *session) drop() { _ = s.raw.Close() }

// opening is one try to make a session.
type opening struct {
	a      *attempt
	h      *host
	s      *session
	helo   string
	demand demand
}

// openSession greets a server over a new connection: greeting, EHLO, STARTTLS and EHLO again, AUTH.
func (a *attempt) openSession(ctx context.Context, nc net.Conn, k key, h *host, addr netip.AddrPort, want demand) (*session, *trouble) {
	now := time.Now()
	s := &session{
		key: k, wire: newWire(nc), raw: nc, addr: addr, remote: remoteName(h.name, addr.Addr()), born: now, since: now, fresh: true,
	}
	s.wire.heard = a.heard
	release := s.wire.use(ctx)
	o := opening{a: a, h: h, s: s, demand: want}
	_, o.helo, _ = k.from.of(addr.Addr())
	t := o.run(ctx)
	if !release() && t == nil {
		t = broken(ctx, spool.StageEHLO, s.remote, ctx.Err())
	}
	if t != nil {
		_ = nc.Close()
		return nil, t
	}
	return s, nil
}

func (o *opening) run(ctx context.Context) *trouble {
	if o.demand.implicit {
		if t := o.timedTLS(func() *trouble { return o.a.d.secure(ctx, o.s, o.h.name) }); t != nil {
			return t
		}
	}
	if t := o.greeting(ctx); t != nil {
		return t
	}
	if t := o.hello(ctx); t != nil {
		return t
	}
	if t := o.protect(ctx); t != nil {
		return t
	}
	if o.h.relay != nil && o.h.relay.Login != nil {
		return o.s.login(ctx, o.h.relay.Login, o.a.d.set.Timeouts.Hello)
	}
	return nil
}

// greeting reads what the server says first (RFC 5321 §3.1, §4.3.1; RFC 7504 for 521). A server that takes
// no mail now, or none from us, is no reason not to ask the domain's others.
func (o *opening) greeting(ctx context.Context) *trouble {
	reply, err := o.s.wire.greeting(o.a.d.set.Timeouts.Greeting)
	if err != nil {
		return broken(ctx, spool.StageGreeting, o.s.remote, err)
	}
	if reply.Code != 220 {
		return notHere(refused(spool.StageGreeting, o.s.remote, reply))
	}
	return nil
}

// notHere lets other hosts try after a refusal that came before the message was named, but not where all of
// them would say the same (policy, x.7.x, for now).
func notHere(t *trouble) *trouble {
	t.next = t.kind == queue.Failed || subject(t.answer.Enhanced) != 7
	return t
}

// hello says EHLO, or HELO to a server that does not know it (RFC 5321 §3.2).
func (o *opening) hello(ctx context.Context) *trouble {
	d := o.a.d.set.Timeouts.Hello
	reply, err := o.s.wire.ask(d, "EHLO ", o.helo)
	if err == nil && reply.Code/100 == 5 && reply.Code != 521 {
		reply, err = o.s.wire.ask(d, "HELO ", o.helo)
		reply.Lines = reply.Lines[:min(1, len(reply.Lines))]
	}
	switch {
	case err != nil:
		return broken(ctx, spool.StageEHLO, o.s.remote, err)
	case reply.Code != 250:
		return notHere(refused(spool.StageEHLO, o.s.remote, reply))
	}
	o.s.caps = parseCapabilities(reply)
	if o.a.d.self.name(o.s.caps.name) {
		t := loop("the server at " + o.s.remote + " calls itself by our name: mail would loop")
		t.answer.Stage = spool.StageEHLO
		return t.from(o.s.remote).orNext()
	}
	return nil
}

// protect brings the session to the level it must have.
func (o *opening) protect(ctx context.Context) *trouble {
	s := o.s
	if o.demand.offer && s.level == Clear && s.caps.has(startTLS) {
		if t := o.timedTLS(func() *trouble { return o.a.d.startTLS(ctx, s, o.h.name) }); t != nil {
			return o.orLowered(t)
		}
		if s.level > Clear { // what was said in clear counts no more (RFC 3207 §4.2)
			s.caps = capabilities{}
			if t := o.hello(ctx); t != nil {
				return t
			}
		}
	}
	if s.level < o.demand.least {
		return o.a.lowered(s)
	}
	if o.demand.require && !s.caps.has(requireTLS) {
		return noRequireTLS("the server does not offer it").from(s.remote)
	}
	return nil
}

// orLowered is a handshake that failed with a domain that had better TLS before.
func (o *opening) orLowered(t *trouble) *trouble {
	if !t.noTLS || o.demand.least == Clear || o.demand.require || o.s.key.mode != direct {
		return t
	}
	o.s.failed, o.s.doubt = true, errors.New(t.answer.Text)
	return o.a.lowered(o.s).because(t.cause)
}

// timedTLS counts the time of f for TLS and not for the dialogue.
func (o *opening) timedTLS(f func() *trouble) *trouble {
	begin := time.Now()
	t := f()
	o.a.timing.TLS += time.Since(begin)
	return t
}

// noRequireTLS is a host that can not give what RFC 8689 §4.2.1 asks for.
func noRequireTLS(why string) *trouble {
	return ours(queue.Failed, spool.StageTLS, "5.7.30", "the message demands REQUIRETLS: "+why).orNext()
}

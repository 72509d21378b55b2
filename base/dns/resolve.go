package dns

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	mdns "github.com/miekg/dns"
)

// key is what the cache and the flights go by.
type key struct {
	name  string // canonical, with the final dot
	qtype uint16
}

func (k key) String() string { return mdns.TypeToString[k.qtype] + " " + k.name }

// answer is what a question came to. Invariant: nobody changes it once it is made.
type answer struct {
	key       key
	target    string // end of the alias chain, plain
	records   []mdns.RR
	err       *Error // set instead of records
	authentic bool
	extended  []Extended
	ttl       time.Duration // 0: not to be kept
	expires   time.Time
}

func (a *answer) failure() error {
	if a.err == nil {
		return nil
	}
	return a.err
}

// resolve answers from the cache, joins a look-up that runs already, or starts one. The look-up itself does
// not end when this caller gives up: others may wait for it.
func (r *Resolver) resolve(ctx context.Context, name string, qtype uint16) (*answer, Meta, error) {
	fqdn, ok := canonical(name)
	k := key{fqdn, qtype}
	if !ok {
		asked := cleanText(name[:min(len(name), maxName)])
		return nil, Meta{Name: asked}, &Error{Kind: BadName, Type: mdns.TypeToString[qtype], Name: asked, RCode: -1}
	}
	now := time.Now()
	if a, stale := r.cache.get(k, now); a != nil {
		return a, a.meta(now, true, stale), a.failure()
	}
	done := r.flight.DoChan(k.String(), func() (any, error) { return r.fill(k), nil })
	select {
	case res := <-done:
		f := res.Val.(filled)
		return f.answer, f.meta(time.Now(), f.cached, f.stale), f.failure()
	case <-ctx.Done():
		err := &Error{Kind: Timeout, Type: mdns.TypeToString[qtype], Name: plain(fqdn), RCode: -1, Cause: ctx.Err()}
		return nil, Meta{Name: plain(fqdn)}, err
	}
}

type filled struct {
	*answer
	cached, stale bool
}

// fill is one flight: ask, keep, or fall back on an expired answer.
func (r *Resolver) fill(k key) filled {
	if a, stale := r.cache.get(k, time.Now()); a != nil {
		return filled{a, true, stale} // another flight has just landed
	}
	if !r.begin() {
		return filled{answer: broken(k, &Error{Kind: Network, RCode: -1, Cause: errors.New("the resolver is closed")})}
	}
	defer r.running.Done()
	ctx, cancel := context.WithTimeout(r.life, r.c.Total)
	defer cancel()

	a := r.chase(ctx, k)
	now := time.Now()
	if a.err != nil && !a.err.Kind.NotFound() {
		if old := r.cache.stale(k, now, now.Add(staleRecheck)); old != nil {
			return filled{old, true, true}
		}
		a.ttl = max(0, r.c.FailureTTL)
		if r.life.Err() != nil {
			a.ttl = 0
		}
	}
	a.expires = now.Add(a.ttl)
	r.keep(a)
	return filled{answer: a}
}

func (r *Resolver) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Add(1)
	}
	return !r.closed
}

func (r *Resolver) keep(a *answer) {
	until := a.expires
	if a.err == nil && r.c.Stale(plain(a.key.name)) {
		until = until.Add(r.c.StaleFor)
	}
	if until.After(time.Now()) {
		r.cache.put(a, until)
	}
}

// broken is the answer that a failure is.
func broken(k key, err *Error) *answer {
	err.Type, err.Name = mdns.TypeToString[k.qtype], plain(k.name)
	return &answer{key: k, target: err.Name, err: err, extended: err.Extended, authentic: err.Authentic}
}

// chase asks for k and follows aliases that the resolver did not follow for us.
func (r *Resolver) chase(ctx context.Context, k key) *answer {
	c := chain{key: k, at: k.name, seen: map[string]bool{k.name: true}, ttl: r.c.MaxTTL, authentic: true}
	for {
		reply, server, err := r.ask(ctx, c.at, k.qtype)
		if err != nil {
			return c.fail(err)
		}
		switch next := c.take(reply); next {
		case chainFound:
			return c.found()
		case chainAbsent:
			return c.absent(reply, r.c.MaxNegativeTTL)
		case chainLoop:
			return c.fail(&Error{Kind: Loop, Server: server, RCode: reply.Rcode})
		case chainOn:
		}
	}
}

// cleanText makes the text of a stranger fit for a log line.
func cleanText(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
	for len(s) > maxExtraText {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return s
}

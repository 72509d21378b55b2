package dns

import (
	"time"

	mdns "github.com/miekg/dns"
)

// chain follows the aliases from a name to its records, through one or more replies (RFC 1034 §3.6.2,
// §5.2.2). It is pure: replies in, a step out.
type chain struct {
	key       key
	at        string // canonical name we are at
	seen      map[string]bool
	ttl       time.Duration // smallest so far
	authentic bool
	extended  []Extended
	records   []mdns.RR
}

type step int

const (
	chainFound  step = iota // records are there
	chainAbsent             // the reply says that there are none
	chainOn                 // ask again, for at
	chainLoop               // too long, or round and round
)

// take reads one reply. Only records of the names on the chain are looked at.
func (c *chain) take(m *mdns.Msg) step {
	c.authentic = c.authentic && m.AuthenticatedData
	c.extended = append(c.extended, extended(m)...)
	c.extended = c.extended[:min(len(c.extended), maxExtended)]
	own, alias := index(m.Answer, c.key.qtype)
	moved := false
	for {
		if rrs := own[c.at]; len(rrs) > 0 {
			c.records = rrs
			c.lower(rrs)
			return chainFound
		}
		link := alias[c.at]
		if link == nil {
			break
		}
		c.lower([]mdns.RR{link})
		to, ok := canonical(link.Target)
		if !ok || c.seen[to] || len(c.seen) > maxChain {
			return chainLoop
		}
		c.seen[to] = true
		c.at, moved = to, true
	}
	if m.Rcode == mdns.RcodeSuccess && moved && soa(m) == nil {
		return chainOn
	}
	return chainAbsent
}

// lower makes the chain's TTL that of its shortest-lived record (RFC 2181 §5.2; §8: a TTL with the top bit set is 0).
func (c *chain) lower(rrs []mdns.RR) {
	for _, rr := range rrs {
		c.ttl = min(c.ttl, seconds(rr.Header().Ttl))
	}
}

func (c *chain) found() *answer {
	return &answer{key: c.key, target: plain(c.at), records: c.records, authentic: c.authentic, extended: c.extended, ttl: c.ttl}
}

// absent is the negative answer, kept for the smaller of the SOA's own TTL and its MINIMUM (RFC 2308 §5).
func (c *chain) absent(m *mdns.Msg, limit time.Duration) *answer {
	e := &Error{Kind: NoData, RCode: m.Rcode}
	if m.Rcode == mdns.RcodeNameError {
		e.Kind = NXDomain
	}
	a := c.fail(e)
	if s := soa(m); s != nil {
		a.ttl = min(c.ttl, limit, seconds(s.Hdr.Ttl), seconds(s.Minttl))
	}
	return a
}

func (c *chain) fail(e *Error) *answer {
	c.extended = append(c.extended, e.Extended...)
	e.Extended = c.extended[:min(len(c.extended), maxExtended)]
	e.Authentic = c.authentic && e.Kind.NotFound()
	a := broken(c.key, e)
	a.target = plain(c.at)
	return a
}

func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// index sorts the records of an answer section by owner: those of the type, and aliases.
func index(rrs []mdns.RR, qtype uint16) (own map[string][]mdns.RR, alias map[string]*mdns.CNAME) {
	own, alias = make(map[string][]mdns.RR, 1), make(map[string]*mdns.CNAME)
	for _, rr := range rrs {
		h := rr.Header()
		if h.Class != mdns.ClassINET {
			continue
		}
		owner := fold(h.Name)
		if h.Rrtype == qtype {
			own[owner] = append(own[owner], rr)
		} else if link, ok := rr.(*mdns.CNAME); ok && alias[owner] == nil {
			alias[owner] = link
		}
	}
	return own, alias
}

func soa(m *mdns.Msg) *mdns.SOA {
	for _, rr := range m.Ns {
		if s, ok := rr.(*mdns.SOA); ok {
			return s
		}
	}
	return nil
}

// extended gives the extended errors of a reply (RFC 8914 §2).
func extended(m *mdns.Msg) []Extended {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	var out []Extended
	for _, o := range opt.Option {
		if e, ok := o.(*mdns.EDNS0_EDE); ok && len(out) < maxExtended {
			out = append(out, Extended{e.InfoCode, cleanText(e.ExtraText)})
		}
	}
	return out
}

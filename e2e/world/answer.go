package world

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

const maxAliases = 16 // followed in one answer

// answer serves one question.
func (w *World) answer(rw dns.ResponseWriter, q *dns.Msg, network string) {
	if len(q.Question) != 1 {
		m := new(dns.Msg)
		_ = rw.WriteMsg(m.SetRcode(q, dns.RcodeFormatError))
		return
	}
	key := question{strings.ToLower(q.Question[0].Name), q.Question[0].Qtype}
	b, gate := w.arrive(key)
	if !w.wait(b, gate) || b.Silent || b.SilentUDP && network == "udp" {
		return
	}
	if b.Reset && network == "tcp" {
		_ = rw.Close()
		return
	}
	m := w.reply(q, key, b, network)
	send(rw, m, b, q)
}

// arrive counts the question and finds how it is to be answered.
func (w *World) arrive(q question) (Behaviour, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := question{q.name, 0}
	w.asked[q]++
	w.asked[all]++
	w.arrival.Broadcast()
	b, ok := w.behaviour[q]
	if !ok {
		b, ok = w.behaviour[all]
	}
	if !ok {
		b = w.all
	}
	gate := w.held[q]
	if gate == nil {
		gate = w.held[all]
	}
	return b, gate
}

// wait tells whether the world still stands after the delay.
func (w *World) wait(b Behaviour, gate chan struct{}) bool {
	if gate != nil {
		select {
		case <-gate:
		case <-w.stopped:
			return false
		}
	}
	if b.Delay == 0 {
		return true
	}
	t := time.NewTimer(b.Delay)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.stopped:
		return false
	}
}

func (w *World) reply(q *dns.Msg, key question, b Behaviour, network string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	m.AuthenticatedData = b.AD
	opt := q.IsEdns0()
	if b.NoEDNS && opt != nil {
		m.Rcode = dns.RcodeFormatError
		return m
	}
	if opt != nil {
		m.SetEdns0(1232, false)
		if b.EDE != nil {
			m.IsEdns0().Option = append(m.IsEdns0().Option, b.EDE)
		}
	}
	switch {
	case b.RCode != 0:
		m.Rcode = b.RCode
	case b.Lame:
		m.Ns = append(m.Ns, &dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: "ns.invalid."})
	case b.Truncate && network == "udp":
		m.Truncated = true
	default:
		w.fill(m, key, b)
		fit(m, opt, b, network)
	}
	return m
}

// fill puts records, aliases and, where there are none, the SOA into m.
func (w *World) fill(m *dns.Msg, key question, b Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := key.name
	for range maxAliases {
		types, exists := w.find(at)
		if rrs := types[key.qtype]; len(rrs) > 0 {
			m.Answer = append(m.Answer, rrs...)
			return
		}
		links := types[dns.TypeCNAME]
		if len(links) == 0 || key.qtype == dns.TypeCNAME {
			if !exists {
				m.Rcode = dns.RcodeNameError
			}
			m.Ns = append(m.Ns, w.zones[w.apexOf(at)])
			return
		}
		m.Answer = append(m.Answer, links[0])
		at = canonical(links[0].(*dns.CNAME).Target)
		if b.Bare {
			return
		}
	}
}

// find gives the records at a name: its own, those of a wildcard, none of an empty non-terminal (RFC 4592 §2.2, §3.3).
func (w *World) find(name string) (map[uint16][]dns.RR, bool) {
	if types, ok := w.records[name]; ok {
		return types, true
	}
	for other := range w.records {
		if strings.HasSuffix(other, "."+name) {
			return nil, true
		}
	}
	apex := w.apexOf(name)
	for at := name; at != apex && at != "."; {
		at = parent(at)
		if types, ok := w.records["*."+at]; ok {
			return rename(types, name), true
		}
		if _, ok := w.records[at]; ok {
			break // the closest encloser has no wildcard
		}
	}
	return nil, false
}

func rename(types map[uint16][]dns.RR, name string) map[uint16][]dns.RR {
	out := make(map[uint16][]dns.RR, len(types))
	for t, rrs := range types {
		for _, rr := range rrs {
			c := dns.Copy(rr)
			c.Header().Name = name
			out[t] = append(out[t], c)
		}
	}
	return out
}

// fit pads the answer, and cuts one that is too long for the asker's datagrams down to the TC bit (RFC 2181 §9).
func fit(m *dns.Msg, opt *dns.OPT, b Behaviour, network string) {
	for n := b.Pad; n > 0; n -= 255 {
		m.Extra = append(m.Extra, &dns.TXT{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("x", min(n, 255))},
		})
	}
	limit := dns.MaxMsgSize
	if network == "udp" {
		limit = dns.MinMsgSize
		if opt != nil {
			limit = max(limit, int(opt.UDPSize()))
		}
	}
	m.Compress = true
	if m.Len() > limit {
		m.Answer, m.Ns, m.Truncated = nil, nil, true
		m.Extra = m.Extra[:min(len(m.Extra), optRecords(opt))]
	}
}

// optRecords is how many records of the additional section are the OPT, which always comes first.
func optRecords(opt *dns.OPT) int {
	if opt == nil {
		return 0
	}
	return 1
}

// send writes the reply, or the lie.
func send(rw dns.ResponseWriter, m *dns.Msg, b Behaviour, q *dns.Msg) {
	switch b.Lie {
	case "id":
		m.Id++
	case "question":
		m.Question = []dns.Question{{Name: "other.invalid.", Qtype: q.Question[0].Qtype, Qclass: dns.ClassINET}}
	case "case":
		m.Question = []dns.Question{{Name: strings.ToLower(q.Question[0].Name), Qtype: q.Question[0].Qtype, Qclass: dns.ClassINET}}
	case "first":
		forgery := m.Copy()
		forgery.Id++
		forgery.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600}, A: []byte{192, 0, 2, 66},
		}}
		_ = rw.WriteMsg(forgery)
	case "garbage":
		if wire, err := m.Pack(); err == nil {
			_, _ = rw.Write(append(wire[:12:12], 0xff, 0xff, 0xff))
		}
		return
	}
	_ = rw.WriteMsg(m)
}

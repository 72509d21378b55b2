package manage

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"barid/base/fault"
	"barid/flow/deliver/remote"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// Prober looks at other servers without sending mail. It needs no data folder.
type Prober struct {
	Servers interface { // *remote.Deliverer is one
		Probe(ctx context.Context, domain string) remote.Probe
	}
	Resolver remote.Resolver
	Port     uint16                                                               // of mail exchangers
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: the system's TCP
}

// MXQuery is the input of probe.mx.
type MXQuery struct {
	Domain  string        `json:"domain"`
	Timeout time.Duration `json:"timeout,omitempty"` // for all of it; 0: 2 min
}

// MXProbe is how a domain takes mail.
type MXProbe struct {
	Domain   string    `json:"domain"` // A-labels
	Unicode  string    `json:"unicode"`
	TLSSeen  string    `json:"tls_seen,omitempty"`    // the best level that our mail was ever delivered with
	TLSLast  time.Time `json:"tls_last,omitzero"`     // when
	Hosts    []MXHost  `json:"hosts"`                 // in the order in which mail would try them
	Problems []Problem `json:"problems"`              // the gravest first
	Took     float64   `json:"took_seconds,omitzero"` //
}

// MXHost is one address of a mail exchanger.
type MXHost struct {
	Rank        int          `json:"rank"` // 0: the most preferred; equals have one rank
	Host        string       `json:"host"`
	Address     string       `json:"address,omitempty"`
	OK          bool         `json:"ok"`             // it would take mail
	Self        bool         `json:"self,omitempty"` // it is this server
	Trouble     string       `json:"trouble,omitempty"`
	Stage       string       `json:"stage,omitempty"` // at which it came
	Banner      string       `json:"banner,omitempty"`
	Name        string       `json:"name,omitempty"`     // what it calls itself
	STARTTLS    bool         `json:"starttls,omitempty"` // or TLS was there at once
	TLS         string       `json:"tls,omitempty"`
	Doubt       string       `json:"doubt,omitempty"` // why its certificate does not prove that it is the host
	Certificate *Certificate `json:"certificate,omitempty"`
	Extensions  []string     `json:"extensions,omitempty"`
	Took        *StepTook    `json:"took,omitempty"`
	Dialogue    []MXLine     `json:"dialogue,omitempty"`
}

// MXLine is a command and its answer.
type MXLine struct {
	Said  string  `json:"said,omitempty"`
	Reply string  `json:"reply,omitempty"`
	TLS   string  `json:"tls,omitempty"`
	Took  float64 `json:"took_seconds"`
}

// Certificate is who a server says it is.
type Certificate struct {
	Names   []string  `json:"names"`
	Issuer  string    `json:"issuer"`
	From    time.Time `json:"from"`
	Expires time.Time `json:"expires"`
}

// Problem is what a probe does not like, with what can be done.
type Problem struct {
	Code string `json:"code"` // stable: "no-mail", "unreachable", "no-tls", "certificate", "tls-lost", "self"
	Host string `json:"host,omitempty"`
	Text string `json:"text"`
	Fix  string `json:"fix,omitempty"`
}

// probeTime is how long a probe of a domain may take by default, longestProbe however much is asked for.
const (
	probeTime    = 2 * time.Minute
	longestProbe = 10 * time.Minute
)

func probeOperations() []Operation {
	return []Operation{
		op("probe.mx", func(ctx context.Context, m *Manager, in MXQuery, _ Progress) (out MXProbe, err error) {
			err = m.probe(func(p *Prober) error { out, err = p.MX(ctx, in); return err })
			return out, err
		}),
		op("probe.port25", func(ctx context.Context, m *Manager, in PortQuery, _ Progress) (out PortProbe, err error) {
			err = m.probe(func(p *Prober) error { out, err = p.Port25(ctx, in); return err })
			return out, err
		}),
	}
}

func (m *Manager) probe(f func(*Prober) error) error {
	if m.Probe == nil {
		return fault.New("B2103", "the servers of others can not be looked up").WithFix("barid config explain resolver")
	}
	p, done, err := m.Probe()
	if err != nil {
		return err
	}
	defer done()
	return f(p)
}

// MX asks every address of a domain's mail exchangers how it would take mail.
func (p *Prober) MX(ctx context.Context, in MXQuery) (MXProbe, error) {
	domain, err := addr.ParseDomain(strings.TrimSuffix(strings.TrimSpace(in.Domain), "."))
	if err != nil {
		return MXProbe{}, fault.New("B2101", "%q is no domain", in.Domain).WithFound("%v", err).WithExit(fault.ExitUsage).
			WithFix("barid probe mx example.org")
	}
	if in.Timeout <= 0 {
		in.Timeout = probeTime
	}
	ctx, cancel := context.WithTimeout(ctx, min(in.Timeout, longestProbe))
	defer cancel()
	begin := time.Now()
	found := p.Servers.Probe(ctx, domain)
	out := MXProbe{Domain: domain, Unicode: addr.UnicodeDomain(domain), Hosts: []MXHost{}, Problems: []Problem{}, Took: time.Since(begin).Seconds()}
	if found.Level > remote.Clear {
		out.TLSSeen, out.TLSLast = found.Level.String(), found.Last
	}
	if found.Trouble != nil {
		out.Problems = append(out.Problems, Problem{
			Code: "no-mail", Text: found.Trouble.String(), Fix: "dig MX " + domain + "    shows what the DNS says",
		})
	}
	for i := range found.Hosts {
		h := &found.Hosts[i]
		out.Hosts = append(out.Hosts, mxHost(h))
		out.Problems = append(out.Problems, problemsOf(h, found.Level)...)
	}
	return out, nil
}

func mxHost(h *remote.ProbedHost) MXHost {
	m := MXHost{
		Rank: h.Class, Host: h.Host, OK: h.Trouble == nil && !h.Self, Self: h.Self, Banner: h.Banner, Name: h.Name, TLS: h.TLS, STARTTLS: h.TLS != "",
		Doubt: h.Doubt, Extensions: h.Extensions,
	}
	if h.Addr.IsValid() {
		m.Address = h.Addr.String()
	}
	if h.Trouble != nil {
		m.Trouble, m.Stage = plainAnswer(h.Trouble), h.Trouble.Stage
	}
	if c := h.Cert; c != nil {
		m.Certificate = &Certificate{Names: c.DNSNames, Issuer: c.Issuer.String(), From: c.NotBefore.UTC(), Expires: c.NotAfter.UTC()}
		if len(c.DNSNames) == 0 && c.Subject.CommonName != "" {
			m.Certificate.Names = []string{c.Subject.CommonName}
		}
	}
	t := StepTook{
		DNS: h.Timing.DNS.Seconds(), Connect: h.Timing.Connect.Seconds(), TLS: h.Timing.TLS.Seconds(), Dialogue: h.Timing.Dialogue.Seconds(),
	}
	if t != (StepTook{}) {
		m.Took = &t
	}
	for _, x := range h.Dialogue {
		m.Dialogue = append(m.Dialogue, MXLine{Said: x.Said, Reply: x.Reply, TLS: x.TLS, Took: x.Took.Seconds()})
	}
	return m
}

// plainAnswer is an answer without the host, which stands beside it.
func plainAnswer(a *spool.Answer) string {
	b := *a
	b.Remote = ""
	return b.String()
}

// problemsOf tells what is wrong with a host; best is the level that mail for the domain had before.
func problemsOf(h *remote.ProbedHost, best remote.Level) []Problem {
	name := h.Host
	if h.Addr.IsValid() {
		name += " [" + h.Addr.Addr().String() + "]"
	}
	switch {
	case h.Self:
		return []Problem{{
			Code: "self", Host: name, Text: "it is this server: mail for the domain would loop, unless the domain is hosted here",
			Fix: "barid domain list    shows what is hosted here",
		}}
	case h.Trouble != nil:
		return []Problem{{Code: "unreachable", Host: name, Text: plainAnswer(h.Trouble), Fix: fixFor(h.Trouble)}}
	case h.TLS == "" && best > remote.Clear:
		return []Problem{{
			Code: "tls-lost", Host: name, Text: "it offers no TLS any more; mail for the domain waits rather than go in clear" + because(h.Doubt),
			Fix: "tell the postmaster of the domain; somebody on the way may be taking STARTTLS out",
		}}
	case h.TLS == "":
		return []Problem{{Code: "no-tls", Host: name, Text: "it offers no TLS: mail goes in clear" + because(h.Doubt)}}
	case h.Doubt != "":
		return []Problem{{
			Code: "certificate", Host: name, Text: "its certificate does not prove that it is " + h.Host + because(h.Doubt) + "; mail goes encrypted all the same",
		}}
	}
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// fixFor says what a person here can do about a host that would not take mail.
func fixFor(a *spool.Answer) string {
	switch {
	case a.Stage == spool.StageConnect:
		return "barid probe port25    tells whether the network here lets mail out"
	case a.Code >= 500:
		return "its answer is about this server: look the address up in the lists that it names, and write to its postmaster"
	}
	return ""
}

// Fault tells the problems as a fault with exit code 3; nil if there are none.
func (p *MXProbe) Fault() error {
	if len(p.Problems) == 0 {
		return nil
	}
	var good int
	for i := range p.Hosts {
		if p.Hosts[i].OK {
			good++
		}
	}
	f := fault.New("B2102", "%d of %d addresses of %s take mail, with %d problems", good, len(p.Hosts), p.Unicode, len(p.Problems))
	f.Means = "mail for the domain goes to the others, or with less protection than it could have"
	if good == 0 {
		f = fault.New("B2101", "nobody takes mail for %s", p.Unicode)
		f.Means = "mail for the domain waits in the queue until somebody does, or comes back"
	}
	var lines []string
	for _, x := range p.Problems {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s", x.Host, x.Text)))
		if x.Fix != "" && !contains(f.Fix, x.Fix) {
			f.WithFix("%s", x.Fix)
		}
	}
	return f.WithFound("%s", strings.Join(lines, "\n")).WithExit(fault.ExitProblems)
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

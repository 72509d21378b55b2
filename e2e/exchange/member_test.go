package exchange

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"barid/e2e/hostile/wire"
	"barid/e2e/island"
	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/rfc/addr"
)

// Local parts of the mailboxes at each domain. OpenSMTPD has no SMTPUTF8, and not the last one.
const (
	info  = "info"
	demo  = "demo"
	sales = "فروش"
)

// member is one of the five.
type member struct {
	name    string
	domain  string // A-labels
	shown   string // U-labels
	utf8    bool
	number  int
	aliases map[string][]string // local part -> canonical mailboxes

	barid *server.Server // or
	site  *peer.Site
	gate  *gate // open while it answers
}

func (m *member) boxes() []string {
	if m.utf8 {
		return []string{info, demo, sales}
	}
	return []string{info, demo}
}

// box is the canonical address of a mailbox.
func (m *member) box(local string) string { return canonical(local + "@" + m.domain) }

// connect opens a session in which a login (or a machine that may relay) sends.
func (m *member) connect(user string) (*wire.Conn, error) {
	from := fmt.Sprintf("127.0.9.%d", m.number)
	if m.barid != nil {
		return wire.Submission(m.barid.Addr["submission"], from, user+"@"+m.domain, server.Password, false)
	}
	return wire.SMTP(m.site.Listen(), from, false)
}

// mail gives what is in a mailbox.
func (m *member) mail(t *testing.T, user string) []string {
	t.Helper()
	if m.site != nil {
		return m.site.Mail(user)
	}
	out, err := maildrop(m.barid.Addr["pop3s"], user+"@"+m.domain)
	if err != nil {
		t.Fatalf("%s: reading %s: %v", m.name, user, err)
	}
	return out
}

// maildrop reads all of a mailbox by POP3.
func maildrop(address, user string) ([]string, error) {
	c, err := wire.LoginPOP3(address, "127.0.8.1", user, server.Password)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	line, _, err := c.Says("STAT")
	if err != nil {
		return nil, err
	}
	var n int
	if _, err := fmt.Sscanf(line, "+OK %d", &n); err != nil {
		return nil, fmt.Errorf("STAT: %q: %w", line, err)
	}
	out := make([]string, 0, n)
	for i := range n {
		if line, ok, err := c.Says(fmt.Sprintf("RETR %d", i+1)); err != nil || !ok {
			return nil, fmt.Errorf("RETR: %q: %w", line, err)
		}
		lines, err := c.Lines()
		if err != nil {
			return nil, err
		}
		out = append(out, strings.Join(lines, "\n")+"\n")
	}
	return out, nil
}

// queued counts what a member has not settled.
func (m *member) queued() int {
	if m.site != nil {
		return m.site.Queued()
	}
	return strings.Count(m.barid.Must("queue", "list", "--all", "--limit", "0", "--json"), "\n")
}

// push makes a member try again that does not do so within seconds by itself.
func (m *member) push() {
	if m.site != nil {
		m.site.Push()
	}
}

// last tells what a member knows of a message.
func (m *member) last(id string) string {
	if m.barid != nil {
		out, _, _ := m.barid.Run("trace", "msg", "<"+id+"@"+host+">") // it may know nothing
		return out
	}
	var out strings.Builder
	for l := range strings.Lines(m.site.Log()) {
		if strings.Contains(l, id) {
			out.WriteString(l)
		}
	}
	return out.String()
}

// log is the end of what the member's program wrote.
func (m *member) log() string {
	if m.barid != nil {
		return m.barid.Log()
	}
	return m.site.Log()
}

// startBarid starts a Barid that is all of a domain.
func startBarid(t *testing.T, name, shown string, number int, further map[string][]string) *member {
	t.Helper()
	at := address(number)
	domain, err := addr.ParseDomain(shown)
	if err != nil {
		t.Fatal(err)
	}
	s := server.Prepare(t, server.Options{
		Empty: true, Hostname: "mx." + domain, Resolver: island.Resolver,
		Listen: []string{"submission", "pop3s", "admin"},
		Settings: fmt.Sprintf("[log]\nlevel = \"warn\"\n[outbound]\nallow_private = true\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\nexpire = \"15m\"\n"+
			"[limits]\nconnections_per_network = 1000\nsession_messages = 1000\n[[listener]]\nprotocol = \"smtp\"\naddress = \"%s:%d\"\n", at, peer.SitePort),
	})
	m := &member{name: name, domain: domain, shown: shown, utf8: true, number: number, aliases: map[string][]string{}, barid: s, gate: newGate()}
	s.Must("domain", "add", domain)
	for _, b := range m.boxes() {
		s.Must("account", "add", b+"@"+domain)
	}
	for alias, to := range further {
		s.Must(append([]string{"alias", "add", alias + "@" + domain}, to...)...)
		m.aliases[alias] = to
	}
	s.Boot()
	m.gate.open()
	return m
}

func startSite(t *testing.T, start func(testing.TB, peer.SiteOptions) *peer.Site, name string, number int) *member {
	t.Helper()
	users := []string{info, demo, sales}
	if name == "opensmtpd" {
		users = users[:2]
	}
	m := &member{name: name, domain: name + ".example", shown: name + ".example", number: number, gate: newGate()}
	m.site = start(t, peer.SiteOptions{Domain: m.domain, Addr: address(number), Users: users})
	m.utf8 = m.site.UTF8
	m.gate.open()
	return m
}

func address(number int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 1, byte(number)}) }

// zone is what the world knows of a member.
func (m *member) zone() string {
	return fmt.Sprintf("$ORIGIN %s.\n$TTL 0\n@ MX 10 mx\nmx A %s\n", m.domain, address(m.number))
}

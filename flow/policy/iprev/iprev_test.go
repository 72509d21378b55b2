package iprev

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"barid/base/dns"
	"barid/flow/policy"
	"barid/mail"
)

// zone is a fake DNS.
type zone struct {
	names map[string][]string
	addrs map[string][]string
	fail  map[string]bool
}

var errDown = errors.New("resolver down")

func (z zone) PTR(_ context.Context, a netip.Addr) ([]string, error) {
	if z.fail[a.String()] {
		return nil, errDown
	}
	if n := z.names[a.String()]; n != nil {
		return n, nil
	}
	return nil, &dns.Error{Kind: dns.NXDomain}
}

func (z zone) Addrs(_ context.Context, name string) ([]netip.Addr, error) {
	if z.fail[name] {
		return nil, errDown
	}
	if z.addrs[name] == nil {
		return nil, &dns.Error{Kind: dns.NXDomain}
	}
	var as []netip.Addr
	for _, a := range z.addrs[name] {
		as = append(as, netip.MustParseAddr(a))
	}
	return as, nil
}

func TestIPRev(t *testing.T) {
	many := make([]string, MaxNames, MaxNames+1)
	for i := range many {
		many[i] = "other.example.test"
	}
	z := zone{
		names: map[string][]string{
			"192.0.2.1":    {"mail.example.test."},
			"192.0.2.2":    {"liar.example.test"},
			"192.0.2.3":    {"gone.example.test"},
			"192.0.2.5":    {"down.example.test", "mail5.example.test"},
			"192.0.2.6":    {"down.example.test"},
			"192.0.2.7":    append(many, "mail7.example.test"),
			"2001:db8::25": {"six.example.test"},
			"127.0.0.1":    {"localhost"},
		},
		addrs: map[string][]string{
			"mail.example.test.": {"192.0.2.9", "192.0.2.1"},
			"liar.example.test":  {"198.51.100.1"},
			"other.example.test": {"198.51.100.1"},
			"mail5.example.test": {"192.0.2.5"},
			"mail7.example.test": {"192.0.2.7"},
			"six.example.test":   {"2001:db8::25"},
			"localhost":          {"127.0.0.1"},
		},
		fail: map[string]bool{"192.0.2.4": true, "down.example.test": true},
	}
	for _, c := range []struct {
		name, ip string
		role     mail.Role
		want     policy.Result // "" nothing said
		note     string
	}{
		{"forward-confirmed", "192.0.2.1", mail.RoleMX, policy.Pass, "mail.example.test"},
		{"IPv4 seen as IPv6", "::ffff:192.0.2.1", mail.RoleMX, policy.Pass, "mail.example.test"},
		{"IPv6", "2001:db8::25", mail.RoleMX, policy.Pass, "six.example.test"},
		{"the name leads elsewhere", "192.0.2.2", mail.RoleMX, policy.Fail, ""},
		{"the name has no address", "192.0.2.3", mail.RoleMX, policy.Fail, ""},
		{"no name: permerror, RFC 8601 §2.7.3", "192.0.2.99", mail.RoleMX, policy.PermError, ""},
		{"no answer about the address", "192.0.2.4", mail.RoleMX, policy.TempError, ""},
		{"no answer about one name, another confirms", "192.0.2.5", mail.RoleMX, policy.Pass, "mail5.example.test"},
		{"no answer about the only name", "192.0.2.6", mail.RoleMX, policy.TempError, ""},
		{"a confirming name past the limit", "192.0.2.7", mail.RoleMX, policy.Fail, ""},
		{"the machine itself", "127.0.0.1", mail.RoleMX, "", ""},
		{"submission", "192.0.2.1", mail.RoleSubmission, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := &mail.Client{Role: c.role, Remote: netip.AddrPortFrom(netip.MustParseAddr(c.ip), 1)}
			found, err := New(z, Options{}).Run(t.Context(), &policy.Tx{Client: client})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if found != nil {
					t.Fatalf("found %+v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Result != c.want || found[0].Note != c.note || len(found[0].Props) != 1 {
				t.Fatalf("found %+v", found)
			}
		})
	}
	loop := &mail.Client{Remote: netip.MustParseAddrPort("127.0.0.1:1")}
	if found, _ := New(z, Options{Loopback: true}).Run(t.Context(), &policy.Tx{Client: loop}); len(found) != 1 {
		t.Error("loopback is looked at when asked for")
	}
}

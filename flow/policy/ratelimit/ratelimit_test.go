package ratelimit

import (
	"net/netip"
	"testing"
	"time"

	"barid/base/rate"
	"barid/flow/policy"
	"barid/mail"
)

// two gives a limiter that lets two through for each key, and one more each minute.
func two() *rate.Limiter[string] {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return rate.New[string](rate.Limit{Events: 1, Per: time.Minute, Burst: 2}, 1000, func() time.Time { return now })
}

func TestLimits(t *testing.T) {
	cs := Checks(Limits{two()})
	client := func(role mail.Role, ip string, login mail.AccountID) *policy.Tx {
		return &policy.Tx{Client: &mail.Client{Role: role, Login: login, Remote: netip.AddrPortFrom(netip.MustParseAddr(ip), 25)}}
	}
	for i, c := range []struct {
		check  int
		tx     *policy.Tx
		reason string
	}{
		{0, client(mail.RoleMX, "192.0.2.1", 0), ""},
		{0, client(mail.RoleMX, "192.0.2.200", 0), ""},
		{0, client(mail.RoleMX, "::ffff:192.0.2.3", 0), "rate-network"}, // the same /24
		{0, client(mail.RoleMX, "192.0.3.1", 0), ""},
		{0, client(mail.RoleMX, "2001:db8::1", 0), ""},
		{0, client(mail.RoleMX, "2001:db8::2", 0), ""},
		{0, client(mail.RoleMX, "2001:db8::ffff:1", 0), "rate-network"}, // the same /64
		{0, client(mail.RoleLMTP, "192.0.2.1", 0), ""},                  // trusted
		{0, client(mail.RoleSubmission, "192.0.2.1", 7), ""},            // flow/policy/allowance counts logins
	} {
		found, err := cs[c.check].Run(t.Context(), c.tx)
		switch {
		case err != nil:
			t.Fatal(err)
		case c.reason == "" && found != nil, c.reason != "" && (len(found) != 1 || found[0].Reason != c.reason || found[0].Retry != time.Minute):
			t.Errorf("row %d: found %+v, want %q", i, found, c.reason)
		}
	}
}

func TestChecksWithoutLimits(t *testing.T) {
	if cs := Checks(Limits{}); len(cs) != 0 {
		t.Errorf("%d checks", len(cs))
	}
}

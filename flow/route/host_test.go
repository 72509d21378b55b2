package route

import (
	"context"
	"slices"
	"testing"

	"barid/mail"
	"barid/mail/account"
	"barid/rfc/addr"
)

// village is a directory of village.test with root@ (3) and a catch-all (9); its postmaster is 1. The bare
// postmaster is 2.
type village struct{}

func (village) Resolve(_ context.Context, a addr.Mailbox) (account.Target, error) {
	switch {
	case a == addr.Mailbox{Local: "postmaster"}:
		return account.Target{Kind: account.ToAccount, Via: account.ByPostmaster, Accounts: []mail.AccountID{2}}, nil
	case a.Domain != "village.test":
		return account.Target{Kind: account.NotHosted}, nil
	case a.Local == "root":
		return account.Target{Kind: account.ToAccount, Accounts: []mail.AccountID{3}}, nil
	case a.Local == "postmaster":
		return account.Target{Kind: account.ToAccount, Via: account.ByPostmaster, Accounts: []mail.AccountID{1}}, nil
	}
	return account.Target{Kind: account.ToAccount, Via: account.ByCatchAll, Accounts: []mail.AccountID{9}}, nil
}

func local() *mail.Client { return &mail.Client{Role: mail.RoleLocal} }

func TestUsersOfThisMachine(t *testing.T) {
	r := New(village{}, true).AtHost("mx.village.test")
	for _, c := range []struct {
		name string
		c    *mail.Client
		host string
		to   string
		want []mail.AccountID // nil: carried on or refused
		code string
	}{
		{"somebody has the name in the domain above", local(), "mx.village.test", "<root@mx.village.test>", []mail.AccountID{3}, ""},
		{"nobody has: the postmaster, not the catch-all", local(), "mx.village.test", "<www-data@mx.village.test>", []mail.AccountID{1}, ""},
		{"two levels above", local(), "a.mx.village.test", "<root@a.mx.village.test>", []mail.AccountID{3}, ""},
		{"no domain of ours is above", local(), "host.test", "<root@host.test>", []mail.AccountID{2}, ""},
		{"a name without dots", local(), "localhost", "<root@localhost>", []mail.AccountID{2}, ""},
		{"the domain itself is as ever", local(), "mx.village.test", "<x@village.test>", []mail.AccountID{9}, ""},
		{"others are elsewhere", local(), "mx.village.test", "<root@mx2.village.test>", nil, ""},
		{"who logs in answers what cron wrote", login(), "mx.village.test", "<root@mx.village.test>", []mail.AccountID{3}, ""},
		{"who logs in answers a report", login(), "mx.village.test", "<Postmaster@mx.village.test>", []mail.AccountID{1}, ""},
		{"everybody writes to the postmaster", stranger(), "mx.village.test", "<postmaster@MX.village.test>", []mail.AccountID{1}, ""},
		{"also where no domain of ours is above", stranger(), "host.test", "<postmaster@host.test>", []mail.AccountID{2}, ""},
		{"not to that of another host", stranger(), "mx.village.test", "<postmaster@mx2.village.test>", nil, "550 5.7.1"},
		{"strangers do not reach users of the machine", stranger(), "mx.village.test", "<root@mx.village.test>", nil, "550 5.7.1"},
	} {
		r.AtHost(c.host)
		got, err := r.Route(t.Context(), c.c, path(t, c.to))
		if got := code(err); got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
		if c.want != nil && !slices.Equal(got.Accounts, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.Accounts, c.want)
		}
	}
}

// TestThisMachineSendsToEverywhere: no login is needed, but outbound mail can be off.
func TestThisMachineSendsToEverywhere(t *testing.T) {
	got, err := New(village{}, true).Route(t.Context(), local(), path(t, "<a@other.test>"))
	if err != nil || len(got.Remote) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := New(village{}, false).Route(t.Context(), local(), path(t, "<a@other.test>")); code(err) != "550 5.7.1" {
		t.Error(err)
	}
}

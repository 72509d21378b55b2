package route

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"barid/mail"
	"barid/mail/account"
	"barid/rfc/addr"
	"barid/rfc/status"
)

// town is a directory of one hosted domain: info@ and 50%off@ have mailboxes, team@ is an alias of two,
// out@ of a foreign address, empty@ of nobody. With catchAll everything else leads to account 9.
type town struct{ catchAll bool }

func (d town) Resolve(_ context.Context, a addr.Mailbox) (account.Target, error) {
	local := strings.ToLower(a.Local)
	if local == "postmaster" && (a.Domain == "" || a.Domain == "ours.test") {
		return account.Target{Kind: account.ToAccount, Via: account.ByPostmaster, Accounts: []mail.AccountID{1}}, nil
	}
	if a.Domain != "ours.test" {
		return account.Target{Kind: account.NotHosted}, nil
	}
	switch local {
	case "info", "50%off":
		return account.Target{Kind: account.ToAccount, Accounts: []mail.AccountID{1}}, nil
	case "info+lists":
		return account.Target{Kind: account.ToAccount, Accounts: []mail.AccountID{1}, Detail: "lists"}, nil
	case "team":
		return account.Target{Kind: account.ToAlias, Accounts: []mail.AccountID{1, 2}}, nil
	case "out":
		return account.Target{Kind: account.ToAlias, Accounts: []mail.AccountID{1}, Forward: []addr.Mailbox{{Local: "a", Domain: "other.test"}}}, nil
	case "empty":
		return account.Target{Kind: account.ToAlias}, nil
	case "down":
		return account.Target{}, errors.New("directory down")
	}
	if d.catchAll {
		return account.Target{Kind: account.ToAccount, Via: account.ByCatchAll, Accounts: []mail.AccountID{9}}, nil
	}
	return account.Target{Kind: account.Unknown}, nil
}

func stranger() *mail.Client {
	return &mail.Client{Role: mail.RoleMX, Local: netip.MustParseAddrPort("192.0.2.25:25")}
}

func login() *mail.Client { return &mail.Client{Role: mail.RoleSubmission, Login: 1} }

func lmtp() *mail.Client { return &mail.Client{Role: mail.RoleLMTP} }

func path(t *testing.T, s string) addr.Path {
	t.Helper()
	p, rest, err := addr.ParsePath(s, addr.Options{UTF8: true, Postmaster: true})
	if err != nil || rest != "" {
		t.Fatalf("%q: %v, rest %q", s, err, rest)
	}
	return p
}

func TestRoute(t *testing.T) {
	r := New(town{}, false)
	for _, c := range []struct {
		name string
		c    *mail.Client
		to   string
		want []mail.AccountID
		code string // "" taken
	}{
		{"account", stranger(), "<info@ours.test>", []mail.AccountID{1}, ""},
		{"any case", stranger(), "<INFO@OURS.TEST>", []mail.AccountID{1}, ""},
		{"sub-address", stranger(), "<info+lists@ours.test>", []mail.AccountID{1}, ""},
		{"alias", stranger(), "<team@ours.test>", []mail.AccountID{1, 2}, ""},
		{"exact name with a routing character", stranger(), "<50%off@ours.test>", []mail.AccountID{1}, ""},
		{"unknown, RFC 5321 §3.3", stranger(), "<nobody@ours.test>", nil, "550 5.1.1"},
		{"unknown from a login", login(), "<nobody@ours.test>", nil, "550 5.1.1"},
		{"alias of nobody", stranger(), "<empty@ours.test>", nil, "550 5.1.1"},
		{"not ours", stranger(), "<a@other.test>", nil, "550 5.7.1"},
		{"not ours, LMTP", lmtp(), "<a@other.test>", nil, "550 5.7.1"},
		{"not ours, from a login", login(), "<a@other.test>", nil, "550 5.7.1"},
		{"alias that leads out", stranger(), "<out@ours.test>", nil, "550 5.7.1"},
		{"postmaster, RFC 5321 §4.5.1", stranger(), "<postmaster@ours.test>", []mail.AccountID{1}, ""},
		{"bare postmaster, any case", stranger(), "<PostMaster>", []mail.AccountID{1}, ""},
		{"postmaster at the address connected to", stranger(), "<Postmaster@[192.0.2.25]>", []mail.AccountID{1}, ""},
		{"postmaster at another address", stranger(), "<postmaster@[192.0.2.26]>", nil, "550 5.7.1"},
		{"somebody at our address", stranger(), "<info@[192.0.2.25]>", nil, "550 5.7.1"},
		{"postmaster elsewhere", stranger(), "<postmaster@other.test>", nil, "550 5.7.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := r.Route(t.Context(), c.c, path(t, c.to))
			if c.code == "" {
				if err != nil || !slices.Equal(got.Accounts, c.want) {
					t.Fatalf("got %v, %v", got, err)
				}
				return
			}
			if code(err) != c.code {
				t.Fatalf("got %v, %v, want %s", got, err, c.code)
			}
		})
	}
	if got, _ := r.Route(t.Context(), stranger(), path(t, "<info+lists@ours.test>")); got.Detail != "lists" {
		t.Errorf("detail %q", got.Detail)
	}
	if _, err := r.Route(t.Context(), stranger(), path(t, "<down@ours.test>")); err == nil || code(err) != "" {
		t.Errorf("a directory that fails must be a plain error, not %v", err)
	}
	if _, err := r.Route(t.Context(), stranger(), addr.Path{Null: true}); code(err) != "501 5.1.3" {
		t.Errorf("null recipient: %v", err)
	}
}

// code gives "550 5.1.1", or "" for an error without a status.
func code(err error) string {
	e, ok := status.Of(err)
	if !ok {
		return ""
	}
	return string([]byte{'0' + byte(e.Code()/100), '0' + byte(e.Code()/10%10), '0' + byte(e.Code()%10), ' '}) + e.Enhanced()
}

// TestNobodyRelays walks the forms in which servers were asked to relay. With or without a catch-all, none
// is taken from a stranger, and none leads to a foreign address.
func TestNobodyRelays(t *testing.T) {
	forms := []string{
		"<a@other.test>", "<A@OTHER.TEST>", "<a@sub.other.test>", "<a@ours.test.other.test>", "<a@notours.test>",
		"<a@oursXtest.test>", "<a@[198.51.100.1]>", "<a@[127.0.0.1]>", "<a@[IPv6:::1]>", "<a@[IPv6:2001:db8::1]>",
		"<a@[192.0.2.25]>", "<a@localhost>", "<a@localhost.localdomain>",
		"<a%other.test@ours.test>", "<a%other.test%third.test@ours.test>", "<a%25other.test@ours.test>",
		"<other.test!a@ours.test>", "<third.test!other.test!a@ours.test>", "<a%other.test@[192.0.2.25]>",
		`<"a@other.test"@ours.test>`, `<"a%other.test"@ours.test>`, `<"other.test!a"@ours.test>`,
		`<"a\@other.test"@ours.test>`, `<"a@other.test@ours.test"@ours.test>`, `<"<a@other.test>"@ours.test>`,
		`<"a@[198.51.100.1]"@ours.test>`, `<"a@other.test"@[192.0.2.25]>`, `<"a@other.test"@localhost>`,
		"<@ours.test:a@other.test>", "<@ours.test,@third.test:a@other.test>", "<@[192.0.2.25]:a@other.test>",
		"<@localhost:a@other.test>", "<@other.test:a%other.test@ours.test>", "<@ours.test:other.test!a@ours.test>",
		"<@ours.test:a%third.test@other.test>", `<@ours.test:"a@other.test"@ours.test>`,
		"<a%other.test@localhost>", "<other.test!a@localhost>", "<a@xn--other-9za.test>", "<postmaster@other.test>",
		"<postmaster%other.test@ours.test>",
	}
	if len(forms) < 41 {
		t.Fatalf("%d forms", len(forms))
	}
	for _, kind := range []struct{ catchAll, outbound bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		r := New(town{catchAll: kind.catchAll}, kind.outbound)
		for _, f := range forms {
			for _, c := range []*mail.Client{stranger(), lmtp()} {
				p, _, err := addr.ParsePath(f, addr.Options{UTF8: true, Postmaster: true})
				if err != nil {
					continue // 501 at the front end
				}
				got, err := r.Route(t.Context(), c, p)
				if e, ok := status.Of(err); !ok || e.Class != status.Permanent {
					t.Errorf("%s from %s, %+v: %v, %v", f, c.Role, kind, got, err)
				}
			}
		}
	}
}

// TestOutbound: with outbound mail a login reaches other domains, a stranger only through an alias of ours.
func TestOutbound(t *testing.T) {
	r := New(town{}, true)
	for _, c := range []struct {
		name     string
		c        *mail.Client
		to       string
		accounts int
		remote   string
		code     string
	}{
		{"login to elsewhere", login(), "<a@other.test>", 0, "a@other.test", ""},
		{"stranger to elsewhere", stranger(), "<a@other.test>", 0, "", "5.7.1"},
		{"LMTP to elsewhere", lmtp(), "<a@other.test>", 0, "", "5.7.1"},
		{"alias with a member elsewhere", stranger(), "<out@ours.test>", 1, "a@other.test", ""},
		{"percent hack", stranger(), "<a%other.test@ours.test>", 0, "", "5.7.1"},
		{"local stays local", login(), "<info@ours.test>", 1, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := r.Route(t.Context(), c.c, path(t, c.to))
			if c.code != "" {
				if e, ok := status.Of(err); !ok || e.Enhanced() != c.code {
					t.Fatalf("%+v %v, want %s", got, err, c.code)
				}
				return
			}
			remote := ""
			if len(got.Remote) == 1 {
				remote = got.Remote[0].String()
			}
			if err != nil || len(got.Accounts) != c.accounts || remote != c.remote {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

// returns are the reverse-paths that were given out: bounces+2@ to account 2. bounces+old@ only looks like one.
type returns struct{}

func (returns) Owner(_ context.Context, m addr.Mailbox) (mail.AccountID, bool, error) {
	switch m.Local {
	case "bounces+2":
		return 2, true, nil
	case "bounces+down":
		return 0, true, errors.New("keys can not be read")
	}
	return 0, strings.HasPrefix(m.Local, "bounces+"), nil
}

// TestBouncesComeBack routes reverse-paths that were given out, with and without a catch-all.
func TestBouncesComeBack(t *testing.T) {
	for _, catchAll := range []bool{false, true} {
		r := New(town{catchAll}, true).With(returns{})
		got, err := r.Route(t.Context(), stranger(), path(t, "<bounces+2@ours.test>"))
		if err != nil || !got.Bounce || !slices.Equal(got.Accounts, []mail.AccountID{2}) || len(got.Remote) > 0 {
			t.Errorf("%+v %v", got, err)
		}
		if _, err := r.Route(t.Context(), stranger(), path(t, "<bounces+old@ours.test>")); err == nil || !strings.Contains(err.Error(), "no such mailbox") {
			t.Errorf("one that was not given out: %v", err)
		}
		_, err = r.Route(t.Context(), stranger(), path(t, "<bounces+down@ours.test>"))
		if se, ok := status.Of(err); err == nil || ok {
			t.Errorf("without keys: %v", se)
		}
		if got, err := r.Route(t.Context(), stranger(), path(t, "<info@ours.test>")); err != nil || got.Bounce {
			t.Errorf("%+v %v", got, err)
		}
	}
}

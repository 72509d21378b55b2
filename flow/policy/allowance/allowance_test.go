package allowance

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"barid/flow/policy"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/allowance"
	"barid/rfc/addr"
	"barid/store/memory"
)

// granted gives the same limits to the account and, to an application password, its own. Login 7 was removed, and
// login 8 can not be asked about.
type granted struct{ app, account, domain, local allowance.Limits }

func (g granted) LocalGrant(_ context.Context, user string) (allowance.Grant, error) {
	return allowance.Grant{Sender: allowance.Sender{Scope: allowance.Local, User: user}, Name: user, Limits: g.local}, nil
}

func (g granted) Grants(_ context.Context, id mail.AccountID, app mail.ApplicationID) ([]allowance.Grant, error) {
	switch id {
	case 7:
		return nil, account.ErrUnknown{Kind: "account", Name: "7"}
	case 8:
		return nil, errors.New("directory down")
	}
	var gs []allowance.Grant
	if app != 0 {
		gs = append(gs, allowance.Grant{
			Sender: allowance.Sender{Scope: allowance.Application, Account: id, Application: app}, Name: "فروشگاه", Limits: g.app,
		})
	}
	return append(gs,
		allowance.Grant{Sender: allowance.Sender{Scope: allowance.Account, Account: id}, Name: "info@barid.test", Limits: g.account},
		allowance.Grant{Sender: allowance.Sender{Scope: allowance.Domain, Domain: "barid.test"}, Name: "barid.test", Limits: g.domain}), nil
}

// session plays transactions through the runner, as flow/intake does.
type session struct {
	t      *testing.T
	runner *policy.Runner
	client mail.Client
	size   int64 // announced at MAIL
}

func newSession(t *testing.T, g granted) *session {
	t.Helper()
	b := allowance.Open(memory.New(), allowance.Options{})
	t.Cleanup(func() { _ = b.Close() })
	chain := policy.Order(policy.Links{Allowance: Checks(g, b, nil)})
	return &session{t: t, runner: policy.NewRunner(chain, policy.DefaultSettings(), nil), client: mail.Client{Login: 1}}
}

// send gives the first refusal of a transaction, "" if the message was taken.
func (s *session) send(size int64, to ...string) string {
	s.t.Helper()
	var held policy.Held
	defer held.End(policy.Outcome{})
	run := func(tx policy.Tx) error {
		tx.Client, tx.Held = &s.client, &held
		_, d := s.runner.Run(s.t.Context(), &tx)
		return d.Refusal()
	}
	if err := run(policy.Tx{Stage: policy.Mail, Size: s.size}); err != nil {
		return err.Error()
	}
	var taken []addr.Mailbox
	for _, a := range to {
		m, err := addr.ParseMailbox(a, true)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := run(policy.Tx{Stage: policy.Rcpt, To: addr.Path{Mailbox: m}, Rcpts: len(taken)}); err != nil {
			return err.Error()
		}
		taken = append(taken, m)
	}
	if err := run(policy.Tx{Stage: policy.Data, Size: size}); err != nil {
		return err.Error()
	}
	held.End(policy.Outcome{Accepted: true, Rcpts: taken, Size: size})
	return ""
}

func TestRefusalsSayWhoseLimitAndUntilWhen(t *testing.T) {
	for _, c := range []struct {
		name  string
		g     granted
		app   mail.ApplicationID
		size  int64 // announced
		sends int   // that pass
		bytes int64
		to    []string
		want  string
	}{
		{
			"messages",
			granted{account: allowance.Limits{Messages: 2}},
			0, 0, 2, 10,
			[]string{"a@x.test"},
			"4.7.1 too many messages (account: 2 an hour), try again after 01:05 UTC",
		},
		{
			"messages of a domain",
			granted{domain: allowance.Limits{Messages: 2}},
			0, 0, 2, 10,
			[]string{"a@x.test"},
			"4.7.1 too many messages (domain barid.test: 2 an hour), try again after 01:05 UTC",
		},
		{
			"messages of an application whose name is not ASCII",
			granted{app: allowance.Limits{Messages: 1}},
			3, 0, 1, 10,
			[]string{"a@x.test"},
			"4.7.1 too many messages (application password: 1 an hour), try again after 01:05 UTC",
		},
		{
			"bytes found",
			granted{account: allowance.Limits{Bytes: 100}},
			0, 0, 2, 49,
			[]string{"a@x.test"},
			"4.7.1 too much mail (account: 100 octets a day), try again after 2000-01-02 01:00 UTC",
		},
		{
			"bytes announced",
			granted{account: allowance.Limits{Bytes: 100}},
			0, 50, 2, 50,
			[]string{"a@x.test"},
			"4.7.1 too much mail (account: 100 octets a day), try again after 2000-01-02 01:00 UTC",
		},
		{
			"too big for a whole day",
			granted{account: allowance.Limits{Bytes: 100}},
			0, 0, 0, 101,
			[]string{"a@x.test"},
			"5.3.4 message is bigger than what may be sent in a whole day (account: 100 octets a day)",
		},
		{
			"announced too big for a whole day",
			granted{account: allowance.Limits{Bytes: 100}},
			0, 101, 0, 1,
			[]string{"a@x.test"},
			"5.3.4 message is bigger than what may be sent in a whole day (account: 100 octets a day)",
		},
		{
			"recipients",
			granted{account: allowance.Limits{Recipients: 1}},
			0, 0, 0, 1,
			[]string{"a@x.test", "b@x.test"},
			"4.5.3 too many recipients, send the rest in another message (account: 1 in one message)",
		},
		{
			"new recipients",
			granted{account: allowance.Limits{NewRecipients: 1}},
			0, 0, 1, 1,
			[]string{"a@x.test", "b@x.test"},
			"4.7.1 too many recipients not written to before (account: 1 a day), try again after 2000-01-02 01:00 UTC",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSession(t, c.g)
				s.client.Application, s.size = c.app, c.size
				for range c.sends {
					if got := s.send(c.bytes, c.to[0]); got != "" {
						t.Fatalf("refused: %s", got)
					}
				}
				if got := s.send(c.bytes, c.to...); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// TestUsersOfThisMachineAreLimited: each for himself, without a login.
func TestUsersOfThisMachineAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granted{account: allowance.Limits{Messages: 1}, local: allowance.Limits{Messages: 2}})
		s.client = mail.Client{Role: mail.RoleLocal, User: "www-data"}
		for range 2 {
			if got := s.send(10, "a@x.test"); got != "" {
				t.Fatal(got)
			}
		}
		if got := s.send(10, "a@x.test"); !strings.Contains(got, "4.7.1 too many messages (user www-data of this machine: 2 an hour), try again after") {
			t.Error(got)
		}
		s.client.User = "backup"
		if got := s.send(10, "a@x.test"); got != "" {
			t.Errorf("another user: %s", got)
		}
	})
}

func TestWhoIsNotLimited(t *testing.T) {
	s := newSession(t, granted{account: allowance.Limits{Messages: 1, Recipients: 1}})
	s.client = mail.Client{Role: mail.RoleMX}
	for range 3 {
		if got := s.send(10, "a@x.test", "b@x.test"); got != "" {
			t.Errorf("a stranger's mail for us is refused: %s", got)
		}
	}
}

func TestALoginThatIsGone(t *testing.T) {
	for id, want := range map[mail.AccountID]string{
		7: "5.7.0 this login is not valid any more: no account \"7\"",
		8: "4.3.0 sending limits can not be checked now, try again later: directory down",
	} {
		s := newSession(t, granted{})
		s.client.Login = id
		if got := s.send(1, "a@x.test"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestARefusedMessageLeavesNoTrace is refused at each stage and then has all its places still.
func TestARefusedMessageLeavesNoTrace(t *testing.T) {
	s := newSession(t, granted{account: allowance.Limits{Messages: 1, Recipients: 1, NewRecipients: 1, Bytes: 100}})
	for _, refused := range []struct {
		size int64
		to   []string
	}{{10, []string{"a@x.test", "b@x.test"}}, {101, []string{"c@x.test"}}} {
		if got := s.send(refused.size, refused.to...); got == "" {
			t.Fatalf("%+v was taken", refused)
		}
	}
	if got := s.send(100, "d@x.test"); got != "" {
		t.Errorf("refused: %s", got)
	}
}

func TestTheTimeIsNeverInThePast(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := found(&allowance.Exceeded{What: allowance.Messages, Until: now.Add(-time.Second)}, now)
	if f[0].Retry <= 0 {
		t.Errorf("%+v", f)
	}
}

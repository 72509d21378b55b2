package policy

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"barid/mail"
)

func TestDecide(t *testing.T) {
	s := DefaultSettings()
	full := Finding{Check: "quota", Result: Fail, Reason: "quota-full"}
	foreign := Finding{Check: "sender", Result: Fail, Reason: "sender-envelope"}
	slow := Finding{Check: "ratelimit", Result: Fail, Reason: "rate-network", Retry: 1500 * time.Millisecond}
	for _, c := range []struct {
		name     string
		stage    Stage
		findings []Finding
		want     Disposition
		code     int
		enhanced string
		public   string
		explain  []string
	}{
		{"nothing found", Mail, nil, Accept, 0, "", "", nil},
		{"a result without a rule is only noted", Connect, []Finding{{Check: "iprev", Result: Fail}}, Accept, 0, "", "", nil},
		{"a check that only informs does not defer when it fails", Connect, []Finding{{Check: "iprev", Result: TempError}}, Accept, 0, "", "", nil},
		{"full mailbox, RFC 3463 §3.3", Rcpt, []Finding{full}, Defer, 452, "4.2.2", "mailbox full", []string{"policy.quota.quota-full"}},
		{"foreign envelope sender", Mail, []Finding{foreign}, Reject, 553, "5.7.1", "", []string{"policy.sender.sender-envelope"}},
		{"foreign author", Data, []Finding{{Check: "sender", Result: Fail, Reason: "sender-header"}}, Reject, 550, "5.7.1", "", []string{"policy.sender.sender-header"}},
		{"rights that can not be checked are not assumed", Mail, []Finding{{Check: "sender", Result: TempError, Reason: "check-failed"}}, Defer, 451, "4.3.0", "", []string{"policy.sender.check-failed"}},
		{"honest waiting time, rounded up", Mail, []Finding{slow}, Defer, 451, "4.7.1", "too many messages from your network, try again later (in 2 seconds)", []string{"policy.ratelimit.rate-network"}},
		{"the worst wins", Mail, []Finding{full, foreign, slow}, Reject, 553, "5.7.1", "", []string{"policy.sender.sender-envelope", "policy.quota.quota-full", "policy.ratelimit.rate-network"}},
		{"among equals the first of the chain", Rcpt, []Finding{slow, full}, Defer, 451, "4.7.1", "", []string{"policy.ratelimit.rate-network", "policy.quota.quota-full"}},
		{"before the banner: 554, RFC 5321 §3.1", Connect, []Finding{foreign}, Reject, 554, "5.7.1", "", []string{"policy.sender.sender-envelope"}},
		{"before the banner: 421, RFC 5321 §3.8", Connect, []Finding{slow}, Defer, 421, "4.7.1", "", []string{"policy.ratelimit.rate-network"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Decide(&Tx{Stage: c.stage}, c.findings, &s)
			if d.Disposition != c.want || !slices.Equal(d.Explain, c.explain) {
				t.Fatalf("got %v %v, want %v %v", d.Disposition, d.Explain, c.want, c.explain)
			}
			if c.want == Accept {
				if d.Refusal() != nil {
					t.Fatalf("accepted with %v", d.Refusal())
				}
				return
			}
			if d.Status.Code() != c.code || d.Status.Enhanced() != c.enhanced || d.Status.Reason == "" {
				t.Fatalf("got %d %v", d.Status.Code(), d.Status)
			}
			if c.public != "" && d.Status.Public != c.public {
				t.Fatalf("got %q, want %q", d.Status.Public, c.public)
			}
		})
	}
}

// fake is a check whose answer is a function.
type fake struct {
	name  string
	quick bool
	run   func(ctx context.Context, tx *Tx) ([]Finding, error)
}

func (f fake) Name() string                                       { return f.name }
func (fake) Stage() Stage                                         { return Mail }
func (f fake) Quick() bool                                        { return f.quick }
func (f fake) Run(ctx context.Context, tx *Tx) ([]Finding, error) { return f.run(ctx, tx) }

func says(r Result) func(context.Context, *Tx) ([]Finding, error) {
	return func(context.Context, *Tx) ([]Finding, error) { return []Finding{{Result: r}}, nil }
}

func facts() *Tx { return &Tx{Stage: Mail, Client: &mail.Client{}} }

func TestAFailingCheckIsAFinding(t *testing.T) {
	boom := errors.New("boom")
	for _, quick := range []bool{true, false} {
		r := NewRunner([]Check{
			fake{"first", quick, says(Pass)},
			fake{"broken", quick, func(context.Context, *Tx) ([]Finding, error) { return nil, boom }},
			fake{"panics", quick, func(context.Context, *Tx) ([]Finding, error) { panic("no") }},
			fake{"last", quick, says(Fail)},
		}, Settings{}, nil)
		found, d := r.Run(t.Context(), facts())
		var got []string
		for _, f := range found {
			got = append(got, f.Check+"="+string(f.Result))
		}
		want := []string{"first=pass", "broken=temperror", "panics=temperror", "last=fail"}
		if !slices.Equal(got, want) {
			t.Errorf("quick=%v: got %v, want %v", quick, got, want)
		}
		if d.Disposition != Accept || !errors.Is(found[1].Cause, boom) {
			t.Errorf("quick=%v: %v, cause %v", quick, d, found[1].Cause)
		}
	}
}

func TestASlowCheckDoesNotHoldUpTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := NewRunner([]Check{
			fake{"deaf", false, func(context.Context, *Tx) ([]Finding, error) { <-release; return nil, nil }},
			fake{"second", false, func(ctx context.Context, _ *Tx) ([]Finding, error) {
				time.Sleep(time.Second) // at the same time as the first
				return []Finding{{Result: Pass}}, nil
			}},
		}, Settings{Timeout: 2 * time.Second}, nil)
		begin := time.Now()
		found, _ := r.Run(t.Context(), facts())
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if len(found) != 2 || found[0].Reason != "check-timeout" || found[1].Result != Pass {
			t.Errorf("found %+v", found)
		}
		close(release)
	})
}

func TestASlowCheckHasItsOwnCopyOfTheFacts(t *testing.T) {
	tx := facts()
	tx.Header = []byte("Subject: one\r\n")
	seen := make(chan *Tx, 1)
	r := NewRunner([]Check{fake{"slow", false, func(_ context.Context, tx *Tx) ([]Finding, error) {
		seen <- tx
		return nil, nil
	}}}, Settings{}, nil)
	r.Run(t.Context(), tx)
	got := <-seen
	tx.Header[0], tx.Client.Helo = 'X', "later"
	if got.Header[0] != 'S' || got.Client.Helo != "" {
		t.Error("the session's later changes are seen by a check that may still run")
	}
}

func TestFindingsAreBounded(t *testing.T) {
	r := NewRunner([]Check{fake{"chatty", true, func(context.Context, *Tx) ([]Finding, error) {
		return make([]Finding, 10*MaxFindings), nil
	}}}, Settings{}, nil)
	if found, _ := r.Run(t.Context(), facts()); len(found) != MaxFindings {
		t.Errorf("%d findings", len(found))
	}
}

func TestNoRunnerAcceptsAll(t *testing.T) {
	var r *Runner
	if found, d := r.Run(t.Context(), facts()); found != nil || d.Refusal() != nil {
		t.Error(found, d)
	}
}

func TestOrderLeavesOutWhatIsNotWired(t *testing.T) {
	a, b := fake{name: "a"}, fake{name: "b"}
	chain := Order(Links{Sender: []Check{a}, Quota: b})
	if len(chain) != 2 || chain[0].Name() != "a" || chain[1].Name() != "b" {
		t.Errorf("chain %v", chain)
	}
}

package policy

import (
	"strconv"
	"time"

	"barid/rfc/status"
)

// Disposition is what becomes of a transaction at a stage. The worst of all findings wins.
type Disposition uint8

// The dispositions, from best to worst.
const (
	Accept Disposition = iota
	Defer              // refuse for now: 4xx
	Reject             // refuse for good: 5xx
)

// String gives the word used in logs and metrics.
func (d Disposition) String() string { return [...]string{"accept", "defer", "reject"}[d] }

// Rule says what one result of one check leads to. A result without a rule is only noted.
type Rule struct {
	Check  string // name of the check
	Result Result
	Reason string // "" matches every reason
	Answer Answer
}

// Answer is the refusal a Rule leads to. Defer or Reject follows from Class.
type Answer struct {
	Class           status.Class
	Subject, Detail uint16
	Reply           int    // 0: derived from the enhanced code
	Public          string // safe for a stranger
}

// Settings are the policy of the installation as data.
type Settings struct {
	Rules   []Rule        // the first that matches a finding counts
	Timeout time.Duration // of one slow check at one stage; 0: DefaultTimeout
}

// DefaultSettings are the rules on by default. Checks that guard a right (sender) or the store (quota) defer
// when they can not be made; iprev only informs the reader.
func DefaultSettings() Settings {
	return Settings{Timeout: DefaultTimeout, Rules: []Rule{
		{"sender", Fail, "sender-envelope", Answer{status.Permanent, 7, 1, 553, "this login may not use that sender address"}},
		{"sender", Fail, "sender-header", Answer{status.Permanent, 7, 1, 550, "this login may not use the address in the From or Sender field"}},
		{"sender", Fail, "sender-unreadable", Answer{status.Permanent, 7, 1, 550, "the From or Sender field holds no address this login may use"}},
		{"sender", TempError, "", Answer{status.Transient, 3, 0, 0, "sender rights can not be checked now, try again later"}},
		{"quota", Fail, "", Answer{status.Transient, 2, 2, 0, "mailbox full"}},
		{"quota", TempError, "", Answer{status.Transient, 3, 0, 0, "mailbox can not be checked now, try again later"}},
		{"ratelimit", Fail, "rate-network", Answer{status.Transient, 7, 1, 451, "too many messages from your network, try again later"}},
		{"allowance", Fail, "allowance-messages", Answer{status.Transient, 7, 1, 452, "too many messages"}},
		{"allowance", Fail, "allowance-bytes", Answer{status.Transient, 7, 1, 452, "too much mail"}},
		{"allowance", Fail, "allowance-too-big", Answer{status.Permanent, 3, 4, 552, "message is bigger than what may be sent in a whole day"}},
		{"allowance", Fail, "allowance-recipients", Answer{status.Transient, 5, 3, 452, "too many recipients, send the rest in another message"}},
		{"allowance", Fail, "allowance-new-recipients", Answer{status.Transient, 7, 1, 450, "too many recipients not written to before"}},
		{"allowance", Fail, "allowance-revoked", Answer{status.Permanent, 7, 0, 530, "this login is not valid any more"}},
		{"allowance", TempError, "", Answer{status.Transient, 3, 0, 0, "sending limits can not be checked now, try again later"}},
	}}
}

// Decision is what Decide came to. The zero value accepts.
type Decision struct {
	Disposition Disposition
	Status      *status.Error // what to answer; nil when accepted
	Finding     *Finding      // the one that decided; nil when accepted
	Explain     []string      // keys of explanations, "policy.<check>.<reason or result>", the deciding one first
}

// Refusal gives the decision as an error to answer with, or nil when the transaction may go on.
func (d Decision) Refusal() error {
	if d.Status == nil {
		return nil
	}
	return d.Status
}

// Decide turns findings into one disposition. It is pure: the same facts, findings and settings give the
// same decision, so that old mail can be replayed against new rules. The worst disposition wins; among
// equals the first in the chain.
func Decide(facts *Tx, findings []Finding, s *Settings) Decision {
	var d Decision
	for i := range findings {
		f := &findings[i]
		a := s.answer(f)
		if a == nil {
			continue
		}
		key := explanation(f)
		if disp := disposition(a); disp > d.Disposition {
			d.Disposition, d.Finding, d.Status = disp, f, a.status(facts, f)
			d.Explain = append([]string{key}, d.Explain...)
			continue
		}
		d.Explain = append(d.Explain, key)
	}
	return d
}

// answer is that of the first rule that matches f, or nil.
func (s *Settings) answer(f *Finding) *Answer {
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Check == f.Check && r.Result == f.Result && (r.Reason == "" || r.Reason == f.Reason) {
			return &r.Answer
		}
	}
	return nil
}

func disposition(a *Answer) Disposition {
	switch a.Class {
	case status.Permanent:
		return Reject
	case status.Transient:
		return Defer
	}
	return Accept
}

// status makes the refusal: the rule's words, and for a temporary one the honest time to wait.
func (a *Answer) status(facts *Tx, f *Finding) *status.Error {
	public := a.Public
	if f.Says != "" {
		public += " (" + f.Says + ")"
	}
	switch {
	case a.Class != status.Transient:
	case !f.Until.IsZero():
		public += ", try again after " + moment(f.Until, f.Retry)
	case f.Retry > 0:
		public += " (in " + seconds(f.Retry) + ")"
	}
	reason := f.Reason
	if reason == "" {
		reason = f.Check + "-" + string(f.Result)
	}
	return &status.Error{
		Class: a.Class, Subject: a.Subject, Detail: a.Detail, Reply: a.reply(facts.Stage),
		Reason: reason, Public: public, Cause: f.Cause,
	}
}

// reply is the basic code: before the banner only 554 and 421 are understood (RFC 5321 §3.1, §3.8).
func (a *Answer) reply(s Stage) int {
	switch {
	case s != Connect:
		return a.Reply
	case a.Class == status.Transient:
		return 421
	}
	return 554
}

// nextDay is the wait from which on a time of day alone would be misread.
const nextDay = 12 * time.Hour

// moment writes a time as "14:05 UTC", with its date if it is far off.
func moment(t time.Time, wait time.Duration) string {
	form := "15:04 UTC"
	if wait > nextDay {
		form = "2006-01-02 15:04 UTC"
	}
	return t.UTC().Format(form)
}

// seconds writes a waiting time, rounded up so that a peer which obeys it is not refused again.
func seconds(d time.Duration) string {
	n := int64((d + time.Second - 1) / time.Second)
	if n == 1 {
		return "1 second"
	}
	return strconv.FormatInt(n, 10) + " seconds"
}

// explanation is the key under which the finding is explained to a person in their language.
func explanation(f *Finding) string {
	if f.Reason != "" {
		return "policy." + f.Check + "." + f.Reason
	}
	return "policy." + f.Check + "." + string(f.Result)
}

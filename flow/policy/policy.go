// Package policy asks what may happen to a transaction, in stages, and decides once.
//
// Life: flow/intake runs a stage at connect, HELO, MAIL, each RCPT and end of data. The checks of the stage
// report findings; Decide, a pure function, turns findings and settings into one disposition.
//
// Promises: a check that fails, panics or takes too long is a finding "temperror", never a crash and never a
// refusal by accident. Findings keep the order of the chain, whatever check was first to answer.
// Limits: MaxFindings for one check and stage; a time limit for each check.
// Failure: Rules say which check's temperror defers mail (those that guard a right) and which is only noted.
// Standards: RFC 5321 §3.3, RFC 8601 §2.7 for results, RFC 3463 for codes.
package policy

import (
	"context"
	"time"

	"barid/mail"
	"barid/rfc/addr"
)

// Stage is the moment of a transaction at which a check looks.
type Stage uint8

// The stages, in the order a transaction meets them.
const (
	Connect Stage = iota
	Helo
	Mail
	Rcpt
	Data
	stages
)

// String gives the stage's name in logs and metrics.
func (s Stage) String() string {
	if s >= stages {
		return "unknown"
	}
	return [...]string{"connect", "helo", "mail", "rcpt", "data"}[s]
}

// Tx is what is known of a transaction at a stage: the facts. Checks only read it.
type Tx struct {
	ID       string       // of the transaction; "" before MAIL
	Client   *mail.Client // never nil
	Stage    Stage
	From     addr.Path        // from Mail on
	To       addr.Path        // at Rcpt: the recipient in question
	Accounts []mail.AccountID // at Rcpt: whose mailboxes To leads to
	Size     int64            // Mail and Rcpt: as declared, 0 unknown; Data: as received
	Rcpts    int              // recipients accepted so far
	Header   []byte           // Data: the header section as received, with its blank line
	Held     *Held            // what checks hold until the transaction ends; nil: there is none (Connect, Helo)
}

// Check looks at one stage of a transaction and reports what it saw. It never answers the peer, never
// changes the message, and knows no other check. flow/policy/iprev is small enough to copy.
type Check interface {
	// Name is stable: log key, metric label, and the method in Authentication-Results.
	Name() string
	// Stage is when it runs.
	Stage() Stage
	// Run reports what it saw. An error becomes a finding "temperror". nil, nil means: nothing to say.
	Run(ctx context.Context, tx *Tx) ([]Finding, error)
}

// Quick is a further ability of a check: it only reads memory or our own store, so it runs in the
// session's goroutine.
type Quick interface {
	Quick() bool
}

// Result is what a check found, in the words of RFC 8601 §2.7.
type Result string

// The results that checks use.
const (
	Pass      Result = "pass"
	Fail      Result = "fail"
	None      Result = "none"
	Neutral   Result = "neutral"
	TempError Result = "temperror" // try again later
	PermError Result = "permerror" // what we looked at is broken at its source
)

// Finding is one thing a check saw, with its evidence.
type Finding struct {
	Check  string        // name of the check; set by the runner
	Result Result        // what it found
	Reason string        // stable id, e.g. "sender-not-own"; the key of its explanation
	Props  []Prop        // evidence as RFC 8601 §2.3 writes it; nil: not for Authentication-Results
	Note   string        // evidence for our log, never shown to a peer
	Says   string        // more for the peer, safe for a stranger: a number, a time; "" nothing
	Until  time.Time     // from when on the result may differ; zero: not known
	Retry  time.Duration // the same as a time to wait; 0: not known
	Cause  error         // for our log
}

// Prop is one "ptype.property=value" of Authentication-Results, e.g. {"policy.iprev", "192.0.2.1"}.
type Prop struct{ Name, Value string }

// MaxFindings is how many findings one check may report at one stage; more are dropped.
const MaxFindings = 64

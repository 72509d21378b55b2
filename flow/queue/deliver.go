package queue

import (
	"context"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// Kind is what became of a recipient in an attempt, or what a report is about.
type Kind uint8

// The kinds.
const (
	Deferred  Kind = iota // try again later (Outcome only)
	Relayed               // the next server took it
	Delivered             // final delivery
	Failed                // refused for good, or given up
	Delayed               // still waiting after a while (Report only)
	Expanded              // became several others (Report only)
)

// String gives the kind's word; it is also the Action field of RFC 3464 §2.3.3 but for Deferred.
func (k Kind) String() string {
	return [...]string{"deferred", "relayed", "delivered", "failed", "delayed", "expanded", "unknown"}[min(k, Expanded+1)]
}

// Deliverer tries to bring an entry to its destination.
//
// Deliver gives one Outcome for each recipient in state Waiting, in their order. A missing one counts as
// deferred. It must not keep or change e. When ctx ends it stops soon and defers what it did not finish;
// what the other side has already answered for is told as it is.
type Deliverer interface {
	Deliver(ctx context.Context, e *spool.Entry) []Outcome
}

// Outcome is what became of one recipient.
type Outcome struct {
	Rcpt       int // index in e.Rcpts
	Kind       Kind
	Answer     spool.Answer
	RetryAfter time.Duration // the other side (or our limits) asked to wait that long; 0: did not
	TLS        string        // "TLS1.3 TLS_AES_128_GCM_SHA256 verified"; "": in clear
	Passed     spool.Passed  // duties that the next server has taken over
	Timing     Timing
}

// Timing is how long the stages of an attempt took; recipients of one attempt share it.
type Timing struct {
	DNS      time.Duration
	Connect  time.Duration
	TLS      time.Duration
	Dialogue time.Duration // greeting to the last RCPT
	Data     time.Duration // DATA to the answer after the last octet
}

// Reporter makes a report for the sender of e about some recipients (indexes in e.Rcpts) and commits it:
// into a mailbox or into the queue. nil: it is committed, or none is due to anybody. A *status.Error of
// the permanent class means it never can be; any other error is tried again later.
//
// After a crash between that commit and the queue's own note of it, Report is called again for the same
// thing. A Reporter that also is a Joiner closes that gap.
type Reporter interface {
	Report(ctx context.Context, e *spool.Entry, kind Kind, rcpts []int) error
}

// Joiner is a Reporter that commits the report and the queue's note of it together: neither a crash
// before nor one after can lose or double the report. Use it wherever the store can (kv.Caps.Together).
type Joiner interface {
	Reporter
	// ReportWith is Report; its UpdateMany has mark.Part among its partitions and calls mark.Do with that
	// one's transaction, and so for every mark of mark.With. If it needs no commit of its own it must still call mark.Alone.
	ReportWith(ctx context.Context, e *spool.Entry, kind Kind, rcpts []int, mark Mark) error
}

// Mark is the queue's note that a report was made. It is for one commit.
type Mark struct {
	Part  kv.Part
	Do    func(t kv.Txn) error
	Alone func(ctx context.Context) error // commits the note by itself, and those of With
	With  []Mark                          // notes of other entries that the report is about too, for the same commit; Alone is nil
}

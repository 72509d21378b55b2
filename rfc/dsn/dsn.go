// Package dsn writes and reads delivery status notifications: what a mail system tells a sender about the
// fate of a message.
//
// Life: flow/report composes one for every outcome that a sender is owed; what comes in with a null
// reverse-path is read by Parse, so that the message it is about can be found again (flow/report, Tie).
//
// Promises:
//   - Invariant: a composed report has CRLF line ends, no line above 998 octets, no control characters
//     from a stranger's text, and is 7-bit clean unless it returns 8-bit bytes of the original or speaks of
//     UTF-8 addresses to somebody who may be told them (RFC 6533).
//   - Codes are kept as they are: 5.1.10 stays 5.1.10; nothing becomes 5.0.0 that was known better.
//   - Parse takes any bytes, never panics, and works in time linear in what Limits let it look at.
//
// Limits: the Max constants. Failure: Write fails only with the error of its writer or of the original;
// Parse fails only with an error of the reader; a message that is no report gives ok=false.
//
// Standards: RFC 3461 §4, §5, §6; RFC 3462 and RFC 6522 (multipart/report); RFC 3464; RFC 3463; RFC 2852
// §5; RFC 4865 §5; RFC 3834 (Auto-Submitted); RFC 6533.
package dsn

import (
	"time"
)

// Action is what became of a recipient (RFC 3464 §2.3.3). The zero value is not known.
type Action uint8

// The actions.
const (
	Failed    Action = iota + 1 // it will not be delivered
	Delayed                     // not yet, but it is still being tried
	Delivered                   // it is in the mailbox
	Relayed                     // handed to a system that does not report itself
	Expanded                    // delivered to an alias and sent on to its members
)

// String gives the word of the Action field; "" for zero.
func (a Action) String() string {
	return [...]string{Failed: "failed", Delayed: "delayed", Delivered: "delivered", Relayed: "relayed", Expanded: "expanded"}[a]
}

// parseAction reads the Action field: a word, perhaps with a comment behind it ("failed (final)").
func parseAction(s string) Action {
	word := lowerASCII(firstToken(s))
	for a := Failed; a <= Expanded; a++ {
		if word == a.String() {
			return a
		}
	}
	return 0
}

// Report is the machine-readable part of a notification: message/delivery-status (RFC 3464 §2).
type Report struct {
	ReportingMTA string    // name of the host that says all this, without "dns;" (RFC 3464 §2.2.2)
	EnvelopeID   string    // ENVID of the message, decoded; "" none was given (§2.2.1)
	ReceivedFrom string    // name of the host the message came from; "" not told (§2.2.4)
	Arrival      time.Time // zero: not told (§2.2.5)
	DeliverBy    time.Time // when it was to be delivered; zero: at any time (RFC 2852 §5)
	Release      string    // when it was to be sent, as it was asked for: "for;3600"; "": at once (RFC 4865 §5)
	Recipients   []Recipient
}

// Recipient is one group of per-recipient fields (RFC 3464 §2.3).
type Recipient struct {
	Original   Address // as ORCPT had it; zero: none was given (§2.3.1)
	Final      Address // as the reporting host had it (§2.3.2)
	Action     Action
	Status     Status
	RemoteMTA  string    // name of the host that answered, without "dns;"; "" nobody was reached (§2.3.5)
	Diagnostic string    // that host's words, with its reply code: "550 5.1.1 no such user" (§2.3.6)
	DiagType   string    // "smtp", or what else the words come from; "" with Diagnostic means smtp
	Attempt    time.Time // last one; zero: not told (§2.3.7)
	LogID      string    // for the reporting host's operator (§2.3.8)
	RetryUntil time.Time // of a delayed one; zero: not told (§2.3.9)
}

// Limits of what is written and read.
const (
	MaxDiagnostic = 2 << 10   // bytes of a remote host's words
	MaxRecipients = 1000      // of one report that is read
	MaxReport     = 512 << 10 // bytes of a machine-readable part that are read
	MaxText       = 64 << 10  // bytes of the human-readable part that are searched
	MaxOriginal   = 64 << 10  // bytes of the returned header section that are read
)

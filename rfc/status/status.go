// Package status is the vocabulary of refusals: enhanced mail system status codes and the error that carries one.
//
// Life: made wherever something is refused or fails, turned into bytes only by a front end's errors.go.
// Promise: the class is stored once, so a reply code and its enhanced code can never disagree.
// Standards: RFC 3463, RFC 2034, RFC 5248.
package status

import (
	"errors"
	"fmt"
)

// Class is the first digit of an enhanced code.
type Class uint8

// The classes of RFC 3463 §3.1.
const (
	Success   Class = 2
	Transient Class = 4
	Permanent Class = 5
)

// Error is a refusal or failure that some peer will be told about. Example:
//
//	status.Perm(1, 1, "no such user here") // 550 5.1.1 no such user here
type Error struct {
	Class   Class  // Transient or Permanent: stored once, the reply code is derived
	Subject uint16 // RFC 3463 §2: class.subject.detail
	Detail  uint16
	Reply   int    // basic reply code when the usual one for the code is not right (e.g. 503); 0: derived
	Reason  string // stable id of the refusal for logs, metrics and explanations, e.g. "rcpt-unknown"
	Public  string // safe for a stranger: no path, setting or rule name; ASCII
	Cause   error  // for our log
}

// Perm makes a permanent refusal.
func Perm(subject, detail uint16, public string) *Error {
	return &Error{Class: Permanent, Subject: subject, Detail: detail, Public: public}
}

// Temp makes a temporary refusal.
func Temp(subject, detail uint16, public string) *Error {
	return &Error{Class: Transient, Subject: subject, Detail: detail, Public: public}
}

// WithReply gives e a reply code of its own and returns it.
func (e *Error) WithReply(reply int) *Error { e.Reply = reply; return e }

// Because notes the stable reason id and returns e.
func (e *Error) Because(reason string) *Error { e.Reason = reason; return e }

// Wrap notes the cause for our log and returns e.
func (e *Error) Wrap(cause error) *Error { e.Cause = cause; return e }

// Enhanced gives "5.1.1".
func (e *Error) Enhanced() string { return fmt.Sprintf("%d.%d.%d", e.Class, e.Subject, e.Detail) }

// Code gives the basic SMTP reply code: Reply if set, else one derived from the enhanced code.
func (e *Error) Code() int {
	if e.Reply != 0 {
		return e.Reply
	}
	return derive(e.Class, e.Subject, e.Detail)
}

// derive is the table of RFC 5248 §2.4's associations that we use; the rest is 450/550.
func derive(c Class, subject, detail uint16) int {
	base := 550
	if c == Transient {
		base = 450
	}
	switch {
	case subject == 2 && detail == 2, subject == 3 && (detail == 1 || detail == 4), subject == 5 && detail == 3:
		return base + 2 // 452, 552: storage, too big, too many recipients
	case subject == 3 && detail == 0, subject == 3 && detail == 2, subject == 4:
		if c == Transient {
			return 451
		}
		return 554
	case subject == 5 && (detail == 1 || detail == 0):
		return 503
	case subject == 5 && (detail == 2 || detail == 4):
		return 501
	case subject == 6:
		return 554
	}
	return base
}

// Error gives "5.1.1 no such user here: cause".
func (e *Error) Error() string {
	s := e.Enhanced() + " " + e.Public
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Of finds the Error inside err; ok is false for a plain error, which front ends treat as internal and
// temporary: 451 4.3.0.
func Of(err error) (e *Error, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}

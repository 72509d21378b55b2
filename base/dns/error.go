package dns

import (
	"errors"
	"strconv"
	"strings"
)

// Kind is what went wrong with a look-up.
type Kind uint8

// The kinds. The first three are definite: asking again will not help until somebody changes the zone.
const (
	NXDomain  Kind = iota + 1 // the name does not exist (RFC 2308 §2.1)
	NoData                    // the name exists, but has no record of the type (RFC 2308 §2.2)
	BadName                   // such a name can not be in the DNS: empty or long label, over 255 octets
	ServFail                  // the resolver answered SERVFAIL or another error
	Refused                   // the resolver does not answer us
	Timeout                   // no answer in time, or the caller gave up
	Network                   // no way to the resolver
	Malformed                 // an answer that can not be read or does not fit the question
	Loop                      // aliases that lead nowhere
	Bogus                     // the resolver says that signatures do not fit
)

var kindText = [...]string{
	NXDomain: "no such name", NoData: "no such record", BadName: "not a possible name", ServFail: "the resolver failed",
	Refused: "the resolver refused", Timeout: "no answer in time", Network: "the resolver can not be reached",
	Malformed: "unusable answer", Loop: "alias loop", Bogus: "DNSSEC signatures do not fit",
}

// String gives the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindText) && kindText[k] != "" {
		return kindText[k]
	}
	return "unknown"
}

// NotFound reports whether the kind says that the thing does not exist.
func (k Kind) NotFound() bool { return k == NXDomain || k == NoData || k == BadName }

// Extended is an extended error of a resolver (RFC 8914). Text is cleaned: printable, at most 200 octets.
type Extended struct {
	Code uint16 // RFC 8914 §5.2, e.g. 22 No Reachable Authority
	Text string
}

// Error is a look-up that gave no records. Example: "dns: MX example.test: no such name".
type Error struct {
	Kind      Kind
	Type      string     // "MX"
	Name      string     // what was asked, canonical
	Server    string     // who was asked last; "" if nobody
	RCode     int        // of the answer; -1 without one
	Authentic bool       // the AD bit: for NXDomain and NoData, the absence is proven
	Extended  []Extended // what the resolver told
	Cause     error      // e.g. of the network, or context.Canceled
}

// Error tells question, kind, server and extended errors on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dns: " + e.Type + " " + e.Name + ": " + e.Kind.String())
	if e.Server != "" && !e.Kind.NotFound() {
		b.WriteString(" (" + e.Server + ")")
	}
	for _, x := range e.Extended {
		b.WriteString("; extended error " + strconv.Itoa(int(x.Code)))
		if x.Text != "" {
			b.WriteString(" " + x.Text)
		}
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// IsNotFound reports whether err says that the name or record does not exist.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind.NotFound()
}

// IsNXDomain reports whether err says that the name itself does not exist, with no record of any type.
func IsNXDomain(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == NXDomain
}

// IsTemporary reports whether err is a failure to find out: asking later may help.
func IsTemporary(err error) bool { return err != nil && !IsNotFound(err) }

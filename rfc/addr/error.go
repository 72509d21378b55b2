package addr

import "strconv"

// Why is the reason for which an address was refused.
type Why uint8

// The reasons.
const (
	BadSyntax    Why = iota + 1 // a character that can not stand there
	NoBracket                   // a path that lacks '<' or '>'
	NoLocal                     // nothing before the '@'
	NoDomain                    // no '@', or nothing after it
	NullPath                    // "<>" where an address must be (RFC 5321 §4.1.1.3)
	BadControl                  // CR, LF, NUL or another control character
	NeedUTF8                    // not ASCII, and SMTPUTF8 was not asked for (RFC 6531 §3.3)
	BadUTF8                     // not well-formed UTF-8
	BadQuoting                  // a quoted string without end
	BadDomain                   // a name that can not be in DNS, or is no U-label (RFC 5891)
	BadLiteral                  // an address literal that is neither IPv4 nor IPv6 (RFC 5321 §4.1.3)
	LongLocal                   // RFC 5321 §4.5.3.1.1
	LongDomain                  // RFC 5321 §4.5.3.1.2
	LongPath                    // RFC 5321 §4.5.3.1.3
	TooManyItems                // the caller's limit of a list
)

var whys = [...]string{
	0:            "bad address",
	BadSyntax:    "bad address syntax",
	NoBracket:    "address must stand between < and >",
	NoLocal:      "local part is missing",
	NoDomain:     "domain is missing",
	NullPath:     "null path not allowed here",
	BadControl:   "control character in address",
	NeedUTF8:     "non-ASCII address needs SMTPUTF8",
	BadUTF8:      "address is not UTF-8",
	BadQuoting:   "quoted string has no end",
	BadDomain:    "bad domain name",
	BadLiteral:   "bad address literal",
	LongLocal:    "local part is too long",
	LongDomain:   "domain is too long",
	LongPath:     "address is too long",
	TooManyItems: "too many addresses",
}

// String gives the reason as ASCII text that is safe in a reply.
func (w Why) String() string {
	if int(w) >= len(whys) {
		w = 0
	}
	return whys[w]
}

// Error says why and where an address was refused. Front ends make 501 5.1.3 or 5.1.7 of it, and 553
// 5.6.7 of NeedUTF8 (RFC 6531 §3.5).
type Error struct {
	Offset int // octets from the beginning of what was parsed
	Why    Why
}

// Error gives "bad address syntax (at octet 7)".
func (e *Error) Error() string { return e.Why.String() + " (at octet " + strconv.Itoa(e.Offset) + ")" }

func fail(offset int, why Why) error { return &Error{Offset: offset, Why: why} }

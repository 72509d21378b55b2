// Package sasl is the server's half of simple authentication: PLAIN and LOGIN.
//
// Life: a front end makes a Server when a client says AUTH (or AUTHENTICATE), hands it what the client says,
// and sends what it answers until it is done. The wire (base64, '*') is in Decode and Encode.
//
// Promises: the callback is called at most once for each Server, with valid UTF-8 without NUL; nothing is
// kept of a password after the callback returned.
// Limits: MaxEncoded octets a line, MaxField octets a name or password.
// Failure: ErrCancelled, ErrEncoding, ErrTooLong, ErrSyntax for what the client did wrong; what the callback
// returns is given on as it is.
// Standards: RFC 4422, RFC 4616 (PLAIN), draft-murchison-sasl-login-00 (LOGIN), RFC 4954 §4, RFC 3501 §6.2.2,
// RFC 5034 §4.
package sasl

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"unicode/utf8"
)

const (
	// MaxEncoded is the length of a base64 line, without CRLF (RFC 4954 §4).
	MaxEncoded = 12288
	// MaxField is the length of a name or password in octets.
	MaxField = 1024
)

// What a client can do wrong. SMTP answers 501 to all of them (RFC 4954 §4), with 5.7.0 for ErrCancelled and
// 5.5.2 for the others, 500 5.5.6 for ErrTooLong.
var (
	ErrCancelled = errors.New("sasl: the client cancelled the exchange")
	ErrEncoding  = errors.New("sasl: response is not base64")
	ErrTooLong   = errors.New("sasl: response is too long")
	ErrSyntax    = errors.New("sasl: response does not have the mechanism's form")
	ErrDone      = errors.New("sasl: the exchange is over")
)

// Auth tests what a client says. authzid is who the client wants to act as, "" for itself.
type Auth func(authzid, user, password string) error

// Server is one exchange. Next is called with nil first if there was no initial response, and with the
// initial response, which may be empty but not nil, if there was one; then with each response. A nil error with
// done ends the exchange with success, any error ends it with failure. It is for one goroutine.
type Server interface {
	Next(response []byte) (challenge []byte, done bool, err error)
}

// mechanisms are the names of what New knows, the best first.
var mechanisms = [...]string{"PLAIN", "LOGIN"}

// Mechanisms gives the names of the mechanisms, in the order in which to offer them.
func Mechanisms() []string { return slices.Clone(mechanisms[:]) }

// New makes the server of a mechanism, named in any case; ok is false for a mechanism we do not know.
func New(mechanism string, auth Auth) (s Server, ok bool) {
	switch {
	case equalFold(mechanism, "PLAIN"):
		return NewPlain(auth), true
	case equalFold(mechanism, "LOGIN"):
		return NewLogin(auth), true
	}
	return nil, false
}

// ClientFirst reports whether the client of a mechanism speaks first, so that there can be an initial response (RFC
// 4422 §3).
func ClientFirst(mechanism string) bool { return equalFold(mechanism, "PLAIN") }

// equalFold compares ASCII only: a mechanism with a Kelvin sign is another mechanism.
func equalFold(s, upper string) bool {
	if len(s) != len(upper) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}

// Decode reads a response as SMTP, IMAP and POP3 carry it: base64 with its padding, "*" to cancel. The
// result is not nil, so that an empty response differs from none.
func Decode(line []byte) ([]byte, error) {
	switch {
	case len(line) > MaxEncoded:
		return nil, ErrTooLong
	case len(line) == 1 && line[0] == '*':
		return nil, ErrCancelled
	case bytes.ContainsAny(line, "\r\n"): // the decoder would skip them
		return nil, ErrEncoding
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Strict().Decode(b, line)
	if err != nil {
		return nil, ErrEncoding
	}
	return b[:n], nil
}

// DecodeInitial is Decode for an initial response, where "=" stands for an empty one (RFC 4954 §4).
func DecodeInitial(arg []byte) ([]byte, error) {
	if len(arg) == 1 && arg[0] == '=' {
		return []byte{}, nil
	}
	if len(arg) == 0 {
		return nil, ErrEncoding
	}
	return Decode(arg)
}

// Encode gives a challenge for the wire.
func Encode(challenge []byte) []byte {
	return base64.StdEncoding.AppendEncode(nil, challenge)
}

// field checks a name or password.
func field(b []byte) (string, error) {
	switch {
	case len(b) > MaxField:
		return "", ErrTooLong
	case bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b):
		return "", ErrSyntax
	}
	return string(b), nil
}

// Package pop3 is the wire of the Post Office Protocol, version 3: commands in, message bytes out.
//
// Life: used by serve/pop3 for each line a client sends and each message it fetches.
// Promises: pure; nothing is copied: Parse and Stuff give slices of what they were given. A stuffed message,
// unstuffed by a client, is the message byte for byte, for clients that end lines at CRLF and, where it
// holds no line that begins with a dot after a bare LF, for all.
// Limits: MaxLine, MaxNumber. Failure: Parse returns ErrLine or ErrCommand, never panics.
// Standards: RFC 1939 §3, RFC 2449 §3 and §4, RFC 6856 §2.
package pop3

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// MaxLine is the longest command line with its CRLF, in octets (RFC 2449 §4).
const MaxLine = 255

// MaxNumber is the largest number taken as an argument.
const MaxNumber = 1<<31 - 1

// Errors of Parse.
var (
	ErrLine    = errors.New("pop3: line holds control characters or is not UTF-8")
	ErrCommand = errors.New("pop3: line does not begin with a command")
)

// Command is one line of a client. Example: {"RETR", "17"}.
type Command struct {
	Verb string // upper case, 3 to 16 letters and digits
	Args string // what stands behind one space, as it is: a password may begin with one
}

// Parse reads a line without its CRLF. Verbs are short words of any case; arguments may be UTF-8 (RFC 6856).
func Parse(line string) (Command, error) {
	for i := range len(line) {
		if line[i] < ' ' || line[i] == 0x7f {
			return Command{}, ErrLine
		}
	}
	verb, args, _ := strings.Cut(line, " ")
	if len(verb) < 3 || len(verb) > 16 || !word(verb) {
		return Command{}, ErrCommand
	}
	if !utf8.ValidString(args) {
		return Command{}, ErrLine
	}
	return Command{Verb: strings.ToUpper(verb), Args: args}, nil
}

func word(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// Number reads a message number or a number of lines: decimal digits only.
func Number(s string) (n int, ok bool) {
	if s == "" || len(s) > 10 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= MaxNumber
}

// Words splits arguments at spaces; a space too many does no harm.
func Words(args string) []string { return strings.Fields(args) }

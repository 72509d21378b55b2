package smtp

import (
	"bytes"
	"strings"
)

// maxVerb is the length of the longest verb, STARTTLS.
const maxVerb = 8

// A Command is one command line, taken apart but not judged. Verb is in upper case and at most 8 octets
// long; a longer word gives the empty verb, which nobody knows.
type Command struct {
	verb [maxVerb]byte
	n    int
	Args []byte // after the first space, without blanks at its end; valid until the next read
}

// ParseCommand splits a line at its first space; blanks at the end do not count (RFC 5321 §4.1.1).
func ParseCommand(line []byte) Command {
	line = bytes.TrimRight(line, " \t")
	word, args := line, []byte(nil)
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		word, args = line[:i], line[i+1:]
	}
	c := Command{Args: args}
	if len(word) > maxVerb {
		return c
	}
	for i, b := range word {
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		c.verb[i] = b
	}
	c.n = len(word)
	return c
}

// Verb gives the verb in upper case. The slice belongs to c.
func (c *Command) Verb() []byte { return c.verb[:c.n] }

// CutPath takes "FROM:" or "TO:" off the argument of MAIL or RCPT, in any case, and blanks after it
// that many clients send though RFC 5321 §3.3 forbids them.
func CutPath(args, word string) (rest string, ok bool) {
	if len(args) < len(word) || !strings.EqualFold(args[:len(word)], word) {
		return args, false
	}
	return strings.TrimLeft(args[len(word):], " "), true
}

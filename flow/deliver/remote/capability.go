package remote

import (
	"math"
	"strconv"
	"strings"

	"barid/rfc/smtp"
)

// extension is a set of service extensions that a server offers.
type extension uint16

const (
	pipelining extension = 1 << iota
	chunking
	eightBit
	binaryMIME
	utf8SMTP
	dsn
	size
	startTLS
	requireTLS
	deliverBy
	mtPriority
)

var extensions = map[string]extension{
	"PIPELINING": pipelining, "CHUNKING": chunking, "8BITMIME": eightBit, "BINARYMIME": binaryMIME,
	"SMTPUTF8": utf8SMTP, "DSN": dsn, "SIZE": size, "STARTTLS": startTLS, "REQUIRETLS": requireTLS,
	"DELIVERBY": deliverBy, "MT-PRIORITY": mtPriority,
}

// capabilities are what a server says of itself in its reply to EHLO (RFC 5321 §4.1.1.1).
type capabilities struct {
	name    string // the first word
	lines   []string
	ext     extension
	maxSize int64    // SIZE; 0: no limit known
	auth    []string // mechanisms, upper case
	minBy   int64    // DELIVERBY: the shortest time in seconds it takes; 0: any
	// LIMITS (RFC 9422 §5), 0: none.
	maxMails       int // transactions of a connection
	maxRcpts       int // recipients of a transaction
	maxRcptDomains int // domains of a transaction
}

func (c *capabilities) has(e extension) bool { return c.ext&e == e }

// parseCapabilities reads a reply to EHLO. Lines that are not understood are not there.
func parseCapabilities(r smtp.Reply) capabilities {
	var c capabilities
	if len(r.Lines) == 0 {
		return c
	}
	c.name, _, _ = strings.Cut(strings.TrimSpace(r.Lines[0]), " ")
	c.lines = r.Lines[1:]
	for _, l := range c.lines {
		f := strings.Fields(strings.ToUpper(l))
		if len(f) > 0 {
			c.take(f[0], f[1:])
		}
	}
	return c
}

func (c *capabilities) take(word string, args []string) {
	c.ext |= extensions[word]
	switch {
	case word == "SIZE" && len(args) > 0:
		c.maxSize = number(args[0])
	case word == "DELIVERBY" && len(args) > 0:
		c.minBy = number(args[0])
	case word == "AUTH":
		c.auth = append(c.auth, args...)
	case strings.HasPrefix(word, "AUTH="): // of servers older than RFC 4954
		c.auth = append(append(c.auth, word[len("AUTH="):]), args...)
	case word == "LIMITS":
		for _, a := range args {
			c.limit(a)
		}
	}
}

// limit reads NAME=value; names that are not known are left alone (RFC 9422 §4).
func (c *capabilities) limit(arg string) {
	name, value, _ := strings.Cut(arg, "=")
	n := int(min(number(value), math.MaxInt32))
	switch name {
	case "MAILMAX":
		c.maxMails = n
	case "RCPTMAX":
		c.maxRcpts = n
	case "RCPTDOMAINMAX":
		c.maxRcptDomains = n
	}
}

// number reads a count; what is none, or 0, is no limit, and what is too big the greatest.
func number(s string) int64 {
	if s == "" || len(s) > 20 {
		return 0
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// offers tells whether a mechanism of AUTH is offered.
func (c *capabilities) offers(mechanism string) bool {
	for _, a := range c.auth {
		if a == mechanism {
			return true
		}
	}
	return false
}

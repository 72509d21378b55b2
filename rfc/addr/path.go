package addr

// Options say what a path may be.
type Options struct {
	Null       bool // "<>" is allowed: MAIL FROM
	Postmaster bool // "<postmaster>" without domain is allowed: RCPT TO, RFC 5321 §4.1.1.3
	UTF8       bool // the transaction has SMTPUTF8, RFC 6531
	// LongLocal is the limit of a local part in octets where more than MaxLocal is wanted, as for the
	// reverse-paths of forwarders (SRS) and lists (VERP). RFC 5321 §4.5.3.1 asks not to impose limits.
	LongLocal int
}

// ParsePath reads a path that begins at s[0] with '<' and gives what follows its '>'. A source route
// ("<@a,@b:c@d>", RFC 5321 appendix C) is checked and dropped.
func ParsePath(s string, o Options) (p Path, rest string, err error) {
	return parsePath(s, o)
}

// ParseMailbox reads a bare address, all of s: "info@example.test". With utf8 it may be
// "فروش@نمونه.example".
func ParseMailbox(s string, utf8 bool) (Mailbox, error) {
	return parseMailbox(s, utf8)
}

// ParseDomain reads a domain name, all of s, with A-labels or U-labels, and gives it in lower case with
// A-labels. One dot at the end is dropped. An address literal is refused.
func ParseDomain(s string) (string, error) {
	return canonicalDomain(s)
}

package dsn

import (
	"strings"

	"barid/rfc/status"
)

// Class is why a message did not arrive, as far as it matters for what to do next. The zero value is: it did,
// or nobody said otherwise.
type Class uint8

// The classes.
const (
	Hard    Class = iota + 1 // the address does not exist or is closed: do not send there again
	Soft                     // busy, down, greylisted: later mail may well arrive
	Full                     // the mailbox is full
	Blocked                  // taken for spam, or our address is on a block list
	Auth                     // SPF, DKIM or DMARC of the sender failed
	Policy                   // refused by a rule of theirs
	Size                     // too big
	Content                  // virus, kind of attachment, or a form that they do not take
	DNS                      // the domain does not exist, or takes no mail
	Loop                     // it went round in circles
	Other                    // refused for a reason nobody gave
)

// String gives the class's name in events and webhooks: "mailbox-full"; "none" for zero.
func (c Class) String() string {
	if c > Other {
		c = Other
	}
	return [...]string{
		0: "none", Hard: "hard", Soft: "soft", Full: "mailbox-full", Blocked: "blocked", Auth: "auth", Policy: "policy",
		Size: "size", Content: "content", DNS: "dns", Loop: "loop", Other: "other",
	}[c]
}

// Class gives the class of one recipient's outcome.
func (r *Recipient) Class() Class {
	switch r.Action {
	case Delivered, Relayed, Expanded:
		return 0
	}
	return Classify(r.Status, r.Diagnostic)
}

// Classify tells the class of a failure or delay from its code and the words that came with it. A code that
// leaves no doubt decides; then words do, because many hosts answer everything with 5.7.1 or 5.0.0; then the
// code again. A temporary refusal of an address is Soft, whatever it says.
func Classify(s Status, words string) Class {
	if c := sureClass(s); c != 0 {
		return c
	}
	c := classOfWords(strings.ToLower(words), s)
	if c == 0 {
		c = classOfCode(s)
	}
	if s.Class == status.Transient && (c == Hard || c == Other) {
		return Soft
	}
	return c
}

// sureClass knows the codes that nobody uses for something else.
func sureClass(s Status) Class {
	switch {
	case s.Subject == 2 && s.Detail == 2:
		return Full
	case s.Subject == 3 && s.Detail == 4, s.Subject == 2 && s.Detail == 3:
		return Size
	case s.Subject == 4 && (s.Detail == 6 || s.Detail == 14):
		return Loop
	case s.Subject == 7 && s.Detail >= 20 && s.Detail <= 26 && s.Detail != 25: // RFC 7372
		return Auth
	}
	return 0
}

// classOfCode is RFC 3463 §3.2–§3.8 with the codes that the IANA registry has since.
func classOfCode(s Status) Class {
	switch s.Subject {
	case 1:
		switch s.Detail {
		case 0, 1, 3, 4, 6:
			return Hard
		case 2, 10: // RFC 7505: null MX
			return DNS
		case 7, 8:
			return Policy
		}
	case 2:
		switch s.Detail {
		case 1:
			return Hard
		case 4:
			return Policy
		}
	case 3:
		if s.Detail <= 2 && s.Class == status.Transient || s.Detail == 1 {
			return Soft
		}
	case 4:
		if s.Detail == 4 {
			return DNS
		}
		return Soft
	case 6:
		return Content
	case 7:
		if s.Detail == 8 || s.Detail == 9 {
			return Auth
		}
		return Policy
	}
	if s.Class == status.Transient {
		return Soft
	}
	return Other
}

// phrases are words in lower case that tell a class. The order matters: what is more telling comes first.
// A phrase with "|" at an end must stand at the end of a word there.
var phrases = [...]struct {
	class Class
	words []string
}{
	{Soft, []string{"greylist", "graylist", "grey list", "grey-list"}},
	{Loop, []string{"mail loop", "mail forwarding loop", "routing loop", "loop detected", "loops back to", "too many hops", "hop count exceeded", "too many received"}},
	{Full, []string{
		"over quota", "overquota", "quota exceeded", "exceeded quota", "exceeds quota", "exceeded his quota", "exceeded its quota", "quota is full",
		"over their quota", "over its quota", "disk quota", "mailbox full", "mailbox is full", "mailbox for user is full", "inbox is full",
		"folder is full", "exceeded storage", "exceeded the storage", "out of storage", "storage allocation", "is over the limit",
		"not enough space", "no space left in mailbox", "mailbox size limit", "mailbox has exceeded", "mailbox exceeds", "recipient storage full",
	}},
	{Auth, []string{
		"|spf|", "|dkim|", "|dmarc|", "unauthenticated", "not authenticated", "sender policy framework", "fails to pass authentication",
		"authentication results", "sender authentication", "email authentication",
	}},
	{Blocked, []string{
		"spam", "blacklist", "black list", "blocklist", "block list", "blocked using", "blocked by", "has been blocked", "|rbl|", "dnsbl", "listed at", "listed by",
		"listed in", "reputation", "unsolicited", "junk mail", "bulk mail", "banned sending", "|s3140|", "|s3150|", "sender is blocked", "barracuda",
		"proofpoint.com", "senderscore", "not accepted for policy reasons", "unusual rate",
	}},
	{Content, []string{
		"virus", "malware", "phish", "attachment", "security issue", "message content", "content rejected", "content filter", "content restriction",
		"prohibited content", "illegal content", "suspicious content", "not rfc compliant", "rfc 5322", "rfc5322", "multiple from", "bare lf", "bare cr",
	}},
	{Size, []string{
		"too large", "too big", "size limit", "maximum size", "maximum message size", "max message size", "exceeds size", "size exceeds", "exceeded maximum",
		"exceeds the maximum", "larger than", "message length exceeds", "maximum allowed size",
	}},
	{DNS, []string{
		"host not found", "host or domain name not found", "host unknown", "unknown host", "name service error", "nxdomain", "domain not found", "domain wasn't found",
		"domain couldn't be found", "domain could not be found", "no mx", "non-existent host", "domain does not exist", "domain doesn't exist",
		"unable to lookup", "unable to look up", "couldn't find any host", "cannot find any host", "no such domain", "invalid domain",
		"dns error", "dns failure", "dns lookup", "dns query", "domain name system", "does not accept mail", "nullmx", "null mx",
		"host lookup did not complete", "name or service not known", "unknown mail server",
	}},
	{Hard, []string{
		"user unknown", "unknown user", "unknown local", "unknown recipient", "unknown address", "unknown or illegal", "unknown mailbox", "no such user", "no such mailbox",
		"no such recipient", "no such address", "no such account", "no such person", "no such local", "no user", "no mailbox", "no account",
		"does not exist", "doesn't exist", "do not exist", "not exist", "doesn't have a", "does not have a", "mailbox unavailable", "mailbox not available",
		"mailbox not found", "user not found", "recipient not found", "recipientnotfound", "account not found", "address not found", "was not found", "wasn't found",
		"couldn't be found", "could not be found", "not found by smtp", "invalid recipient", "invalid mailbox", "invalid address", "invalid user", "bad destination",
		"recipient rejected", "recipient address rejected", "address rejected", "recipient unknown", "recipient invalid", "addressee unknown",
		"not listed in", "not a known", "not known here", "not our customer", "is disabled", "been disabled", "is inactive", "account inactive", "been suspended",
		"no longer", "has been closed", "been deactivated", "unrouteable address", "unroutable address", "undeliverable address", "mailbox disabled", "unable to find",
	}},
	{Policy, []string{
		"policy", "policies", "access denied", "relay", "not permitted", "not allowed", "not authorized", "notauthorized", "unauthorized",
		"not accepting", "administrative", "prohibit", "reverse hostname", "reverse dns", "|ptr|", "|rdns|", "must issue a starttls", "tls required",
		"encryption required", "restricted", "sender rejected", "sender address rejected", "sender verify failed", "refused by", "rejected by",
	}},
	{Soft, []string{
		"try again", "try later", "temporar", "timed out", "timeout", "time out", "connection refused", "connection reset", "connection lost", "lost connection",
		"connection dropped", "rate limit", "ratelimit", "rate limited", "too many", "throttl", "deferred", "service unavailable", "service not available",
		"insufficient system storage", "no route to host", "unreachable", "unable to connect", "could not connect", "couldn't connect", "wasn't able to establish", "not responding",
		"unavailable", "retry", "too long", "resources",
	}},
}

// classOfWords finds the first phrase; 0 if there is none.
func classOfWords(words string, s Status) Class {
	if strings.Contains(words, "recipient address rejected: access denied") && s.Subject == 7 {
		return Policy // with any other code it is how Exchange Online says that nobody is called that
	}
	for i := range phrases {
		for _, p := range phrases[i].words {
			if containsPhrase(words, p) {
				return phrases[i].class
			}
		}
	}
	return 0
}

// containsPhrase is strings.Contains for a phrase that may have "|" at its ends.
func containsPhrase(s, phrase string) bool {
	bare := strings.Trim(phrase, "|")
	if len(bare) == len(phrase) {
		return strings.Contains(s, phrase)
	}
	for from := 0; ; {
		i := strings.Index(s[from:], bare)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(bare)
		if (i == 0 || !isAlnum(s[i-1])) && (end == len(s) || !isAlnum(s[end])) {
			return true
		}
		from = i + 1
	}
}

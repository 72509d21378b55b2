package dsn

import (
	"strings"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// readText reads the human-readable part as far as the machine-readable one left something open.
func (p *parser) readText() {
	lines := strings.Split(p.text, "\n")
	end := len(lines)
	if cut := originalStart(lines); cut >= 0 {
		end = cut
		if len(p.b.Returned.Header) == 0 {
			p.b.Returned = returnedOf(textHeader(lines[cut:]))
		}
	}
	said := lines[:end]
	if p.b.Source == "" {
		p.embedded(said)
	}
	if len(p.b.Recipients) > 0 {
		p.fillDiagnostics(said)
		return
	}
	p.fromWords(said)
}

// embedded takes the fields of RFC 3464 out of a text, where gateways that flatten reports leave them.
func (p *parser) embedded(lines []string) {
	for i, l := range lines {
		if hasPrefixFold(l, "Reporting-MTA:") || hasPrefixFold(l, "Final-Recipient:") || hasPrefixFold(l, "Original-Recipient:") {
			r := parseFields([]byte(strings.Join(lines[i:], "\n")))
			if len(r.Recipients) > 0 {
				p.b.Report, p.b.Source = r, "rfc3464-text"
			}
			return
		}
	}
}

// fillDiagnostics adds the words of the text to recipients whose fields have none.
func (p *parser) fillDiagnostics(lines []string) {
	s := p.scan(lines)
	for i := range p.b.Recipients {
		r := &p.b.Recipients[i]
		if r.Diagnostic != "" {
			continue
		}
		m, ok := r.Final.Mailbox()
		for _, found := range s.found {
			if ok && found.key == m.Key() || len(p.b.Recipients) == 1 && len(s.found) == 1 {
				r.Diagnostic, r.DiagType = found.words(), "smtp"
			}
		}
	}
}

// fromWords makes recipients of a text that has nothing but words.
func (p *parser) fromWords(lines []string) {
	source := formOf(lowerASCII(strings.Join(lines, "\n")))
	failed := header.Values(p.head, "X-Failed-Recipients", 10)
	daemon := fromDaemon(header.Get(p.head, "From"))
	if source == "" && len(failed) == 0 && !daemon {
		return
	}
	s := p.scan(lines)
	for _, v := range failed { // Exim
		for _, m := range mailboxes(v) {
			s.add(m)
		}
	}
	if source == "" && len(failed) > 0 {
		source = "exim"
	}
	if len(s.found) == 0 && source != "" {
		p.lastResort(&s, lines)
	}
	if source == "" {
		if !s.coded() {
			return // a postmaster's letter
		}
		source = "text"
	}
	p.b.Source = source
	action := Failed
	if saysDelayed(header.Get(p.head, "Subject"), lines) {
		action = Delayed
	}
	for _, f := range s.found {
		p.b.Recipients = append(p.b.Recipients, f.recipient(action))
	}
}

// lastResort takes the recipient from the original when the text names nobody, and the whole text as words. One whom
// the original does not name either has no address: the reader may know him from the address that the report came to.
func (p *parser) lastResort(s *textScan, lines []string) {
	if to := p.b.Returned.to(2); len(to) == 1 {
		s.add(to[0])
	} else {
		s.found = append(s.found, textRecipient{})
	}
	for _, l := range lines {
		s.found[0].say(l)
	}
}

// recipient makes the fields of what a text said.
func (f *textRecipient) recipient(action Action) Recipient {
	words := f.words()
	st, ok := findStatus(words)
	if !ok || st.Class == 2 {
		st = FromReply(findReply(words))
	}
	if st.Unknown() {
		st = Status{Class: 5}
		if action == Delayed {
			st.Class = 4
		}
	}
	var final Address
	if !f.m.IsZero() {
		final = AddressOf(f.m)
	}
	return Recipient{Final: final, Action: action, Status: st, Diagnostic: words, DiagType: "smtp"}
}

// form is a kind of text that mail systems write, known by words that stand in it, in lower case.
type form struct {
	name  string
	marks []string
}

var forms = [...]form{
	{"qmail", []string{"this is the qmail-send program", "this is the qmail-remote program", "i'm afraid i wasn't able to deliver your message"}},
	{"exim", []string{"could not be delivered to one or more of its", "this message was created automatically by mail delivery software", "message that you sent has not yet been delivered to one or more"}},
	{"postfix", []string{"this is the postfix program at host", "this is the mail system at host", "this is the postfix mail system"}},
	{"sendmail", []string{"the following addresses had", "the original message was received at", "transcript of session follows", "warning message only"}},
	{"exchange", []string{
		"did not reach the following recipient", "did not reach some or all of the intended recipients", "following recipient(s) could not be reached",
		"following recipient(s) cannot be reached", "delivery has failed to these recipients", "diagnostic information for administrators",
		"couldn't be delivered", "your message wasn't delivered to anyone",
	}},
	{"gmail", []string{
		"delivery to the following recipient failed permanently", "delivery to the following recipient has been delayed", "technical details of permanent failure",
		"your message wasn't delivered to", "there was a temporary problem delivering your message", "there was a problem delivering your message",
	}},
	{"yahoo", []string{"message from yahoo", "unable to deliver message to the following address", "sorry, we were unable to deliver your message"}},
	{"courier", []string{"this is a delivery status notification from", "undeliverable mail"}},
	{"text", []string{
		"delivery status notification", "could not be delivered", "was not delivered", "delivery failed", "delivery failure", "undeliverable", "undelivered",
		"returned mail", "failure notice", "unable to deliver", "cannot be delivered", "can not be delivered", "delivery to the following", "permanent error",
		"permanent fatal error", "user unknown",
	}},
}

// formOf names the form of a text, "" if it is none.
func formOf(text string) string {
	for i := range forms {
		for _, m := range forms[i].marks {
			if strings.Contains(text, m) {
				return forms[i].name
			}
		}
	}
	return ""
}

// delayed are words that only a delay has.
var delayed = [...]string{
	"warning message only", "has not yet been delivered", "has been delayed", "message delayed", "mail delayed", "delivery delayed", "(delay)",
	"will continue to be made", "will be retried", "will keep trying", "still being tried", "temporary problem delivering", "could not be delivered yet",
	"do not need to resend", "don't need to resend", "delivery is delayed",
}

// saysDelayed tells whether a text speaks of a delay. Only its beginning is looked at: a host's last words may
// speak of retries too.
func saysDelayed(subject string, lines []string) bool {
	const room = 1500 // bytes
	text := strings.Join(lines, "\n")
	text = lowerASCII(subject + "\n" + text[:min(len(text), room)])
	for _, d := range delayed {
		if strings.Contains(text, d) {
			return true
		}
	}
	return strings.Contains(text, "warning: message") && strings.Contains(text, "delayed")
}

// fromDaemon tells whether a From field is a mail system's.
func fromDaemon(from string) bool {
	from = lowerASCII(from)
	for _, d := range []string{"mailer-daemon", "postmaster@", "mail delivery sys", "mail delivery subsys", "mdaemon@", "microsoftexchange"} {
		if strings.Contains(from, d) {
			return true
		}
	}
	return strings.TrimSpace(from) == "<>" || from == ""
}

// mailboxes gives the addresses of a list.
func mailboxes(list string) []addr.Mailbox {
	r := Returned{To: list}
	return r.to(MaxRecipients)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

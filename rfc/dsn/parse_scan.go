package dsn

import (
	"strings"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// textScan finds recipients in a text and what is said about each.
type textScan struct {
	found []textRecipient
	own   map[string]bool // addresses that are never the recipient: the reporter's and the sender's
	cur   int             // index in found of whom the current lines are about; -1 nobody
	index map[string]int  // of found, by key
}

// textRecipient is an address and the lines about it.
type textRecipient struct {
	m     addr.Mailbox
	key   string
	lines []string
	size  int
}

// say adds a line about the recipient.
func (f *textRecipient) say(line string) {
	if line = strings.TrimSpace(line); line != "" && f.size < MaxDiagnostic {
		f.lines = append(f.lines, line)
		f.size += len(line)
	}
}

// words gives what was said, from the line with a reply or status code on if there is one.
func (f *textRecipient) words() string {
	for i, l := range f.lines {
		if _, ok := findStatus(l); ok || findReply(l) != 0 {
			return Clean(strings.Join(f.lines[i:], " "), MaxDiagnostic)
		}
	}
	return Clean(strings.Join(f.lines, " "), MaxDiagnostic)
}

// scan reads lines. A line that begins with an address is about it, and so are the lines behind it, up to the
// next such line; a line that mentions a recipient already known is about that one.
func (p *parser) scan(lines []string) textScan {
	s := textScan{cur: -1, own: map[string]bool{}, index: map[string]int{}}
	for _, f := range []string{"From", "To", "Reply-To"} {
		for _, m := range mailboxes(header.Get(p.head, f)) {
			s.own[m.Key()] = true
		}
	}
	for _, l := range lines {
		s.line(l)
	}
	if len(s.found) == 0 {
		for _, l := range lines {
			s.mention(l)
		}
	}
	return s
}

func (s *textScan) line(line string) {
	text := strings.TrimSpace(line)
	if text == "" {
		return
	}
	m, rest, ok := leadingAddress(text)
	if !ok {
		m, rest, ok = announced(text)
	}
	switch {
	case ok && !s.own[m.Key()] && !daemonLocal(m.Local):
		s.add(m)
		s.found[s.cur].say(rest)
	case s.cur >= 0:
		s.switchTo(text)
		s.found[s.cur].say(text)
	}
}

// add makes m the one that lines are about.
func (s *textScan) add(m addr.Mailbox) {
	key := m.Key()
	if i, ok := s.index[key]; ok {
		s.cur = i
		return
	}
	if len(s.found) >= MaxRecipients {
		return
	}
	s.cur = len(s.found)
	s.index[key] = s.cur
	s.found = append(s.found, textRecipient{m: m, key: key})
}

// switchTo turns to a known recipient whose address stands in <> in the line, as in a transcript.
func (s *textScan) switchTo(line string) {
	open := strings.IndexByte(line, '<')
	if open < 0 || len(s.found) < 2 {
		return
	}
	end := strings.IndexByte(line[open:], '>')
	if end < 0 {
		return
	}
	if m, err := addr.ParseMailbox(line[open+1:open+end], true); err == nil {
		if i, ok := s.index[m.Key()]; ok {
			s.cur = i
		}
	}
}

// mention takes an address anywhere in a line that also has a reply or status code.
func (s *textScan) mention(line string) {
	_, coded := findStatus(line)
	if !coded && findReply(line) == 0 {
		return
	}
	for word := range strings.FieldsSeq(line) {
		m, ok := bareAddress(word)
		if ok && !s.own[m.Key()] && !daemonLocal(m.Local) {
			s.add(m)
			s.found[s.cur].say(line)
			return
		}
	}
}

// coded tells whether some host gave a code with its words.
func (s *textScan) coded() bool {
	for i := range s.found {
		w := s.found[i].words()
		if _, ok := findStatus(w); ok || findReply(w) != 0 {
			return true
		}
	}
	return false
}

// leadingAddress reads a line that begins with an address: "<a@b>: text", "a@b", "a@b on 1/1/2026 10:00",
// "\"a@b\" (reason: ...)", "To: a@b", "rfc822;a@b".
func leadingAddress(line string) (m addr.Mailbox, rest string, ok bool) {
	for _, label := range []string{"to:", "recipient:", "recipient address:", "for:", "final-recipient:", "rfc822;", "smtp;"} {
		if hasPrefixFold(line, label) {
			line = strings.TrimSpace(line[len(label):])
		}
	}
	word, rest, _ := strings.Cut(line, " ")
	if word == "" {
		return m, "", false
	}
	if m, ok = bareAddress(word); !ok {
		return m, "", false
	}
	closed := word[0] == '<' || word[0] == '"' || word[0] == '\'' || strings.HasSuffix(word, ":")
	return m, rest, closed || leadsOn(rest)
}

// leadsOn tells whether what stands behind an address, if anything, belongs to a report about it and not to a
// sentence.
func leadsOn(rest string) bool {
	if rest = strings.TrimSpace(rest); rest == "" {
		return true
	}
	for _, p := range []string{"(", "<", "on ", "...", ":", "-", "[", "unknown", "no such", "user unknown"} {
		if hasPrefixFold(rest, p) {
			return true
		}
	}
	return isDigit(rest[0])
}

// announced reads a sentence that names the recipient: "Your message to a@b couldn't be delivered",
// "wasn't delivered to a@b because".
func announced(line string) (m addr.Mailbox, rest string, ok bool) {
	low := lowerASCII(line)
	for _, p := range []string{
		"your message to ", "delivered to ", "delivering your message to ", "deliver your message to ", "delivering mail to ", "message for ",
		"deliver mail to ", "recipient address: ", "rcpt to:", "the recipient ", "the address ",
	} {
		i := strings.Index(low, p)
		if i < 0 {
			continue
		}
		word, _, _ := strings.Cut(line[i+len(p):], " ")
		if m, ok = bareAddress(word); ok {
			return m, line, true
		}
	}
	return m, "", false
}

// bareAddress reads a word that is an address with brackets, quotes and punctuation around it.
func bareAddress(word string) (addr.Mailbox, bool) {
	const around = "<>()[]\"'“”«»,;:.*"
	if len(word) > addr.MaxPath+8 || strings.IndexByte(word, '@') < 1 {
		return addr.Mailbox{}, false
	}
	if close := strings.IndexByte(word, '>'); word[0] == '<' && close > 0 {
		word = word[:close]
	}
	word = strings.TrimPrefix(strings.Trim(word, around), "mailto:")
	m, err := addr.ParseMailbox(word, true)
	if err != nil || m.Domain == "" || m.Domain[0] == '[' || !strings.Contains(m.Domain, ".") {
		return addr.Mailbox{}, false
	}
	return m, true
}

// daemonLocal tells whether a local part is that of a mail system.
func daemonLocal(local string) bool {
	switch lowerASCII(local) {
	case "mailer-daemon", "postmaster", "mailerdaemon", "mdaemon":
		return true
	}
	return false
}

package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"barid/e2e/corpus"
	"barid/e2e/imap"
	"barid/e2e/server"
)

// route is a way for messages into Barid, to an account of its own.
type route struct {
	account string
	ways    []way
	changed func([]corpus.Message) []corpus.Message // what a relay makes of them; nil is nothing
	relayed bool                                    // Postfix's Received is there
	authors bool                                    // logs in: the account owns every author's address, missing fields are added
}

// way is one protocol of a route: how the messages are sent, and what our trace fields say of it.
type way struct {
	protocol string // "ESMTPS"
	send     func(t *testing.T, s *server.Server, to string, ms []corpus.Message)
}

const author = "sales@" + server.Domain

var routes = []route{
	{account: "postfix@" + server.Domain, ways: []way{{"ESMTP", viaPostfix("smtp", "")}}, changed: asPostfix, relayed: true},
	{
		account: "postfix-tls@" + server.Domain, changed: asPostfix, relayed: true,
		ways: []way{{"ESMTPS", viaPostfix("smtp", "smtp_tls_security_level = encrypt\n")}},
	},
	{
		account: "postfix-lmtp@" + server.Domain, changed: asPostfix, relayed: true,
		ways: []way{{"LMTP", viaPostfix("lmtp", "default_transport = lmtp:inet:127.0.0.1:PORT\nrelayhost =\nlmtp_line_length_limit = 0\n")}},
	},
	{account: "mx@" + server.Domain, ways: []way{
		{"ESMTP", each("smtp", "--from", stranger)},
		{"ESMTPS", each("smtp", "--from", stranger, "--tls")},
	}},
	{account: "lmtp@" + server.Domain, ways: []way{{"LMTP", each("lmtp", "--from", stranger, "--protocol", "LMTP")}}},
	{account: author, authors: true, ways: []way{
		{"ESMTPSA", each("submission", append(login(author), "--tls")...)},
		{"ESMTPSA", each("submissions", append(login(author), "--tls-on-connect")...)},
	}},
}

// each sends messages one by one with swaks.
func each(protocol string, args ...string) func(*testing.T, *server.Server, string, []corpus.Message) {
	return func(t *testing.T, s *server.Server, to string, ms []corpus.Message) {
		for _, m := range ms {
			swaks(t, s, protocol, to, m.Raw, args...)
		}
	}
}

// sendable are the messages that SMTP may carry.
func sendable() []corpus.Message {
	var out []corpus.Message
	for _, m := range corpus.All() {
		if !m.Want.AppendOnly {
			out = append(out, m)
		}
	}
	return out
}

// TestPostfixAndSwaksToMbsyncAndFetchmail sends the whole corpus by every way there is, and reads every copy by
// every reader: our trace fields stand before it, and behind them each byte is the one that was sent.
func TestPostfixAndSwaksToMbsyncAndFetchmail(t *testing.T) {
	needTime(t)
	s := server.Prepare(t, server.Options{})
	ms := sendable()
	for _, r := range routes {
		s.Must("account", "add", r.account)
		if r.relayed {
			s.Must("account", "set", r.account, "--address", addressUTF8[r.account])
		}
	}
	ownAuthors(s, ms)
	s.Boot()
	for _, r := range routes {
		t.Run(r.account, func(t *testing.T) {
			t.Parallel()
			for _, w := range r.ways {
				w.send(t, s, r.account, ms)
			}
			want := ms
			if r.changed != nil {
				want = r.changed(ms)
			}
			for _, reader := range readers {
				t.Run(reader.name, func(t *testing.T) {
					got := reader.read(t, s, r.account, len(ms)*len(r.ways))
					r.compare(t, want, got, reader.does)
				})
			}
			t.Run("ENVELOPE and BODYSTRUCTURE", func(t *testing.T) { r.structures(t, s, want) })
		})
	}
}

// ownAuthors makes every address that stands in a From field of the corpus one that author may use.
func ownAuthors(s *server.Server, ms []corpus.Message) {
	done := map[string]bool{author: true, server.Domain: true}
	for _, m := range ms {
		for _, from := range m.Want.From {
			addr := from[strings.LastIndexByte(from, '<')+1 : len(from)-1]
			_, domain, _ := strings.Cut(addr, "@")
			if domain == "xn--mgbh0fb.xn--kgbechtv" {
				domain = "مثال.إختبار" // the same one
			}
			if !done[domain] {
				s.Must("domain", "add", domain)
			}
			if !done[addr] {
				s.Must("alias", "add", addr, author)
			}
			done[domain], done[addr] = true, true
		}
	}
}

// compare wants every message once for each way among what a reader gave.
func (r route) compare(t *testing.T, ms []corpus.Message, got [][]byte, does func([]byte) []byte) {
	t.Helper()
	left, name := map[string]int{}, map[string]string{}
	var read []corpus.Message
	for _, m := range ms {
		if m.Raw = does(m.Raw); m.Raw != nil {
			read = append(read, m)
			left[string(m.Raw)] += len(r.ways)
			name[string(m.Raw)] = m.Name
		}
	}
	for _, raw := range got {
		rest, err := r.strip(raw, read)
		if err != nil {
			t.Error(err)
			continue
		}
		if left[string(rest)] == 0 {
			t.Errorf("not what was sent, or too often:\n%q\nnearest %s", rest, nearest(rest, ms))
			continue
		}
		left[string(rest)]--
	}
	for raw, n := range left {
		if n > 0 {
			t.Errorf("%d copies of %s did not come back", n, name[raw])
		}
	}
}

// strip checks and takes away the fields that were legitimately put before a message.
func (r route) strip(raw []byte, ms []corpus.Message) ([]byte, error) {
	m, err := cutTrace(raw)
	if err != nil {
		return nil, err
	}
	if why := r.wrongTrace(m); why != "" {
		return nil, fmt.Errorf("%s in %q", why, raw[:len(raw)-len(m.rest)])
	}
	if r.relayed {
		at := byPostfix.FindIndex(m.rest)
		if at == nil {
			return nil, fmt.Errorf("without the field of Postfix: %.300q", m.rest)
		}
		m.rest = m.rest[at[1]:]
	}
	if r.authors {
		m.rest = cutCompleted(m.rest, nearestRaw(m.rest, ms))
	}
	return m.rest, nil
}

// wrongTrace compares what our trace fields say with what happened.
func (r route) wrongTrace(m traced) string {
	from, results := stranger, " none"
	if r.authors {
		from, results = author, "\r\n\tauth=pass smtp.mailfrom="+author
	}
	known := false
	for _, w := range r.ways {
		known = known || w.protocol == m.protocol
	}
	to := r.account
	if r.relayed && m.protocol == "UTF8"+strings.TrimPrefix(r.ways[0].protocol, "E") {
		from, to, known = strangerUTF8, addressUTF8[r.account], true
	}
	switch {
	case m.to != to:
		return "wrong recipient"
	case m.from != from || !known:
		return "wrong sender or protocol"
	case m.results != results:
		return "wrong results"
	}
	return ""
}

// nearestRaw is the message that got ends with, nil if there is none.
func nearestRaw(got []byte, ms []corpus.Message) []byte {
	var best []byte
	for _, m := range ms {
		if bytes.HasSuffix(got, m.Raw) && len(m.Raw) > len(best) {
			best = m.Raw
		}
	}
	return best
}

// nearest names the message that has most lines of got, for the reader of a failure.
func nearest(got []byte, ms []corpus.Message) string {
	best, score := "none", 0
	have := map[string]bool{}
	for _, l := range strings.Split(string(got), "\r\n") {
		have[l] = true
	}
	for _, m := range ms {
		n := 0
		for _, l := range strings.Split(string(m.Raw), "\r\n") {
			if have[l] {
				n++
			}
		}
		if n > score {
			best, score = fmt.Sprintf("%s:\n%q", m.Name, m.Raw), n
		}
	}
	return best
}

// structures compares what IMAP says of each message with the corpus.
func (r route) structures(t *testing.T, s *server.Server, ms []corpus.Message) {
	c := imap.Dial(t, s, r.account)
	c.Do("EXAMINE INBOX")
	byRaw := map[string]corpus.Message{}
	for _, m := range ms {
		byRaw[string(m.Raw)] = m
	}
	n := map[string]int{}
	for _, f := range c.Fetch("(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])") {
		raw := []byte(imap.Text(f["BODY[]"]))
		rest, err := r.strip(raw, ms)
		if err != nil {
			t.Error(err)
			continue
		}
		m, ok := byRaw[string(rest)]
		if !ok {
			t.Errorf("not what was sent: %q", rest)
			continue
		}
		n[m.Name]++
		if r.relayed && byPostfixChanged[m.Name] != nil {
			continue // the corpus tells of the message before Postfix changed it
		}
		if r.authors && (!hasField(m.Raw, "Date") || !hasField(m.Raw, "From")) {
			continue // the envelope has what was added; a_submission_gets_what_it_lacks.txtar looks at that
		}
		compareStructure(t, m, f, len(raw))
	}
	for _, m := range ms {
		if n[m.Name] != len(r.ways) {
			t.Errorf("%s is there %d times, want %d", m.Name, n[m.Name], len(r.ways))
		}
	}
}

// TestAppendedCorpusComesBack puts every message into a mailbox by IMAP, also those that SMTP refuses, and reads
// them back: no trace fields here, each byte is the same. Only a NUL can not come that way (RFC 3501 §4.3).
func TestAppendedCorpusComesBack(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, "info@"+server.Domain)
	var ms []corpus.Message
	for _, m := range corpus.All() {
		end := c.Append("INBOX", `\Seen`, m.Raw)
		if bytes.IndexByte(m.Raw, 0) >= 0 {
			if !strings.HasPrefix(end, "BAD ") {
				t.Errorf("%s: a NUL was answered %q", m.Name, end)
			}
			continue
		}
		ms = append(ms, m)
		if !strings.HasPrefix(end, "OK [APPENDUID ") {
			t.Fatalf("%s: %s", m.Name, end)
		}
	}
	c.Do("EXAMINE INBOX")
	got := c.Fetch("(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
	if len(got) != len(ms) {
		t.Fatalf("%d messages, want %d", len(got), len(ms))
	}
	for i, m := range ms {
		if raw := imap.Text(got[i]["BODY[]"]); raw != string(m.Raw) {
			t.Errorf("%s came back as\n%q\nwant\n%q", m.Name, raw, m.Raw)
		}
		compareStructure(t, m, got[i], len(m.Raw))
	}
}

package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// demand is a command that asks for too much, or lies. Its answer must begin with one of the words of hear, and the
// session goes on.
type demand struct {
	name   string
	needs  string // capability without which it is not sent
	enable string
	text   string
	hear   string // "BAD |NO ": a tagged answer with one of these beginnings
}

// demands are rows 42 and 43 for what came with extensions, and names that lie.
func demands() []demand {
	literal := wire.Literal
	deep := strings.Repeat("x/", 1000) + "x"
	everything := strings.TrimSuffix(strings.Repeat("1:4294967295,", 10_000), ",")
	small := strings.Repeat(" {3+}\r\nx\r\n", 20_000)
	out := []demand{
		{name: "FETCH of all numbers there can be", text: "FETCH 1:4294967295 FLAGS", hear: "BAD "},
		{name: "STORE of everything 10,000 times", text: "UID STORE " + everything + " +FLAGS.SILENT (\\Seen)", hear: "OK |BAD "},
		{name: "COPY of everything 10,000 times", text: "UID COPY " + everything + " Trash", hear: "OK |BAD "},
		{name: "UID EXPUNGE of everything 10,000 times", text: "UID EXPUNGE " + everything, hear: "OK |BAD "},
		{name: "SEARCH for everything 10,000 times", text: "SEARCH UID " + everything, hear: "OK |BAD "},
		{name: "SEARCH for everything, not, 4,000 times", text: "SEARCH" + strings.Repeat(" NOT UID 1:4294967295", 4_000), hear: "OK |BAD "},
		{name: "a tree of OR that is as wide as deep", text: "SEARCH " + tree(9), hear: "OK |BAD |NO "},
		{name: "RETURN of everything", text: "SEARCH RETURN (" + strings.Repeat("ALL MIN MAX COUNT SAVE ", 5_000) + "ALL) ALL", hear: "BAD |NO "},
		{name: "SORT by 100,000 things", text: "SORT (" + strings.Repeat("REVERSE SIZE ", 100_000) + "SIZE) UTF-8 ALL", hear: "BAD |NO "},
		{name: "QRESYNC that knows everything 10,000 times", enable: "QRESYNC", text: "SELECT INBOX (QRESYNC (1 1 " + everything + "))", hear: "OK |BAD |NO "},
		{name: "QRESYNC with modseq 2^64", enable: "QRESYNC", text: "SELECT INBOX (QRESYNC (1 18446744073709551616))", hear: "BAD "},
		{name: "QRESYNC with UIDVALIDITY 2^32", enable: "QRESYNC", text: "SELECT INBOX (QRESYNC (4294967296 1))", hear: "BAD "},
		{name: "UNCHANGEDSINCE 2^64", text: "STORE 1 (UNCHANGEDSINCE 18446744073709551616) FLAGS ()", hear: "BAD "},
		{name: "20,000 messages in one APPEND", needs: "MULTIAPPEND", text: "APPEND INBOX" + small, hear: "OK |NO |BAD "},
		{name: "a message of 2 GB behind a small one", needs: "MULTIAPPEND", text: "APPEND INBOX {3+}\r\nx\r\n {2147483648}", hear: "NO |BAD "},
		{name: "APPEND of NUL", text: "APPEND INBOX " + literal("Subject: x\r\n\r\na\x00b\r\n"), hear: "BAD |NO "},
		{name: "APPEND of bare CR and bare LF", text: "APPEND INBOX " + literal("Subject: x\r\n\r\na\rb\nc\r\r\n.\r\n"), hear: "OK |BAD |NO "},
		{name: "a flag that is a literal", text: "APPEND INBOX ({3+}\r\nfoo) {3+}\r\nx\r\n", hear: "BAD "},
		{name: "10,000 URLs in one message", needs: "CATENATE", text: "APPEND INBOX CATENATE (" + strings.Repeat(`URL "/INBOX;UID=1" `, 10_000) + `TEXT {1+}` + "\r\nx)", hear: "BAD |NO "},
		{name: "a URL of 100 kB", needs: "CATENATE", text: `APPEND INBOX CATENATE (URL "/` + strings.Repeat("a", 100_000) + `;UID=1")`, hear: "BAD |NO "},
		{name: "a URL that leaves the account", needs: "CATENATE", text: `APPEND INBOX CATENATE (URL "/../../demo/INBOX;UID=1")`, hear: "BAD |NO "},
		{name: "REPLACE of what is not there", needs: "REPLACE", text: "UID REPLACE 4294967295 INBOX " + literal("Subject: x\r\n\r\n"), hear: "NO |BAD "},
		{name: "10,000 entries of METADATA", needs: "METADATA", text: `GETMETADATA INBOX (` + strings.TrimSuffix(strings.Repeat("/private/comment ", 10_000), " ") + ")", hear: "OK |BAD |NO "},
		{name: "an entry of METADATA 1,000 levels deep", needs: "METADATA", text: "SETMETADATA INBOX (/private" + strings.Repeat("/x", 1000) + " x)", hear: "BAD |NO "},
		{name: "a value of METADATA of 200 kB", needs: "METADATA", text: "SETMETADATA INBOX (/private/comment " + literal(strings.Repeat("x", 200_000)) + ")", hear: "BAD |NO "},
		{name: "LIST with 10,000 patterns", needs: "LIST-EXTENDED", text: `LIST () "" (` + strings.TrimSuffix(strings.Repeat("* ", 10_000), " ") + ")", hear: "OK |BAD |NO "},
		{name: "LIST that returns STATUS of everything", needs: "LIST-STATUS", text: `LIST "" * RETURN (STATUS (` + strings.TrimSuffix(strings.Repeat("MESSAGES ", 10_000), " ") + "))", hear: "OK |BAD |NO "},
		{name: "ESEARCH in 10,000 mailboxes", needs: "MULTISEARCH", text: `ESEARCH IN (mailboxes (` + strings.TrimSuffix(strings.Repeat("INBOX ", 10_000), " ") + ")) ALL", hear: "OK |BAD |NO "},
		{name: "rights that nobody knows", needs: "ACL", text: "SETACL INBOX " + literal("anyone") + " " + strings.Repeat("lrswipkxtecda0123456789", 4_000), hear: "BAD |NO "},
		{name: "NOTIFY of 10,000 mailboxes", needs: "NOTIFY", text: "NOTIFY SET (mailboxes (" + strings.TrimSuffix(strings.Repeat("INBOX ", 10_000), " ") + ") (MessageNew MessageExpunge))", hear: "OK |BAD |NO "},
		{name: "NOTIFY that fetches 1 MB deep", needs: "NOTIFY", text: "NOTIFY SET (selected (MessageNew " + strings.Repeat("(", 1<<20) + "))", hear: "BAD |NO "},
		{name: "10,000 quota resources", needs: "QUOTASET", text: `SETQUOTA "" (` + strings.TrimSuffix(strings.Repeat("STORAGE 1 ", 10_000), " ") + ")", hear: "BAD |NO "},
		{name: "a mailbox 1,000 levels deep in UTF-8", enable: "IMAP4rev2", text: "CREATE " + strings.ReplaceAll(deep, "x", "م"), hear: "BAD |NO "},
		{name: "a mailbox name that is not UTF-8", enable: "IMAP4rev2", text: "CREATE \"\xff\xfe\"", hear: "BAD |NO "},
		{name: "a mailbox name of overlong UTF-8", enable: "IMAP4rev2", text: "CREATE \"\xc0\xaf\"", hear: "BAD |NO "},
		{name: "a mailbox name of surrogates in UTF-8", enable: "IMAP4rev2", text: "CREATE \"\xed\xa0\x80\"", hear: "BAD |NO "},
		{name: "a quoted string of 8-bit without UTF-8", text: "SELECT \"\xd9\x85\"", hear: "BAD |NO "},
	}
	for _, verb := range []string{"CREATE", "SELECT", "RENAME INBOX", "COPY 1", "SUBSCRIBE", "DELETE"} {
		for _, what := range slices.Sorted(maps.Keys(lyingNames)) {
			out = append(out, demand{name: verb + " of " + what, text: verb + " " + lyingNames[what], hear: "BAD |NO "})
		}
	}
	return out
}

// lyingNames are not modified UTF-7, or would be two names for one mailbox (RFC 3501 §5.1.3).
var lyingNames = map[string]string{
	"a shift without end":         "&BigG",
	"half a letter":               "&B-",
	"ASCII in disguise":           "&AGEAYg-",
	"a slash in disguise":         "a&AC8-b",
	"a wildcard in disguise":      "&ACo-",
	"NUL in disguise":             "&AAA-",
	"CR LF in disguise":           "&AA0ACg-",
	"half a surrogate pair":       "&2Dw-",
	"a surrogate pair backwards":  "&3wDYPA-",
	"bits left over":              "&BigB-",
	"standard base64":             "\"&BigG/w-\"",
	"padding":                     "\"&BigG=-\"",
	"two shifts where one is":     "&Big-&Bjk-",
	"8-bit":                       wire.Literal("\xd9\x85\xd8"),
	"a level without a name":      "a//b",
	"a name that is only a slash": "/",
}

// tree is a search key of 2^n leaves.
func tree(n int) string {
	if n == 0 {
		return "SEEN"
	}
	return "OR (" + tree(n-1) + ") NOT (" + tree(n-1) + ")"
}

// TestIMAPExtensionsAreBounded sends each demand in a session of its own. It is answered in time, the session goes on,
// and so does one that was there before.
func TestIMAPExtensionsAreBounded(t *testing.T) {
	b := begin(t, server.Options{Settings: "[limits]\nmessage_bytes = 1048576\n"})
	c := b.smtp(t, "127.0.2.2")
	for range 3 {
		if r, err := c.Send(stranger, []string{info}, "Subject: one of three\r\n\r\nneedle\r\n"); err != nil || r.Code != 250 {
			t.Fatal(r, err)
		}
	}
	bystander := b.imap(t, "127.0.2.3", info)
	do(t, bystander, "SELECT INBOX")
	caps := " " + strings.Join(do(t, bystander, "CAPABILITY").Untagged, " ") + " "
	before := strings.Join(do(t, bystander, `LIST "" *`).Untagged, "\n")
	for _, d := range demands() {
		if d.needs != "" && !strings.Contains(caps, " "+d.needs+" ") {
			continue
		}
		t.Run(d.name, func(t *testing.T) { b.demand(t, d) })
	}
	do(t, bystander, "NOOP")
	if after := strings.Join(do(t, bystander, `LIST "" *`).Untagged, "\n"); after != before {
		t.Errorf("there are other mailboxes now:\n%s\nbefore:\n%s", after, before)
	}
	b.alive(t)
}

func (b *bed) demand(t *testing.T, d demand) {
	box := b.imap(t, "127.0.2.2", info)
	if d.enable != "" {
		do(t, box, "ENABLE "+d.enable)
	}
	do(t, box, "SELECT INBOX")
	mem := b.memory(t)
	var r wire.Result
	var err error
	b.within(t, 10*time.Second, d.name, func() { r, err = box.Do(d.text) })
	if err != nil {
		t.Fatalf("after %.100q: %v", r.Untagged, err)
	}
	word, text, _ := strings.Cut(r.Tagged, " ")
	if !strings.Contains("|"+d.hear, "|"+word+" ") || text == "" {
		t.Errorf("answered %.200q, want %q", r.Tagged, d.hear)
	}
	if grown := b.memory(t) - mem; grown > 64<<20 {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
	if word != "OK" {
		do(t, box, "NOOP")
	}
	_ = box.Close()
}

// TestThousandsOfCommandsInOneWrite: all are answered, in their order, and nobody else waits for them.
func TestThousandsOfCommandsInOneWrite(t *testing.T) {
	b := begin(t, server.Options{})
	c := b.smtp(t, "127.0.2.2")
	for range 20 {
		if r, err := c.Send(stranger, []string{info}, "Subject: x\r\n\r\nx\r\n"); err != nil || r.Code != 250 {
			t.Fatal(r, err)
		}
	}
	box := b.imap(t, "127.0.2.2", info)
	do(t, box, "SELECT INBOX")
	const rounds = 5000
	verbs := []string{"NOOP", "FETCH 1:* FLAGS", "UID SEARCH ALL", "STATUS Trash (MESSAGES)"}
	var text strings.Builder
	for i := range rounds {
		fmt.Fprintf(&text, "p%d %s\r\n", i, verbs[i%len(verbs)])
	}
	sent := make(chan error, 1)
	go func() { sent <- box.Put(text.String()) }()
	for next := 0; next < rounds; {
		line, err := box.Response()
		if err != nil {
			t.Fatalf("after %d answers: %v", next, err)
		}
		if strings.HasPrefix(line, "* ") {
			continue
		}
		if !strings.HasPrefix(line, fmt.Sprintf("p%d OK ", next)) {
			t.Fatalf("%q, want the answer to p%d", line, next)
		}
		if next++; next == rounds/2 {
			b.alive(t)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	do(t, box, "NOOP")
	b.alive(t)
}

// TestWhoIdlesAndNeverReadsDelaysNobody: clients in IDLE stop reading while their mailbox changes a lot; others are
// told at once, and memory is bounded.
func TestWhoIdlesAndNeverReadsDelaysNobody(t *testing.T) {
	b := begin(t, server.Options{})
	worker := b.imap(t, "127.0.2.2", info)
	for range 300 {
		do(t, worker, "APPEND INBOX "+wire.Literal("Subject: x\r\n\r\nx\r\n"))
	}
	do(t, worker, "SELECT INBOX")
	for i := range 10 {
		deaf := b.imap(t, fmt.Sprintf("127.0.4.%d", i+1), info)
		do(t, deaf, "SELECT INBOX")
		put(t, deaf.Conn, "i IDLE\r\n")
	}
	listener := b.imap(t, "127.0.2.3", info)
	do(t, listener, "SELECT INBOX")
	mem := b.memory(t)
	for i := range 400 { // 120,000 FETCH responses to each that does not read
		do(t, worker, fmt.Sprintf("STORE 1:* %cFLAGS.SILENT (\\Flagged a%d)", "+-"[i%2], i/2%20))
	}
	if r := do(t, listener, "NOOP"); len(r.Untagged) < 300 {
		t.Errorf("the one who listens was told %d things", len(r.Untagged))
	}
	if grown := b.memory(t) - mem; grown > 96<<20 {
		t.Errorf("10 clients in IDLE that do not read cost %d MiB", grown>>20)
	}
	b.alive(t)
}

// TestPOP3DemandsAreBounded: pipelined commands, arguments that are too many, names and languages that are nobody's.
func TestPOP3DemandsAreBounded(t *testing.T) {
	b := begin(t, server.Options{})
	c := b.smtp(t, "127.0.2.2")
	for range 3 {
		if r, err := c.Send(stranger, []string{info}, "Subject: x\r\n\r\n..\r\n..dots\r\n"); err != nil || r.Code != 250 {
			t.Fatal(r, err)
		}
	}
	for _, a := range []abuse{
		{"20,000 STAT in one write", strings.Repeat("STAT\r\n", 20_000), "+OK ", "", false},
		{"5,000 RETR in one write", strings.Repeat("RETR 1\r\n", 5_000), "+OK ", "", false},
		{"DELE and RSET 10,000 times", strings.Repeat("DELE 1\r\nRSET\r\n", 10_000), "+OK ", "-ERR", false},
		{"UIDL with two numbers", "UIDL 1 2\r\n", "-ERR ", "", false},
		{"TOP without lines", "TOP 1\r\n", "-ERR ", "", false},
		{"LANG of nobody", "LANG x-klingon\r\n", "-ERR ", "", false},
		{"LANG of 200 octets", "LANG " + strings.Repeat("a-", 100) + "a\r\n", "-ERR ", "", false},
		{"UTF8 where it can not be", "UTF8\r\n", "-ERR ", "", false},
		{"AUTH where it can not be", "AUTH PLAIN " + strings.Repeat("A", 200) + "\r\n", "-ERR ", "", false},
		{"STLS inside TLS", "STLS\r\n", "-ERR ", "", false},
		{"a verb of control octets", "\x01\x02\x03\r\n", "-ERR ", "", false},
		{"8-bit in a verb", "R\xd9\x85TR 1\r\n", "-ERR ", "", false},
		{"bare CR", "NOOP\rSTAT\r\n", "-ERR ", "", false},
	} {
		t.Run(a.name, func(t *testing.T) {
			drop := b.pop3(t, "127.0.2.2", info)
			a.play(t, b, drop, "QUIT\r\n")
		})
	}
	if n := messages(t, b.imap(t, "127.0.2.3", info), "INBOX"); n != 3 {
		t.Errorf("INBOX has %d messages, 3 came", n)
	}
	b.alive(t)
}

package imap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// nameCommands are all commands that take a mailbox name, with "%s" for it. Those in front want no mailbox selected.
var nameCommands = []string{
	"CREATE %s", "DELETE %s", "RENAME %s there", "RENAME INBOX %s", "SUBSCRIBE %s", "UNSUBSCRIBE %s", "SELECT %s", "EXAMINE %s",
	"STATUS %s (MESSAGES)", "LIST %s x", `LIST "" %s`, `LIST "" (%s INBOX)`, `XLIST "" %s`, `LSUB "" %s`, "APPEND %s {12+}\r\nSubject: x\r\n",
	"GETACL %s", "SETACL %s anyone l", "DELETEACL %s anyone", "LISTRIGHTS %s anyone", "MYRIGHTS %s", "GETQUOTAROOT %s",
	"GETMETADATA %s /shared/comment", `SETMETADATA %s (/shared/comment "x")`, "NOTIFY SET (mailboxes %s (MailboxName))",
	"NOTIFY SET (subtree (x %s) (MailboxName))", "ESEARCH IN (subtree %s) ALL",
}

// TestNamesThatLie: names that are not modified UTF-7, or not the one form of it, are a tagged NO in every command, and the session
// goes on; only LIST takes them for patterns that match nothing (RFC 9051 §6.3.9). What is no UTF-8 is BAD (RFC 6855 §3).
func TestNamesThatLie(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxBad = 1000 })
	c := w.login()
	for _, name := range []string{
		`"&"`, `"&AGEAYg-"`, `"&AGE"`, `"&====-"`, `"&2AA-"`, `"&3EA-"`, `"&AAA-"`, `"&AAo-"`, "{3+}\r\na\xd9b", `"a&/b"`, `"&-&AOk"`,
		`"&BjUGRgYvBkgGQg-&-&BjU-"`[:12] + `"`, `"` + strings.Repeat("&AOk-", 300) + `"`,
	} {
		for _, cmd := range nameCommands {
			want := "NO [CANNOT] mailbox name is not modified UTF-7"
			switch {
			case name[0] == '{':
				want = "BAD "
			case strings.HasPrefix(cmd, "LIST "):
				want = "OK "
			case len(name) > imap.MaxName:
				want = "BAD mailbox name is longer than 1000 bytes"
			}
			if got := last(c.try(cmd, name)); !strings.HasPrefix(got, want) {
				t.Errorf(cmd+": %s", name, got)
			}
		}
	}
	w.withCapabilities("IMAP4rev2")
	c.do("ENABLE IMAP4rev2")
	for _, cmd := range nameCommands {
		if got := last(c.try(cmd, "{4+}\r\na\xff\xfeb")); !strings.HasPrefix(got, "BAD ") {
			t.Errorf(cmd+": %s", "a\\xff\\xfeb", got)
		}
	}
	c.do("NOOP")
}

// TestNamesPastTheLimits: a thousand levels, names of a kilobyte, empty levels, wildcards: a tagged NO or BAD at once, in
// one's own mailboxes and in those of others.
func TestNamesPastTheLimits(t *testing.T) {
	w, _ := sharedWorld(t)
	w.imap.set.MaxBad = 100_000
	w.loginAs(otherUser).do("SETACL Projects info@example.test lrswipkxtea")
	c := w.login()
	began := time.Now()
	for _, prefix := range []string{"", "Other Users/demo@example.test/Projects/"} {
		for _, name := range []string{
			strings.Repeat("a/", 400) + "a", strings.Repeat("a/", mailbox.MaxDepth) + "a", strings.Repeat("x", 900), "a//b", "/a",
			strings.Repeat("/", 900), strings.Repeat("Other Users/", 60),
		} {
			for _, cmd := range nameCommands {
				if strings.HasPrefix(cmd, "LIST") || strings.HasPrefix(cmd, "XLIST") || strings.HasPrefix(cmd, "LSUB") ||
					strings.HasPrefix(cmd, "NOTIFY") || strings.HasPrefix(cmd, "ESEARCH") {
					continue // these only look
				}
				got := last(c.try(cmd, `"`+prefix+name+`"`))
				if !strings.HasPrefix(got, "NO ") && !strings.HasPrefix(got, "BAD ") {
					t.Errorf("%s of %.40q: %s", cmd, prefix+name, got)
				}
			}
		}
	}
	c.do("NOTIFY NONE")
	const long = "BAD mailbox name is longer than 1000 bytes"
	if got := last(c.try("CREATE %s", strings.Repeat("a", imap.MaxName+1))); !strings.HasPrefix(got, long) {
		t.Errorf("a long name: %s", got)
	}
	c.do("ENABLE UTF8=ACCEPT")
	if got := last(c.try(`CREATE "%s"`, strings.Repeat("ص", imap.MaxName/2+1))); !strings.HasPrefix(got, long) {
		t.Errorf("a long name of Arabic: %s", got)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("that took %v", took)
	}
}

// TestManyMailboxes: past the limit CREATE is refused with a reason, and lists with costly patterns end soon.
func TestManyMailboxes(t *testing.T) {
	w := newWorld(t, nil)
	for i := 0; ; i++ {
		name := strings.Repeat(fmt.Sprintf("%d/", i%7), i%20) + fmt.Sprintf("mailbox%d", i)
		if _, err := w.acct.Create(t.Context(), name, mailbox.UseNone); err != nil {
			break
		}
	}
	c := w.login()
	wantLines(t, c.try("CREATE more"), "NO [LIMIT] too many mailboxes")
	wantLines(t, c.try("SUBSCRIBE more"), "NO [LIMIT] too many mailboxes")
	wantLines(t, c.try("RENAME INBOX more"), "NO [LIMIT] too many mailboxes")
	wantLines(t, c.do("GETQUOTAROOT INBOX"), fmt.Sprintf("* QUOTA info@example.test (MAILBOX %d %d)", mailbox.MaxMailboxes, mailbox.MaxMailboxes))
	began := time.Now()
	for _, cmd := range []string{
		`LIST "" "` + strings.Repeat("%/", 30) + `%"`,
		`LIST "" "` + strings.Repeat("*a%", 300) + `"`,
		`LIST (SUBSCRIBED RECURSIVEMATCH) "" "*" RETURN (CHILDREN SUBSCRIBED STATUS (MESSAGES UNSEEN DELETED SIZE) MYRIGHTS)`,
		`LIST "" (` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("*x%", 30)+`" `, 64), " ") + `)`,
		`LIST "" "*" RETURN (STATUS (MESSAGES) METADATA (/shared/comment /private/comment))`,
		`NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName)) (subtree (0 1 2 3) (SubscriptionChange))`,
	} {
		at := time.Now()
		c.do("%s", cmd)
		t.Logf("%.40s: %v", cmd, time.Since(at))
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("that took %v", took)
	}
	wantLines(t, c.try(`LIST "" (%s)`, strings.TrimSuffix(strings.Repeat("x ", 65), " ")), "BAD too many patterns at byte 133")
	wantLines(t, c.try(`NOTIFY SET (mailboxes (%s) (MailboxName))`, strings.TrimSuffix(strings.Repeat("x ", 513), " ")),
		"NO [NOTIFICATIONOVERFLOW] too much to watch")
	wantLines(t, c.try(`GETMETADATA INBOX (%s)`, strings.TrimSuffix(strings.Repeat("/shared/x ", 257), " ")), "BAD too many entries at byte 2576")
}

package imap

import (
	"strings"
	"testing"
)

// TestMailboxID is RFC 8474 §4, with the examples of §4.1 and §4.3: the id stays when the name goes, and is never used again.
func TestMailboxID(t *testing.T) {
	w := newWorld(t, nil)
	w.withCapabilities("OBJECTID")
	c := w.login()
	id := func(lines []string, in string) string {
		t.Helper()
		_, rest, ok := strings.Cut(strings.Join(lines, "\n"), in+" (F")
		if !ok {
			t.Fatalf("no %s in %q", in, lines)
		}
		id, _, _ := strings.Cut(rest, ")")
		return id
	}
	foo := id(c.do("CREATE foo"), "OK [MAILBOXID")
	bar := id(c.do("CREATE bar"), "OK [MAILBOXID")
	if foo == bar {
		t.Errorf("two mailboxes are %s", foo)
	}
	c.try("CREATE foo")
	if got := id(c.do("SELECT foo"), "* OK [MAILBOXID"); got != foo {
		t.Errorf("SELECT tells %s of %s", got, foo)
	}
	if got := id(c.do("EXAMINE bar"), "* OK [MAILBOXID"); got != bar {
		t.Errorf("EXAMINE tells %s of %s", got, bar)
	}
	c.do("RENAME foo renamed")
	if got := id(c.do("STATUS renamed (MAILBOXID)"), "(MAILBOXID"); got != foo {
		t.Errorf("after RENAME %s is %s", foo, got)
	}
	if got := id(c.do(`LIST "" renamed RETURN (STATUS (MAILBOXID))`), "(MAILBOXID"); got != foo {
		t.Errorf("LIST tells %s of %s", got, foo)
	}
	inbox := id(c.do("STATUS INBOX (MAILBOXID)"), "(MAILBOXID")
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c.do("RENAME INBOX old")
	if got := id(c.do("STATUS INBOX (MAILBOXID)"), "(MAILBOXID"); got != inbox {
		t.Errorf("INBOX was %s and is %s", inbox, got)
	}
	c.do("DELETE renamed")
	if got := id(c.do("CREATE renamed"), "OK [MAILBOXID"); got == foo || got == bar || got == inbox {
		t.Errorf("%s is used again", got)
	}
	sent := id(c.do("STATUS Sent (MAILBOXID)"), "(MAILBOXID")
	if got := id(c.do(`CREATE "Sent Items"`), "OK [MAILBOXID"); got != sent {
		t.Errorf("Sent Items is %s, Sent %s", got, sent)
	}
}

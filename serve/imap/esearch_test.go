package imap

import (
	"slices"
	"strings"
	"testing"
)

// TestMultisearchNeedsItsRights is RFC 7377 §2.2: "r" everywhere, and "l" where a mailbox is not named; what may not be
// searched is passed over. Names of one's own are what all commands take them for.
func TestMultisearchNeedsItsRights(t *testing.T) {
	w, _ := sharedWorld(t)
	owner := w.loginAs(otherUser)
	for rights, want := range map[string][2]int{"lr": {3, 3}, "r": {3, 0}, "l": {0, 0}, "li": {0, 0}} {
		owner.do("SETACL Projects %s %s", testUser, rights)
		c := w.login()
		for i, sources := range []string{"mailboxes (" + projects + ` nowhere "" "a//b")`, `subtree "Other Users"`} {
			got := strings.Join(c.do("ESEARCH IN (%s) RETURN (COUNT) ALL", sources), "\n")
			if found := strings.Contains(got, "UID COUNT 3"); found != (want[i] == 3) {
				t.Errorf("rights %q, %s: %q", rights, sources, got)
			}
		}
		c.do("LOGOUT")
	}
	owner.do("SETACL Projects %s r", testUser)
	c := w.login()
	c.do("SELECT " + projects)
	if got := strings.Join(c.do("ESEARCH IN (selected inboxes) RETURN (COUNT) ALL"), "\n"); !strings.Contains(got, "UID COUNT 3") {
		t.Errorf("the selected mailbox, which no list has, among others: %q", got)
	}
	c.do("APPEND Sent {16+}\r\nSubject: x\r\n\r\nxx")
	got := c.do(`ESEARCH IN (mailboxes ("Sent Messages" Sent "Sent Items")) RETURN (COUNT) ALL`)
	if n := len(slices.DeleteFunc(got, func(l string) bool { return !strings.HasPrefix(l, "* ESEARCH") })); n != 1 {
		t.Errorf("one mailbox by three names is answered %d times: %q", n, got)
	}
}

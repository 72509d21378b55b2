package imap

import (
	"strings"
	"testing"
)

// TestRefusalsDoNotEnableCondstore: a command that was refused changed nothing (RFC 9051 §6), so that the client is not
// told modseqs that it may not know of (RFC 7162 §3.1).
func TestRefusalsDoNotEnableCondstore(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c := w.login()
	c.do("EXAMINE INBOX")
	for _, refused := range []string{
		"STATUS nowhere (HIGHESTMODSEQ)",
		"STATUS INBOX (HIGHESTMODSEQ NOTHING)",
		`LIST "" * RETURN (STATUS (HIGHESTMODSEQ NOTHING))`,
		`STORE 1 (UNCHANGEDSINCE 1) +FLAGS`,
		`STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\Seen)`, // the mailbox is read-only
		"FETCH 1 (MODSEQ NOTHING)",
		"FETCH 9 (MODSEQ)",
		"SEARCH CHARSET X-NONE MODSEQ 1",
		"SELECT nowhere (CONDSTORE)",
		"ENABLE",
	} {
		lines := c.try("%s", refused)
		if last := lines[len(lines)-1]; strings.HasPrefix(last, "OK") {
			t.Fatalf("%s: %q", refused, last)
		}
		c.do("SELECT INBOX")
		if got := c.do(`STORE 1 FLAGS (\Seen)`); strings.Contains(strings.Join(got, "\n"), "MODSEQ") {
			t.Errorf("after %q a STORE is answered %q", refused, got)
		}
		c.do("EXAMINE INBOX")
	}
	c.do("SELECT INBOX")
	lines := c.do("STATUS INBOX (HIGHESTMODSEQ)")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "* OK [HIGHESTMODSEQ ") {
		t.Errorf("the first command that enables CONDSTORE is answered %q", lines)
	}
	if got := c.do(`STORE 1 FLAGS ()`)[0]; !like(`* 1 FETCH (FLAGS () UID 1 MODSEQ (...))`, got) {
		t.Errorf("then STORE tells %q", got)
	}
}

// TestSeenComesWithUIDAndModSeq is RFC 7162 §3.2.4: also for a FETCH that sets \Seen.
func TestSeenComesWithUIDAndModSeq(t *testing.T) {
	w := newWorld(t, nil)
	for range 2 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	}
	c := w.login()
	c.do("ENABLE CONDSTORE")
	c.do("SELECT INBOX")
	if got := c.do("FETCH 1 BODY[TEXT]"); !like(` FLAGS (\Seen...) UID 1 MODSEQ (...))`, got[1]) {
		t.Errorf("told %q", got)
	}
	if got := c.do("FETCH 2 (UID FLAGS BODY[TEXT])"); !like(` MODSEQ (...))`, got[1]) {
		t.Errorf("told %q", got)
	}
	if got := c.do("FETCH 1 FLAGS"); !like(`* 1 FETCH (FLAGS (\Seen...))`, got[0]) || strings.Contains(got[0], "UID") {
		t.Errorf("told %q, the RFC leaves a plain FETCH as it is", got)
	}
}

// TestUnaskedFetchHasUIDInRev2 is RFC 9051 §7.5.2; a client of RFC 3501 gets what that says.
func TestUnaskedFetchHasUIDInRev2(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	old, young, third := w.login(), w.login(), w.login()
	young.do("ENABLE IMAP4rev2")
	for _, c := range []*client{old, young, third} {
		c.do("SELECT INBOX")
	}
	third.do(`STORE 1 +FLAGS (\Flagged)`)
	wantLines(t, old.do("NOOP"), `* 1 FETCH (FLAGS (\Flagged \Recent))`)
	wantLines(t, young.do("NOOP"), `* 1 FETCH (FLAGS (\Flagged) UID 1)`)
	young.send("i IDLE\r\n")
	young.expect("+ idling")
	third.do(`STORE 1 +FLAGS (\Answered)`)
	young.expect(`* 1 FETCH (FLAGS (\Answered \Flagged) UID 1)`)
	young.send("DONE\r\n")
	young.expect("i OK IDLE completed")
}

// TestUIDsOfUnreadableMailboxes is RFC 9051 §6.3.12 and §6.4.7, RFC 4315 §3: who may put messages into a mailbox, but not
// read it, is not told their UIDs.
func TestUIDsOfUnreadableMailboxes(t *testing.T) {
	w, _ := sharedWorld(t)
	owner := w.loginAs(otherUser)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	w.deliver("INBOX", []byte("Subject: y\r\n\r\n"))
	c := w.login()
	c.do("SELECT INBOX")
	for _, row := range []struct {
		rights string
		told   bool
	}{{"li", false}, {"lri", true}} {
		owner.do("SETACL Projects %s %s", testUser, row.rights)
		for _, cmd := range []string{"APPEND " + projects + " {6+}\r\na: b\r\n", "COPY 1 " + projects, "MOVE 1 " + projects} {
			got := strings.Join(c.do("%s", cmd), "\n")
			if told := strings.Contains(got, "UID "); told != row.told {
				t.Errorf("with %s, %.10s is answered %q", row.rights, cmd, got)
			}
		}
	}
}

// TestUnauthenticateEndsNotify is RFC 8437 §4.1: the next login hears nothing of what the one before asked for.
func TestUnauthenticateEndsNotify(t *testing.T) {
	w := newWorld(t, nil)
	w.addAccount(otherUser)
	c := w.login()
	c.do("NOTIFY SET (personal (MessageNew MessageExpunge))")
	c.do("SELECT Archive")
	c.do("UNAUTHENTICATE")
	c.do(`LOGIN %s "%s"`, otherUser, testPassword)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	if got := c.do("NOOP"); len(got) != 1 {
		t.Errorf("told of another account: %q", got)
	}
	c.do("SELECT INBOX")
	w.loginAs(otherUser).do("APPEND INBOX {6+}\r\na: b\r\n")
	wantLines(t, c.do("NOOP"), "* 1 EXISTS") // as without NOTIFY
}

// TestProgressTags is RFC 9585 §4: the notice names the command, but for a tag that can not stand in a response code.
func TestProgressTags(t *testing.T) {
	for tag, want := range map[string]string{"a1": `"a1"`, "a]": "NIL", "+": `"+"`} {
		if got := progressTag(tag); got != want {
			t.Errorf("%s is told as %s, want %s", tag, got, want)
		}
	}
}

// TestLoginTakesNoInitialResponse is RFC 4959 §3: the server of LOGIN speaks first.
func TestLoginTakesNoInitialResponse(t *testing.T) {
	c := newWorld(t, nil).dial()
	wantLines(t, c.try("AUTHENTICATE LOGIN aW5mb0BleGFtcGxlLnRlc3Q="), "BAD the mechanism has no initial response")
}

// TestPatternsThatAreNoNames is RFC 9051 §6.3.9: a pattern that can not be one of a name matches nothing, and LIST is done.
func TestPatternsThatAreNoNames(t *testing.T) {
	c := newWorld(t, nil).login()
	for _, pattern := range []string{`"" &Jjo!`, `"" "&AGE-*"`, `&Jjo! *`, `"" ` + strings.Repeat("x", 2000)} {
		if got := c.do("LIST %s", pattern); len(got) != 1 {
			t.Errorf("LIST %.20s told %q", pattern, got)
		}
	}
	wantLines(t, c.do(`LIST "" (&Jjo! Trash)`), `* LIST (\HasNoChildren \Trash) "/" Trash`)
}

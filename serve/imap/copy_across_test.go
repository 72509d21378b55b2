package imap

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/store/memory"
)

// subjects lists the messages of a mailbox, each with its flags.
func (c *client) subjects(mailbox string) (out []string) {
	c.t.Helper()
	c.do("EXAMINE %s", mailbox)
	lines := c.do("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
	for i, l := range lines {
		if subject, ok := strings.CutPrefix(l, "Subject: "); ok {
			_, flags, _ := strings.Cut(lines[i-1], "FLAGS (")
			flags, _, _ = strings.Cut(flags, ")")
			out = append(out, subject+" "+strings.TrimSpace(strings.ReplaceAll(flags, `\Recent`, "")))
		}
	}
	return out
}

// TestMoveToAnotherAccountLosesNothing: whichever commit of a MOVE to somebody else's mailbox fails, or is the last before
// the end of the process, each message is in one of the two mailboxes or in both, never \Deleted, and nobody is told OK.
func TestMoveToAnotherAccountLosesNothing(t *testing.T) {
	all := []string{`اول \Seen`, "دوم ", `third \Flagged`}
	for failing := 0; ; failing++ {
		w := newWorld(t, nil)
		w.addAccount(otherUser)
		own := w.loginAs(otherUser)
		own.do("CREATE Inbox2")
		own.do("SETACL Inbox2 %s lrswi", testUser)
		for _, s := range all {
			subject, flags, _ := strings.Cut(s, " ")
			m := "Subject: " + subject + "\r\n\r\n"
			w.login().do("APPEND INBOX (%s) {%d+}\r\n%s", flags, len(m), m)
		}
		c := w.login()
		c.do("ENABLE IMAP4rev2") // no \Recent, which is kept behind the answers
		c.do("SELECT INBOX")
		n := 0
		w.store.(*memory.Store).Fail(func() error {
			if strings.Contains(string(debug.Stack()), "mailbox.(*Store).background") {
				return nil // what is left of the APPENDs, at any time
			}
			if n++; n-1 == failing {
				return fmt.Errorf("commit %d: %w", failing, kv.ErrUnavailable)
			}
			return nil
		})
		lines := c.try(`MOVE 1:* "Other Users/%s/Inbox2"`, otherUser)
		w.store.(*memory.Store).Fail(nil)
		last := lines[len(lines)-1]
		c = w.login()
		from, to := c.subjects("INBOX"), own.subjects("Inbox2")
		if n <= failing { // all commits were made
			if !strings.HasPrefix(last, "OK") || len(from) != 0 || fmt.Sprint(to) != fmt.Sprint(all) {
				t.Errorf("%q: %q, %q", lines, from, to)
			}
			if failing < 2 {
				t.Errorf("only %d commits", failing)
			}
			return
		}
		if !strings.HasPrefix(last, "NO") || fmt.Sprint(from) != fmt.Sprint(all) {
			t.Errorf("commit %d fails: %q: %q stay", failing, lines, from)
		}
		if len(to) != 0 && fmt.Sprint(to) != fmt.Sprint(all) {
			t.Errorf("commit %d fails: %q were copied", failing, to)
		}
		if told := strings.Contains(last, "in both mailboxes"); told != (len(to) != 0) {
			t.Errorf("commit %d fails: %q, copied %q", failing, last, to)
		}
	}
}

// TestMoveToAnotherAccountTakesOnlyWhatItCopied: somebody expunges meanwhile, and \Deleted of others stays theirs.
func TestMoveToAnotherAccountTakesOnlyWhatItCopied(t *testing.T) {
	w, _ := sharedWorld(t)
	own := w.loginAs(otherUser)
	own.do("SETACL Projects %s lrswi", testUser)
	c, other := w.login(), w.login()
	for _, s := range []string{"a", "b", "c"} {
		w.deliver("INBOX", []byte("Subject: "+s+"\r\n\r\n"))
	}
	c.do("SELECT INBOX")
	other.do("SELECT INBOX")
	other.do(`STORE 1:3 +FLAGS (\Deleted)`)
	other.do("UID EXPUNGE 1")
	lines := c.do("UID MOVE 1:2 %s", projects)
	wantLines(t, lines[1:], "* 2 EXPUNGE", "* 1 EXPUNGE", "OK UID MOVE completed")
	if !like("* OK [COPYUID ... 2 4] moved", lines[0]) {
		t.Error(lines[0])
	}
	wantLines(t, c.do("FETCH 1:* (UID FLAGS)"), `* 1 FETCH (UID 3 FLAGS (\Deleted \Recent))`)
}

// TestEmailIDsOfMixedMailboxes: messages of the account and of another one take turns, and are told in their order, up or down
// (RFC 8474 §5.1, RFC 9738 §3.1).
func TestEmailIDsOfMixedMailboxes(t *testing.T) {
	w := newWorld(t, func(set *Settings) { set.CommandMessages = 5 })
	w.addAccount(otherUser)
	own := w.loginAs(otherUser)
	own.do("SETACL INBOX %s lrswi", testUser)
	c := w.login()
	w.deliver("INBOX", []byte("Subject: a\r\n\r\n"))
	c.do("SELECT INBOX")
	for range 3 {
		own.do("APPEND INBOX {6+}\r\na: b\r\n")
		c.do(`COPY 1 "Other Users/%s/INBOX"`, otherUser)
	}
	own.do("SELECT INBOX")
	want := []string{"M2-1", "M1-1", "M2-3", "M1-1", "M2-5", "M1-1"}
	told := func(set string, numbers ...int) {
		t.Helper()
		lines := own.do("FETCH %s EMAILID", set)
		for i, n := range numbers {
			if l := fmt.Sprintf("* %d FETCH (EMAILID (%s))", n, want[n-1]); i >= len(lines) || lines[i] != l {
				t.Errorf("%s: %q, want %q", set, lines, l)
			}
		}
	}
	told("2:6", 2, 3, 4, 5, 6)
	told("1:2,4", 1, 2, 4)
	told("1:6", 6, 5, 4, 3, 2)
}

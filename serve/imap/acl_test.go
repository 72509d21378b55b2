package imap

import (
	"fmt"
	"strings"
	"testing"

	"barid/mail/mailbox"
)

// sharedWorld has a mailbox Projects of otherUser with three messages, one of them \Deleted.
func sharedWorld(t *testing.T) (w *world, owner *mailbox.Account) {
	w = newWorld(t, nil)
	owner = w.addAccount(otherUser)
	for _, name := range []string{"Projects", "Projects/Sub"} {
		_, err := owner.Create(t.Context(), name, mailbox.UseNone)
		must(t, err)
	}
	c := w.loginAs(otherUser)
	for range 3 {
		c.do("APPEND Projects {16+}\r\nSubject: x\r\n\r\nxx")
	}
	c.do("SELECT Projects")
	c.do(`STORE 3 +FLAGS (\Deleted)`)
	return w, owner
}

// below is a name below projects.
func below(name string) string { return strings.TrimSuffix(projects, `"`) + "/" + name + `"` }

const projects = `"Other Users/demo@example.test/Projects"`

// TestEachCommandNeedsItsRights is the table of RFC 4314 §4: with the rights named, and "l" so that the mailbox is seen, the
// command is done; without one of them it is not.
func TestEachCommandNeedsItsRights(t *testing.T) {
	const in = "SELECT " + projects // which needs r
	for _, row := range []struct {
		need    string
		prepare string // a command before
		command string
	}{
		{"", "", "SUBSCRIBE " + projects},
		{"", "", "UNSUBSCRIBE " + projects},
		{"k", "", "CREATE " + below("New")},
		{"x", "", "DELETE " + projects},
		{"kx", "", "RENAME " + below("Sub") + " " + below("New/Er")},
		{"r", "", "SELECT " + projects},
		{"r", "", "EXAMINE " + projects},
		{"r", "", "STATUS " + projects + " (MESSAGES)"},
		{"a", "", "SETACL " + projects + " anyone l"},
		{"a", "", "DELETEACL " + projects + " anyone"},
		{"a", "", "GETACL " + projects},
		{"a", "", "LISTRIGHTS " + projects + " anyone"},
		{"", "", "MYRIGHTS " + projects},
		{"i", "", "APPEND " + projects + " {16+}\r\nSubject: x\r\n\r\nxx"},
		{"i", "SELECT INBOX", "COPY 1 " + projects},
		{"i", "SELECT INBOX", "MOVE 1 " + projects},
		{"r", in, "COPY 1 Archive"},
		{"rte", in, "MOVE 1 Archive"},
		{"re", in, "EXPUNGE"},
		{"re", in, "UID EXPUNGE 1:*"},
		{"r", in, "CLOSE"},
		{"r", in, "FETCH 1 BODY[]"},
		{"r", in, "SEARCH ALL"},
		{"rs", in, `STORE 1 +FLAGS (\Seen)`},
		{"rt", in, `STORE 1 +FLAGS (\Deleted)`},
		{"rw", in, `STORE 1 +FLAGS (\Flagged)`},
		{"rw", in, `STORE 1 +FLAGS ($Label1)`},
		{"rw", in, `STORE 1 -FLAGS (\Answered)`},
		{"r", "", "GETMETADATA " + projects + " /shared/comment"},
		{"r", "", "SETMETADATA " + projects + ` (/private/comment "x")`},
		{"", "", "GETQUOTAROOT " + projects},
	} {
		t.Run(row.command+" needs "+row.need, func(t *testing.T) {
			attempt := func(rights string) string {
				w, owner := sharedWorld(t)
				w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
				r, _ := mailbox.ParseRights(rights)
				for _, name := range []string{"Projects", "Projects/Sub"} {
					must(t, owner.SetGrant(t.Context(), name, mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
				}
				c := w.login()
				if row.prepare != "" {
					c.do("%s", row.prepare)
				}
				return last(c.try("%s", row.command))
			}
			for _, missing := range row.need {
				if row.prepare == in && missing == 'r' {
					continue
				}
				others := strings.ReplaceAll(mailbox.AllRights.String(), string(missing), "")
				if strings.Contains(row.command, "METADATA") {
					others = "lkxtea" // any of r s w i p will do
				}
				if got := attempt(others); !strings.HasPrefix(got, "NO [NOPERM]") {
					t.Errorf("with %s: %s", others, got)
				}
			}
			if got := attempt("l" + row.need); !strings.HasPrefix(got, "OK") {
				t.Errorf("with l%s: %s", row.need, got)
			}
			if row.prepare != in && !strings.HasPrefix(row.command, "UNSUBSCRIBE") {
				if got := attempt(""); !strings.HasPrefix(got, "NO [NONEXISTENT]") && !strings.HasPrefix(got, "NO [TRYCREATE]") {
					t.Errorf("without rights: %s", got)
				}
			}
		})
	}
}

func last(lines []string) string { return lines[len(lines)-1] }

// TestFlagsWithoutRightsAreLeftOut is RFC 4314 §4 on COPY, APPEND and STORE: what may not be set is not, and nothing fails for it.
func TestFlagsWithoutRightsAreLeftOut(t *testing.T) {
	for _, c := range []struct{ rights, want string }{
		{"lrwis", `(\Flagged \Seen $Forwarded)`},
		{"lrsti", `(\Deleted \Seen)`},
		{"lri", `()`},
		{"lrswit", `(\Flagged \Deleted \Seen $Forwarded)`},
	} {
		w, owner := sharedWorld(t)
		r, _ := mailbox.ParseRights(c.rights)
		must(t, owner.SetGrant(t.Context(), "Projects", mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
		cl := w.login()
		cl.do("SELECT INBOX")
		cl.do(`STORE 1 FLAGS (\Flagged \Deleted \Seen $Forwarded)`)
		cl.do("COPY 1 " + projects)
		cl.do(`APPEND ` + projects + ` (\Flagged \Deleted \Seen $Forwarded) {16+}` + "\r\nSubject: x\r\n\r\nxx")
		cl.do("EXAMINE " + projects)
		for _, n := range []int{4, 5} {
			wantLines(t, cl.do("FETCH %d (FLAGS UID)", n), fmt.Sprintf("* %d FETCH (FLAGS %s UID %d)", n, recentToo(c.want), n))
		}
	}
}

func recentToo(flags string) string {
	return strings.Replace(strings.TrimSuffix(flags, ")")+` \Recent)`, "( ", "(", 1)
}

// TestStoreOfSomeRights: a STORE with one flag that may be changed is done for that one.
func TestStoreOfSomeRights(t *testing.T) {
	w, owner := sharedWorld(t)
	r, _ := mailbox.ParseRights("lrs")
	must(t, owner.SetGrant(t.Context(), "Projects", mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
	c := w.login()
	lines := c.do("SELECT " + projects)
	wantLines(t, lines, `* OK [PERMANENTFLAGS (\Seen)] kept`, "OK [READ-WRITE] SELECT completed")
	wantLines(t, c.do(`STORE 1 +FLAGS (\Seen \Flagged)`), `* 1 FETCH (FLAGS (\Seen))`)
	wantLines(t, c.do(`STORE 3 FLAGS (\Seen \Flagged)`), `* 3 FETCH (FLAGS (\Deleted \Seen))`)
	wantLines(t, c.do(`STORE 3 FLAGS ()`), `* 3 FETCH (FLAGS (\Deleted))`)
	wantLines(t, c.try(`STORE 1 +FLAGS (\Flagged)`), "NO [NOPERM] you have no right to do that with the mailbox")
	wantLines(t, c.try(`EXPUNGE`), "NO [NOPERM] you have no right to do that with the mailbox")
	must(t, owner.SetGrant(t.Context(), "Projects", mailbox.Grant{Account: w.id, Rights: r &^ mailbox.RightSeen}, mailbox.Replace))
	wantLines(t, c.do("NOOP"), "* OK [PERMANENTFLAGS ()] kept")
	c.do("FETCH 2 BODY[]")
	wantLines(t, c.do("FETCH 2 FLAGS"), `* 2 FETCH (FLAGS ())`)
	wantLines(t, c.do("SELECT "+projects), "OK [READ-ONLY] SELECT completed", "* OK [PERMANENTFLAGS ()] read-only")
}

// TestRevocationEndsIt: whoever loses the right to read is sent away, in IDLE too.
func TestRevocationEndsIt(t *testing.T) {
	w, owner := sharedWorld(t)
	r, _ := mailbox.ParseRights("lrs")
	grant := mailbox.Grant{Account: w.id, Rights: r}
	must(t, owner.SetGrant(t.Context(), "Projects", grant, mailbox.Replace))
	idle, busy := w.login(), w.login()
	for _, c := range []*client{idle, busy} {
		c.do("SELECT " + projects)
	}
	idle.send("i IDLE\r\n")
	idle.expect("+ idling")
	must(t, owner.SetGrant(t.Context(), "Projects", grant, mailbox.Remove))
	idle.expect("* BYE the mailbox is no longer shared with you")
	idle.closed()
	busy.send("b FETCH 1 BODY[]\r\n")
	busy.expect("* BYE the mailbox is no longer shared with you")
	busy.closed()
}

// TestSelectWithoutLookup: to select takes r alone, whatever the client enabled (RFC 4314 §4).
func TestSelectWithoutLookup(t *testing.T) {
	w, _ := sharedWorld(t)
	w.withCapabilities("IMAP4rev2")
	w.loginAs(otherUser).do("SETACL Projects info@example.test r")
	c := w.login()
	c.do("EXAMINE " + projects)
	c.do("ENABLE IMAP4rev2")
	wantLines(t, c.do("EXAMINE "+projects), `* LIST (\HasNoChildren) "/" `+projects)
}

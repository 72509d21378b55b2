package imap

import (
	"testing"

	"barid/mail/account"
	"barid/mail/mailbox"
)

// TestSharedMailboxesAreListed is RFC 2342 and RFC 4314: what others share is behind their name, with what may be done
// with it (RFC 8440), and nothing else of theirs is to be seen.
func TestSharedMailboxesAreListed(t *testing.T) {
	w, _ := sharedWorld(t)
	own, c := w.loginAs(otherUser), w.login()
	wantLines(t, c.do("NAMESPACE"), `* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL`)
	wantLines(t, c.do(`LIST "" *`), "-Other Users")
	own.do("CREATE Projects/Secret")
	own.do("SETACL Projects/Secret anyone \"\"")
	own.do("CREATE Projects/a/b")
	own.do("SETACL Projects info@example.test lrd")
	own.do("SETACL Projects/a/b info@example.test lrsi")
	own.do("SETACL Sent info@example.test l")
	wantLines(t, own.do("GETACL Projects"), `* ACL Projects demo@example.test lrswikxteacd info@example.test lrted`)
	wantLines(t, own.do("LISTRIGHTS Projects info@example.test"), `* LISTRIGHTS Projects info@example.test "" l r s w i k x t e a c d`)
	wantLines(t, own.do("LISTRIGHTS Projects demo@example.test"), `* LISTRIGHTS Projects demo@example.test lrswikxteacd`)
	own.do("DELETE Projects/Sub")
	got := c.do(`LIST "" Other* RETURN (MYRIGHTS STATUS (MESSAGES))`)
	want := []string{
		`* LIST (\Noselect \HasChildren) "/" "Other Users"`,
		`* LIST (\Noselect \HasChildren) "/" "Other Users/demo@example.test"`,
		`* LIST (\HasChildren) "/" "Other Users/demo@example.test/Projects"`,
		`* MYRIGHTS "Other Users/demo@example.test/Projects" lrted`,
		`* STATUS "Other Users/demo@example.test/Projects" (MESSAGES 3)`,
		`* LIST (\HasNoChildren) "/" "Other Users/demo@example.test/Projects/a/b"`,
		`* MYRIGHTS "Other Users/demo@example.test/Projects/a/b" lrsi`,
		`* STATUS "Other Users/demo@example.test/Projects/a/b" (MESSAGES 0)`,
		`* LIST (\Noselect \HasNoChildren) "/" "Other Users/demo@example.test/Sent"`,
		`* MYRIGHTS "Other Users/demo@example.test/Sent" l`,
		"OK LIST completed",
	}
	sameLines(t, got, want)
	sameLines(t, c.do("%s", `LIST "" %/%`), []string{`* LIST (\Noselect \HasChildren) "/" "Other Users/demo@example.test"`, "OK LIST completed"})
	// a, that may not be seen, is a level on the way to what may (RFC 5258 §5, 11)
	sameLines(t, c.do("%s", `LIST "Other Users/demo@example.test/" Projects/%`), []string{
		`* LIST (\Noselect \HasChildren) "/" "Other Users/demo@example.test/Projects/a"`, "OK LIST completed",
	})
	sameLines(t, c.do("%s", `LIST "Other Users/demo@example.test/" (Projects/% Sent) RETURN (MYRIGHTS STATUS (UNSEEN))`), []string{
		`* LIST (\NonExistent \HasChildren) "/" "Other Users/demo@example.test/Projects/a"`,
		`* LIST (\Noselect \HasNoChildren) "/" "Other Users/demo@example.test/Sent"`,
		`* MYRIGHTS "Other Users/demo@example.test/Sent" l`, "OK LIST completed",
	})
	sameLines(t, c.do(`LIST "Other Users/demo@example.test/" Projects/a`), []string{"OK LIST completed"})
	sameLines(t, c.do("%s", `XLIST "" "Other Users/demo@example.test/Projects/%"`), []string{
		`* XLIST (\Noselect \HasChildren) "/" "Other Users/demo@example.test/Projects/a"`, "OK XLIST completed",
	})
	// subscriptions are the reader's own
	c.do("SUBSCRIBE " + projects)
	wantLines(t, c.try(`SUBSCRIBE "Other Users/demo@example.test/Projects/Secret"`), "NO [NONEXISTENT] there is no such mailbox")
	sameLines(t, c.do(`LSUB "" Oth*`), []string{`* LSUB () "/" "Other Users/demo@example.test/Projects"`, "OK LSUB completed"})
	sameLines(t, c.do(`LIST (SUBSCRIBED) "Other Users/" *`), []string{
		`* LIST (\Subscribed \HasChildren) "/" "Other Users/demo@example.test/Projects"`, "OK LIST completed",
	})
	own.do("DELETEACL Projects info@example.test")
	sameLines(t, c.do(`LIST (SUBSCRIBED) "Other Users/" *`), []string{
		`* LIST (\Subscribed \NonExistent) "/" "Other Users/demo@example.test/Projects"`, "OK LIST completed",
	})
	c.do("UNSUBSCRIBE " + projects)
	sameLines(t, c.do(`LIST (SUBSCRIBED) "Other Users/" *`), []string{"OK LIST completed"})
	wantLines(t, own.do("LSUB \"\" *"), "-Other Users")
	// there is nothing in the namespace itself, and nothing can be made there
	for _, cmd := range []string{
		`SELECT "Other Users"`, `SELECT "Other Users/demo@example.test"`, `CREATE "Other Users"`, `CREATE "Other Users/x"`,
		`CREATE "Other Users/demo@example.test/Top"`, `SELECT "Other Users/nobody@example.test/INBOX"`, `MYRIGHTS "Other Users/99/INBOX"`,
		`SELECT "Other Users/demo@example.test/INBOX"`, `RENAME Archive "Other Users/demo@example.test/Archive"`,
	} {
		wantLines(t, c.try("%s", cmd), "NO [NONEXISTENT] there is no such mailbox")
	}
}

// TestAnyoneIsOfTheSameDomain: who shares with anyone does not come into the lists of the customers next door.
func TestAnyoneIsOfTheSameDomain(t *testing.T) {
	w, _ := sharedWorld(t)
	dir := w.imap.Accounts.(*account.Directory)
	_, err := dir.AddDomain(t.Context(), account.Domain{Name: "next.test"})
	must(t, err)
	w.addAccount("info@next.test")
	own := w.loginAs(otherUser)
	own.do("SETACL Projects anyone lr")
	own.do("SETACL Projects -info@example.test r")
	wantLines(t, own.do("GETACL Projects"), `* ACL Projects demo@example.test lrswikxteacd anyone lr -info@example.test r`)
	wantLines(t, w.login().do("MYRIGHTS "+projects), "* MYRIGHTS "+projects+" l")
	next := w.loginAs("info@next.test")
	wantLines(t, next.do(`LIST "" *`), "-Other Users")
	wantLines(t, next.try("SELECT "+projects), "NO [NONEXISTENT] there is no such mailbox")
	for _, cmd := range []string{
		"SETACL Projects nobody@example.test l", "SETACL Projects $team l", "SETACL Projects demo@example.test l",
		"SETACL Nowhere anyone l",
	} {
		if got := last(own.try("%s", cmd)); got[:2] != "NO" {
			t.Errorf("%s: %s", cmd, got)
		}
	}
	// RFC 4314 §3.1
	wantLines(t, own.try("SETACL Projects anyone lrQswicda"), "BAD no such right")
	wantLines(t, own.try("SETACL Projects anyone lrqswicda"), "BAD no such right")
}

// TestMailGoesBetweenAccounts: COPY and MOVE into a shared mailbox and out of it.
func TestMailGoesBetweenAccounts(t *testing.T) {
	w, owner := sharedWorld(t)
	r, _ := mailbox.ParseRights("lrswite")
	must(t, owner.SetGrant(t.Context(), "Projects", mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
	w.deliver("INBOX", []byte("Subject: mine\r\n\r\nhello"))
	c := w.login()
	c.do("SELECT INBOX")
	c.do(`STORE 1 +FLAGS ($Label \Flagged)`)
	if got := last(c.do("COPY 1 " + projects)); !like("OK [COPYUID ... 1 4] COPY completed", got) {
		t.Error(got)
	}
	got := c.do("MOVE 1 " + projects)
	wantLines(t, got, "* 1 EXPUNGE")
	if !like("* OK [COPYUID ... 1 5] moved", got[0]) {
		t.Error(got)
	}
	c.do("SELECT " + projects)
	wantLines(t, c.do("FETCH 5 (UID INTERNALDATE FLAGS BODY.PEEK[TEXT])"),
		`* 5 FETCH (UID 5 INTERNALDATE "17-Jul-1996 09:44:25 +0000" FLAGS (\Flagged $Label \Recent) BODY[TEXT] {5}`, "hello)")
	c.do("MOVE 4:5 Archive")
	wantLines(t, c.do("STATUS Archive (MESSAGES)"), "* STATUS Archive (MESSAGES 2)")
	wantLines(t, c.do("STATUS "+projects+" (MESSAGES)"), "* STATUS "+projects+" (MESSAGES 3)")
	if got := last(c.try("COPY 1 Nowhere")); !like("NO [TRYCREATE] ...", got) {
		t.Error(got)
	}
	must(t, owner.SetQuota(t.Context(), mailbox.Quota{Messages: 3}))
	c.do("SELECT Archive")
	wantLines(t, c.try("COPY 1 "+projects), "NO [OVERQUOTA] mailbox is full")
	wantLines(t, c.do("ESEARCH IN (subtree \"Other Users\" personal) ALL"), "-BAD")
}

func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if !like(w, g) {
			t.Errorf("line %d\ngot  %s\nwant %s", i, g, w)
		}
	}
}

// TestUsesAreTheOwners is RFC 6154 §2, §4: nobody gives a mailbox of somebody else a use, by CREATE, by its name or by an annotation.
func TestUsesAreTheOwners(t *testing.T) {
	w, owner := sharedWorld(t)
	r, _ := mailbox.ParseRights("lrik")
	must(t, owner.SetGrant(t.Context(), "Archive", mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
	must(t, owner.Delete(t.Context(), "Junk"))
	c := w.login()
	const archive = "Other Users/demo@example.test/Archive"
	wantLines(t, c.try(`CREATE "%s/Spam" (USE (\Junk))`, archive), "NO [USEATTR] a use is its owner's to give")
	c.do(`CREATE "%s/Spam"`, archive)
	c.do(`CREATE "%s/d"`, archive) // "archived" with a "/" in it
	wantLines(t, c.try(`SETMETADATA "%s/Spam" (/private/comment "x" /private/specialuse "\\Junk")`, archive),
		"NO [USEATTR] special use is taken or unknown")
	wantLines(t, c.do(`GETMETADATA "%s/Spam" (/private/comment /private/specialuse)`, archive),
		`* METADATA "`+archive+`/Spam" (/private/comment NIL /private/specialuse NIL)`)
	for _, in := range []string{"Archive/Spam", "Archive/d"} {
		info, err := owner.Find(t.Context(), in)
		must(t, err)
		if info.Use != mailbox.UseNone {
			t.Errorf("%s has the use %s", in, info.Use.Attr())
		}
	}
	own := w.loginAs(otherUser)
	own.do("CREATE Spam (USE ())") // asked for none, and gets none, whatever its name
	wantLines(t, own.do(`LIST "" Spam`), `* LIST (\HasNoChildren) "/" Spam`)
}

package imap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"barid/mail/mailbox"
)

// TestNamesAreTheServersInRev2 is OLDNAME, RFC 9051 §6.3.2, §6.3.4 and §7.3.1: who uses another name is told the
// one the mailbox has; a client of rev1 never is.
func TestNamesAreTheServersInRev2(t *testing.T) {
	w := newWorld(t, nil)
	w.withCapabilities("IMAP4rev2")
	c := w.login()
	wantLines(t, c.do(`CREATE "Sent Items"`), "OK [MAILBOXID (F1-2)] CREATE completed")
	wantLines(t, c.do(`LIST "" "Sent Items"`), `* LIST (\HasNoChildren \Sent) "/" "Sent Items"`, "OK LIST completed")
	c.do("ENABLE IMAP4rev2")
	wantLines(t, c.do(`CREATE "Sent Messages"`),
		`* LIST (\HasNoChildren \Sent) "/" Sent ("OLDNAME" ("Sent Messages"))`, "OK [MAILBOXID (F1-2)] CREATE completed")
	// a decomposed é is kept composed
	wantLines(t, c.do("CREATE \"Cafe\u0301\""),
		"* LIST (\\HasNoChildren) \"/\" \"Caf\u00e9\" (\"OLDNAME\" (\"Cafe\u0301\"))", "OK [MAILBOXID (F1-7)] CREATE completed")
	wantLines(t, c.do(`LIST "" "المرسلة"`), `* LIST (\HasNoChildren \Sent) "/" Sent ("OLDNAME" ("المرسلة"))`, "OK LIST completed")
	if got := c.do(`SELECT "Sent Items"`); !strings.Contains(strings.Join(got, "\n"), `* LIST (\Subscribed \HasNoChildren \Sent) "/" Sent ("OLDNAME" ("Sent Items"))`) {
		t.Errorf("SELECT told %q", got)
	}
	wantLines(t, c.do(`STATUS "Caf`+"\u00e9"+`" (DELETED)`), "* STATUS \"Caf\u00e9\" (DELETED 0)", "OK STATUS completed")
}

// TestNamesAreOrderedForTheirReader: level by level, in the order of the account's language.
func TestNamesAreOrderedForTheirReader(t *testing.T) {
	all := []string{"پروژه", "Work/b 10", "Work/b 2", "Work", "بایگانی قدیم", "work 2", "ثبت", "INBOX", "INBOX/z", "تماس", "Álbum", "Work/a"}
	order := func(locale string) string {
		s := &session{srv: &Server{}, locale: locale}
		names := make([]named, len(all))
		for i, n := range all {
			names[i].Info = mailbox.Info{Name: n}
		}
		s.sortNames(names)
		var out []string
		for _, n := range names {
			out = append(out, n.Name)
		}
		return strings.Join(out, ", ")
	}
	for locale, want := range map[string]string{ // CLDR: whoever reads Persian has it first
		"fa": "INBOX, INBOX/z, بایگانی قدیم, پروژه, تماس, ثبت, Álbum, Work, Work/a, Work/b 2, Work/b 10, work 2",
		"":   "INBOX, INBOX/z, Álbum, Work, Work/a, Work/b 2, Work/b 10, work 2, بایگانی قدیم, پروژه, تماس, ثبت",
	} {
		if got := order(locale); got != want {
			t.Errorf("order for %q is %s\nwant     %s", locale, got, want)
		}
	}
}

// TestListStatusOfManyMailboxesIsFast: RFC 5819 exists so that a client with a thousand mailboxes need not ask a
// thousand times. The store must not be asked so often either.
func TestListStatusOfManyMailboxesIsFast(t *testing.T) {
	w := newWorld(t, nil)
	const n = 1000
	for i := range n {
		if _, err := w.acct.Create(t.Context(), fmt.Sprintf("Year %d/Month %d", i/12, i%12), mailbox.UseNone); err != nil {
			t.Fatal(err)
		}
	}
	w.mail.Close()
	w.mail = mailbox.Open(w.store, w.store, mailbox.Options{}) // nothing is in memory
	w.imap.Mail = w.mail
	c := w.login()
	began := time.Now()
	lines := c.do(`LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN SIZE UIDNEXT HIGHESTMODSEQ))`)
	t.Logf("%d lines, cold: %v", len(lines), time.Since(began))
	if len(lines) < 2*n {
		t.Fatalf("%d lines", len(lines))
	}
	began = time.Now()
	c.do(`LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN SIZE UIDNEXT HIGHESTMODSEQ))`)
	if took := time.Since(began); took > 20*time.Second { // it is some 2 ms
		t.Errorf("LIST-STATUS took %v", took)
	} else {
		t.Logf("warm: %v", took)
	}
}

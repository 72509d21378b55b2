package imap

import (
	"strings"
	"testing"

	"barid/mail/mailbox"
)

// TestQuota is RFC 9208 §4: what is limited is told, by who may know it, and set by who may.
func TestQuota(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.Admins = []string{otherUser} })
	w.addAccount(otherUser)
	w.deliver("INBOX", make2k())
	must(t, w.acct.SetQuota(t.Context(), mailbox.Quota{Bytes: 4000}))
	c, admin := w.login(), w.loginAs(otherUser)
	wantLines(t, c.do("CAPABILITY"), "-QUOTASET")
	if lines := admin.do("CAPABILITY"); !strings.Contains(lines[0], " QUOTASET ") {
		t.Errorf("an administrator is told %q", lines)
	}
	wantLines(t, c.do("GETQUOTAROOT INBOX"), `* QUOTAROOT INBOX info@example.test`,
		`* QUOTA info@example.test (STORAGE 2 4 MAILBOX 6 4096)`)
	wantLines(t, c.do("GETQUOTAROOT not/there"), `* QUOTAROOT not/there info@example.test`)
	wantLines(t, c.do("GETQUOTA info@example.test"), `* QUOTA info@example.test (STORAGE 2 4 MAILBOX 6 4096)`)
	wantLines(t, c.do("SELECT INBOX"), "* 1 EXISTS")
	c.do(`STORE 1 +FLAGS (\Deleted)`)
	wantLines(t, c.do("STATUS INBOX (DELETED DELETED-STORAGE SIZE)"), "* STATUS INBOX (DELETED 1 DELETED-STORAGE 2048 SIZE 2048)")
	wantLines(t, c.do("STATUS Sent (DELETED-STORAGE)"), "* STATUS Sent (DELETED-STORAGE 0)")
	// what does not fit is refused before it is sent
	wantLines(t, c.try("APPEND INBOX {3000}"), "NO [OVERQUOTA] mailbox is full")
	for _, root := range []string{otherUser, "nobody@example.test", `""`, `"*"`} {
		wantLines(t, c.try("GETQUOTA %s", root), "NO [NONEXISTENT] there is no such quota root")
	}
	wantLines(t, c.try("SETQUOTA info@example.test (STORAGE 100)"), "NO [NOPERM] only administrators set quotas")
	wantLines(t, admin.do("SETQUOTA info@example.test (STORAGE 100 MESSAGE 2)"),
		`* QUOTA info@example.test (STORAGE 2 100 MESSAGE 1 2 MAILBOX 6 4096)`)
	wantLines(t, admin.do("SETQUOTA info@example.test (MESSAGE 1)"), `* QUOTA info@example.test (MESSAGE 1 1 MAILBOX 6 4096)`)
	wantLines(t, c.try("APPEND INBOX {30+}\r\nSubject: xxxxxxxxxxxxxxxxx\r\n\r\n"), "NO [OVERQUOTA] mailbox is full")
	wantLines(t, admin.try("SETQUOTA info@example.test (MAILBOX 10)"), "NO [CANNOT] the number of mailboxes is the server's to limit")
	wantLines(t, admin.try("SETQUOTA info@example.test (STORAGE 0)"), "NO [CANNOT] a limit can not be nothing")
	wantLines(t, admin.try("SETQUOTA info@example.test (ROOM 1)"), "NO [CANNOT] a quota is of STORAGE or MESSAGE")
	wantLines(t, admin.do("SETQUOTA info@example.test ()"), `* QUOTA info@example.test (MAILBOX 6 4096)`)
	a, err := w.imap.Accounts.ByName(t.Context(), testUser)
	must(t, err)
	if a.QuotaBytes != 0 || a.QuotaMessages != 0 {
		t.Errorf("the directory has %+v", a)
	}
}

// TestQuotaOfSomebodyElse is RFC 9208 §6: who may not read in a mailbox learns nothing of what is in it from its quota.
func TestQuotaOfSomebodyElse(t *testing.T) {
	w, owner := sharedWorld(t)
	must(t, owner.SetQuota(t.Context(), mailbox.Quota{Bytes: 1 << 20, Messages: 100}))
	c := w.login()
	for rights, quota := range map[string]string{
		"l":  "* QUOTA demo@example.test (MAILBOX 8 4096)",
		"lr": "* QUOTA demo@example.test (STORAGE 1 1024 MESSAGE 3 100 MAILBOX 8 4096)",
	} {
		r, _ := mailbox.ParseRights(rights)
		must(t, owner.SetGrant(t.Context(), "Projects", mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
		sameLines(t, c.do("GETQUOTAROOT %s", projects), []string{
			"* QUOTAROOT " + projects + " demo@example.test", quota, "OK GETQUOTAROOT completed",
		})
	}
	wantLines(t, c.try("GETQUOTA demo@example.test"), "NO [NONEXISTENT] there is no such quota root")
}

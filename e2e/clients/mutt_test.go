package clients

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// muttConfig keeps headers and messages; mutt and neomutt read it alike. qresync is "yes" or "no".
func muttConfig(t *testing.T, s *server.Server, w *wire, dir, qresync string) string {
	mkdir(t, dir+"/headers")
	mkdir(t, dir+"/bodies")
	return peer.Write(t, dir+"/muttrc", fmt.Sprintf(`set folder="imaps://localhost:%s/" spoolfile="+INBOX" record="+Sent" postponed="+Drafts" trash="+Trash"
set imap_user="%s" imap_pass="%s" certificate_file="%s/cert.pem" ssl_force_tls=yes
set imap_condstore=yes imap_qresync=%[6]s imap_idle=yes timeout=2 mail_check=1
set header_cache="%[5]s/headers" message_cachedir="%[5]s/bodies"
set confirmappend=no confirmcreate=no delete=yes move=no quit=yes wait_key=no mark_old=no beep=no sort=mailbox-order
set charset="utf-8" tmpdir="%[5]s" index_format="<%%Z|%%s>" status_format="at the end of %%f" pager_index_lines=0
set help=no imap_check_subscribed=no
`, peer.Port(w.Addr), user, server.Password, s.Dir, dir, qresync), 0o600)
}

// TestMuttAndNeomutt reads, flags, moves, copies, searches and deletes; opens the mailbox again, when only what is
// new is fetched and what others did is learnt by QRESYNC; and shows what comes while it is open.
func TestMuttAndNeomutt(t *testing.T) {
	for _, program := range []string{"mutt", "neomutt"} {
		t.Run(program, func(t *testing.T) {
			s := start(t)
			c := imap.Dial(t, s, user)
			c.Do("CREATE %q", arabicWire)
			for i := 1; i <= 6; i++ {
				mustAppend(t, c, "INBOX", ``, letter("one", i))
			}
			w := newWire(t, s, "imaps")
			home := t.TempDir()
			rc := muttConfig(t, s, w, home, "yes")
			term := newTerminal(t, home, program, "-F", rc, "-f", "+INBOX")
			term.shows("one 1>", "گزارش هفتگی one 4", "فاتورة one 6")
			term.press("Enter") // the first one
			term.shows("سلام، این یک نامه است one 1.")
			term.types("i")
			term.shows("one 6>")
			term.types("l=b رسالة") // limit to what a search of the server finds
			term.press("Enter")
			term.shows("one 3>", "one 6>")
			term.lacks("one 1>", "one 2>")
			term.types("F") // the first of them
			term.types("lall")
			term.press("Enter")
			term.shows("one 1>")
			moveWithMutt(term, "2", "s", arabic)
			moveWithMutt(term, "4", "C", arabic)
			moveWithMutt(term, "5", "s", "Archive")
			term.types("6")
			term.press("Enter")
			term.types("d$")
			term.lacks("one 2>", "one 5>", "one 6>")
			want := []string{
				"INBOX [S] one.1", "INBOX [F] one.3", "INBOX [] one.4", arabicWire + " [] one.2", arabicWire + " [] one.4", "Archive [] one.5", "Trash [] one.6",
			}
			wantSoonThere(t, c, want...)
			// Somebody else is at work while it is open, and while it is not.
			mustAppend(t, c, "INBOX", ``, letter("two", 7))
			term.shows("two 7>")
			term.types("q")
			term.ends()
			c.Do("SELECT INBOX")
			c.Do(`UID STORE 3 +FLAGS.SILENT (\Answered \Seen)`)
			c.Do(`UID STORE 4 +FLAGS.SILENT (\Deleted)`)
			c.Do("UID EXPUNGE 4")
			mustAppend(t, c, "INBOX", ``, letter("two", 8))
			before := len(w.said())
			term = newTerminal(t, home, program, "-F", rc, "-f", "+INBOX")
			term.shows("one 1>", "one 3>", "two 7>", "two 8>")
			term.lacks("one 4>")
			if answered := regexp.MustCompile(`<[^|]*r[^|]*\|فاتورة one 3>`); !answered.MatchString(term.screen()) {
				t.Errorf("the message that was answered is not shown so:\n%s", term.screen())
			}
			wantFetchedOnce(t, w.said()[before:])
			term.types("q")
			term.ends()
			wantThere(t, c, "INBOX [S] one.1", "INBOX [FRS] one.3", "INBOX [] two.7", "INBOX [] two.8",
				arabicWire+" [] one.2", arabicWire+" [] one.4", "Archive [] one.5", "Trash [] one.6")
			w.wantNoneRefused()
		})
	}
}

// moveWithMutt goes to a message by its number and saves or copies it.
func moveWithMutt(term *terminal, number, command, mailbox string) {
	term.types(number)
	term.press("Enter")
	term.types(command)
	term.press("C-u")
	term.types("=" + mailbox)
	term.press("Enter")
	term.lacks("Save to mailbox", "Copy to mailbox")
}

// wantFetchedOnce wants that the headers which are kept were not fetched again, and how changes were asked for.
func wantFetchedOnce(t *testing.T, said string) {
	t.Helper()
	if !regexp.MustCompile(`(?m)^C\d+: \S+ UID FETCH \S+ \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)`).MatchString(said) {
		t.Errorf("changes were not asked for with QRESYNC")
	}
	if old := regexp.MustCompile(`(?mi)^S\d+: Message-ID: <one.*`).FindAllString(said, -1); len(old) > 0 || !strings.Contains(said, "<two.8@") {
		t.Errorf("the headers %q were fetched again", old)
	}
}

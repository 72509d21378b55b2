package clients

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// aercConfig is the configuration folder of aerc below a home.
func aercConfig(t *testing.T, s *server.Server, w *wire, home string) {
	dir := home + "/.config/aerc"
	mkdir(t, dir)
	who := url.UserPassword(user, server.Password).String()
	peer.Write(t, dir+"/accounts.conf", fmt.Sprintf("[info]\nsource = imaps://%s@localhost:%s\ndefault = INBOX\nfrom = Info <%s>\ncache-headers = true\n",
		who, peer.Port(w.Addr), user), 0o600)
	peer.Write(t, dir+"/aerc.conf", "[ui]\nindex-format = %Z|%s|\nsort = arrival\nmouse-enabled = false\n[viewer]\npager = cat\nalternatives = text/plain\n"+
		"[filters]\ntext/plain = cat\n", 0o600)
}

// TestAerc reads, flags, searches, moves, copies and deletes; what others do is shown while it is open.
func TestAerc(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	c.Do("CREATE %q", arabicWire)
	for i := 1; i <= 5; i++ {
		mustAppend(t, c, "INBOX", ``, letter("one", i))
	}
	w := newWire(t, s, "imaps")
	home := t.TempDir()
	aercConfig(t, s, w, home)
	term := newTerminal(t, home, "env", "SSL_CERT_FILE="+s.Dir+"/cert.pem", "aerc")
	term.shows("INBOX", arabic, "Archive", "one 1|", "فاتورة one 3|", "one 5|")
	command := func(text string) {
		term.types(":" + text)
		term.press("Enter")
	}
	command("select 0")
	command("view")
	term.shows("سلام، این یک نامه است one 1.")
	command("close")
	command("filter -b رسالة") // SORT of the server
	term.leaves("one 3|", "one 1|", "one 2|", "one 4|", "one 5|")
	until(t, "aerc flags what it has found", func() bool { // it refuses until it has fetched the message
		command("select 0")
		command("flag")
		return strings.Contains(term.screen(), "!|فاتورة one 3|")
	})
	command("clear")
	term.shows("one 1|", "one 2|")
	command("select 1")
	command("mv " + arabic)
	term.leaves("one 5|", "one 2|")
	command("select 2") // one 4
	command("cp Archive")
	term.shows("copied")
	command("select 3")
	command("delete")
	term.leaves("one 4|", "one 5|")
	want := []string{"INBOX [S] one.1", "INBOX [F] one.3", "INBOX [] one.4", arabicWire + " [] one.2", "Archive [] one.4"}
	wantSoonThere(t, c, want...)
	// Somebody else is at work while it is open.
	mustAppend(t, c, "INBOX", ``, letter("two", 6))
	term.shows("فاتورة two 6|")
	c.Do("SELECT INBOX")
	c.Do(`UID STORE 4 +FLAGS.SILENT (\Deleted)`)
	c.Do("UID EXPUNGE 4")
	term.leaves("two 6|", "one 4|")
	command("cf " + arabic)
	term.shows("invoice one 2|")
	command("quit")
	term.ends()
	wantThere(t, c, "INBOX [S] one.1", "INBOX [F] one.3", "INBOX [] two.6", arabicWire+" [] one.2", "Archive [] one.4")
	w.wantSaid(`^C\d+: \S+ UID SORT`, `^C\d+: \S+ IDLE`)
	w.wantNoneRefused()
}

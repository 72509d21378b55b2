package clients

import (
	"fmt"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

func alpineConfig(t *testing.T, s *server.Server, w *wire, home string) string {
	at := fmt.Sprintf("{localhost:%s/imap/ssl/novalidate-cert/user=%s}", peer.Port(w.Addr), user)
	return peer.Write(t, home+"/pinerc", fmt.Sprintf(`inbox-path=%sINBOX
folder-collections="Mail" %[1]s[]
last-version-used=9.99
feature-list=enable-aggregate-command-set,enable-flag-cmd,quit-without-confirm,expunge-without-confirm-everywhere,expunge-without-confirm,enable-dot-folders
remote-abook-history=0
saved-msg-name-rule=default-folder
character-set=UTF-8
`, at), 0o600)
}

func TestAlpine(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	c.Do("CREATE %q", arabicWire)
	for i := 1; i <= 5; i++ {
		mustAppend(t, c, "INBOX", ``, letter("one", i))
	}
	w := newWire(t, s, "imaps")
	home := t.TempDir()
	term := newTerminal(t, home, "alpine", "-p", alpineConfig(t, s, w, home), "-i")
	term.shows("ENTER PASSWORD")
	term.types(server.Password)
	term.press("Enter")
	term.shows("Preserve password")
	term.types("n")
	term.shows("one 1")
	term.press("Enter")
	term.shows("سلام، این یک نامه است one 1.")
	term.types("<")
	term.shows("one 5")
	number := func(n string) {
		term.types("j")
		term.shows("Message number to jump to")
		term.types(n)
		term.press("Enter")
		term.lacks("Message number to jump to")
	}
	number("2")
	term.types("s")
	term.types("Archive")
	term.press("Enter")
	term.shows("D   2")
	number("4")
	term.types("s")
	term.press("C-t") // a name that is typed is sent as it is; one that is chosen from the list as the server has it
	term.shows(arabic)
	term.types("w" + arabic)
	term.press("Enter", "Enter")
	term.shows("saved-messages] : " + arabicWire)
	term.press("Enter")
	term.shows("D   4")
	number("3")
	term.types("**") // flag it as important
	term.shows("* N   3")
	number("5")
	term.types("d")
	term.shows("D   5")
	term.types(";ta") // select by the text, which the server searches
	term.types("رسالة")
	term.press("Enter")
	term.shows("ZOOMED", "one 3")
	term.lacks("one 1", "one 5")
	term.types("z")
	term.shows("one 1", "one 5")
	term.types("x")
	term.lacks("one 2", "one 4", "one 5")
	wantSoonThere(t, c, "INBOX [S] one.1", "INBOX [F] one.3", "Archive [] one.2", arabicWire+" [] one.4")
	mustAppend(t, c, "INBOX", ``, letter("two", 6))
	term.press("C-l")
	term.shows("فاتورة two 6")
	term.types("l")
	term.shows(arabic, "Archive", "Trash")
	term.types("q")
	term.ends()
	wantThere(t, c, "INBOX [S] one.1", "INBOX [F] one.3", "INBOX [] two.6", "Archive [] one.2", arabicWire+" [] one.4")
	w.wantSaid(`^C\d+: \S+ SEARCH .*TEXT`)
	w.wantNoneRefused()
}

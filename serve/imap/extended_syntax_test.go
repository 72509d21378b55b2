package imap

import (
	"strings"
	"testing"
)

// TestUnknownParametersAreBAD is RFC 4466 §2: what stands where extensions put theirs, and is of none that is here, is refused
// with BAD, and nothing is done. Empty lists are no lists (§3), but for RETURN.
func TestUnknownParametersAreBAD(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxBad = 100 })
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c := w.login()
	c.do("SELECT INBOX")
	for _, cmd := range []string{
		"SELECT INBOX (BLURDYBLOOP)", `EXAMINE INBOX (ANNOTATE RESPONSES ("UID Responses") CONDSTORE)`, "SELECT INBOX ()",
		"CREATE new (BLURDYBLOOP)", "CREATE new ()", "CREATE new (USE)", "RENAME Archive new (BLURDYBLOOP)", "RENAME Archive new ()",
		"FETCH 1 FLAGS (BLURDYBLOOP)", "FETCH 1 FLAGS (BLURDYBLOOP 1:2)", "FETCH 1 FLAGS ()", "FETCH 1 (FLAGS) (CHANGEDSINCE)", "FETCH 1 FLAGS CHANGEDSINCE 1",
		`STORE 1 (BLURDYBLOOP) +FLAGS (\Deleted)`, `STORE 1 () +FLAGS (\Deleted)`, `STORE 1 (UNCHANGEDSINCE) +FLAGS (\Deleted)`,
		"SEARCH RETURN (BLURDYBLOOP) ALL", "SEARCH RETURN (ALL (x)) ALL", "STATUS INBOX (BLURDYBLOOP)", "STATUS INBOX ()",
		"APPEND INBOX BLURDYBLOOP (x)", "APPEND INBOX (\\Seen) BLURDYBLOOP 1 {3+}\r\nabc", "APPEND INBOX () () {3+}\r\nabc",
	} {
		if got := last(c.try("%s", cmd)); !strings.HasPrefix(got, "BAD") {
			t.Errorf("%s: %s", cmd, got)
		}
	}
	for _, name := range []string{"new", "Archive"} {
		got := last(c.try("STATUS %s (MESSAGES)", name))
		if ok := strings.HasPrefix(got, "OK"); ok != (name == "Archive") {
			t.Errorf("%s: %s", name, got)
		}
	}
	c.do("EXAMINE INBOX")
	wantLines(t, c.do("FETCH 1:* (FLAGS)"), `* 1 FETCH (FLAGS ())`, "OK FETCH completed")
	c.do("SEARCH RETURN () ALL")
}

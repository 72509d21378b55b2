package imap

import (
	"log/slog"
	"strings"
	"testing"
)

// withCapabilities adds rows to what a world's server tells, so that what they switch on can be tested alone.
func (w *world) withCapabilities(names ...string) {
	for _, n := range names {
		if !hasRow(w.imap.capabilities, n) {
			w.imap.capabilities = append(w.imap.capabilities, capability{name: n, when: always})
		}
	}
}

// TestRev2ChangesAnswers is RFC 9051 appendix E: after ENABLE IMAP4rev2 the answers are its, before they are
// those of RFC 3501.
func TestRev2ChangesAnswers(t *testing.T) {
	w := newWorld(t, nil)
	w.withCapabilities("IMAP4rev2")
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	w.deliver("صندوق/R&D", []byte("Subject: y\r\n\r\n"))
	c := w.login()
	wantLines(t, c.do("SELECT &BjUGRgYvBkgGQg-/R&-D"), "* 1 RECENT", "* OK [UNSEEN 1] first unseen", "-* LIST")
	wantLines(t, c.do("FETCH 1 FLAGS"), `* 1 FETCH (FLAGS (\Recent))`)
	wantLines(t, c.do("SEARCH ALL"), "* SEARCH 1")
	wantLines(t, c.do("ENABLE imap4REV2"), "* ENABLED IMAP4rev2")
	wantLines(t, c.do("SELECT {14+}\r\nصندوق/R&D"), "* OK [CLOSED] the mailbox selected before is closed",
		`* LIST (\HasNoChildren) "/" "صندوق/R&D"`, "-RECENT", "-UNSEEN")
	wantLines(t, c.do("FETCH 1 FLAGS"), `* 1 FETCH (FLAGS ())`)
	wantLines(t, c.do("SEARCH ALL"), `* ESEARCH (TAG "t8") ALL 1`)
	wantLines(t, c.do("UID SEARCH DELETED"), `* ESEARCH (TAG "t9") UID`)
	wantLines(t, c.do("SELECT inbox"), `* LIST (\Subscribed \HasNoChildren) "/" INBOX`, "-OLDNAME")
	wantLines(t, c.try("SELECT {3+}\r\na\x01b"), "BAD mailbox name is not UTF-8 at byte 9")
}

// TestOldNames is RFC 9051 §7.3.1: the name a client wrote is told with the name the mailbox has.
func TestOldNames(t *testing.T) {
	w := newWorld(t, nil)
	w.withCapabilities("IMAP4rev2")
	c := w.login()
	c.do("ENABLE IMAP4rev2")
	c.do("CREATE {6+}\r\ncaf\u0065\u0301")
	wantLines(t, c.do("SELECT {6+}\r\ncaf\u0065\u0301"), "* LIST (\\HasNoChildren) \"/\" \"caf\u00e9\" (\"OLDNAME\" (\"caf\u0065\u0301\"))")
}

// wantLines checks that each line is there; one with "-" in front must not be part of any.
func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	all := "\n" + strings.Join(got, "\n") + "\n"
	for _, l := range want {
		if no, ok := strings.CutPrefix(l, "-"); ok {
			if strings.Contains(all, no) {
				t.Errorf("%q has %q", got, no)
			}
		} else if !strings.Contains(all, "\n"+l+"\n") {
			t.Errorf("%q lacks %q", got, l)
		}
	}
}

// TestHidingNothingIsTold: a mistyped name is in the log, those that exist are not.
func TestHidingNothingIsTold(t *testing.T) {
	var log strings.Builder
	set := DefaultSettings("mail.example.test")
	set.Hidden = []Hide{{Capability: "QRSYNC"}, {Capability: "qresync"}, {Capability: "APPENDLIMIT"}, {Capability: "QUOTASET"}}
	New(Deps{Log: slog.New(slog.NewTextHandler(&log, nil))}, set)
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "capability=QRSYNC") {
		t.Errorf("logged %s", got)
	}
}

func TestCapabilitiesCanBeHidden(t *testing.T) {
	w := newWorld(t, func(s *Settings) {
		s.Hidden = []Hide{
			{Capability: "QRESYNC", Client: "Old Client"},
			{Capability: "idle", Account: "demo@example.test"},
			{Capability: "LITERAL+", Client: "strict"},
			{Capability: "SPECIAL-USE", Account: strings.ToUpper(testUser)},
		}
	})
	told := func(c *client) string {
		lines := c.do("CAPABILITY")
		return strings.TrimPrefix(lines[0], "* CAPABILITY") + " "
	}
	c := w.login()
	if got := told(c); !strings.Contains(got, " QRESYNC ") || !strings.Contains(got, " IDLE ") ||
		strings.Contains(got, " SPECIAL-USE ") || strings.Contains(got, "LITERAL-") {
		t.Errorf("told %q", got)
	}
	c.do(`ID ("NAME" "old client 1.2")`)
	if got := told(c); strings.Contains(got, "QRESYNC") {
		t.Errorf("told %q", got)
	}
	wantLines(t, c.do("ENABLE QRESYNC CONDSTORE"), "* ENABLED CONDSTORE")
	c.do(`ID ("vendor" "x" "name" "Strict")`)
	if got := told(c); !strings.Contains(got, " LITERAL- ") || strings.Contains(got, "LITERAL+") {
		t.Errorf("told %q", got)
	}
}

// TestExpungeWaitsForPipelinedNumbers is RFC 3501 §5.5: numbers in a command that has come already are those
// of before.
func TestExpungeWaitsForPipelinedNumbers(t *testing.T) {
	w := newWorld(t, nil)
	for range 3 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	}
	c, other := w.login(), w.login()
	c.do("SELECT INBOX")
	other.do("SELECT INBOX")
	other.do(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	other.do("EXPUNGE")
	c.send("a NOOP\r\nb FETCH 3 UID\r\nc UID FETCH 3 FLAGS\r\n")
	for _, want := range []string{
		"a OK NOOP completed", "* 3 FETCH (UID 3)", "b OK FETCH completed", `* 3 FETCH (UID 3 FLAGS (\Recent))`,
		"* 1 EXPUNGE", "c OK UID FETCH completed",
	} {
		c.expect(want)
	}
}

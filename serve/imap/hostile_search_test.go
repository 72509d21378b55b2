package imap

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHostileSearchesAreBounded is row 43 for what came with the extensions of SEARCH.
func TestHostileSearchesAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 200 {
		w.threaded(i, fmt.Sprintf("m%d", i), fmt.Sprintf("m%d", (i*7)%200), strings.Repeat("re: [x] ", i))
	}
	set := strings.TrimSuffix(strings.Repeat("1:4294967295,", 20000), ",")
	odd := &strings.Builder{}
	for i := range 8000 {
		fmt.Fprintf(odd, "%d,", 2*i+1)
	}
	scattered := strings.TrimSuffix(odd.String(), ",")
	for name, c := range map[string]struct{ cmd, want string }{
		"return options":               {"SEARCH RETURN (" + strings.Repeat("ALL ", 5000) + "ALL) ALL", "BAD "},
		"sort criteria":                {"SORT (" + strings.Repeat("REVERSE DATE ", 500) + "DATE) UTF-8 ALL", "BAD "},
		"reverse of reverse":           {"SORT (REVERSE REVERSE DATE) UTF-8 ALL", "BAD "},
		"fuzzy of fuzzy":               {"SEARCH " + strings.Repeat("FUZZY ", 60000) + "ALL", "BAD "},
		"fuzzy words":                  {"SEARCH FUZZY TEXT \"" + strings.Repeat("ab ", 1000) + "\"", "OK "},
		"long text":                    {"SEARCH SUBJECT {200000+}\r\n" + strings.Repeat("x", 200000), "NO [LIMIT]"},
		"known UIDs":                   {"SELECT INBOX (QRESYNC (1 1 " + set + "))", "OK "},
		"match data":                   {"SELECT INBOX (QRESYNC (VALIDITY 1 1:4294967295 (1:4294967295 1:4294967295)))", "OK "},
		"match data that is scattered": {"SELECT INBOX (QRESYNC (VALIDITY 1 " + scattered + " (" + scattered + " " + scattered + ")))", "OK "},
		"a star in match data":         {"SELECT INBOX (QRESYNC (VALIDITY 1 1:*))", "BAD "},
		"modseq nought":                {"SELECT INBOX (QRESYNC (VALIDITY 0))", "BAD "},
		"vanished everything":          {"UID FETCH " + set + " (FLAGS) (CHANGEDSINCE 1 VANISHED)", "OK "},
		"partial of everything":        {"UID FETCH 1:* (FLAGS) (PARTIAL -4294967295:-1)", "OK "},
		"partial nought":               {"UID SEARCH RETURN (PARTIAL 0:5) ALL", "BAD "},
		"partial from both ends":       {"UID SEARCH RETURN (PARTIAL -1:5) ALL", "BAD "},
		"sources":                      {"ESEARCH IN (" + strings.Repeat("personal ", 5000) + "personal) ALL", "BAD "},
		"sources that are the same":    {"ESEARCH IN (" + strings.Repeat("personal ", 1000) + "personal) RETURN (COUNT) ALL", "OK "},
		"mailboxes that are not there": {"ESEARCH IN (mailboxes (" + strings.Repeat("x ", 1500) + "x)) ALL", "OK "},
		"subtree of nothing":           {"ESEARCH IN (subtree ()) ALL", "BAD "},
		"tags":                         {"CANCELUPDATE " + strings.TrimSuffix(strings.Repeat("\"x\" ", 60000), " "), "OK "},
		"threads":                      {"THREAD REFERENCES UTF-8 ALL", "OK "},
		"deep subjects":                {"SORT (SUBJECT FROM TO CC DISPLAYFROM DISPLAYTO DATE) UTF-8 ALL", "OK "},
		"enable":                       {"ENABLE " + strings.Repeat("X ", 60000) + "X", "OK "},
	} {
		cl := w.login()
		cl.t = t
		cl.do("ENABLE QRESYNC")
		validity := ""
		for _, l := range cl.do("SELECT INBOX") {
			if m := validityLine.FindStringSubmatch(l); m != nil {
				validity = m[1]
			}
		}
		began := time.Now()
		lines := cl.try("%s", strings.Replace(c.cmd, "VALIDITY", validity, 1))
		if got := lines[len(lines)-1]; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		cl.do("NOOP")
		cl.do("LOGOUT")
	}
}

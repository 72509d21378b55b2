package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// mbsync syncs all mailboxes of the account with maildirs, in both directions.
type mbsync struct {
	maildir
	rc   string
	wire *wire
}

func newMbsync(t *testing.T, s *server.Server, w *wire) *mbsync {
	t.Helper()
	dir := t.TempDir()
	rc := peer.MbsyncConfig(t, w.Addr, user, s.Dir, dir, "Patterns *\nCreate Both\nExpunge Both\nRemove None\nSync All\n")
	return &mbsync{maildir{t: t, dir: dir + "/mail"}, rc, w}
}

// command is a run. mbsync waits for the next second when a folder has just been changed, so that it sees every
// change; we change nothing while it runs, and make the folders old.
func (m *mbsync) command() *exec.Cmd {
	folders, _ := filepath.Glob(m.dir + "/*/*") // the pattern is a good one
	deeper, _ := filepath.Glob(m.dir + "/*/*/*")
	old := time.Now().Add(-time.Minute)
	for _, f := range append(folders, deeper...) {
		if base := filepath.Base(f); base == "cur" || base == "new" {
			if err := os.Chtimes(f, old, old); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(peer.Need(m.t, "mbsync"), "-q", "-c", m.rc, "all")
	cmd.Env = peer.Environ()
	return cmd
}

func (m *mbsync) sync() {
	m.t.Helper()
	if out, err := m.command().CombinedOutput(); err != nil {
		m.t.Fatalf("mbsync: %v\n%s", err, out)
	}
}

// wantSame wants both sides to have just these.
func (m *mbsync) wantSame(c *imap.Client, want ...string) {
	m.t.Helper()
	m.wantHere(want...)
	wantThere(m.t, c, want...)
}

// changes are the commands that change something, as a client sends them.
var changes = regexp.MustCompile(`(?mi)^C\d+: \S+ (uid )?(append|store|expunge|create|copy|move|delete|rename)\b.*$`)

// TestMbsyncSettlesConflicts changes the same messages and mailboxes on both sides between two runs.
func TestMbsyncSettlesConflicts(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	for i := 1; i <= 8; i++ {
		mustAppend(t, c, "INBOX", ``, letter("far", i))
	}
	w := newWire(t, s, "imaps")
	m := newMbsync(t, s, w)
	m.sync()
	m.put("INBOX", "", letter("near", 1))
	m.sync()

	m.reflag("INBOX", "far.1", "F")  // flagged here, answered there: both
	m.remove("INBOX", "far.2")       // deleted here, flagged there: deleted
	m.reflag("INBOX", "far.3", "FS") // flagged and seen here, deleted there: deleted
	m.reflag("INBOX", "far.4", "ST") // deleted on both sides
	m.reflag("INBOX", "far.5", "S")  // seen on both sides
	m.reflag("INBOX", "far.6", "T")  // deleted here, unchanged there
	c.Do("SELECT INBOX")
	for uid, change := range map[int]string{1: `\Answered`, 2: `\Flagged`, 3: `\Deleted`, 4: `\Deleted`, 5: `\Seen`, 7: `\Deleted`, 8: `\Flagged`} {
		c.Do("UID STORE %d +FLAGS.SILENT (%s)", uid, change)
	}
	c.Do("UID EXPUNGE 3:4,7")
	m.put(arabicWire, "S", letter("near", 2)) // new here
	c.Do("CREATE %q", persianWire)            // new there
	mustAppend(t, c, persianWire, `\Seen`, letter("far", 9))
	m.put("Shared", "", letter("near", 3)) // new on both sides
	c.Do("CREATE Shared")
	mustAppend(t, c, "Shared", `\Flagged`, letter("far", 10))
	m.put("Drafts", "D", letter("near", 4))
	mustAppend(t, c, "Drafts", `\Draft`, letter("far", 11))

	want := []string{
		"INBOX [FR] far.1", "INBOX [S] far.5", "INBOX [F] far.8", "INBOX [] near.1",
		arabicWire + " [S] near.2", persianWire + " [S] far.9", "Shared [] near.3", "Shared [F] far.10", "Drafts [D] near.4", "Drafts [D] far.11",
	}
	m.sync()
	m.sync()
	m.wantSame(c, want...)
	files, said := m.files(), len(w.said())
	m.sync()
	m.wantSame(c, want...)
	if after := m.files(); after != files {
		t.Errorf("a run with nothing to do changed\n%s\ninto\n%s", files, after)
	}
	if did := changes.FindAllString(w.said()[said:], -1); len(did) > 0 {
		t.Errorf("a run with nothing to do said %q", did)
	}
	w.wantNoneRefused()
}

// TestMbsyncInterrupted breaks runs off at many places of the dialogue: the connection, mbsync, or the server
// dies. The next run has every message on both sides, and just once.
func TestMbsyncInterrupted(t *testing.T) {
	s := start(t)
	w := newWire(t, s, "imaps")
	m := newMbsync(t, s, w)
	m.put(arabicWire, "", letter("first", 0))
	want := []string{arabicWire + " [] first.0"}
	m.sync()
	places := []string{
		`^C: \S+ APPEND`, `^C: Message-ID: <near`, `^S: \S+ OK .*APPENDUID`, `^S: \* \d+ FETCH .*BODY\[\]`, `^S: Message-ID: <far`, `^C: \S+ (UID )?STORE`, `^S: \S+ OK .*STORE`,
		`^C: \S+ CLOSE`, `^C: \S+ LOGOUT`,
	}
	n := 0
	round := func(where string, at func(line string) bool, how string) bool {
		n++
		want = m.changeBoth(imap.Dial(t, s, user), want, n)
		reached := m.syncUntil(s, at, how)
		m.sync()
		m.wantSame(imap.Dial(t, s, user), want...)
		if t.Failed() {
			t.Fatalf("after %s died at %s", how, where)
		}
		return reached
	}
	hows := []string{"the connection", "mbsync", "the server"}
	for _, place := range places {
		for _, how := range hows {
			if !round(place, regexp.MustCompile(place).MatchString, how) {
				t.Fatalf("nothing matched %s", place)
			}
		}
	}
	for line := 1; line < 100; line += 2 {
		left := line
		if !round(fmt.Sprintf("line %d", line), func(string) bool { left--; return left < 0 }, hows[line/2%3]) {
			t.Fatalf("a run has less than %d lines", line)
		}
	}
}

// changeBoth adds mail on both sides, flags one message and deletes another on either, and says what comes of it.
func (m *mbsync) changeBoth(c *imap.Client, want []string, n int) []string {
	m.t.Helper()
	m.put(arabicWire, "", letter("near", 2*n))
	m.put(arabicWire, "S", letter("near", 2*n+1))
	mustAppend(m.t, c, arabicWire, ``, letter("far", 2*n))
	mustAppend(m.t, c, arabicWire, `\Seen`, letter("far", 2*n+1))
	fresh := []string{
		fmt.Sprintf("%s [] near.%d", arabicWire, 2*n), fmt.Sprintf("%s [S] near.%d", arabicWire, 2*n+1),
		fmt.Sprintf("%s [] far.%d", arabicWire, 2*n), fmt.Sprintf("%s [S] far.%d", arabicWire, 2*n+1),
	}
	if n > 1 {
		last := 2 * (n - 1)
		m.remove(arabicWire, fmt.Sprintf("near.%d", last))
		m.reflag(arabicWire, fmt.Sprintf("far.%d", last), "F")
		c.Do("SELECT %q", arabicWire)
		c.Do(`UID STORE %d +FLAGS.SILENT (\Answered)`, m.uid(c, fmt.Sprintf("near.%d", last+1)))
		gone := m.uid(c, fmt.Sprintf("far.%d", last+1))
		c.Do(`UID STORE %d +FLAGS.SILENT (\Deleted)`, gone)
		c.Do(`UID EXPUNGE %d`, gone)
		want = slices.DeleteFunc(slices.Clone(want), func(w string) bool {
			return slices.ContainsFunc([]string{"near.%d", "far.%d"}, func(f string) bool {
				return strings.HasSuffix(w, " "+fmt.Sprintf(f, last)) || strings.HasSuffix(w, " "+fmt.Sprintf(f, last+1))
			})
		})
		want = append(want, fmt.Sprintf("%s [F] far.%d", arabicWire, last), fmt.Sprintf("%s [RS] near.%d", arabicWire, last+1))
	}
	return append(want, fresh...)
}

func (m *mbsync) uid(c *imap.Client, id string) int64 {
	m.t.Helper()
	for _, v := range c.Do("UID SEARCH HEADER Message-ID %q", "<"+id+"@") {
		if v[0] == imap.Atom("SEARCH") && len(v) == 2 {
			return imap.Number(v[1])
		}
	}
	m.t.Fatalf("%s is not there once", id)
	return 0
}

// syncUntil runs mbsync until a line passes that the rule is for; then somebody dies. It tells whether there was one.
func (m *mbsync) syncUntil(s *server.Server, at func(line string) bool, how string) bool {
	m.t.Helper()
	cmd := m.command()
	reached, dead := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.wire.cutAt(func(line string) bool {
		if !at(line) {
			return false
		}
		once.Do(func() { close(reached) })
		<-dead // nothing passes until somebody is
		return true
	})
	defer m.wire.cutAt(nil)
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reached:
	case err := <-ended:
		if err != nil {
			m.t.Fatalf("mbsync: %v", err)
		}
		close(dead)
		return false
	}
	switch how {
	case "mbsync":
		_ = cmd.Process.Kill() // it waits for an answer
	case "the server":
		s.Kill()
	}
	close(dead)
	<-ended // with what, is its own affair
	if how == "the server" {
		s.Boot()
	}
	return true
}

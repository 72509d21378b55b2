package interop

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// Mailbox names in modified UTF-7 (RFC 3501 §5.1.3); mbsync takes them for the names of folders as they are.
const (
	arabicName  = "&BjEGMwYnBiYGRA-"               // رسائل
	persianName = "&Bn4GMQZIBpgGRw-/&BvEG9AbwBvQ-" // پروژه/۱۴۰۴
)

// TestMbsyncSyncsBothWays changes both sides of a sync in every way there is, and wants them equal afterwards; a
// further run changes nothing.
func TestMbsyncSyncsBothWays(t *testing.T) {
	s := start(t)
	user := "info@" + server.Domain
	c := imap.Dial(t, s, user)
	for i := 1; i <= 4; i++ {
		mustAppend(t, c, "INBOX", `\Seen`, letter("there", i))
	}
	m := newMaildir(t, s, user)
	m.sync()
	m.wantSame(c, 4)

	m.reflag(letter("there", 1), "FS")         // flagged here
	m.reflag(letter("there", 2), "ST")         // deleted here
	m.put("INBOX", "", letter("here", 1))      // new here
	m.put(arabicName, "RS", letter("here", 2)) // in a folder made here
	c.Do("SELECT INBOX")
	c.Do(`STORE 3 +FLAGS.SILENT (\Answered)`) // answered there
	c.Do(`STORE 3 -FLAGS.SILENT (\Seen)`)     // not seen there
	c.Do(`STORE 4 +FLAGS.SILENT (\Deleted)`)  // deleted there
	c.Do("EXPUNGE")
	c.Do("CREATE %q", persianName) // a folder made there
	mustAppend(t, c, persianName, `\Flagged`, letter("there", 5))
	mustAppend(t, c, "Archive", `\Seen`, letter("there", 6))
	m.sync()
	m.wantSame(c, 6)

	files, mail, modseq := m.files(), mailThere(c), highestModSeq(c)
	m.sync()
	if after := m.files(); after != files {
		t.Errorf("a run with nothing to do changed\n%s\ninto\n%s", files, after)
	}
	if after := mailThere(c); !slices.Equal(after, mail) {
		t.Errorf("a run with nothing to do changed\n%q\ninto\n%q", mail, after)
	}
	if after := highestModSeq(c); after != modseq {
		t.Errorf("a run with nothing to do moved HIGHESTMODSEQ from %s to %s", modseq, after)
	}
}

// TestMbsyncFindsItsPlaceAfterARestart kills the server between two runs: UIDs and UIDVALIDITY are the same, so
// nothing is copied twice.
func TestMbsyncFindsItsPlaceAfterARestart(t *testing.T) {
	s := start(t)
	user := "demo@" + server.Domain
	mustAppend(t, imap.Dial(t, s, user), "INBOX", ``, letter("there", 1))
	m := newMaildir(t, s, user)
	m.put("INBOX", "S", letter("here", 1))
	m.sync()
	s.Kill()
	s.Boot()
	c := imap.Dial(t, s, user)
	mustAppend(t, c, "INBOX", `\Draft`, letter("there", 2))
	m.sync()
	m.wantSame(c, 3)
}

func letter(side string, n int) []byte {
	return fmt.Appendf(nil, "From: info@example.test\r\nTo: demo@example.test\r\nSubject: %s %d\r\nMessage-ID: <%[1]s.%[2]d@example.test>\r\n\r\n"+
		"letter %[2]d, سلام\r\n.\r\n", side, n)
}

func mustAppend(t *testing.T, c *imap.Client, mailbox, flags string, raw []byte) {
	t.Helper()
	if end := c.Append(mailbox, flags, raw); !strings.HasPrefix(end, "OK ") {
		t.Fatalf("APPEND to %s: %s", mailbox, end)
	}
}

// maildir is the near side of a sync.
type maildir struct {
	t       *testing.T
	dir, rc string
	n       int
}

func newMaildir(t *testing.T, s *server.Server, user string) *maildir {
	dir := t.TempDir()
	return &maildir{t: t, dir: filepath.Join(dir, "mail"), rc: peer.MbsyncConfig(t, s.Addr["imaps"], user, s.Dir, dir, "Patterns *\nCreate Both\nExpunge Both\nRemove None\nSync All\n")}
}

func (m *maildir) sync() {
	m.t.Helper()
	peer.Must(m.t, peer.Command{Name: "mbsync", Args: []string{"-q", "-c", m.rc, "all"}})
}

// put delivers a message into a folder, which is made if it is not there.
func (m *maildir) put(folder, flags string, raw []byte) {
	m.t.Helper()
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(m.dir, folder, d), 0o700); err != nil {
			m.t.Fatal(err)
		}
	}
	m.n++
	peer.Write(m.t, filepath.Join(m.dir, folder, "cur", fmt.Sprintf("170000000%d.1.localhost:2,%s", m.n, flags)), unix(raw), 0o600)
}

// reflag gives a message of INBOX other flags.
func (m *maildir) reflag(raw []byte, flags string) {
	m.t.Helper()
	files, _ := filepath.Glob(filepath.Join(m.dir, "INBOX/*/*")) // the pattern is a good one
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && withoutTUID(string(b)) == unix(raw) {
			name, _, _ := strings.Cut(filepath.Base(f), ":")
			if err := os.Rename(f, filepath.Join(m.dir, "INBOX/cur", name+":2,"+flags)); err != nil {
				m.t.Fatal(err)
			}
			return
		}
	}
	m.t.Fatalf("%q is not in INBOX", raw)
}

func unix(raw []byte) string { return strings.ReplaceAll(string(raw), "\r\n", "\n") }

func withoutTUID(s string) string {
	if at := tuid.FindStringIndex(s); at != nil {
		return s[:at[0]] + s[at[1]:]
	}
	return s
}

// files lists every file with its content.
func (m *maildir) files() string {
	var out strings.Builder
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %q\n", strings.TrimPrefix(path, m.dir), b)
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.String()
}

// here lists the messages as mailThere does.
func (m *maildir) here() []string {
	files, _ := filepath.Glob(m.dir + "/*/*/*") // the pattern is a good one
	deeper, _ := filepath.Glob(m.dir + "/*/*/*/*")
	var out []string
	for _, f := range append(files, deeper...) {
		sub := filepath.Base(filepath.Dir(f))
		if st, err := os.Stat(f); err != nil || st.IsDir() || sub != "cur" && sub != "new" {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			m.t.Fatal(err)
		}
		folder := strings.TrimPrefix(filepath.Dir(filepath.Dir(f)), m.dir+"/")
		_, flags, _ := strings.Cut(filepath.Base(f), ":2,")
		out = append(out, fmt.Sprintf("%s %q %q", folder, flags, withoutTUID(string(b))))
	}
	slices.Sort(out)
	return out
}

// wantSame wants n messages on both sides: the same ones in the same folders with the same flags.
func (m *maildir) wantSame(c *imap.Client, n int) {
	m.t.Helper()
	here, there := m.here(), mailThere(c)
	if !slices.Equal(here, there) || len(here) != n {
		m.t.Errorf("%d messages here\n%s\n%d there\n%s\nwant %d", len(here), strings.Join(here, "\n"), len(there), strings.Join(there, "\n"), n)
	}
}

// mailThere lists all messages of an account: mailbox, flags as a maildir has them, text with \n.
func mailThere(c *imap.Client) []string {
	var out []string
	for _, v := range c.Do(`LIST "" "*"`) {
		if v[0] != imap.Atom("LIST") {
			continue // news of the mailbox that was selected
		}
		name := fmt.Sprint(v[len(v)-1])
		c.Do("EXAMINE %q", name)
		for _, f := range c.Fetch("(FLAGS BODY.PEEK[])") {
			var flags []string
			for _, x := range f["FLAGS"].([]any) {
				if letter := maildirFlags[fmt.Sprint(x)]; letter != "" {
					flags = append(flags, letter)
				}
			}
			slices.Sort(flags)
			out = append(out, fmt.Sprintf("%s %q %q", name, strings.Join(flags, ""), withoutTUID(unix([]byte(imap.Text(f["BODY[]"]))))))
		}
	}
	slices.Sort(out)
	return out
}

var maildirFlags = map[string]string{`\Seen`: "S", `\Answered`: "R", `\Flagged`: "F", `\Draft`: "D", `\Deleted`: "T"}

func highestModSeq(c *imap.Client) string {
	return fmt.Sprint(c.Status("INBOX", "HIGHESTMODSEQ UIDNEXT UIDVALIDITY"))
}

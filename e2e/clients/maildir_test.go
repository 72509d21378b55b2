package clients

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"barid/e2e/peer"
)

// maildir is the near side of a sync: a folder of maildirs whose names are those of the mailboxes.
type maildir struct {
	t   *testing.T
	dir string
	n   int
}

// put delivers a message into a mailbox, which is made if it is not there.
func (m *maildir) put(mailbox, flags string, raw []byte) {
	m.t.Helper()
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(m.dir, mailbox, d), 0o700); err != nil {
			m.t.Fatal(err)
		}
	}
	m.n++
	name := fmt.Sprintf("17%08d.1_%d.localhost:2,%s", m.n, m.n, flags)
	peer.Write(m.t, filepath.Join(m.dir, mailbox, "cur", name), strings.ReplaceAll(string(raw), "\r\n", "\n"), 0o600)
}

// file finds a message by the local part of its Message-ID.
func (m *maildir) file(mailbox, id string) string {
	m.t.Helper()
	files, _ := filepath.Glob(filepath.Join(m.dir, mailbox, "*/*")) // the pattern is a good one
	for _, f := range files {
		if idOf(m.t, f) == id {
			return f
		}
	}
	m.t.Fatalf("%s is not in %s", id, mailbox)
	return ""
}

// reflag gives a message other flags, remove takes it away.
func (m *maildir) reflag(mailbox, id, flags string) {
	m.t.Helper()
	f := m.file(mailbox, id)
	name, _, _ := strings.Cut(filepath.Base(f), ":")
	if err := os.Rename(f, filepath.Join(m.dir, mailbox, "cur", name+":2,"+flags)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *maildir) remove(mailbox, id string) {
	m.t.Helper()
	if err := os.Remove(m.file(mailbox, id)); err != nil {
		m.t.Fatal(err)
	}
}

var messageID = regexp.MustCompile(`(?m)^Message-ID: <([^@]*)@`)

// idOf gives the local part of the Message-ID of a file, "" when it is not a message.
func idOf(t *testing.T, path string) string {
	st, err := os.Stat(path)
	if err != nil || st.IsDir() {
		return ""
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if m := messageID.FindSubmatch(b); m != nil {
		return string(m[1])
	}
	return ""
}

// here lists the messages as there does.
func (m *maildir) here() []string {
	m.t.Helper()
	var out []string
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		sub := filepath.Base(filepath.Dir(path))
		if err != nil || d.IsDir() || sub != "cur" && sub != "new" {
			return err
		}
		if id := idOf(m.t, path); id != "" {
			box, err := filepath.Rel(m.dir, filepath.Dir(filepath.Dir(path)))
			if err != nil {
				return err
			}
			_, flags, _ := strings.Cut(filepath.Base(path), ":2,")
			out = append(out, box+" ["+flags+"] "+id)
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// wantHere compares the near side.
func (m *maildir) wantHere(want ...string) {
	m.t.Helper()
	slices.Sort(want)
	if got := m.here(); !slices.Equal(got, want) {
		m.t.Errorf("the near side has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// files lists every file by name: a run that changes nothing leaves it as it is.
func (m *maildir) files() string {
	m.t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(m.dir, func(path string, _ fs.DirEntry, err error) error {
		fmt.Fprintln(&out, path)
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.String()
}

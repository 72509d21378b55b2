package crash

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
)

// copied is what `barid backup` tells.
type copied struct {
	Bytes, CopiedBytes int64
	Files, CopiedFiles int
}

// TestABackupUnderLoadHoldsWhatWasPromisedBefore takes two backups into one folder while mail comes in, one of
// them after a kill in the middle of a backup, and restores each into a server of its own. Everything that was
// acknowledged before a backup began must be there, under the same UIDs.
func TestABackupUnderLoadHoldsWhatWasPromisedBefore(t *testing.T) {
	long(t)
	s := server.Start(t, server.Options{Settings: "[log]\nlevel = \"warn\"\n"})
	l := newLoad(t, s, seed(t))
	watch := newWatcher(info)
	for i, f := range []func(*client) error{mx, mx, submit, lmtp, appendMail, watch.watch} {
		l.run(fmt.Sprintf("load%d", i), i+1, f)
	}
	l.gate.open()
	folder := filepath.Join(t.TempDir(), "backup")

	time.Sleep(2 * time.Second)
	first := l.ledger.promised()
	seen := watch.seen()
	one := backup(t, s, folder)
	older := filepath.Join(t.TempDir(), "older")
	copyFolder(t, folder, older)

	time.Sleep(time.Second)
	killInTheMiddleOfABackup(t, l, folder)

	time.Sleep(time.Second)
	second := l.ledger.promised()
	two := backup(t, s, folder)
	l.stop()
	for _, w := range l.ledger.complaints() {
		t.Error(w)
	}
	t.Logf("first backup: %+v; second: %+v", one, two)
	if two.CopiedBytes >= two.Bytes || two.Bytes <= one.Bytes {
		t.Errorf("the second backup copied everything: %+v after %+v", two, one)
	}
	if again := backup(t, s, folder); again.CopiedBytes > two.CopiedBytes/2 {
		t.Errorf("a backup of nothing new: %+v", again)
	}
	restored(t, l.ledger, older, first, seen)
	restored(t, l.ledger, folder, second, seen)
	refusedRestores(t, folder)
}

// promised gives what has been acknowledged so far.
func (l *ledger) promised() map[string]*parcel {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]*parcel{}
	for id, p := range l.sent {
		out[id] = &parcel{to: p.to, acked: append([]bool(nil), p.acked...)}
	}
	return out
}

// seen gives the UIDs seen so far.
func (w *watcher) seen() map[uint32]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ids)
}

func backup(t *testing.T, s *server.Server, folder string) (c copied) {
	t.Helper()
	s.JSON(&c, "backup", folder)
	return c
}

// killInTheMiddleOfABackup kills the server at random moments of a backup; the folder stays a whole backup.
func killInTheMiddleOfABackup(t *testing.T, l *load, folder string) {
	t.Helper()
	rng := newRand(l.seed, 1000)
	for range 3 {
		done := make(chan int, 1)
		go func() {
			_, _, code := l.s.Run("backup", folder)
			done <- code
		}()
		time.Sleep(time.Duration(rng.IntN(30000)) * time.Microsecond)
		l.s.Kill()
		l.gate.shut()
		<-done
		l.s.Boot()
		l.gate.open()
	}
	target := filepath.Join(t.TempDir(), "restored")
	if text, code := barid(t, "restore", folder, target); code != 0 {
		t.Errorf("after kills in the middle of a backup the folder can not be restored: exit %d\n%s", code, text)
	}
}

// restored makes a server out of a backup and compares it with the promises of the time before.
func restored(t *testing.T, l *ledger, folder string, promises map[string]*parcel, seen map[uint32]string) {
	t.Helper()
	s := server.Prepare(t, server.Options{Empty: true, Settings: "[log]\nlevel = \"warn\"\n"})
	if text, code := barid(t, "restore", folder, filepath.Join(s.Dir, "data")); code != 0 {
		t.Fatalf("restore: exit %d\n%s", code, text)
	}
	s.Boot()
	found := map[place][]string{}
	for _, account := range []string{info, demo} {
		for _, mailbox := range []string{"INBOX", "Archive"} {
			uids := map[uint32]string{}
			for _, x := range readAll(t, s, account, mailbox) {
				if x.err != nil {
					t.Errorf("torn: %s in %s of %s: %v", x.id, mailbox, account, x.err)
				}
				found[place{account, mailbox}] = append(found[place{account, mailbox}], x.id)
				uids[x.uid] = x.id
			}
			if account == info && mailbox == "INBOX" {
				for uid, id := range seen {
					if uids[uid] != id {
						t.Errorf("UID %d was %q and is %q in the restored server", uid, id, uids[uid])
					}
				}
			}
		}
	}
	// What came while the backup ran may be in it or not.
	then := &ledger{sent: promises}
	l.mu.Lock()
	for id, p := range l.sent {
		if promises[id] == nil {
			promises[id] = &parcel{to: p.to, acked: make([]bool, len(p.to))}
		}
	}
	l.mu.Unlock()
	for _, p := range promises {
		for _, ok := range p.acked {
			if ok {
				then.acked++
			}
		}
	}
	then.audit(found).report(t)
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(1, 1)}
	f.accepted(3)
	verified(t, s)
}

// refusedRestores tries what must not be restored: into a folder with something in it, from a damaged backup, from
// none, and from one whose list of files leads out of the folder.
func refusedRestores(t *testing.T, folder string) {
	t.Helper()
	refuse := func(name, from, to, why string) {
		t.Helper()
		if text, code := barid(t, "restore", from, to); code != 1 || !strings.Contains(text, "B3006") || !strings.Contains(text, why) {
			t.Errorf("%s: exit %d\n%s", name, code, text)
		}
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "letter"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("into a folder with something in it", folder, full, "not empty")
	if names, err := os.ReadDir(full); err != nil || len(names) != 1 {
		t.Errorf("a refused restore left %v, %v", names, err)
	}
	refuse("from an empty folder", t.TempDir(), filepath.Join(t.TempDir(), "new"), "manifest")

	names, err := filepath.Glob(filepath.Join(folder, "files", "*-bodies-*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no bodies in the backup: %v", err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	damaged := filepath.Join(t.TempDir(), "damaged")
	copyFolder(t, folder, damaged)
	if err := os.WriteFile(filepath.Join(damaged, "files", filepath.Base(names[0])), b, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("from a damaged backup", damaged, filepath.Join(t.TempDir(), "new"), "damaged")

	for _, path := range []string{"../../outside", "rows/../../outside", "/tmp/outside", "rows/"} {
		evil := filepath.Join(t.TempDir(), "evil")
		copyFolder(t, folder, evil)
		rename(t, evil, path)
		refuse("a file called "+path, evil, filepath.Join(t.TempDir(), "new"), "unexpected name")
	}
}

// rename gives the first file of a backup's list another path, with a right checksum.
func rename(t *testing.T, folder, path string) {
	t.Helper()
	name := filepath.Join(folder, "BACKUP")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := bytes.Cut(b, []byte("\n"))
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m["files"].([]any)[0].(map[string]any)["path"] = path
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, fmt.Appendf(nil, "%x\n%s", sha256.Sum256(text), text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

func mustBackup(t *testing.T, s *Store, dst string) BackupInfo {
	t.Helper()
	info, err := s.Backup(t.Context(), dst, nil)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func mustRestore(t *testing.T, fs vfs.FS, src, dst string) *Store {
	t.Helper()
	if err := restore(t.Context(), fs, src, dst, nil); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, dst, small(fs))
}

func steps(t *testing.T, s *Store, a *actor, n int) {
	t.Helper()
	for range n {
		if err := a.step(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackupRestore: a backup holds what was acknowledged before it; a second run into the same folder
// copies only what is new; both are restored and checked.
func TestBackupRestore(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	a := newActor(1, 11)
	steps(t, s, a, 60)
	first := mustBackup(t, s, "backup/daily")
	if first.CopiedBytes == 0 || first.CopiedBytes != first.Bytes {
		t.Fatalf("first run: %+v", first)
	}
	one := mustRestore(t, fs, "backup/daily", "one")
	a.check(t, one, 60, 60)
	sound(t, one)
	mustClose(t, one)

	steps(t, s, a, 10)
	second := mustBackup(t, s, "backup/daily")
	if second.CopiedBytes*2 > second.Bytes {
		t.Fatalf("second run copied nearly all: %+v", second)
	}
	mustGC(t, s)
	steps(t, s, a, 10)
	mustBackup(t, s, "backup/daily")
	two := mustRestore(t, fs, "backup/daily", "two")
	defer mustClose(t, two)
	a.check(t, two, 80, 80)
	sound(t, two)
	b := &actor{part: a.part, rng: a.rng, states: append([]state{}, a.states...)}
	b.rewind(80)
	steps(t, two, b, 5) // the copy is a store like any other
	if _, err := two.Backup(t.Context(), "backup/daily", nil); !errors.Is(err, ErrBackup) {
		t.Fatalf("backup into the folder of another store: %v", err)
	}
	a.check(t, s, 80, 80)
	mustClose(t, s)
}

// TestBackupBesideWork: a backup taken while mail comes, is deleted and collected is one moment of it.
func TestBackupBesideWork(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	defer mustClose(t, s)
	actors := []*actor{newActor(1, 21), newActor(2, 21)}
	var wg sync.WaitGroup
	for _, a := range actors {
		wg.Go(func() {
			for range 80 {
				if err := a.step(context.Background(), s); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			if _, err := s.GC(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		var lo, hi [2]int
		for i, a := range actors {
			lo[i] = int(a.acked.Load())
		}
		mustBackup(t, s, "backup")
		for i, a := range actors {
			hi[i] = int(a.begun.Load())
		}
		if err := fs.RemoveAll("copy"); err != nil && !isNotExist(err) {
			t.Fatal(err)
		}
		c := mustRestore(t, fs, "backup", "copy")
		shared := sharedSteps(t, c)
		for i, a := range actors {
			a.mu.Lock()
			view := &actor{part: a.part, states: a.states[:hi[i]+1]}
			a.mu.Unlock()
			if got := view.check(t, c, lo[i], hi[i]); shared[a.part.ID] != got {
				t.Fatalf("the backup tore a commit: %d, %d", got, shared[a.part.ID])
			}
		}
		sound(t, c)
		mustClose(t, c)
	}
	wg.Wait()
}

// TestRestoreRefuses: a damaged, foreign or manipulated backup, and a folder that is not empty.
func TestRestoreRefuses(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	steps(t, s, newActor(1, 31), 20)
	mustBackup(t, s, "backup")
	if _, err := s.Backup(t.Context(), "data", nil); !errors.Is(err, ErrBackup) {
		t.Errorf("backup into a data folder: %v", err)
	}
	mustClose(t, s)
	m, err := readManifest(fs, "backup")
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what, dst string) {
		t.Helper()
		if err := restore(t.Context(), fs, "backup", dst, nil); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("folder that is not empty", "data")
	for _, path := range []string{"../evil", "rows/../../evil", "/etc/evil", "rows/", "other/x", "rows/.x", "rows/a/b", `rows\x`} {
		evil := m
		evil.Files = append([]backupFile{{Path: path, Stored: "x"}}, m.Files...)
		if err := writeManifest(fs, "backup", evil); err != nil {
			t.Fatal(err)
		}
		refuse("path "+path, "dst")
	}
	if err := writeManifest(fs, "backup", m); err != nil {
		t.Fatal(err)
	}
	flip(t, fs, "backup/files/"+m.find("bodies/seg-00000001").Stored, 100)
	refuse("damaged file", "dst")
	if _, err := Open("dst", small(fs)); !errors.Is(err, ErrFormat) {
		t.Errorf("half a restore can be opened: %v", err)
	}
	flip(t, fs, "backup/BACKUP", 100)
	refuse("damaged manifest", "dst2")
}

// TestFormat: a newer data folder is refused with words that help.
func TestFormat(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, "data", small(fs)))
	if err := writeAtomic(fs, "data", "FORMAT", []byte("barid store\nformat 2\nid 00\n")); err != nil {
		t.Fatal(err)
	}
	_, err := Open("data", small(fs))
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "newer") || !strings.Contains(err.Error(), "format 2") {
		t.Fatalf("newer folder: %v", err)
	}
	if err := fs.Remove("data/FORMAT"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("data", small(fs)); !errors.Is(err, ErrFormat) {
		t.Fatalf("data without FORMAT: %v", err)
	}
}

// TestBodiesSurviveWithoutHint: reading, closing and the last words of a store that is closed.
func TestAfterClose(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	id := linkBody(t, s, owner1, 1, content{1, 100})
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	mustClose(t, s)
	for what, err := range map[string]error{
		"Update": s.Update(t.Context(), owner1, func(kv.Txn) error { return nil }),
		"View":   s.View(t.Context(), owner1, func(kv.Reader) error { return nil }),
		"Parts":  s.Parts(t.Context(), kv.Account, func(kv.Part) error { return nil }),
		"Commit": func() error { _, err := w.Commit(nil, nil); return err }(),
		"Open":   func() error { _, err := s.Open(t.Context(), id); return err }(),
		"Create": func() error { _, err := s.Create(t.Context()); return err }(),
		"GC":     func() error { _, err := s.GC(t.Context()); return err }(),
		"Backup": func() error { _, err := s.Backup(t.Context(), "b", nil); return err }(),
	} {
		if !errors.Is(err, kv.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if _, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); err != nil {
		t.Errorf("a reader from before Close: %v", err)
	}
	r.Close()
	w.Close()
}

// TestBackupKnowsSegmentsThatCameAndWent: a segment that comes and is rewritten between the beginning of a backup and its look at
// the segments may be what the rows of the backup name.
func TestBackupKnowsSegmentsThatCameAndWent(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	defer mustClose(t, s)
	defer s.segs.hold()()
	a := newActor(1, 21)
	steps(t, s, a, 60)
	came := s.segs.ids()
	for range 4 {
		steps(t, s, a, 10)
		mustGC(t, s)
	}
	went, held, there := 0, s.segs.held(), s.segs.ids()
	for _, id := range came {
		if !slices.Contains(there, id) {
			went++
		}
		if held[id] == nil {
			t.Errorf("%s is missing", segmentName(id))
		}
	}
	if went == 0 {
		t.Fatal("no segment was rewritten")
	}
}

// slowLogs is a file system on which something happens between two reads of a log.
type slowLogs struct {
	vfs.FS
	read func(name string, end int64)
}

// Open implements vfs.FS.
func (s *slowLogs) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.Open(name, o...)
	if err == nil && isLog(name) {
		f = &slowLog{File: f, fs: s, name: name}
	}
	return f, err
}

type slowLog struct {
	vfs.File
	fs   *slowLogs
	name string
	at   int64
}

// Read implements vfs.File.
func (f *slowLog) Read(p []byte) (int, error) {
	n, err := f.File.Read(p[:min(len(p), 4<<10)])
	f.at += int64(n)
	if f.fs.read != nil {
		f.fs.read(f.name, f.at)
	}
	return n, err
}

// TestBackupOfALogThatGrows: between two reads of the log that a backup copies, mail comes. Behind the end of a log that
// is used again stand octets of its earlier use: the copy must not have them between what came before and after.
func TestBackupOfALogThatGrows(t *testing.T) {
	fs := &slowLogs{FS: vfs.NewMem()}
	s := mustOpen(t, "data", small(fs))
	defer mustClose(t, s)
	a := newActor(1, 21)
	for n := range 12 {
		steps(t, s, a, 17)
		lo := len(a.states) - 1
		fs.read = func(name string, at int64) {
			if len(a.states)-1 == lo {
				steps(t, s, a, 1)
			}
			for range 20 {
				if end, known := s.journals.end(name); known && end < at {
					steps(t, s, a, 1)
				}
			}
		}
		mustBackup(t, s, "backup")
		fs.read = nil
		hi := len(a.states) - 1
		if hi == lo {
			t.Fatal("nothing came while the log was read")
		}
		c := mustRestore(t, fs, "backup", fmt.Sprintf("copy%d", n))
		a.check(t, c, lo, hi)
		sound(t, c)
		mustClose(t, c)
	}
}

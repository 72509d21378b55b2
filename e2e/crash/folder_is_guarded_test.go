package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/server"
)

// barid runs a command that takes no configuration.
func barid(t *testing.T, args ...string) (text string, code int) {
	t.Helper()
	cmd := exec.Command(server.Binary(t), args...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestTwoServersOnOneFolder wants the second to say who has the folder, and the first not to notice.
func TestTwoServersOnOneFolder(t *testing.T) {
	long(t)
	s := server.Start(t, server.Options{})
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
	f.accepted(3)
	out, errs, code := s.Run("serve", "--set", "listener=smtp=127.0.0.1:0")
	if code != 1 || !strings.Contains(errs, "B3004") || !strings.Contains(errs, fmt.Sprintf("pid %d", s.PID())) {
		t.Errorf("a second server on the folder of process %d: exit %d\n%s%s", s.PID(), code, out, errs)
	}
	if text, code := barid(t, "store", "salvage", filepath.Join(s.Dir, "data"), t.TempDir()); code != 1 || !strings.Contains(text, fmt.Sprintf("pid %d", s.PID())) {
		t.Errorf("salvage of a folder in use: exit %d\n%s", code, text)
	}
	f.accepted(3)
	s.Kill() // the lock goes with the process
	s.Boot()
	f.ledger.audit(f.inbox()).report(t)
}

// TestAnOlderProgramRefusesANewerFolder wants a clear message, nothing changed, and the folder to work again with
// the program it belongs to.
func TestAnOlderProgramRefusesANewerFolder(t *testing.T) {
	long(t)
	s := server.Start(t, server.Options{})
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
	f.accepted(3)
	s.Stop()
	name := filepath.Join(s.Dir, "data", "FORMAT")
	ours, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(ours), "format 1", "format 2", 1)
	if newer == string(ours) {
		t.Fatalf("FORMAT is %q", ours)
	}
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(newer)
	before := listFolder(t, filepath.Join(s.Dir, "data"))
	for _, args := range [][]string{{"serve"}, {"store", "verify"}} {
		out, errs, code := s.Run(args...)
		for _, words := range []string{"B3005", "newer Barid", "store format 2", "up to 1"} {
			if !strings.Contains(errs, words) {
				t.Errorf("barid %v does not say %q: exit %d\n%s%s", args, words, code, out, errs)
			}
		}
		if code == 0 {
			t.Errorf("barid %v went on with a newer folder", args)
		}
	}
	for path, size := range listFolder(t, filepath.Join(s.Dir, "data")) {
		if before[path] != size {
			t.Errorf("%s went from %d to %d octets though the folder was refused", path, before[path], size)
		}
	}
	for _, text := range []string{"", "something else\n", "barid store\nformat x\nid 00\n"} {
		write(text)
		if _, errs, code := s.Run("serve"); code == 0 || !strings.Contains(errs, "B3005") {
			t.Errorf("FORMAT %q: exit %d\n%s", text, code, errs)
		}
	}
	write(string(ours))
	s.Boot()
	f.ledger.audit(f.inbox()).report(t)
}

// listFolder gives the sizes of all files below dir; LOCK and sockets are left out.
func listFolder(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.Walk(dir, func(path string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() && st.Name() != "LOCK" {
			out[path] = st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAFolderWithoutItsRowsIsNotTakenForANewOne: were it, its bodies would be collected as garbage.
func TestAFolderWithoutItsRowsIsNotTakenForANewOne(t *testing.T) {
	long(t)
	s := server.Start(t, server.Options{})
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
	f.accepted(5)
	s.Stop()
	data := filepath.Join(s.Dir, "data")
	if err := os.RemoveAll(filepath.Join(data, "rows")); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"store", "verify"}, {"store", "gc"}, {"serve"}} {
		out, errs, code := s.Run(command...)
		if code == 0 || !strings.Contains(errs, "B3005") || !strings.Contains(errs, "salvage") {
			t.Fatalf("barid %v on a folder without rows: exit %d\n%s%s", command, code, out, errs)
		}
	}
	rescued(t, data, 5)
}

package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// needsProcess leaves a test out with -short: it runs the real binary.
func needsProcess(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("tests with the real binary are left out with -short")
	}
}

// TestHangupIsHeardWithoutCertificates: unheard, the signal would end a server that has none to read again.
func TestHangupIsHeardWithoutCertificates(t *testing.T) {
	needsProcess(t)
	s := Prepare(t, Options{Listen: []string{"smtp"}})
	b, err := os.ReadFile(s.File)
	if err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`(?s)\[\[certificate\]\].*?key = "key.pem"\n`).ReplaceAll(b, nil)
	if len(bare) == len(b) {
		t.Fatalf("no certificate in\n%s", b)
	}
	if err := os.WriteFile(s.File, bare, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Boot()
	for range 3 {
		if err := syscall.Kill(s.PID(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.Must("health")
	}
}

// TestFolderThatMayNotBeEntered: somebody else's data folder is not called missing. It runs the binary as nobody
// when the tests run as root, who may enter everything.
func TestFolderThatMayNotBeEntered(t *testing.T) {
	needsProcess(t)
	above := t.TempDir()
	if err := os.MkdirAll(filepath.Join(above, "closed", "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o700)
	cmd := exec.Command(Binary(t), "status", "--data", filepath.Join(above, "closed", "data"))
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		for dir := above; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		mode = 0
	}
	if err := os.Chmod(filepath.Join(above, "closed"), mode); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(filepath.Join(above, "closed"), 0o700) }()
	cmd.Dir, cmd.Env = "/", os.Environ()
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "B3005") || !strings.Contains(string(out), "may not be entered") {
		t.Errorf("%v\n%s", err, out)
	}
}

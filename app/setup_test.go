package app

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/app/config"
	"barid/base/fault"
	"barid/base/log"
	btls "barid/base/tls"
	"barid/ops/manage"
)

// tree lists everything below dir.
func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if p != dir {
			names = append(names, strings.TrimPrefix(p, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantFault(t *testing.T, err error, code string) *fault.Fault {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got %v, want fault %s", err, code)
	}
	return f
}

func TestSetupMakesAnInstallationThatWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	done, err := Setup(t.Context(), SetupOptions{Address: "info@example.test", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if done.Account != "info@example.test" || len(done.Password) < 20 {
		t.Errorf("made %+v", done)
	}
	cfg, err := config.Load(filepath.Join(dir, "barid.toml"), nil, nil)
	if err != nil {
		t.Fatalf("the configuration it wrote: %v", err)
	}
	if cfg.Hostname != "mail.example.test" || len(cfg.Certificates) != 1 {
		t.Errorf("wrote %+v", cfg)
	}
	if _, err := btls.Open(btls.Pair(cfg.Certificates[0])); err != nil {
		t.Errorf("the certificate it made: %v", err)
	}
	if fi, err := os.Stat(cfg.Certificates[0].Key); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", fi.Mode(), err)
	}
	if fi, err := os.Stat(cfg.Data); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("data folder: %v, %v", fi.Mode(), err)
	}
	s, err := Open(t.Context(), cfg, log.Nothing())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var accounts []manage.AccountInfo
	if err := s.Manager().Call(t.Context(), "account.list", manage.None{}, &accounts, nil); err != nil || len(accounts) != 1 {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
	var limits []manage.AllowanceRow
	if err := s.Manager().Call(t.Context(), "limits.show", manage.AllowanceOf{Scope: "account", Name: "info@example.test"}, &limits, nil); err != nil {
		t.Fatal(err)
	}
	for _, l := range limits[:4] { // a stolen password is bounded from the first day; RCPT has a limit of its own
		if l.Limit != "recipients" && (l.Of == 0 || l.SetBy != "default") {
			t.Errorf("%+v", l)
		}
	}
}

func TestSetupOverwritesNothing(t *testing.T) {
	for _, name := range []string{"barid.toml", "cert.pem", "key.pem", "data/anything"} {
		dir := t.TempDir()
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := tree(t, dir)
		_, err := Setup(t.Context(), SetupOptions{Address: "info@example.test", Dir: dir})
		wantFault(t, err, "B1010")
		if b, err := os.ReadFile(p); err != nil || !bytes.Equal(b, []byte("mine")) {
			t.Errorf("%s holds %q now, %v", name, b, err)
		}
		if after := tree(t, dir); len(after) != len(before) {
			t.Errorf("%s in the way: left %v", name, after)
		}
	}
}

func TestSetupTakesAnEmptyDataFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Setup(t.Context(), SetupOptions{Address: "info@example.test", Dir: dir}); err != nil {
		t.Fatal(err)
	}
}

func TestSetupThatFailsLeavesWhatWasThere(t *testing.T) {
	tooLong := strings.Repeat("x", 10_000) // no password of an account
	for name, make := range map[string]func(dir string) error{
		"nothing":              func(dir string) error { return nil },
		"an empty folder":      func(dir string) error { return os.Mkdir(dir, 0o700) },
		"an empty data folder": func(dir string) error { return os.MkdirAll(filepath.Join(dir, "data"), 0o700) },
	} {
		above := t.TempDir()
		dir := filepath.Join(above, "a")
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		before := tree(t, above)
		if _, err := Setup(t.Context(), SetupOptions{Address: "info@example.test", Dir: dir, Password: tooLong}); err == nil {
			t.Fatal("that password was taken")
		}
		if after := tree(t, above); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("%s was there: left %v", name, after)
		}
	}
}

func TestSetupWantsAnAddress(t *testing.T) {
	for _, a := range []string{"", "info", "info@", "@example.test", "info@example..test"} {
		dir := filepath.Join(t.TempDir(), "a")
		_, err := Setup(context.Background(), SetupOptions{Address: a, Dir: dir})
		if f := wantFault(t, err, "B2007"); fault.ExitCode(f) != fault.ExitUsage {
			t.Errorf("%q: exit code %d", a, fault.ExitCode(f))
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q made %s", a, dir)
		}
	}
}

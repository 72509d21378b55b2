package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
)

const operate = "../../docs/operate/"

// commands gives the lines of the fenced blocks of a page, but for those of settings.
func commands(t *testing.T, file string) []string { return blocks(t, file, "```") }

// settings gives the lines of the blocks that show barid.toml, without comments.
func settings(t *testing.T, file string) []string {
	lines := blocks(t, file, "```toml")
	for i, l := range lines {
		l, _, _ = strings.Cut(l, " #")
		lines[i] = strings.TrimSpace(l)
	}
	return lines
}

// blocks gives the lines of the blocks that a line fence begins.
func blocks(t *testing.T, file, fence string) (lines []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inside, wanted := false, false
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "```") {
			inside, wanted = !inside, !inside && strings.TrimSpace(l) == fence
			continue
		}
		if wanted && strings.TrimSpace(l) != "" {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	return lines
}

func TestLanguagesShowTheSameCommands(t *testing.T) {
	want := strings.Join(commands(t, operate+"en.md"), "\n")
	if strings.Count(want, "\n") < 15 {
		t.Fatalf("found few commands:\n%s", want)
	}
	config := strings.Join(settings(t, operate+"en.md"), "\n")
	for _, lang := range []string{"fa", "ar"} {
		if got := strings.Join(settings(t, operate+lang+".md"), "\n"); got != config {
			t.Errorf("%s.md shows other settings than en.md:\n%s\n\nwant\n%s", lang, got, config)
		}
		if got := strings.Join(commands(t, operate+lang+".md"), "\n"); got != want {
			t.Errorf("%s.md shows other commands than en.md:\n%s\n\nwant\n%s", lang, got, want)
		}
	}
}

// TestOperatorsPageWorks types what docs/operate/en.md shows, in order, on a fresh machine's view of things.
func TestOperatorsPageWorks(t *testing.T) {
	peer.Need(t, "openssl")
	dir := t.TempDir()
	bin := server.Binary(t)
	typed, stop := 0, func() {}
	defer func() { stop() }()
	for _, line := range commands(t, operate+"en.md") {
		args, ok := strings.CutPrefix(line, "barid ")
		if !ok {
			t.Errorf("%q is not a barid command", line)
			continue
		}
		typed++
		switch {
		case strings.HasPrefix(args, "serve"):
			stop = serve(t, dir, bin)
			continue
		case strings.HasPrefix(args, "store salvage"):
			stop() // it wants a folder that nobody uses, as the page says
			stop = func() {}
		case strings.HasPrefix(args, "trace msg"):
			args = "trace msg " + sendOne(t, dir, bin)
		}
		args = strings.NewReplacer("/backup/barid", dir+"/backup", "/var/lib/barid-restored", dir+"/restored",
			"/var/lib/barid", dir+"/mail/data").Replace(args)
		if out, err := barid(dir, bin, split(args)...); err != nil {
			t.Errorf("barid %s: %v\n%s", args, err, out)
		}
	}
	if typed < 15 {
		t.Errorf("typed %d commands only", typed)
	}
}

func barid(dir, bin string, args ...string) (string, error) {
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BARID_PASSWORD=correct-horse", "BARID_CONFIG="+filepath.Join(dir, "mail/barid.toml"))
	if len(args) > 0 && args[0] == "setup" {
		cmd.Env = cmd.Env[:len(cmd.Env)-1]
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// split divides a command line at blanks outside double quotes.
func split(s string) (args []string) {
	for _, m := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(s, -1) {
		args = append(args, m[1]+m[2])
	}
	return args
}

// serve starts the server that setup made, on loopback ports instead of the usual ones.
func serve(t *testing.T, dir, bin string) (stop func()) {
	t.Helper()
	file := filepath.Join(dir, "mail/barid.toml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`address = '[^']*'`)
	text := port.ReplaceAllString(string(b), `address = '127.0.0.1:0'`)
	if text == string(b) {
		t.Fatalf("no listeners in\n%s", b)
	}
	text += "\n[policy]\niprev = \"off\"\n\n" + strings.Join(settings(t, operate+"en.md"), "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "serve", "--config", file)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if out, err := barid(dir, bin, "health"); err == nil && strings.Contains(out, "ok") {
			return stop
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	t.Fatalf("the server does not answer:\n%s", log.String())
	return nil
}

// sendOne sends a message to the server and gives its id.
func sendOne(t *testing.T, dir, bin string) string {
	t.Helper()
	out, err := barid(dir, bin, "status")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addr := regexp.MustCompile(`smtp\s+(\S+:\d+)`).FindStringSubmatch(out)
	if addr == nil {
		t.Fatalf("no smtp listener in\n%s", out)
	}
	out, err = barid(dir, bin, "send", "--server", addr[1], "--to", "info@example.org")
	id := regexp.MustCompile(`250 2\.0\.0 \S+ (\S+)`).FindStringSubmatch(out)
	if err != nil || id == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimRight(id[1], ":")
}

// TestReadmeNamesTheTwoCommands keeps the first page true to the Makefile.
func TestReadmeNamesTheTwoCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"dev", "test", "build"} {
		if !strings.Contains(string(readme), "make "+target) || !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("make %s is not in both README.md and Makefile", target)
		}
	}
}

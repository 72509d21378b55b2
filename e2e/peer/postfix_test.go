package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPostfixRelaysToPostfix shows that the peers work by themselves, so that a failure elsewhere is ours.
func TestPostfixRelaysToPostfix(t *testing.T) {
	end := StartPostfix(t, PostfixOptions{})
	first := StartPostfix(t, PostfixOptions{Relay: end.Addr})
	r := Must(t, Command{Name: "swaks", Args: []string{
		"--server", first.Addr, "--from", "sender@example.com", "--to", "info@example.test", "--header", "Subject: hello", "--helo", "localhost",
	}})
	if !strings.Contains(r.Out, "250 2.0.0 Ok: queued") {
		t.Fatalf("swaks said\n%s", r.Out)
	}
	for late := time.Now().Add(time.Minute); time.Now().Before(late); {
		if got, _ := filepath.Glob(filepath.Join(end.Dir, "mail/box/new/*")); len(got) == 1 {
			b, err := os.ReadFile(got[0])
			if err != nil || !strings.Contains(string(b), "Subject: hello") {
				t.Fatalf("%v\n%s", err, b)
			}
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the message did not arrive\n%s\n%s", first.Log(), end.Log())
}

package transcripts

import (
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/server"

	"golang.org/x/tools/txtar"
)

// TestTranscripts plays every transcript of this folder.
func TestTranscripts(t *testing.T) {
	if testing.Short() {
		t.Skip("each transcript starts a server of its own")
	}
	names, err := filepath.Glob("*.txtar")
	if err != nil || len(names) < 3 {
		t.Fatalf("found %d transcripts: %v", len(names), err)
	}
	made := server.Prepare(t, server.Options{}).Dir // the accounts are made once and copied
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			Play(t, a, made)
		})
	}
}

// TestPatterns shows what matches.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, line string
		match         bool
	}{
		{"250 ok", "250 ok", true},
		{"250 ok", "250 ok ", false},
		{"250*", "250-mx", true},
		{"* OK *", "* OK ready", true},
		{"* OK *", "x OK ready", false},
		{"a * b", "a  b", true},
		{"[UIDVALIDITY {{v}}]", "[UIDVALIDITY 17]", true},
		{"[UIDVALIDITY {{v}}]", "[UIDVALIDITY ]", false},
		{"{{seen}}!", "before!", true},
		{"{{seen}}!", "other!", false},
	} {
		known := map[string]string{"seen": "before"}
		p, err := heard(c.pattern, known)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.match(c.line, known); got != c.match {
			t.Errorf("%q matches %q: %v", c.pattern, c.line, got)
		}
	}
	known := map[string]string{}
	p, _ := heard("* OK [UIDVALIDITY {{v}}] *", known)
	if !p.match("* OK [UIDVALIDITY 17] x", known) || known["v"] != "17" {
		t.Errorf("kept %q", known)
	}
	if _, err := fill("{{nothing}}", known); err == nil {
		t.Error("a name without a value was used")
	}
}

// TestTranscriptsCanFail plays dialogs that are wrong: a player that lets them pass proves nothing.
func TestTranscriptsCanFail(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	s := server.Start(t, server.Options{Listen: []string{"smtp", "imaps"}})
	p := &player{t: t, s: s, started: true, files: map[string]string{}, known: map[string]string{}, conns: map[string]*conn{}}
	t.Cleanup(p.close)
	if err := p.step("connect: smtp"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"S: 250 not this", "connect: nothing", "C< nothing", "S< nothing", "C: {{nothing}}", "jump: high", "S2: 220 x", "what",
		"mailbox: info@example.test INBOX holds 1", "mailbox: info@example.test nothing is empty", "run: status --wrong", "run 2: status",
		"nolog: *level=INFO*",
	} {
		if err := p.step(line); err == nil {
			t.Errorf("%s passed", line)
		}
	}
}

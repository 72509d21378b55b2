package commands

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is one command as its --help tells.
type command struct {
	path []string
	help string
	subs []string
}

// walk gives every command of the tree. Those that the library adds (help, completion) explain themselves otherwise.
func walk(t *testing.T, path ...string) []command {
	t.Helper()
	r := barid(t, "", append(slices.Clone(path), "--help")...)
	if r.code != 0 || r.errs != "" {
		t.Fatalf("barid %q --help: exit %d %s", path, r.code, r.errs)
	}
	c := command{path: path, help: r.out}
	_, list, _ := strings.Cut(r.out, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 1 && f[0] != "help" && f[0] != "completion" {
			c.subs = append(c.subs, f[0])
		}
	}
	all := []command{c}
	for _, sub := range c.subs {
		all = append(all, walk(t, append(slices.Clone(path), sub)...)...)
	}
	return all
}

// TestEveryCommandExplainsItself wants of every command a help with an example that calls it, --json, and a clear
// no to what it does not know.
func TestEveryCommandExplainsItself(t *testing.T) {
	needTime(t)
	all := walk(t)
	if len(all) < 35 {
		t.Fatalf("found %d commands only: the walk is broken", len(all))
	}
	for _, c := range all {
		name := strings.Join(append([]string{"barid"}, c.path...), " ")
		t.Run(name, func(t *testing.T) {
			_, examples, ok := strings.Cut(c.help, "\nExamples:\n")
			examples, _, _ = strings.Cut(examples, "\n\n")
			if !ok || !strings.Contains(examples, name) {
				t.Errorf("no example with %q in\n%s", name, c.help)
			}
			if !strings.Contains(c.help, "--json") {
				t.Error("--json is not listed")
			}
			c.refuses(t, append(slices.Clone(c.path), "--no-such-flag"), "--no-such-flag")
			if len(c.subs) > 0 {
				c.suggests(t)
			}
		})
	}
}

// refuses wants exit 2, a fault on standard error in both forms, and nothing on standard output.
func (c command) refuses(t *testing.T, args []string, about string) {
	t.Helper()
	r := barid(t, "", args...)
	if r.code != 2 || r.out != "" || !strings.HasPrefix(r.errs, "error[B") || !strings.Contains(r.errs, about) {
		t.Errorf("%q: exit %d, %q, %q", args, r.code, r.out, r.errs)
	}
	r = barid(t, "", append(args, "--json")...)
	var told struct {
		Error struct {
			Code, Title string
			Exit        int
		}
	}
	if err := json.Unmarshal([]byte(r.errs), &told); err != nil || told.Error.Exit != 2 || r.code != 2 || told.Error.Title == "" {
		t.Errorf("%q --json: exit %d, %q, %v", args, r.code, r.errs, err)
	}
}

// suggests wants a group to name the verb that was meant.
func (c command) suggests(t *testing.T) {
	t.Helper()
	c.refuses(t, append(slices.Clone(c.path), "no-such-verb"), "no-such-verb")
	for _, sub := range c.subs {
		if len(sub) < 4 {
			continue // two wrong letters of three are another word
		}
		r := barid(t, "", append(slices.Clone(c.path), sub[:1]+sub[2:])...)
		want := strings.Join(append(append([]string{"barid"}, c.path...), sub), " ")
		if !strings.Contains(r.errs, `did you mean "`) || r.code != 2 {
			t.Errorf("%s without a letter: exit %d %s", want, r.code, r.errs)
		}
	}
}

// TestWrongArgumentsExitWithTwo tells usage errors from failures.
func TestWrongArgumentsExitWithTwo(t *testing.T) {
	needTime(t)
	for _, args := range [][]string{
		{"account", "add"},
		{"account", "add", "a@example.test", "b@example.test"},
		{"account", "rm", "a@example.test"}, // without --yes
		{"account", "list", "--set", "no.such.key=1"},
		{"send"},
		{"send", "--to", "a@example.test", "--tls", "perhaps"},
		{"send", "--to", "not an address"},
		{"serve", "extra"},
		{"dev", "--port", "many"},
		{"explain", "B9999"},
		{"config", "explain", "limits.recipents"},
		{"trace", "msg"},
		{"restore", "one"},
		{"relay", "which"},
		{"relay", "rule", "add", "--to", "example.test"},
		{"queue", "list", "--limit", "-1"},
		{"queue", "summary", "--limit", "-1"},
		{"alias", "add", "office@example.test"},
	} {
		if r := barid(t, "", append(args, "--json")...); r.code != 2 || r.out != "" {
			t.Errorf("%q: exit %d, %q %q", args, r.code, r.out, r.errs)
		}
	}
}

// TestHelpGoesWhereItIsAsked prints help that was asked for to standard output.
func TestHelpGoesWhereItIsAsked(t *testing.T) {
	needTime(t)
	short := barid(t, "", "account", "add", "-h")
	for _, args := range [][]string{{"help", "account", "add"}, {"account", "add", "--help"}} {
		if r := barid(t, "", args...); r.code != 0 || r.out != short.out || r.errs != "" {
			t.Errorf("%q: exit %d %q %q", args, r.code, r.out, r.errs)
		}
	}
	if r := barid(t, ""); r.code != 0 || !strings.Contains(r.out, "Available Commands") {
		t.Errorf("barid alone: exit %d %q", r.code, r.out)
	}
	if r := barid(t, "", "version", "--json"); r.code != 0 || !regexp.MustCompile(`^\{.*"version":".+".*\}\n$`).MatchString(r.out) {
		t.Errorf("version --json: %q", r.out)
	}
}
